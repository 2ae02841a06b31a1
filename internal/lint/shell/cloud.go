package shell

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"
)

// The waiter of the CLI asks every 5 s, 20 times (botocore, waiters of ssm).
const (
	waiterDelay = 5 * time.Second
	waiterTries = 20
	waiterLimit = waiterDelay * waiterTries
)

// aws is the AWS CLI: it answers as the scenario says.
func aws(s *state, c *syntax.CallExpr, args []value) flow {
	words := make([]Word, len(args)-1)
	for i, a := range args[1:] {
		words[i] = Word{Text: a.s, Whole: a.known(), Written: a.s}
	}
	e := &event{at: s.source.at(c), flags: flagsOf(args[1:]), at0: s.w.clock, last: true}
	e.service, e.operation = operationOf(words)
	s.status = 0
	if e.service == "" || e.service == "configure" {
		return onward
	}
	if query, ok := e.flags["--query"]; ok {
		_, e.fields, _ = take(nil, query.s)
	}
	if len(s.w.events) > maxReads {
		s.w.spent = true
		return flow{kind: exits}
	}
	s.w.events = append(s.w.events, e)
	switch {
	case e.is("ssm", "send-command"):
		s.send(c, e)
	case e.is("ssm", "get-command-invocation", "list-command-invocations", "list-commands"):
		s.readStatus(c, e)
	case e.waits():
		s.wait(c, e)
	case e.is("sts", "assume-role", "assume-role-with-web-identity", "assume-role-with-saml", "get-session-token"):
		s.assume(c, e)
	case e.is("ssm", "cancel-command"):
	case e.service == "s3" || e.service == "s3api" && e.operation == "put-object":
		s.copies(args)
	default:
		s.print(cat(opaque("aws "+e.service+" "+e.operation+" "+e.flags["--query"].s), text("\n")), e.at)
	}
	return onward
}

// copies notes what is copied to S3: somebody may read an id there.
func (s *state) copies(args []value) {
	for _, a := range args {
		v := s.w.files[a.s]
		for _, o := range v.origins(ofSend) {
			s.w.handed[o.event] = true
		}
	}
}

// flagsOf are the options of a command line. An option behind which another option stands is a switch.
func flagsOf(args []value) map[string]value {
	flags := map[string]value{}
	for i := 0; i < len(args); i++ {
		name, rest, assigned := strings.Cut(args[i].s, "=")
		switch {
		case !strings.HasPrefix(name, "--"):
		case assigned:
			flags[name] = value{s: rest, from: args[i].from}
		case i+1 < len(args) && !strings.HasPrefix(args[i+1].s, "--"):
			v := args[i+1]
			for i++; i+1 < len(args) && !strings.HasPrefix(args[i+1].s, "--"); i++ { // a list
				v = cat(v, cat(text(" "), args[i+1]))
			}
			flags[name] = v
		default:
			flags[name] = value{}
		}
	}
	return flags
}

// failed writes what the CLI says of an error, which ends with 254.
func (s *state) failed(e *event, code, operation string) {
	e.err = code
	message := fmt.Sprintf("\nAn error occurred (%s) when calling the %s operation: %s\n", code, operation, said[code])
	s.write(s.streams.err, value{s: message, from: []*origin{{kind: ofError, event: e}}}, e.at)
	s.status = 254
	s.w.answered(code)
}

var said = map[string]string{
	denied: "User: arn:aws:sts::111111111111:assumed-role/deploy/ci is not authorized to perform this action because no identity-based policy allows it",
	notYet: "",
}

const (
	denied = "AccessDeniedException"
	notYet = "InvocationDoesNotExist"
)

// answered notes an answer, to see whether it is always the same.
func (w *world) answered(a string) {
	if a != w.lastAnswer {
		w.answers++
		w.lastAnswer = a
	}
}

// answer prints a tree as --query and --output say.
func (s *state) answer(e *event, tree any, k kind) {
	from := &origin{kind: k, event: e}
	query, asked := e.flags["--query"]
	if asked {
		got, fields, ok := take(tree, query.s)
		if len(fields) == 1 {
			from.field = fields[0]
		}
		if !ok || !query.known() {
			s.print(cat(opaque("answer to "+query.s, from), text("\n")), e.at)
			return
		}
		tree = got
	}
	out := asJSON(tree)
	if e.flags["--output"].s == "text" {
		out = asText(tree)
	}
	s.print(value{s: out, from: []*origin{from}}, e.at)
}

func (s *state) send(_ *syntax.CallExpr, e *event) {
	e.parameters = s.w.parametersOf(e)
	if s.w.scenario.sendDenied {
		s.failed(e, denied, "SendCommand")
		return
	}
	e.id = fmt.Sprintf("5e4dc0de-0000-4000-8000-%012d", len(s.w.events))
	s.answer(e, map[string]any{"Command": map[string]any{
		"CommandId": e.id, "Status": "Pending", "StatusDetails": "Pending", "DocumentName": e.flags["--document-name"].s, "TargetCount": "1",
		"InstanceIds": []any{string(opens) + "instance" + string(closes)},
	}}, ofSend)
}

// about finds the send that a call names; false where it names none at all, which the CLI refuses.
func (s *state) about(e *event) bool {
	id, given := e.flags["--command-id"]
	if !given {
		return e.operation != "get-command-invocation" && !e.waits()
	}
	for _, o := range id.origins(ofSend) {
		e.command = o.event
	}
	for _, sent := range s.w.events {
		if sent.id != "" && sent.id == id.s {
			e.command = sent
		}
	}
	return id.s != "" && id.s != "None" && id.s != "null"
}

// state of the command that is asked for, n-th time.
func (s *state) next(e *event) (status, err string) {
	since, n := s.w.clock, 0
	s.w.steps += len(s.w.events) >> 4
	for _, before := range s.w.events {
		if before != e && before.command == e.command && before.flags["--instance-id"].s == e.flags["--instance-id"].s && (before.readsStatus() || before.waits()) && before.err != "validation" {
			n += max(1, before.reads)
		}
	}
	if e.command != nil {
		since -= e.command.at0
	}
	return s.w.scenario.answer(n+e.reads, since)
}

func (s *state) readStatus(_ *syntax.CallExpr, e *event) {
	if !s.about(e) {
		s.refused(e)
		return
	}
	status, err := s.next(e)
	if err == "" && status == "" && e.operation == "get-command-invocation" {
		err = notYet
	}
	if err != "" && (err != notYet || e.operation == "get-command-invocation") {
		s.failed(e, err, camel(e.operation))
		return
	}
	e.status = status
	s.w.answered(status)
	s.answer(e, treeOf(e, status), ofRead)
}

// refused is what the CLI says of a parameter that is empty.
func (s *state) refused(e *event) {
	e.err = "validation"
	s.write(s.streams.err, value{s: "\nParameter validation failed\n", from: []*origin{{kind: ofError, event: e}}}, e.at)
	s.status = 252
	s.w.answered("validation")
}

// camel is an operation as the service calls it.
func camel(operation string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(operation, "-") {
		b.WriteString(strings.ToUpper(part[:min(1, len(part))]) + part[min(1, len(part)):])
	}
	return b.String()
}

// details that a status mostly has.
var details = map[string]string{"TimedOut": "ExecutionTimedOut"}

// treeOf is the answer of a read.
func treeOf(e *event, status string) any {
	detail := status
	if d := details[status]; d != "" {
		detail = d
	}
	code := "0"
	switch status {
	case "Pending", "InProgress", "Delayed", "Cancelling":
		code = "-1"
	case "Failed", "TimedOut", "Cancelled":
		code = "1"
	}
	n, _ := strconv.ParseFloat(code, 64)
	one := map[string]any{
		"CommandId": e.flags["--command-id"].s, "InstanceId": string(opens) + "instance" + string(closes), "Status": status, "StatusDetails": detail,
		"ResponseCode": n, "StandardOutputContent": string(opens) + "output" + string(closes), "StandardErrorContent": string(opens) + "errors" + string(closes),
	}
	switch e.operation {
	case "get-command-invocation":
		return one
	case "list-commands":
		if status == "" {
			return map[string]any{"Commands": []any{}}
		}
		if status == "Delayed" {
			one["Status"], one["StatusDetails"] = "InProgress", "InProgress"
		}
		one["TargetCount"], one["CompletedCount"], one["ErrorCount"] = 1.0, 1.0, 0.0
		return map[string]any{"Commands": []any{one}}
	}
	if status == "" {
		return map[string]any{"CommandInvocations": []any{}}
	}
	one["CommandPlugins"] = []any{map[string]any{"Name": "aws:runShellScript", "Status": status, "StatusDetails": detail, "ResponseCode": n,
		"Output": string(opens) + "output" + string(closes)}}
	return map[string]any{"CommandInvocations": []any{one}}
}

// wait is the CLI's waiter: 100 s.
func (s *state) wait(_ *syntax.CallExpr, e *event) {
	if !s.about(e) {
		s.refused(e)
		return
	}
	for range waiterTries {
		status, err := s.next(e)
		e.reads++
		e.status = status
		switch {
		case status == "Success":
			return
		case err == denied:
			s.waiterFailed(e, "An error occurred (AccessDeniedException)")
			e.err = denied
			return
		case status == "Failed" || status == "TimedOut" || status == "Cancelled" || status == "Cancelling":
			s.waiterFailed(e, `For expression "Status" we matched expected path: "`+status+`"`)
			return
		}
		s.w.sleep(waiterDelay)
	}
	s.waiterFailed(e, "Max attempts exceeded")
}

func (s *state) waiterFailed(e *event, why string) {
	e.err = "waiter"
	s.write(s.streams.err, value{s: "\nWaiter CommandExecuted failed: " + why + "\n", from: []*origin{{kind: ofError, event: e}}}, e.at)
	s.status = 255
	s.w.answered("waiter")
}

func (s *state) assume(_ *syntax.CallExpr, e *event) {
	if s.w.scenario.assumeDenied {
		s.failed(e, "AccessDenied", camel(e.operation))
		return
	}
	hidden := func(name string) string { return string(opens) + name + string(closes) }
	s.answer(e, map[string]any{
		"Credentials": map[string]any{
			"AccessKeyId": hidden("AccessKeyId"), "SecretAccessKey": hidden("SecretAccessKey"), "SessionToken": hidden("SessionToken"), "Expiration": hidden("Expiration"),
		},
		"AssumedRoleUser": map[string]any{"Arn": hidden("Arn"), "AssumedRoleId": hidden("AssumedRoleId")},
	}, ofCredential)
}

// log is the job's log: everybody who may read the repository's runs reads it.
func (w *world) log(v value, at site) {
	if legacy, ok := strings.CutPrefix(v.s, "::set-output name="); ok {
		key, rest, _ := strings.Cut(strings.TrimSuffix(legacy, "\n"), "::")
		w.outputs["steps."+w.sequence.Scripts[at.script].Name+".outputs."+key] = value{s: rest, from: v.from}
		return
	}
	masks := strings.HasPrefix(v.s, "::add-mask::")
	if w.sequence.Printed {
		for _, o := range v.origins(ofSend) {
			w.handed[o.event] = true
		}
	}
	for _, o := range v.from {
		switch {
		case o.kind == ofError:
			o.event.shown = true
		case o.kind == ofCredential && secretField(o.field):
			if masks {
				w.masked[o.field] = true
			} else if !w.masked[o.field] {
				w.exposed = append(w.exposed, exposure{at: at})
			}
		}
	}
}

// secretField says whether a part of what AssumeRole answers opens anything.
func secretField(field string) bool {
	switch field {
	case "SecretAccessKey", "SessionToken", "Credentials", "":
		return true
	}
	return false
}

// toFile notes credentials in the file that gives later steps their environment.
func (w *world) toFile(name string, v value, at site) {
	if path.Base(name) != "GITHUB_ENV" {
		return
	}
	for _, o := range v.from {
		if o.kind == ofCredential && secretField(o.field) {
			w.exposed = append(w.exposed, exposure{at: at, env: true})
			return
		}
	}
}

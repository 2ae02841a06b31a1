package shell

import (
	"fmt"
	"slices"
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
	e := &event{at: s.site(c), flags: flagsOf(args[1:]), made: s.w.clock, last: true, asked: s.asking > 0}
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
	e.afterSend = slices.ContainsFunc(s.w.events, isSend)
	s.w.events = append(s.w.events, e)
	switch {
	case e.is("ssm", "send-command"):
		s.send(c, e)
	case isAutomation(e):
		s.answer(e, map[string]any{"AutomationExecutionId": string(opens) + "automation" + string(closes)}, ofSend)
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
		s.gives(args)
		s.print(cat(opaque("aws "+e.service+" "+e.operation+" "+e.flags["--query"].s), text("\n")), e.at)
	}
	return onward
}

// gives notes what another call of AWS is given: an id may be kept there, or told to somebody.
func (s *state) gives(args []value) {
	for _, a := range args {
		for _, o := range a.origins(ofSend) {
			s.w.handed[o.event] = true
		}
	}
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
	if s.w.scenario.longest {
		if e.command != nil && since-e.command.made < e.command.mayTake() {
			return "InProgress", ""
		}
		return "Success", ""
	}
	s.w.steps += len(s.w.events) >> 4
	for _, before := range s.w.events {
		if before != e && before.command == e.command && before.flags["--instance-id"].s == e.flags["--instance-id"].s && (before.readsStatus() || before.waits()) && before.err != "validation" {
			n += max(1, before.reads)
		}
	}
	if e.command != nil {
		since -= e.command.made
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

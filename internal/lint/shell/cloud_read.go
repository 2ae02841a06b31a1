package shell

import (
	"path"
	"strconv"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

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
			one["Status"], one["StatusDetails"] = "Pending", "Pending"
		}
		if status == "Delayed" {
			one["Status"], one["StatusDetails"] = "InProgress", "InProgress"
		}
		one["TargetCount"], one["CompletedCount"], one["ErrorCount"] = 1.0, 1.0, 0.0
		switch status { // errors are those that failed, and those whose time was over
		case "Failed", "TimedOut":
			one["ErrorCount"] = 1.0
		case "Pending", "InProgress", "Delayed", "Cancelling", "":
			one["CompletedCount"] = 0.0
		}
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

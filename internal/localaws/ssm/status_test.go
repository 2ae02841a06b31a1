package ssm_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// statusTable is every StatusDetails of Run Command, where it can appear (C for a command, I for an invocation, P for a
// plugin) and the Status it is shown under there.
var statusTable = map[string]string{
	"C Pending": "Pending", "I Pending": "Pending", "P Pending": "Pending",
	"C InProgress": "InProgress", "I InProgress": "InProgress", "P InProgress": "InProgress",
	"C Delayed": "Pending", "I Delayed": "Delayed",
	"C Success": "Success", "I Success": "Success", "P Success": "Success",
	"C DeliveryTimedOut": "TimedOut", "I DeliveryTimedOut": "TimedOut", "P DeliveryTimedOut": "TimedOut",
	"C ExecutionTimedOut": "TimedOut", "I ExecutionTimedOut": "TimedOut", "P ExecutionTimedOut": "TimedOut",
	"C Failed": "Failed", "I Failed": "Failed", "P Failed": "Failed",
	"C Cancelled": "Cancelled", "I Cancelled": "Cancelled", "P Cancelled": "Cancelled",
	"C Cancelling": "Cancelling", "I Cancelling": "Cancelling",
	"I Undeliverable": "Failed", "P Undeliverable": "Failed",
	"I Terminated": "Cancelled", "P Terminated": "Cancelled",
	"I InvalidPlatform": "Failed", "P InvalidPlatform": "Failed",
	"C AccessDenied": "Failed", "I AccessDenied": "Failed", "P AccessDenied": "Failed",
	"C Incomplete": "Failed", "C RateExceeded": "Failed", "C LimitExceeded": "Failed",
	"C NoInstancesInTag": "Success",
}

// seen is what reads have shown: the Status of every level and StatusDetails.
type seen map[string]string

// note reads a command in every way there is.
func (s seen) note(w *world, id string) {
	w.t.Helper()
	add := func(level string, o object) {
		key := level + " " + text(o, "StatusDetails")
		if old, ok := s[key]; ok && old != text(o, "Status") {
			w.t.Errorf("%s is shown as %s and as %s", key, old, text(o, "Status"))
		}
		s[key] = text(o, "Status")
	}
	commands := w.all("ListCommands", "Commands", object{"CommandId": id}, 50)
	add("C", commands[0])
	s.filters(w, "ListCommands", "Commands", id, text(commands[0], "StatusDetails"))
	for _, inv := range w.all("ListCommandInvocations", "CommandInvocations", object{"CommandId": id, "Details": true}, 50) {
		add("I", inv)
		add("I", w.invocation(id, text(inv, "InstanceId")))
		for _, p := range inv["CommandPlugins"].([]any) {
			add("P", p.(object))
		}
		s.filters(w, "ListCommandInvocations", "CommandInvocations", id, text(inv, "StatusDetails"))
	}
}

// filters wants a status to be found by the filter, where the filter has it.
func (s seen) filters(w *world, operation, field, id, details string) {
	w.t.Helper()
	in := object{"CommandId": id, "Filters": []object{{"key": "Status", "value": details}}}
	if _, code := w.ask("admin", "ssm", operation, in); code == "ValidationException" {
		notInFilter := map[string][]string{"ListCommands": {"Delayed", "Cancelling", "RateExceeded"}, "ListCommandInvocations": {"Cancelling"}}
		if !slices.Contains(notInFilter[operation], details) {
			w.t.Errorf("%s cannot be filtered by %s", operation, details)
		}
		return
	}
	if len(w.all(operation, field, in, 50)) == 0 {
		w.t.Errorf("%s does not find %s by its status", operation, details)
	}
}

// pass lets time go by.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.advance(d)
	must(w.t, w.ssm.Tick(w.t.Context()))
}

var web = []object{{"Key": "tag:App", "Values": []string{"web"}}}

// causes make every status happen, each as it happens in life. Each has a world of its own.
var causes = map[string]func(w *world, s seen){
	"a good run": func(w *world, s seen) {
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}})
		s.note(w, id)
		m := a.take()
		s.note(w, id)
		a.reply(m, "InProgress", object{"aws:runShellScript": plugin("InProgress", 0, "", "")})
		s.note(w, id)
		a.reply(m, "Success", object{"aws:runShellScript": plugin("Success", 0, "", "")})
		s.note(w, id)
	},
	"a bad run": func(w *world, s seen) {
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}})
		a.finish("Failed", 1)
		s.note(w, id)
	},
	"a long run": func(w *world, s seen) {
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}})
		a.finish("TimedOut", 137)
		s.note(w, id)
	},
	"an agent that fetches late": func(w *world, s seen) {
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}})
		w.pass(10 * time.Second)
		s.note(w, id)
		m := a.take()
		if got := w.status(id, a.id); got != "InProgress/InProgress" {
			w.t.Errorf("after all it is %s", got)
		}
		a.reply(m, "Success", object{"aws:runShellScript": plugin("Success", 0, "", "")})
		s.note(w, id)
	},
	"an agent that never fetches": func(w *world, s seen) {
		id := w.shell(object{"InstanceIds": []string{w.node(1, nil).id}, "TimeoutSeconds": 30})
		w.pass(30 * time.Second)
		s.note(w, id)
	},
	"an agent that falls silent": func(w *world, s seen) {
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}, "TimeoutSeconds": 30,
			"Parameters": object{"commands": []string{"x"}, "executionTimeout": []string{"60"}}})
		a.take()
		w.pass(90 * time.Second)
		s.note(w, id)
	},
	"a node that is lost": func(w *world, s seen) {
		id := w.shell(object{"InstanceIds": []string{w.node(1, nil).id}, "TimeoutSeconds": 900})
		w.pass(15 * time.Minute)
		s.note(w, id)
		if got := w.status(id, nodeID(1)); got != "Failed/Undeliverable" {
			w.t.Error(got)
		}
	},
	"a cancel": func(w *world, s seen) {
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}})
		m := a.take()
		w.do("CancelCommand", object{"CommandId": id})
		s.note(w, id)
		a.reply(m, "Cancelled", object{"aws:runShellScript": plugin("Cancelled", 137, "", "")})
		s.note(w, id)
	},
	"too many errors": func(w *world, s seen) {
		agents := w.nodes(2, map[string]string{"App": "web"})
		id := w.shell(object{"Targets": web, "MaxConcurrency": "1"})
		agents[0].finish("Failed", 1)
		s.note(w, id)
	},
	"few errors": func(w *world, s seen) {
		agents := w.nodes(2, map[string]string{"App": "web"})
		id := w.shell(object{"Targets": web, "MaxErrors": "1"})
		agents[0].finish("Failed", 1)
		agents[1].finish("Success", 0)
		s.note(w, id)
	},
	"another platform": func(w *world, s seen) {
		w.nodes(1, map[string]string{"App": "web"})
		w.do("CreateDocument", object{"Name": "windows", "Content": `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:psModule","name":"step","inputs":{"runCommand":["x"]}}]}`})
		s.note(w, text(w.do("SendCommand", object{"DocumentName": "windows", "Targets": web}), "Command", "CommandId"))
	},
	"a sender who may not": func(w *world, s seen) {
		w.user("sender", account, fmt.Sprintf(sender, "ssm:resourceTag"))
		w.nodes(1, map[string]string{"App": "api", "Env": "dev"})
		out, code := w.ask("sender", "ssm", "SendCommand", object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"x"}},
			"Targets": []object{{"Key": "tag:Env", "Values": []string{"dev"}}}})
		if code != "" {
			w.t.Fatal(code, out)
		}
		s.note(w, text(out, "Command", "CommandId"))
	},
	"no such tag": func(w *world, s seen) { s.note(w, w.shell(object{"Targets": web})) },
	"too many invocations": func(w *world, s seen) {
		agents := w.nodes(3, map[string]string{"App": "web"})
		w.shell(object{"InstanceIds": []string{agents[0].id}})
		agents[0].finish("Success", 0) // what has ended does not count
		w.shell(object{"InstanceIds": []string{agents[0].id}})
		id := w.shell(object{"Targets": web})
		s.note(w, id)
		if w.queued(agents[1].id) {
			w.t.Error("it ran although the quota was exceeded")
		}
		w.shell(object{"InstanceIds": []string{agents[1].id}})
	},
	"too many targets": func(w *world, s seen) {
		w.nodes(4, map[string]string{"App": "web"})
		id := w.shell(object{"Targets": web})
		s.note(w, id)
		if _, counts := w.parent(id); counts != "4 0 0 0" || w.queued(nodeID(1)) {
			w.t.Error(counts)
		}
	},
}

// TestEveryStatusDetailIsProduced: every row of the table has a real cause, and no read shows anything else.
func TestEveryStatusDetailIsProduced(t *testing.T) {
	t.Parallel()
	all := seen{}
	for name, cause := range causes {
		cfg := ssm.Config{}
		if strings.HasPrefix(name, "too many") {
			cfg.Quotas = ssm.Quotas{Pending: 3, Targets: 3}
		}
		cause(newWorldWith(t, "", cfg), all)
	}
	if diff := cmp.Diff(statusTable, map[string]string(all)); diff != "" {
		t.Errorf("wanted (-) and shown (+): %s", diff)
	}
}

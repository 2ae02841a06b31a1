package ssm_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// alarms are the states of CloudWatch alarms, by name.
type alarms struct {
	mu     sync.Mutex
	states map[string]string
}

func (a *alarms) AlarmState(_ context.Context, _, _, name string) (string, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	state, ok := a.states[name]
	return state, ok, nil
}

func (a *alarms) set(name, state string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.states[name] = state
}

func alarm(name string, ignore bool) object {
	return object{"Alarms": []object{{"Name": name}}, "IgnorePollAlarmFailure": ignore}
}

// TestAnAlarmStopsACommand: what has not reached its node does not run, what runs goes on.
func TestAnAlarmStopsACommand(t *testing.T) {
	t.Parallel()
	known := &alarms{states: map[string]string{"errors": "OK"}}
	w := newWorldWith(t, "", ssm.Config{Alarms: known})
	agents := w.nodes(3, map[string]string{"App": "web"})
	id := w.shell(object{"Targets": web, "MaxConcurrency": "2", "AlarmConfiguration": alarm("errors", false)})
	first := agents[0].take()
	w.pass(time.Second)
	if w.triggered(id) != nil {
		t.Error("an alarm that is OK stopped the command")
	}
	known.set("errors", "INSUFFICIENT_DATA")
	w.pass(time.Second)
	known.set("errors", "ALARM")
	w.pass(time.Second)
	known.set("errors", "OK") // once it went off, that is it
	w.pass(time.Second)
	if diff := cmp.Diff([]any{object{"Name": "errors", "State": "ALARM"}}, w.triggered(id)); diff != "" {
		t.Error(diff)
	}
	agents[0].reply(first, "Success", object{"aws:runShellScript": plugin("Success", 0, "", "")})
	got := map[string]string{}
	for _, a := range agents {
		got[a.id] = w.status(id, a.id)
		if a != agents[0] && w.queued(a.id) {
			t.Errorf("%s still gets the command", a.id)
		}
	}
	want := map[string]string{nodeID(1): "Success/Success", nodeID(2): "Cancelled/Terminated", nodeID(3): "Cancelled/Terminated"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if status, counts := w.parent(id); status != "Failed/Incomplete" || counts != "3 3 0 0" {
		t.Error(status, counts)
	}
}

// TestAnAlarmThatCannotBeRead stops a command before its first node, unless that is to be ignored.
func TestAnAlarmThatCannotBeRead(t *testing.T) {
	t.Parallel()
	known := &alarms{states: map[string]string{"loud": "ALARM"}}
	w := newWorldWith(t, "", ssm.Config{Alarms: known})
	a := w.node(1, nil)
	for _, c := range []struct {
		name      string
		ignore    bool
		status    string
		triggered []any
	}{
		{"missing", false, "Cancelled/Terminated", []any{object{"Name": "missing", "State": "UNKNOWN"}}},
		{"loud", true, "Cancelled/Terminated", []any{object{"Name": "loud", "State": "ALARM"}}},
		{"missing", true, "Pending/Pending", nil},
	} {
		id := w.shell(object{"InstanceIds": []string{a.id}, "AlarmConfiguration": alarm(c.name, c.ignore)})
		w.pass(time.Second)
		if got := w.status(id, a.id); got != c.status {
			t.Errorf("%s, ignore %v: %s, want %s", c.name, c.ignore, got, c.status)
		}
		if diff := cmp.Diff(c.triggered, w.triggered(id)); diff != "" {
			t.Errorf("%s, ignore %v: %s", c.name, c.ignore, diff)
		}
		if w.queued(a.id) != (c.triggered == nil) {
			t.Errorf("%s, ignore %v: is there a message?", c.name, c.ignore)
		}
	}
}

// TestAnAlarmTakesAPermission: whoever attaches an alarm must be allowed to make the service-linked role.
func TestAnAlarmTakesAPermission(t *testing.T) {
	t.Parallel()
	w := newWorldWith(t, "", ssm.Config{Alarms: &alarms{states: map[string]string{"errors": "OK"}}})
	a := w.node(1, nil)
	in := object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"x"}}, "InstanceIds": []string{a.id}, "AlarmConfiguration": alarm("errors", false)}
	send := `{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"*"}`
	link := `{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"arn:aws:iam::` + account +
		`:role/aws-service-role/ssm.amazonaws.com/*","Condition":{"StringEquals":{"iam:AWSServiceName":"ssm.amazonaws.com"}}}`
	w.user("without", account, `{"Version":"2012-10-17","Statement":[`+send+`]}`)
	w.user("with", account, `{"Version":"2012-10-17","Statement":[`+send+`,`+link+`]}`)
	for who, want := range map[string]string{"without": "AccessDeniedException", "with": ""} {
		if out, code := w.ask(who, "ssm", "SendCommand", in); code != want {
			t.Errorf("%s: %s, want %q: %v", who, code, want, out)
		}
	}
}

// triggered is a command's TriggeredAlarms; nil when there are none.
func (w *world) triggered(id string) []any {
	w.t.Helper()
	got, _ := w.all("ListCommands", "Commands", object{"CommandId": id}, 50)[0]["TriggeredAlarms"].([]any)
	if len(got) == 0 {
		return nil
	}
	return got
}

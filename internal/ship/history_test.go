package ship

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"
)

const oldCommand = "99999999-2222-3333-4444-555555555555"

// past is a command of the past as ListCommands gives it.
func (f *fake) past(id, text, status string, age time.Duration) map[string]any {
	at := f.clock.now().Add(-age)
	return map[string]any{"CommandId": id, "Comment": text, "DocumentName": "web-dev-release", "Status": status, "StatusDetails": status,
		"TargetCount": 1, "RequestedDateTime": float64(at.Unix()), "ExpiresAfter": float64(at.Add(time.Hour).Unix())}
}

// An earlier command that the deploy itself called unknown does not count as a success because its status says so.
func TestR120EarlierCommandsAreReadLikeADeployWould(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.earlier = []map[string]any{f.past(oldCommand, "slipway web/dev/release run-0", "Success", time.Hour)}
	f.watching("GetCommandInvocation", reply{body: map[string]any{"Status": "Success", "StatusDetails": "Success", "ResponseCode": 168}})
	res := f.deploy()
	want(t, res, 4, Refused)
	if !strings.Contains(res.Problem.Message, oldCommand) || !strings.Contains(res.Problem.Message, "exit code 168") || f.count("SendCommand") != 0 {
		t.Errorf("problem = %+v", res.Problem)
	}
	if n := len(f.eventsOf(EventNode)); n != 0 {
		t.Errorf("%d node events of an earlier command", n)
	}
}

func TestR120AcceptUnknownDoesNotAcceptWhatRuns(t *testing.T) {
	t.Parallel()
	for name, arrange := range map[string]func(f *fake){
		"running": func(f *fake) { f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") } },
		"running, not readable": func(f *fake) {
			f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
				return deniedFor("ssm:ListCommandInvocations"), in["CommandId"] == oldCommand
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.earlier = []map[string]any{f.past(oldCommand, "slipway web/dev/release run-0", "InProgress", time.Minute)}
			arrange(f)
			res := f.deploy(func(c *Config) { c.AcceptUnknown = oldCommand })
			want(t, res, 4, Refused)
			if !strings.Contains(res.Problem.Message, "still running") || f.count("SendCommand") != 0 {
				t.Errorf("problem = %+v", res.Problem)
			}
		})
	}
}

// What was sent under a step's former name is the stage's all the same.
func TestR120StepsThatWereRenamed(t *testing.T) {
	t.Parallel()
	const later = "88888888-2222-3333-4444-555555555555"
	f := newFake(t, "i-00000001")
	f.earlier = []map[string]any{f.past(oldCommand, "slipway web/dev/migrate run-0", "TimedOut", time.Hour)}
	f.earlier[0]["DocumentName"] = "web-dev-migrate"
	f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
		return reply{body: map[string]any{"CommandInvocations": []any{map[string]any{"InstanceId": "i-00000001", "Status": "TimedOut",
			"StatusDetails": "DeliveryTimedOut"}}}}, in["CommandId"] == oldCommand
	}
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		if strings.Contains(fmt.Sprint(in["Filters"]), "DocumentName") {
			return reply{body: map[string]any{"Commands": []any{}}}, true
		}
		return reply{}, false
	}
	res := f.deploy()
	want(t, res, 4, Refused)
	if !strings.Contains(res.Problem.Message, oldCommand) {
		t.Errorf("problem = %+v", res.Problem)
	}
	want(t, f.deploy(func(c *Config) { c.AcceptUnknown = oldCommand }), 0, Succeeded)

	// The run after it settled it before it sent.
	f.earlier = append([]map[string]any{f.past(later, "slipway web/dev/release run-1.1", "Success", time.Minute)}, f.earlier...)
	want(t, f.deploy(), 0, Succeeded)
}

// history answers ListCommands as a busy account: an endless list of others' commands, newest first and step apart,
// that heeds the filters of time. first is the stage's own, before all others.
func (f *fake) history(step time.Duration, first ...map[string]any) {
	now := f.clock.now()
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		if in["CommandId"] != nil {
			return reply{}, false
		}
		after, before := now.Add(-10000*time.Hour), now
		filters, _ := in["Filters"].([]any)
		for _, each := range filters {
			filter, _ := each.(map[string]any)
			at, _ := time.Parse(time.RFC3339, fmt.Sprint(filter["value"]))
			switch filter["key"] {
			case "InvokedAfter":
				after = at
			case "InvokedBefore":
				before = at
			}
		}
		var page []map[string]any
		if in["NextToken"] == nil && before.Equal(now) {
			page = append(page, first...)
		}
		from := 0
		if token, ok := in["NextToken"].(string); ok {
			from, _ = strconv.Atoi(token)
		}
		body := map[string]any{}
		for i := from; ; i++ {
			at := before.Add(-time.Duration(i+1) * step)
			if at.Before(after) {
				break
			}
			if len(page) >= pageSize {
				body["NextToken"] = strconv.Itoa(i)
				break
			}
			page = append(page, map[string]any{"CommandId": fmt.Sprint("other-", at.Unix()), "Comment": "somebody else's", "RequestedDateTime": float64(at.Unix())})
		}
		body["Commands"] = page
		return reply{body: body}, true
	}
}

// The account's history is read as far as it can matter.
func TestEarlierSendsAreLookedForWithinBounds(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.history(10 * time.Minute) // 4,320 commands that Run Command remembers
	want(t, f.deploy(), 0, Succeeded)
	if n := f.count("ListCommands"); n > 40 {
		t.Errorf("%d pages were read", n)
	}
	if w := f.eventsOf(EventWarning); len(w) != 1 || !strings.Contains(w[0].Message, "was not looked at") {
		t.Errorf("warnings = %+v", w)
	}

	// Once the newest of every step is seen, what is too old to run does not matter.
	f = newFake(t, "i-00000001")
	f.history(2*time.Hour, f.past(oldCommand, "slipway web/dev/release run-0", "Success", time.Minute))
	want(t, f.deploy(), 0, Succeeded)
	if n := f.count("ListCommands"); n != 2 { // one page, and the targets at the end
		t.Errorf("ListCommands was called %d times", n)
	}
	if n := len(f.eventsOf(EventEarlier)); n != 1 {
		t.Errorf("%d earlier commands were judged", n)
	}
}

// Everything that may still run is listed, in whatever order Run Command gives it.
func TestEarlierSendsInAnyOrder(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	pages := [][]map[string]any{
		{f.past("00000000-0000-0000-0000-000000000001", "slipway web/dev/release run-0", "Success", 49*time.Hour)},
		{f.past(oldCommand, "slipway web/dev/release run-1.1", "InProgress", time.Minute)},
	}
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		body := map[string]any{"Commands": pages[0], "NextToken": "1"}
		if in["NextToken"] == "1" {
			body = map[string]any{"Commands": pages[1]}
		}
		return reply{body: body}, in["CommandId"] == nil
	}
	f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") }
	res := f.deploy()
	want(t, res, 4, Refused)
	if res.Problem.CommandID != oldCommand {
		t.Errorf("problem = %+v", res.Problem)
	}
}

// A lost send is looked for among the newest commands only, and not past the page that has it.
func TestLostSendIsLookedForWithinBounds(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("SendCommand", reply{drop: true})
	var asked []string
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		if in["CommandId"] != nil || len(f.sends) == 0 {
			return reply{}, false
		}
		asked = append(asked, fmt.Sprint(in["Filters"]))
		return reply{body: map[string]any{"NextToken": "more", "Commands": []any{map[string]any{"CommandId": testCommand,
			"Comment": "slipway web/dev/release run-1.1", "Status": "InProgress", "TargetCount": 1}}}}, true
	}
	want(t, f.deploy(), 0, Succeeded)
	if len(asked) != 1 || !strings.Contains(asked[0], "InvokedAfter") {
		t.Errorf("asked %v", asked)
	}
	if len(f.eventsOf(EventLost)) != 1 || len(f.eventsOf(EventNotYet)) != 0 {
		t.Errorf("events = %+v", f.events)
	}
}

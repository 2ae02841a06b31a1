package ship

import (
	"context"
	"strings"
	"testing"
	"time"
)

func TestR120EarlierSends(t *testing.T) {
	t.Parallel()
	const old = "99999999-2222-3333-4444-555555555555"
	command := func(id, step, status string, age time.Duration, targets int) map[string]any {
		at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC).Add(-age)
		return map[string]any{"CommandId": id, "Comment": "slipway web/dev/" + step + " run-0", "DocumentName": "web-dev-" + step, "Status": status, "StatusDetails": status,
			"TargetCount": targets, "RequestedDateTime": float64(at.Unix()), "ExpiresAfter": float64(at.Add(time.Hour).Unix())}
	}
	foreign := command(old, "release", "InProgress", time.Minute, 1)
	foreign["Comment"] = "slipway web/develop/release run-0"
	tests := []struct {
		name     string
		commands []map[string]any
		listed   []inv
		denied   bool
		accept   string
		exit     int
		message  string
	}{
		{"none", nil, nil, false, "", 0, ""},
		{"succeeded", []map[string]any{command(old, "release", "Success", time.Hour, 1)}, []inv{{"i-00000001", "Success", "Success"}}, false, "", 0, ""},
		{"failed", []map[string]any{command(old, "release", "Failed", time.Hour, 1)}, []inv{{"i-00000001", "Failed", "Failed"}}, false, "", 0, ""},
		{"running", []map[string]any{command(old, "release", "InProgress", time.Minute, 1)}, []inv{{"i-00000001", "InProgress", "InProgress"}}, false, "", 4, "still running"},
		{"running may not be accepted away as unknown of another", []map[string]any{command(old, "release", "InProgress", time.Minute, 1)},
			[]inv{{"i-00000001", "InProgress", "InProgress"}}, false, "another-id", 4, "still running"},
		{"just sent, nothing listed yet", []map[string]any{command(old, "release", "Pending", time.Minute, 1)}, nil, false, "", 4, "still running"},
		{"says running and all are done", []map[string]any{command(old, "release", "InProgress", time.Minute, 1)}, []inv{{"i-00000001", "Success", "Success"}}, false, "", 0, ""},
		{"expired and never done", []map[string]any{command(old, "release", "InProgress", 3*time.Hour, 1)}, []inv{{"i-00000001", "InProgress", "InProgress"}}, false, "", 4, "not known"},
		{"delivery timed out", []map[string]any{command(old, "release", "TimedOut", time.Hour, 1)}, []inv{{"i-00000001", "TimedOut", "DeliveryTimedOut"}}, false, "", 4, "not known"},
		{"delivery timed out, accepted", []map[string]any{command(old, "release", "TimedOut", time.Hour, 1)}, []inv{{"i-00000001", "TimedOut", "DeliveryTimedOut"}}, false, old, 0, ""},
		{"may not be read", []map[string]any{command(old, "release", "Success", time.Hour, 1)}, nil, true, "", 4, "not known"},
		{"fewer listed than targets", []map[string]any{command(old, "release", "Success", time.Hour, 2)}, []inv{{"i-00000001", "Success", "Success"}}, false, "", 4, "2 targets"},
		{"of another stage", []map[string]any{foreign}, nil, false, "", 0, ""},
		{"unknown, but followed by a known one", []map[string]any{command("later", "release", "Success", time.Minute, 1),
			command(old, "release", "TimedOut", time.Hour, 1)}, []inv{{"i-00000001", "Success", "Success"}}, false, "", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.earlier = tt.commands
			f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
				var list []map[string]any
				for _, i := range tt.listed {
					list = append(list, map[string]any{"InstanceId": i.node, "Status": i.status, "StatusDetails": i.details})
				}
				r := reply{body: map[string]any{"CommandInvocations": list}}
				if tt.denied {
					r = deniedFor("ssm:ListCommandInvocations")
				}
				return r, in["CommandId"] == old || in["CommandId"] == "later"
			}
			res := f.deploy(func(c *Config) { c.AcceptUnknown = tt.accept })
			if res.Exit() != tt.exit {
				t.Fatalf("exit %d, want %d: %+v", res.Exit(), tt.exit, res.Problem)
			}
			if tt.exit != 4 {
				return
			}
			if f.count("SendCommand") != 0 {
				t.Error("sent all the same")
			}
			if p := res.Problem; !strings.Contains(p.Message, tt.message) || p.CommandID != old || !strings.Contains(p.Hint, "slipway resume "+old) {
				t.Errorf("problem = %+v", p)
			}
		})
	}
}

// Skipping the preflight bears that earlier sends may not be listed; it does not bear one that is known to run.
func TestR120SkipPreflight(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		return deniedFor("ssm:ListCommands"), in["CommandId"] == nil
	}
	skip := func(c *Config) { c.SkipPreflight = true }
	want(t, f.deploy(skip), 0, Succeeded)
	if len(f.eventsOf(EventWarning)) != 2 {
		t.Errorf("warnings = %+v", f.eventsOf(EventWarning))
	}

	f = newFake(t, "i-00000001")
	f.earlier = []map[string]any{{"CommandId": testCommand, "Comment": "slipway web/dev/release run-0", "Status": "InProgress", "TargetCount": 1}}
	f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") }
	want(t, f.deploy(skip), 4, Refused)
}

// TestR011ResumeAsksNamedNodesOneByOne resumes with D0's full policy: GetCommandInvocation, and no list.
func TestR011ResumeAsksNamedNodesOneByOne(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.always("ListCommands", deniedFor("ssm:ListCommands"))
	f.always("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
	polls := 0
	f.invocations = func(int) []inv {
		if polls++; polls < 3 {
			return f.all("InProgress", "InProgress")
		}
		return f.all("Success", "Success")
	}
	res, err := Resume(context.Background(), f.config(), testCommand)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 0, Succeeded)
	if n := len(res.Steps[0].Nodes); n != 2 || f.count("SendCommand") != 0 {
		t.Errorf("%d nodes, %d sends", n, f.count("SendCommand"))
	}

	f.always("GetCommandInvocation", deniedFor("ssm:GetCommandInvocation"))
	res, err = Resume(context.Background(), f.config(), testCommand)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 3, Unknown)
}

// TestR011ResumeByTagsNeedsTheLists: of nodes that are found by tags, who they were is not known without a list.
func TestR011ResumeByTagsNeedsTheLists(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("ListCommands", deniedFor("ssm:ListCommands"))
	cfg := f.config()
	cfg.Plan.Stages[0].Targets = tagTargets(1)
	res, err := Resume(context.Background(), cfg, testCommand)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 3, Unknown)
}

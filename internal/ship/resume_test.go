package ship

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// resumed resumes testCommand.
func (f *fake) resumed(change ...func(*Config)) *Result {
	f.t.Helper()
	cfg := f.config()
	for _, c := range change {
		c(&cfg)
	}
	res, err := Resume(context.Background(), cfg, testCommand)
	if err != nil {
		f.t.Fatal(err)
	}
	return res
}

// known makes ListCommands answer with one command, changed from what the stage would have sent.
func (f *fake) known(change map[string]any) {
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		c := map[string]any{"CommandId": in["CommandId"], "Status": "Success", "StatusDetails": "Success", "TargetCount": len(f.nodes),
			"DocumentName": "web-dev-release", "Comment": "slipway web/dev/release run-0", "TimeoutSeconds": 300,
			"RequestedDateTime": float64(f.clock.now().Unix())}
		for k, v := range change {
			c[k] = v
		}
		return reply{body: map[string]any{"Commands": []any{c}}}, in["CommandId"] != nil
	}
}

// A command that is not the stage's gets no verdict, whatever became of it.
func TestR011ResumeRefusesForeignCommands(t *testing.T) {
	t.Parallel()
	foreign := map[string]any{"DocumentName": "AWS-UpdateSSMAgent", "Comment": "nightly agent update"}
	denyLists := func(f *fake) {
		f.always("ListCommands", deniedFor("ssm:ListCommands"))
		f.always("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
	}
	body := func(document, text string) reply {
		return reply{body: map[string]any{"DocumentName": document, "Comment": text, "PluginName": "release", "Status": "Success", "StatusDetails": "Success", "ResponseCode": 0}}
	}
	tests := []struct {
		name    string
		arrange func(f *fake)
		exit    int
		verdict Verdict
	}{
		{"listed", func(f *fake) { f.known(foreign) }, 4, Refused},
		{"listed, of another stage", func(f *fake) { f.known(map[string]any{"Comment": "slipway web/develop/release run-0"}) }, 4, Refused},
		{"listed, no comment", func(f *fake) { f.known(map[string]any{"Comment": ""}) }, 4, Refused},
		{"one by one", func(f *fake) {
			denyLists(f)
			f.watching("GetCommandInvocation", body("AWS-GatherSoftwareInventory", "slipway other/prod/cleanup run-7"))
		}, 4, Refused},
		{"one by one, no comment", func(f *fake) { denyLists(f); f.watching("GetCommandInvocation", body("web-dev-release", "")) }, 4, Refused},
		{"one by one, another document", func(f *fake) {
			denyLists(f)
			f.watching("GetCommandInvocation", body("AWS-RunShellScript", "slipway web/dev/release run-0"))
		}, 3, Unknown},
		{"one by one, another step", func(f *fake) {
			denyLists(f)
			f.watching("GetCommandInvocation", body("web-dev-release", "slipway web/dev/migrate run-0"))
		}, 3, Unknown},
		{"invocations may be listed", func(f *fake) {
			f.always("ListCommands", deniedFor("ssm:ListCommands"))
			f.watching("ListCommandInvocations", reply{body: map[string]any{"CommandInvocations": []any{map[string]any{
				"InstanceId": "i-00000001", "Status": "Success", "StatusDetails": "Success", "Comment": "other", "DocumentName": "web-dev-release"}}}})
		}, 4, Refused},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			tt.arrange(f)
			res := f.resumed()
			want(t, res, tt.exit, tt.verdict)
			if tt.verdict == Refused && (!strings.Contains(res.Problem.Message, "is not a command of stage dev: nothing was read") || len(res.Steps) != 0) {
				t.Errorf("result = %+v, %+v", res, res.Problem)
			}
		})
	}
}

func TestResumeOfWhatIsNoCommandID(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	for _, id := range []string{"", "not-an-id", testCommand + "0", "i-00000001"} {
		_, err := Resume(context.Background(), f.config(), id)
		var coded interface{ ExitCode() int }
		if !errors.As(err, &coded) || coded.ExitCode() != 2 || !strings.Contains(err.Error(), "not a command id") {
			t.Errorf("%q: %v", id, err)
		}
	}
	if len(f.calls) != 0 {
		t.Errorf("calls = %v", f.calls)
	}
}

// Of an id that Run Command does not know, asking again tells nothing more.
func TestResumeOfAnUnknownCommandGivesNoResumeHint(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("ListCommands", reply{body: map[string]any{"Commands": []any{}}})
	res := f.resumed()
	want(t, res, 3, Unknown)
	if strings.Contains(res.Problem.Hint, "resume") || res.Steps[0].Resume != "" {
		t.Errorf("hint = %s, resume = %s", res.Problem.Hint, res.Steps[0].Resume)
	}
}

// Known by its comment, but without the right to list invocations: the nodes are asked one by one, and a success is
// that of the document that was sent.
func TestR011ResumeMayListCommandsOnly(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.known(map[string]any{"InstanceIds": []string{"i-00000001"}})
	f.always("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
	want(t, f.resumed(), 0, Succeeded)

	f.watching("GetCommandInvocation", reply{body: map[string]any{"Comment": "slipway web/dev/release run-0", "DocumentName": "web-dev-release",
		"PluginName": "", "Status": "Success", "StatusDetails": "Success", "ResponseCode": 0}})
	res := f.resumed()
	want(t, res, 3, Unknown)
	if !strings.Contains(res.Problem.Message, "its scripts cannot be told") {
		t.Errorf("message = %s", res.Problem.Message)
	}
}

// renamed is the plan after its step got another name.
func renamed(c *Config) {
	s := &c.Plan.Stages[0].Steps[0]
	s.Name, s.DocumentName, s.ScriptSteps = "ship", "web-dev-ship", []string{"ship"}
	own := *s.Own
	own.Name = s.DocumentName
	s.Own = &own
}

// details makes ListCommandInvocations name the scripts when asked for details.
func (f *fake) details(names ...string) {
	f.on["ListCommandInvocations"] = func(n int, in map[string]any) (reply, bool) {
		var list []any
		for _, i := range f.invocations(n) {
			var plugins []any
			for _, name := range names {
				plugins = append(plugins, map[string]any{"Name": name, "Status": i.status, "StatusDetails": i.details})
			}
			list = append(list, map[string]any{"InstanceId": i.node, "Status": i.status, "StatusDetails": i.details, "CommandPlugins": plugins})
		}
		return reply{body: map[string]any{"CommandInvocations": list}}, in["Details"] == true && real(in)
	}
}

// A step that the plan has no more is judged by the scripts that Run Command names.
func TestR011ResumeOfAStepThatThePlanHasNoMore(t *testing.T) {
	t.Parallel()
	t.Run("succeeded", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "i-00000001")
		f.details("release")
		res := f.resumed(renamed)
		want(t, res, 0, Succeeded)
		if n := res.Steps[0]; n.Name != "release" || len(n.Nodes[0].Steps) != 1 || n.Nodes[0].Steps[0].Stdout == "" {
			t.Errorf("step = %+v", n)
		}
	})
	t.Run("skipped", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "i-00000001")
		f.details("release")
		f.watching("GetCommandInvocation", reply{body: map[string]any{"Status": "Success", "StatusDetails": "Success", "ResponseCode": 0,
			"StandardOutputContent": "Step execution skipped due to incompatible platform"}})
		want(t, f.resumed(renamed), 1, Failed)
	})
	t.Run("every script is asked for", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "i-00000001")
		f.details("release", "validate")
		f.on["GetCommandInvocation"] = func(_ int, in map[string]any) (reply, bool) {
			return reply{body: map[string]any{"Status": "Failed", "StatusDetails": "Failed", "ResponseCode": 3}}, in["PluginName"] == "validate"
		}
		want(t, f.resumed(renamed), 1, Failed)
	})
	t.Run("nobody names the scripts", func(t *testing.T) {
		t.Parallel()
		want(t, newFake(t, "i-00000001").resumed(renamed), 3, Unknown)
	})
	t.Run("details denied", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, "i-00000001")
		f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
			return deniedFor("ssm:ListCommandInvocations"), in["Details"] == true
		}
		want(t, f.resumed(renamed), 3, Unknown)
	})
}

// The limits of such a step are not known: Run Command says when it gives the command up.
func TestResumeWaitsAsLongAsRunCommandDoes(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	start := f.clock.now()
	f.known(map[string]any{"ExpiresAfter": float64(start.Add(time.Hour).Unix()), "RequestedDateTime": float64(start.Unix())})
	done := func(f *fake) bool { return f.clock.now().Sub(start) > 50*time.Minute }
	f.invocations = func(n int) []inv {
		if n < 1<<20 && !done(f) {
			return f.all("InProgress", "InProgress")
		}
		return f.all("Success", "Success")
	}
	f.details("release")
	want(t, f.resumed(renamed), 0, Succeeded)

	f = newFake(t, "i-00000001")
	f.known(map[string]any{"ExpiresAfter": float64(f.clock.now().Add(time.Hour).Unix())})
	f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") }
	res := f.resumed(renamed)
	want(t, res, 3, Unknown)
	if strings.Contains(res.Problem.Message, " 0s") || !strings.Contains(res.Problem.Message, "was to give it up at 2026-11-22 13:00:00 UTC") {
		t.Errorf("message = %s", res.Problem.Message)
	}
}

// Every unknown step says how to find out, in the words of whoever started the deploy.
func TestR011UnknownSaysHowToResume(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		command        func(string) string
		resume, cannot string
	}{
		{"by default", nil, "slipway resume " + testCommand, ""},
		{"as given", func(id string) string { return "slipway resume " + id + " --local --data d" }, "slipway resume " + testCommand + " --local --data d", ""},
		{"not possible", func(string) string { return "" }, "", "this local AWS ends with the deploy (no --data): its outcome cannot be resumed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.invocations = func(int) []inv { return f.all("TimedOut", "DeliveryTimedOut") }
			res := f.deploy(func(c *Config) { c.ResumeCommand = tt.command })
			want(t, res, 3, Unknown)
			if s := res.Steps[0]; res.Problem != nil || s.Resume != tt.resume || s.CannotResume != tt.cannot {
				t.Errorf("step = %+v", s)
			}

			f = newFake(t, "i-00000001")
			f.watching("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
			res = f.deploy(func(c *Config) { c.ResumeCommand = tt.command })
			if !strings.Contains(res.Problem.Hint, tt.resume+tt.cannot) || (tt.resume == "" && strings.Contains(res.Problem.Hint, "slipway resume")) {
				t.Errorf("hint = %s", res.Problem.Hint)
			}
		})
	}
}

// Asked one by one, what was waited for is told of nodes without an invocation too, and no call is named that was denied.
func TestR014OneByOneOverdue(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.always("ListCommands", deniedFor("ssm:ListCommands"))
	f.always("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
	f.invocations = func(int) []inv { return []inv{{"i-00000001", "Success", "Success"}} }
	res := f.resumed()
	want(t, res, 3, Unknown)
	m := res.Problem.Message
	if !strings.Contains(m, "i-00000002: no invocation could be read") || strings.Contains(m, "ListCommandInvocations was answered") ||
		!strings.Contains(m, "ssm:GetCommandInvocation was answered") {
		t.Errorf("message = %s", m)
	}
}

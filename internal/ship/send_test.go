package ship

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/plan"
)

// foundBy lists a command with the comment of the run that looks for it, from the first lookup after the send on.
func foundBy(f *fake, runID string) {
	f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
		return reply{body: map[string]any{"Commands": []map[string]any{
			{"CommandId": "other", "Comment": "slipway web/dev/release run-0", "Status": "Success"},
			{"CommandId": testCommand, "Comment": "slipway web/dev/release " + runID, "Status": "InProgress"},
		}}}, in["CommandId"] == nil && len(f.sends) > 0
	}
}

func TestLostAnswerNeverResends(t *testing.T) {
	t.Parallel()
	lost := map[string]reply{
		"dropped": {drop: true}, "500": {status: 500, code: "InternalServerError"}, "503": {status: 503, raw: "<html>"},
		"garbage": {raw: "not json"}, "no id": {body: map[string]any{"Command": map[string]any{}}},
		"timeout code": fails("RequestTimeout"), "proxy's 403": {status: 403, raw: "<html>go away</html>"},
	}
	for name, r := range lost {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.always("SendCommand", r)
			foundBy(f, "run-1.1")
			res := f.deploy()
			want(t, res, 0, Succeeded)
			if res.Steps[0].CommandID != testCommand {
				t.Errorf("found %s", res.Steps[0].CommandID)
			}

			f = newFake(t, "i-00000001")
			f.always("SendCommand", r)
			foundBy(f, "run-of-somebody-else")
			start := f.clock.now()
			res = f.deploy()
			want(t, res, 3, Unknown)
			if n := f.count("SendCommand"); n != 1 {
				t.Errorf("sent %d times", n)
			}
			if waited := f.clock.now().Sub(start); waited < 30*time.Second || waited > 80*time.Second {
				t.Errorf("looked for %s", waited)
			}
			if !strings.Contains(res.Problem.Message, "run-1") || !strings.Contains(res.Problem.Message, "not sent again") {
				t.Errorf("message = %s", res.Problem.Message)
			}
		})
	}
}

func TestLostAnswerThatCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("SendCommand", reply{drop: true})
	f.on["ListCommands"] = func(int, map[string]any) (reply, bool) { return deniedFor("ssm:ListCommands"), len(f.sends) > 0 }
	res := f.deploy()
	want(t, res, 3, Unknown)
	if !res.Problem.Denied || !strings.Contains(res.Problem.Statement, "ssm:ListCommands") {
		t.Errorf("problem = %+v", res.Problem)
	}
}

func TestHungSendIsLost(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	release := make(chan struct{})
	defer close(release) // before the server is closed, which waits for its handlers
	hang := &hanging{fake: f, op: "SendCommand", release: release}
	foundBy(f, "run-1.1")
	cfg := f.config()
	cfg.Send = serve(t, hang)
	cfg.Timing.PerCall = 200 * time.Millisecond
	res, err := Deploy(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 0, Succeeded)
	if f.count("SendCommand") != 1 {
		t.Error("sent twice")
	}
}

func TestRefusedSendSentNothing(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AccessDeniedException", "InvalidInstanceId", "InvalidDocument", "InvalidParameters", "MaxDocumentSizeExceeded"} {
		f := newFake(t, "i-00000001")
		f.always("SendCommand", fails(code))
		res := f.deploy()
		want(t, res, 4, Refused)
		if f.count("SendCommand") != 1 || !strings.Contains(res.Problem.Message, code) || res.Steps[0].Verdict != Refused {
			t.Errorf("%s: %+v", code, res)
		}
	}
}

func TestThrottledSend(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.first("SendCommand", 3, fails("ThrottlingException"))
	want(t, f.deploy(), 0, Succeeded)
	f = newFake(t, "i-00000001")
	f.always("SendCommand", fails("ThrottlingException"))
	start := f.clock.now()
	want(t, f.deploy(), 4, Refused)
	if waited := f.clock.now().Sub(start); waited > 80*time.Second {
		t.Errorf("tried for %s", waited)
	}
}

// The second step of a stage is refused after the first was shipped: that is not "nothing was sent".
func TestRefusedSecondStep(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.on["SendCommand"] = func(n int, _ map[string]any) (reply, bool) { return fails("AccessDeniedException"), n == 1 }
	res := f.deploy(func(c *Config) {
		second := c.Plan.Stages[0].Steps[0]
		second.Name = "after"
		c.Plan.Stages[0].Steps = append(c.Plan.Stages[0].Steps, second)
	})
	want(t, res, 1, Failed)
	if got := fmt.Sprint(res.Steps[0].Verdict, ", ", res.Steps[1].Verdict); got != "succeeded, not started" {
		t.Error(got)
	}
}

func TestR016SplitRoles(t *testing.T) {
	t.Parallel()
	trigger, verify := newFake(t, "i-00000001"), newFake(t, "i-00000001")
	cfg := verify.config()
	cfg.Send = trigger.config().Send
	cfg.Plan.Stages[0].Roles = []plan.Role{{Kind: plan.KindTrigger}, {Kind: plan.KindVerify}}
	res, err := Deploy(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 0, Succeeded)
	for _, c := range trigger.calls {
		if c != "GetCallerIdentity" && c != "DescribeDocument" && c != "SendCommand" {
			t.Errorf("the trigger role called %s", c)
		}
	}
	if verify.count("SendCommand") != 0 || verify.count("DescribeDocument") != 0 {
		t.Errorf("the verify role called %v", verify.calls)
	}
}

// A role that cannot be entered is named, with what its trust policy lacks; nothing is sent.
func TestRoleThatCannotBeEntered(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("AssumeRoleWithWebIdentity", reply{status: 403, code: "AccessDenied", message: "Not authorized to perform sts:AssumeRoleWithWebIdentity"})
	cfg := f.config()
	send := cfg.Send.Copy()
	send.Region = "eu-west-1"
	var err error
	cfg.Send, err = awsclient.EnterGitHub(context.Background(), send, func(context.Context, string) (string, error) { return "jwt", nil },
		"arn:aws:iam::111111111111:role/slipway/web-dev-Deploy", "run")
	if err != nil {
		t.Fatal(err)
	}
	res, err := Deploy(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 4, Refused)
	p := res.Problem
	if p.API != "sts:AssumeRoleWithWebIdentity" || !p.Denied || !strings.Contains(p.Hint, "trust policy") || p.Statement != "" {
		t.Errorf("problem = %+v", p)
	}
	if diff := cmp.Diff([]string{"AssumeRoleWithWebIdentity"}, f.calls); diff != "" {
		t.Error(diff)
	}
}

func TestExplainGivesTheStatement(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.watching("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
	var asked string
	res := f.deploy(func(c *Config) {
		c.Explain = func(principal, action, resource string) string {
			asked = principal + " " + action + " " + resource
			return "STATEMENT"
		}
	})
	if asked != testPrincipal+" ssm:ListCommandInvocations *" || res.Problem.Statement != "STATEMENT" {
		t.Errorf("asked %q, got %q", asked, res.Problem.Statement)
	}
}

func TestParametersNeverEnterEvents(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.always("SendCommand", fails("ThrottlingException"))
	res := f.deploy(func(c *Config) {
		c.Plan.Stages[0].Steps[0].Parameters = map[string][]string{"Password": {"correct-horse"}}
	})
	if text := fmt.Sprintf("%+v %+v %+v", f.events, res, res.Problem); strings.Contains(text, "correct-horse") {
		t.Error("a parameter's value was told")
	}
}

func TestComment(t *testing.T) {
	t.Parallel()
	run := strings.Repeat("0", longestRunID)
	long := strings.Repeat("x", 80)
	seen, prefixes := map[string]bool{}, map[string]bool{}
	for _, names := range [][3]string{{"web", "dev", "release"}, {long, "dev", "release"}, {long, "prod", "release"}, {"web", long, "release"},
		{"web", "dev", long + "1"}, {"web", "dev", long + "2"}, {long, "dev", long + "1"}, {long, "dev", long + "2"}} {
		c, prefix := comment(names[0], names[1], names[2], run), commentPrefix(names[0], names[1])
		if len(c) > commentLimit || !strings.HasSuffix(c, " "+run) || !strings.HasPrefix(c, prefix) || runOf(c) != run {
			t.Errorf("%v: %q", names, c)
		}
		if seen[c] {
			t.Errorf("%v: %q is another step's", names, c)
		}
		seen[c], prefixes[prefix] = true, true
	}
	if len(prefixes) != 4 { // web/dev, web/xxx, xxx/dev, xxx/prod
		t.Errorf("prefixes %v", prefixes)
	}
	if c := comment("web", "dev", "release", "run-1.1"); c != "slipway web/dev/release run-1.1" {
		t.Errorf("got %q", c)
	}
}

// Two steps whose long names begin alike: the send of the second is lost, and the first's command is not taken for it.
func TestLostSendIsNotTakenForAnotherStep(t *testing.T) {
	t.Parallel()
	for _, names := range [][2]string{
		{strings.Repeat("x", 58) + "-migrate", strings.Repeat("x", 58) + "-release"},
		{"release", "release"}, // no plan has this: the id that the run knows already is left out all the same
	} {
		f := newFake(t, "i-00000001")
		f.on["SendCommand"] = func(n int, _ map[string]any) (reply, bool) { return reply{drop: true}, n > 0 }
		f.on["ListCommands"] = func(_ int, in map[string]any) (reply, bool) {
			if in["CommandId"] != nil || len(f.sends) == 0 {
				return reply{}, false
			}
			return reply{body: map[string]any{"Commands": []map[string]any{{"CommandId": testCommand, "Comment": f.sends[0]["Comment"], "TargetCount": 1}}}}, true
		}
		res := f.deploy(func(c *Config) {
			steps := []plan.Step{c.Plan.Stages[0].Steps[0], c.Plan.Stages[0].Steps[0]}
			steps[0].Name, steps[1].Name = names[0], names[1]
			c.Plan.Stages[0].Steps = steps
			c.RunID = "0123456789abcdef0123456789abcdef"
		})
		want(t, res, 3, Unknown)
		if res.Steps[0].Verdict != Succeeded || res.Steps[1].CommandID != "" {
			t.Errorf("steps = %+v", res.Steps)
		}
	}
}

// An interrupt while the answer to SendCommand is awaited: the command may be out, is found, and is cancelled.
func TestR101InterruptDuringTheSend(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	release := make(chan struct{})
	defer close(release)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	hang := &hanging{fake: f, op: "SendCommand", release: release, taken: cancel}
	foundBy(f, "run-1.1")
	f.invocations = func(int) []inv {
		if f.seen["CancelCommand"] > 0 {
			return f.all("Cancelled", "Cancelled")
		}
		return f.all("InProgress", "InProgress")
	}
	cfg := f.config()
	cfg.Send = serve(t, hang)
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 130, Failed)
	if f.count("SendCommand") != 1 || f.count("CancelCommand") != 1 {
		t.Errorf("calls = %v", f.calls)
	}
}

package ship

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDeploySucceeds(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.invocations = func(n int) []inv {
		if n < 2 {
			return f.all("InProgress", "InProgress")
		}
		return f.all("Success", "Success")
	}
	res := f.deploy()
	want(t, res, 0, Succeeded)
	wantCalls := []string{"GetCallerIdentity", "DescribeInstances", "DescribeInstanceInformation", "GetCommandInvocation",
		"ListCommandInvocations", "ListCommands", "ListCommands", "DescribeDocument", "SendCommand", "ListCommandInvocations", "ListCommandInvocations",
		"ListCommandInvocations", "GetCommandInvocation", "GetCommandInvocation", "ListCommands"}
	if diff := cmp.Diff(wantCalls, f.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	send := f.sends[0]
	wantSend := map[string]any{"DocumentName": "web-dev-release", "DocumentVersion": "3", "DocumentHash": testHash,
		"DocumentHashType": "Sha256", "InstanceIds": []any{"i-00000001", "i-00000002"}, "Comment": "slipway web/dev/release run-1.1",
		"TimeoutSeconds": 300.0, "MaxConcurrency": "100%", "MaxErrors": "0", "Parameters": map[string]any{"Version": []any{"v1"}}}
	if diff := cmp.Diff(wantSend, send); diff != "" {
		t.Errorf("SendCommand (-want +got):\n%s", diff)
	}
	step := res.Steps[0].Nodes[1].Steps[0]
	if step.Stdout != "out of i-00000002\n" || step.ExitCode != 0 {
		t.Errorf("script step = %+v", step)
	}
}

// D0: the role may send and may not read. Nothing is sent.
func TestVerifyPermissionIsTestedBeforeTheSend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		op   string
		r    reply
		exit int
	}{
		{"GetCommandInvocation", deniedFor("ssm:GetCommandInvocation"), 4},
		{"ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"), 4},
		{"GetCommandInvocation", fails("InvalidCommandId"), 0},
		{"GetCommandInvocation", fails("InvalidInstanceId"), 0},
		{"ListCommandInvocations", fails("InvalidCommandId"), 0},
		{"GetCommandInvocation", fails("ValidationException"), 4},
		{"GetCommandInvocation", reply{status: 500, code: "InternalServerError"}, 4},
		{"GetCommandInvocation", fails("UnrecognizedClientException"), 4},
		{"ListCommands", deniedFor("ssm:ListCommands"), 4},
		{"DescribeInstanceInformation", deniedFor("ssm:DescribeInstanceInformation"), 4},
		{"DescribeInstances", fails("UnauthorizedOperation"), 4},
		{"DescribeDocument", deniedFor("ssm:DescribeDocument"), 4},
	}
	for _, tt := range tests {
		t.Run(tt.op+"/"+tt.r.code, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.on[tt.op] = func(_ int, in map[string]any) (reply, bool) { return tt.r, in["CommandId"] != testCommand }
			res := f.deploy()
			if res.Exit() != tt.exit {
				t.Fatalf("exit %d, want %d: %+v", res.Exit(), tt.exit, res.Problem)
			}
			if tt.exit == 4 && f.count("SendCommand") != 0 {
				t.Error("SendCommand was called")
			}
			if strings.HasPrefix(tt.r.code, "AccessDenied") {
				p := res.Problem
				if !p.Denied || p.Principal != testPrincipal || p.Action != "ssm:"+tt.op || !strings.Contains(p.Statement, tt.op) || p.Resource == "" {
					t.Errorf("problem = %+v", p)
				}
			}
		})
	}
}

func TestR009DeniedAtTheFirstPollEndsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.watching("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations"))
	res := f.deploy(func(c *Config) { c.SkipPreflight = true })
	want(t, res, 3, Unknown)
	if n := f.count("ListCommandInvocations"); n != 1 {
		t.Errorf("polled %d times, want once", n)
	}
	p := res.Problem
	if p.API != "ssm:ListCommandInvocations" || p.Principal != testPrincipal || p.Action != "ssm:ListCommandInvocations" ||
		p.Resource != "arn:aws:ssm:eu-west-1:"+testAccount+":*" || p.CommandID != testCommand {
		t.Errorf("problem = %+v", p)
	}
	if !strings.Contains(p.Statement, `"Resource": "*"`) || !strings.Contains(p.Statement, "ssm:GetCommandInvocation") {
		t.Errorf("statement = %s", p.Statement)
	}
}

func TestR009EveryReadErrorIsFatal(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"ListCommandInvocations", "GetCommandInvocation"} {
		for _, code := range []string{"AccessDeniedException", "UnrecognizedClientException", "InvalidCommandId", "ValidationException", "NeverHeardOf"} {
			t.Run(op+"/"+code, func(t *testing.T) {
				t.Parallel()
				f := newFake(t, "i-00000001")
				f.watching(op, fails(code))
				start := f.clock.now()
				res := f.deploy()
				want(t, res, 3, Unknown)
				if waited := f.clock.now().Sub(start); waited != 0 {
					t.Errorf("waited %s", waited)
				}
				if v := res.Steps[0].Nodes[0].Verdict; v != Unknown {
					t.Errorf("node is %s", v)
				}
			})
		}
	}
}

func TestR010UnknownNotFailed(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.on["ListCommandInvocations"] = func(_ int, in map[string]any) (reply, bool) {
		return deniedFor("ssm:ListCommandInvocations"), real(in) && f.seen["tick"] == 1
	}
	f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") }
	res := f.deploy()
	want(t, res, 3, Unknown)
	if !strings.Contains(res.Problem.Hint, "slipway resume "+testCommand) || !strings.Contains(res.Problem.Statement, "ListCommandInvocations") {
		t.Errorf("problem = %+v", res.Problem)
	}
	for _, n := range res.Steps[0].Nodes {
		if n.Verdict != Unknown || !strings.Contains(n.Why, "InProgress") {
			t.Errorf("node = %+v", n)
		}
	}
}

func TestR011ResumeTellsTheTruthWithoutSending(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		arrange func(f *fake)
		exit    int
		verdict Verdict
	}{
		{"succeeded", func(*fake) {}, 0, Succeeded},
		{"failed", func(f *fake) { f.invocations = func(int) []inv { return f.all("Failed", "Failed") } }, 1, Failed},
		{"still denied", func(f *fake) { f.watching("ListCommandInvocations", deniedFor("ssm:ListCommandInvocations")) }, 3, Unknown},
		{"no such command", func(f *fake) { f.always("ListCommands", reply{body: map[string]any{"Commands": []any{}}}) }, 3, Unknown},
		{"waits", func(f *fake) {
			f.invocations = func(n int) []inv {
				if n < 5 {
					return f.all("InProgress", "InProgress")
				}
				return f.all("Success", "Success")
			}
		}, 0, Succeeded},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			tt.arrange(f)
			res, err := Resume(context.Background(), f.config(), testCommand)
			if err != nil {
				t.Fatal(err)
			}
			want(t, res, tt.exit, tt.verdict)
			allowed := []string{"GetCallerIdentity", "ListCommands", "ListCommandInvocations", "GetCommandInvocation"}
			for _, c := range f.calls {
				if !slices.Contains(allowed, c) {
					t.Errorf("resume called %s", c)
				}
			}
		})
	}
}

func TestR013OutputOfAFailure(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.invocations = func(int) []inv {
		return []inv{{"i-00000001", "Success", "Success"}, {"i-00000002", "Failed", "Failed"}}
	}
	res := f.deploy()
	want(t, res, 1, Failed)
	n := res.Steps[0].Nodes[1]
	if n.Verdict != Failed || n.Steps[0].Stdout != "out of i-00000002\n" || n.Steps[0].Stderr != "err of i-00000002\n" || n.Steps[0].ExitCode != 1 {
		t.Errorf("node = %+v", n)
	}
	if !strings.Contains(n.Why, "release") || !strings.Contains(n.Why, "exit code 1") {
		t.Errorf("why = %s", n.Why)
	}
}

func TestR014OverdueSaysWhatItWaitedFor(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.invocations = func(int) []inv { return f.all("InProgress", "InProgress") }
	start := f.clock.now()
	res := f.deploy()
	want(t, res, 3, Unknown)
	if waited := f.clock.now().Sub(start); waited != 930*time.Second {
		t.Errorf("waited %s, want delivery + execution + grace", waited)
	}
	for _, part := range []string{"i-00000001", "InProgress", "15m30s", testCommand, "ssm:ListCommandInvocations"} {
		if !strings.Contains(res.Problem.Message, part) {
			t.Errorf("message lacks %q: %s", part, res.Problem.Message)
		}
	}
	if strings.Contains(strings.ToLower(res.Problem.Message+res.Problem.Hint), "increase") {
		t.Errorf("advises to increase something: %+v", res.Problem)
	}
	if n := f.count("ListCommandInvocations"); n > 90 {
		t.Errorf("%d polls in 15 minutes", n)
	}
}

func TestR100StuckLongerThanCanBe(t *testing.T) {
	t.Parallel()
	for status, part := range map[string]string{"Pending": "agent is not running", "InProgress": "stopped answering", "Delayed": "agent is not running"} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.invocations = func(int) []inv { return f.all(status, status) }
			res := f.deploy()
			want(t, res, 3, Unknown)
			warnings := f.eventsOf(EventWarning)
			if len(warnings) != 1 || !strings.Contains(warnings[0].Message, part) {
				t.Errorf("warnings = %+v", warnings)
			}
			if !strings.Contains(res.Problem.Message, part) {
				t.Errorf("message = %s", res.Problem.Message)
			}
		})
	}
}

func TestR101InterruptCancelsAndTellsTheTruth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		after   []inv
		verdict Verdict
	}{
		{"cancelled", []inv{{"i-00000001", "Cancelled", "Cancelled"}}, Failed},
		{"it was faster", []inv{{"i-00000001", "Success", "Success"}}, Succeeded},
		{"does not end", []inv{{"i-00000001", "Cancelling", "Cancelling"}}, Unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			f.invocations = func(n int) []inv {
				if n > 2 {
					return tt.after
				}
				return f.all("InProgress", "InProgress")
			}
			cfg := f.config()
			cfg.Events = func(e Event) {
				if e.Kind == EventWaiting {
					cancel()
				}
			}
			start := f.clock.now()
			res, err := Deploy(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			want(t, res, 130, tt.verdict)
			if f.count("CancelCommand") != 1 || f.count("SendCommand") != 1 {
				t.Errorf("calls = %v", f.calls)
			}
			if waited := f.clock.now().Sub(start); waited > 31*time.Second {
				t.Errorf("waited %s after the interrupt", waited)
			}
		})
	}
}

func TestInterruptedBeforeTheSend(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	ctx, cancel := context.WithCancel(context.Background())
	cfg := f.config()
	cfg.Events = func(e Event) {
		if e.Kind == EventDocument {
			cancel()
		}
	}
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 130, Refused)
	if f.count("SendCommand") != 0 {
		t.Error("SendCommand was called")
	}
}

func TestNotYetIsBorneForABoundedTime(t *testing.T) {
	t.Parallel()
	notYet := map[string]struct {
		op string
		r  reply
	}{
		"throttled list":    {"ListCommandInvocations", fails("ThrottlingException")},
		"broken list":       {"ListCommandInvocations", reply{status: 503, raw: "busy"}},
		"dropped list":      {"ListCommandInvocations", reply{drop: true}},
		"throttled get":     {"GetCommandInvocation", fails("ThrottlingException")},
		"no invocation":     {"GetCommandInvocation", fails("InvocationDoesNotExist")},
		"empty list":        {"ListCommandInvocations", reply{body: map[string]any{"CommandInvocations": []any{}}}},
		"get behind list":   {"GetCommandInvocation", reply{body: map[string]any{"Status": "InProgress", "StatusDetails": "InProgress", "ResponseCode": -1}}},
		"credentials ended": {"ListCommandInvocations", fails("ExpiredTokenException")},
	}
	for name, tt := range notYet {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			times := 0
			few := 3
			if name == "credentials ended" {
				few = 1
			}
			f.on[tt.op] = func(_ int, in map[string]any) (reply, bool) {
				if real(in) {
					times++
				}
				return tt.r, real(in) && times <= few
			}
			want(t, f.deploy(), 0, Succeeded)

			f = newFake(t, "i-00000001")
			f.watching(tt.op, tt.r)
			start := f.clock.now()
			want(t, f.deploy(), 3, Unknown)
			if waited := f.clock.now().Sub(start); waited > 80*time.Second {
				t.Errorf("borne for %s", waited)
			}
		})
	}
}

func TestR034TargetsAndNodesAreChecked(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		op      string
		r       reply
		message string
	}{
		{"no instance", "DescribeInstances", reply{raw: "<DescribeInstancesResponse></DescribeInstancesResponse>"}, "does not exist"},
		{"unknown id", "DescribeInstances", fails("InvalidInstanceID.NotFound"), "the target matches nothing"},
		{"stopped", "DescribeInstances", reply{raw: `<DescribeInstancesResponse><reservationSet><item><instancesSet><item><instanceId>i-00000001</instanceId>` +
			`<instanceState><name>stopped</name></instanceState></item></instancesSet></item></reservationSet></DescribeInstancesResponse>`}, "i-00000001 is stopped"},
		{"other account", "GetCallerIdentity", reply{raw: "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::999999999999:user/x</Arn>" +
			"<Account>999999999999</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"}, "belongs to account 999999999999"},
		{"R034 not registered", "DescribeInstanceInformation", reply{body: map[string]any{"InstanceInformationList": []any{}}}, "not registered with Systems Manager"},
		{"R034 connection lost", "DescribeInstanceInformation", reply{body: map[string]any{"InstanceInformationList": []any{
			map[string]any{"InstanceId": "i-00000001", "PingStatus": "ConnectionLost"}}}}, "ConnectionLost"},
		{"R034 Windows", "DescribeInstanceInformation", reply{body: map[string]any{"InstanceInformationList": []any{
			map[string]any{"InstanceId": "i-00000001", "PingStatus": "Online", "PlatformType": "Windows"}}}}, "runs Windows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			f.always(tt.op, tt.r)
			res := f.deploy()
			want(t, res, 4, Refused)
			if !strings.Contains(res.Problem.Message, tt.message) || res.Problem.Hint == "" {
				t.Errorf("problem = %+v", res.Problem)
			}
			if f.count("SendCommand") != 0 {
				t.Error("SendCommand was called")
			}
		})
	}
}

func TestTagTargets(t *testing.T) {
	t.Parallel()
	byTags := func(least int) func(*Config) {
		return func(c *Config) { c.Plan.Stages[0].Targets = tagTargets(least) }
	}
	f := newFake(t, "i-00000001", "i-00000002")
	want(t, f.deploy(byTags(2)), 0, Succeeded)
	wantTargets := []any{map[string]any{"Key": "tag:App", "Values": []any{"web"}}}
	if diff := cmp.Diff(wantTargets, f.sends[0]["Targets"]); diff != "" {
		t.Error(diff)
	}
	f = newFake(t, "i-00000001", "i-00000002")
	want(t, f.deploy(byTags(3)), 4, Refused)
	f = newFake(t)
	res := f.deploy(byTags(0))
	want(t, res, 4, Refused)
	if !strings.Contains(res.Problem.Message, "the target matches nothing") {
		t.Errorf("message = %s", res.Problem.Message)
	}
}

func TestStepsStopAtTheFirstThatDidNotSucceed(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.invocations = func(int) []inv { return f.all("Failed", "Failed") }
	res := f.deploy(func(c *Config) {
		second := c.Plan.Stages[0].Steps[0]
		second.Name = "after"
		c.Plan.Stages[0].Steps = append(c.Plan.Stages[0].Steps, second)
	})
	want(t, res, 1, Failed)
	var got []string
	for _, s := range res.Steps {
		got = append(got, fmt.Sprint(s.Name, " ", s.Verdict))
	}
	if diff := cmp.Diff([]string{"release failed", "after not started"}, got); diff != "" {
		t.Error(diff)
	}
	if f.count("SendCommand") != 1 {
		t.Error("the second step was sent")
	}
}

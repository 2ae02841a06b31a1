package ship

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
)

// The limits count from the attempt that Run Command took, not from the first that it was too busy for.
func TestDeadlineCountsFromTheAcceptedAttempt(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.first("SendCommand", 8, fails("ThrottlingException"))
	var sentAt time.Time
	f.invocations = func(int) []inv {
		if sentAt.IsZero() {
			sentAt = f.clock.now()
		}
		if f.clock.now().Sub(sentAt) < 925*time.Second { // of 300 s delivery, 600 s execution and 30 s grace
			return f.all("InProgress", "InProgress")
		}
		return f.all("Success", "Success")
	}
	start := f.clock.now()
	want(t, f.deploy(), 0, Succeeded)
	if sentAt.Sub(start) < 10*time.Second {
		t.Errorf("sent after %s: nothing was throttled", sentAt.Sub(start))
	}
}

// Nodes that follow each other take as long as all of them: however their number becomes known.
func TestDeadlineForTheRealNumberOfTargets(t *testing.T) {
	t.Parallel()
	const each = 500 * time.Second
	for name, arrange := range map[string]func(f *fake){
		"the answer to the send": func(f *fake) {
			f.always("SendCommand", reply{body: map[string]any{"Command": map[string]any{"CommandId": testCommand, "TargetCount": 3}}})
		},
		"the invocations": func(*fake) {},
		"the command, at the deadline": func(f *fake) {
			all := f.invocations
			f.invocations = func(n int) []inv { // the others are listed only once the third, which comes last, is done
				list := all(n)
				if list[2].status != "Success" {
					return list[2:]
				}
				return list
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001", "i-00000002", "i-00000003")
			f.always("DescribeInstances", fails("UnauthorizedOperation"))
			f.parent = inv{status: "InProgress", details: "InProgress"}
			start := f.clock.now()
			f.invocations = func(n int) []inv {
				list := f.all("Pending", "Pending")
				for i := range list {
					switch gone := f.clock.now().Sub(start); {
					case gone > time.Duration(i+1)*each:
						list[i].status, list[i].details = "Success", "Success"
					case gone > time.Duration(i)*each:
						list[i].status, list[i].details = "InProgress", "InProgress"
					}
				}
				return list
			}
			arrange(f)
			res := f.deploy(func(c *Config) {
				c.SkipPreflight = true
				c.Plan.Stages[0].Targets = tagTargets(1)
				c.Plan.Stages[0].Steps[0].MaxConcurrency = "1"
			})
			want(t, res, 0, Succeeded)
			if n := len(res.Steps[0].Nodes); n != 3 {
				t.Errorf("%d nodes", n)
			}
		})
	}
}

// A node that was still waiting when the command was cancelled is on the old version; only where that is certain.
func TestR101CancelledBeforeItBegan(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		waiting string
		answer  map[string]any
		verdict Verdict
	}{
		{"never began", "Pending", map[string]any{"ResponseCode": -1}, NotStarted},
		{"was being delivered again", "Delayed", map[string]any{"ResponseCode": -1}, NotStarted},
		{"began", "Pending", map[string]any{"ResponseCode": -1, "ExecutionStartDateTime": "2026-11-22T12:00:00Z"}, Failed},
		{"wrote something", "Pending", map[string]any{"ResponseCode": -1, "StandardOutputContent": "half"}, Failed},
		{"has an exit code", "Pending", map[string]any{"ResponseCode": 1}, Failed},
		{"was running when last seen", "InProgress", map[string]any{"ResponseCode": -1}, Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			f.invocations = func(n int) []inv {
				if n < 2 {
					return f.all(tt.waiting, tt.waiting)
				}
				return f.all("Cancelled", "Cancelled")
			}
			tt.answer["Status"], tt.answer["StatusDetails"] = "Cancelled", "Cancelled"
			f.watching("GetCommandInvocation", reply{body: tt.answer})
			cfg := f.config()
			cfg.Events = func(e Event) {
				if e.Kind == EventWaiting {
					cancel()
				}
			}
			res, err := Deploy(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			if n := res.Steps[0].Nodes[0]; n.Verdict != tt.verdict || n.Why == "" {
				t.Errorf("node = %+v", n)
			}
		})
	}
}

// A script without an exit code did not end with an error of its own.
func TestFailedWithoutAnExitCode(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.invocations = func(int) []inv { return f.all("Failed", "Failed") }
	f.watching("GetCommandInvocation", reply{body: map[string]any{"Status": "Failed", "StatusDetails": "Failed", "ResponseCode": -1}})
	res := f.deploy()
	want(t, res, 1, Failed)
	if why := res.Steps[0].Nodes[0].Why; !strings.Contains(why, "did not end by itself (no exit code)") || strings.Contains(why, "ended with an error") {
		t.Errorf("why = %s", why)
	}
}

func TestInterruptedBetweenSteps(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	cfg := f.config()
	second := cfg.Plan.Stages[0].Steps[0]
	second.Name = "second"
	cfg.Plan.Stages[0].Steps = append(cfg.Plan.Stages[0].Steps, second)
	cfg.Events = func(e Event) {
		if e.Kind == EventStep {
			cancel()
		}
	}
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	if s := res.Steps[1]; res.Exit() != 130 || s.Verdict != NotStarted || !strings.Contains(s.Why, "interrupted") {
		t.Errorf("exit %d, step = %+v", res.Exit(), s)
	}
}

func TestSeveralStatementsAreCalledSo(t *testing.T) {
	t.Parallel()
	for statement, text := range map[string]string{`{"Effect": "Allow"}`: "add the statement to", "{\"Effect\": \"Allow\"},\n{\"Effect\": \"Allow\"}": "add the statements to"} {
		f := newFake(t, "i-00000001")
		f.always("ListCommands", deniedFor("ssm:ListCommands"))
		res := f.deploy(func(c *Config) { c.Explain = func(string, string, string) string { return statement } })
		want(t, res, 4, Refused)
		if !strings.Contains(res.Problem.Hint, text) {
			t.Errorf("hint = %s", res.Problem.Hint)
		}
	}
}

// The first thing that a new user meets.
func TestNoCredentials(t *testing.T) {
	t.Setenv("HOME", t.TempDir())
	for _, name := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	f := newFake(t, "i-00000001")
	cfg := f.config()
	var err error
	if cfg.Send, err = awsclient.Load(t.Context(), awsclient.Options{Region: "eu-west-1", EndpointURL: *cfg.Send.BaseEndpoint}); err != nil {
		t.Fatal(err)
	}
	res, err := Deploy(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 4, Refused)
	p := res.Problem
	if !strings.HasPrefix(p.Message, "no AWS credentials: ") || strings.Contains(p.Message, "IMDS") || !strings.Contains(p.Hint, "id-token: write") ||
		!strings.Contains(p.Hint, "AWS_PROFILE") {
		t.Errorf("problem = %+v", p)
	}
	if len(f.calls) != 0 {
		t.Errorf("calls = %v", f.calls)
	}
}

func TestUnreachableEndpoint(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	cfg := f.config()
	nowhere := "http://127.0.0.1:1"
	cfg.Send.BaseEndpoint = &nowhere
	start := f.clock.now()
	res, err := Deploy(context.Background(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 4, Refused)
	if p := res.Problem; !strings.Contains(p.Message, "no answer from http://127.0.0.1:1") || strings.Contains(p.Message, "credentials") ||
		!strings.Contains(p.Hint, "--endpoint-url") {
		t.Errorf("problem = %+v", p)
	}
	if waited := f.clock.now().Sub(start); waited > 30*time.Second {
		t.Errorf("tried for %s", waited)
	}
}

// One patience for all calls: EC2 is asked again as all others are, and not more often.
func TestDescribeInstancesIsAskedAgainLikeAllOthers(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.first("DescribeInstances", 2, reply{status: 503, code: "RequestLimitExceeded", message: "busy"})
	want(t, f.deploy(), 0, Succeeded)
	if n, told := f.count("DescribeInstances"), len(f.eventsOf(EventNotYet)); n != 3 || told != 2 {
		t.Errorf("asked %d times, told of %d", n, told)
	}
}

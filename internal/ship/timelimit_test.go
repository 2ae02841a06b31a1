package ship

import (
	"context"
	"strings"
	"testing"
	"time"
)

// --timeout ends a deploy as an interrupt does, and the exit code is that of what is known.
func TestTimeLimitCancelsAndTellsTheTruth(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		after   []inv
		verdict Verdict
		exit    int
	}{
		{"cancelled", []inv{{"i-00000001", "Cancelled", "Cancelled"}}, Failed, 1},
		{"it was faster", []inv{{"i-00000001", "Success", "Success"}}, Succeeded, 0},
		{"does not end", []inv{{"i-00000001", "Cancelling", "Cancelling"}}, Unknown, 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, "i-00000001")
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			f.invocations = func(n int) []inv {
				if n > 2 {
					return tt.after
				}
				return f.all("InProgress", "InProgress")
			}
			cfg := f.config()
			var told string
			cfg.Events = func(e Event) {
				switch e.Kind {
				case EventWaiting:
					cancel(&TimeLimit{After: 20 * time.Minute})
				case EventCancel:
					told = e.Message
				}
			}
			res, err := Deploy(ctx, cfg)
			if err != nil {
				t.Fatal(err)
			}
			want(t, res, tt.exit, tt.verdict)
			if f.count("CancelCommand") != 1 || f.count("SendCommand") != 1 {
				t.Errorf("calls = %v", f.calls)
			}
			if !strings.HasPrefix(told, "--timeout 20m0s was over: cancelling command ") {
				t.Errorf("told %q", told)
			}
			switch {
			case tt.verdict == Succeeded && res.Problem != nil:
				t.Errorf("problem of a success: %+v", res.Problem)
			case tt.verdict != Succeeded && (res.Problem == nil || res.Problem.Code != CodeTimeout ||
				!strings.Contains(res.Problem.Message, "--timeout 20m0s was over")):
				t.Errorf("problem = %+v", res.Problem)
			}
		})
	}
}

// Before the send there is nothing to cancel: it is refused, and nothing was sent.
func TestTimeLimitBeforeTheSend(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	ctx, cancel := context.WithCancelCause(context.Background())
	cfg := f.config()
	cfg.Events = func(e Event) {
		if e.Kind == EventDocument {
			cancel(&TimeLimit{After: time.Second})
		}
	}
	res, err := Deploy(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	want(t, res, 4, Refused)
	if f.count("SendCommand") != 0 || res.Problem.Code != CodeTimeout || !strings.Contains(res.Problem.Message, "--timeout 1s was over before") {
		t.Errorf("calls %v, problem %+v", f.calls, res.Problem)
	}
}

// The end of an interrupt is not that of a time limit.
func TestTimeLimitIsNoInterrupt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := &Result{Verdict: Failed, Interrupted: true}
	r.limited(ctx)
	if r.Exit() != 130 || r.Problem != nil {
		t.Errorf("exit %d, problem %+v", r.Exit(), r.Problem)
	}
}

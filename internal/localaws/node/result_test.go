package node

import (
	"strings"
	"testing"
	"unicode/utf8"
)

// TestR108ControlCodes: what the agent makes of the codes that a wrapper must therefore remap.
func TestR108ControlCodes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		exit Exit
		want Status
	}{
		{Exit{Code: 0}, Success},
		{Exit{Code: 1}, Failed},
		{Exit{Code: -1}, Failed},
		{Exit{Code: 137}, TimedOut},
		{Exit{Code: 137, Cancelled: true}, Cancelled},
		{Exit{Code: 168}, Failed}, // until the step turns it,
		{Exit{Code: 169}, Failed},
		{Exit{Code: 194}, Failed},
		{Exit{Code: 3010}, Failed},
	}
	for _, test := range tests {
		if got := statusOf(test.exit); got != test.want {
			t.Errorf("%+v: got %s, want %s", test.exit, got, test.want)
		}
	}
}

func TestAggregate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		steps string
		want  Status
	}{
		{"", Success},
		{"Success Skipped", Success},
		{"Success Cancelled", Cancelled},
		{"Cancelled TimedOut Success", TimedOut},
		{"TimedOut Failed Cancelled", Failed},
	}
	for _, test := range tests {
		var steps []StepResult
		for _, s := range strings.Fields(test.steps) {
			steps = append(steps, StepResult{Status: Status(s)})
		}
		if got := aggregate(steps); got != test.want {
			t.Errorf("%s: got %s, want %s", test.steps, got, test.want)
		}
	}
}

func TestLimit(t *testing.T) {
	t.Parallel()
	if got := limit(strings.Repeat("x", maxStdout-1), maxStdout); len(got) != maxStdout-1 || strings.Contains(got, cutMark) {
		t.Errorf("a text that fits was cut: %d", len(got))
	}
	if got := limit(strings.Repeat("x", maxStdout), maxStdout); len(got) != maxStdout || !strings.HasSuffix(got, cutMark) {
		t.Errorf("the agent cuts what just fits: %d", len(got))
	}
	got := limit(strings.Repeat("ü", maxStdout), maxStdout)
	if len(got) > maxStdout || len(got) < maxStdout-1 || !strings.HasSuffix(got, cutMark) || !utf8.ValidString(got) {
		t.Errorf("got %d bytes, end %q", len(got), got[len(got)-30:])
	}
}

func TestMergeOutput(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("o", 3000)
	tests := map[string]struct {
		stdout, stderr string
		want           []string // in this order
	}{
		"only stdout":   {"out", "", []string{"out"}},
		"both":          {"out\n", "bad", []string{"out\n\n----------ERROR-------\nbad"}},
		"long stdout":   {long, "bad", []string{"ooo", "\n---Output truncated---\n----------ERROR-------\nbad"}},
		"long stderr":   {"out", long, []string{"out\n----------ERROR-------\nooo", "\n---Error truncated----"}},
		"just too long": {strings.Repeat("o", maxOutput), "", []string{"ooo", "\n---Output truncated---"}},
		"both long":     {long, long, []string{"ooo\n---Output truncated---\n----------ERROR-------\nooo", "\n---Error truncated----"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := mergeOutput(test.stdout, test.stderr, maxOutput)
			if len(got) > maxOutput {
				t.Errorf("%d bytes", len(got))
			}
			rest := got
			for _, part := range test.want {
				_, after, ok := strings.Cut(rest, part)
				if !ok {
					t.Fatalf("%q is not in %q", part, got)
				}
				rest = after
			}
			if rest != "" {
				t.Errorf("%q is more than was wanted", rest)
			}
		})
	}
}

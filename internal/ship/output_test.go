package ship

import (
	"strings"
	"testing"
	"time"
)

func TestTail(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text  string
		lines int
		want  string
	}{
		{"", 3, ""}, {"a\nb\nc\n", 2, "b\nc"}, {"a\nb\nc", 5, "a\nb\nc"}, {"a\r\nb\r\n", 1, "b"}, {"a\n\nb\n\n\n", 2, "\nb"}, {"a", 0, ""},
	}
	for _, tt := range tests {
		if got := Tail(tt.text, tt.lines); got != tt.want {
			t.Errorf("Tail(%q, %d) = %q, want %q", tt.text, tt.lines, got, tt.want)
		}
	}
}

func FuzzTail(f *testing.F) {
	f.Add("a\nb\n", 1)
	f.Fuzz(func(t *testing.T, text string, lines int) {
		if lines > 1000 {
			t.Skip()
		}
		got := Tail(text, lines)
		if !strings.HasSuffix(strings.TrimRight(text, "\r\n"), got) || (got != "" && strings.Count(got, "\n") >= lines) {
			t.Errorf("Tail(%q, %d) = %q", text, lines, got)
		}
	})
}

func TestElapsed(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"PT4.5S": 4500 * time.Millisecond, "PT1H2M3S": time.Hour + 2*time.Minute + 3*time.Second,
		"": 0, "P1D": 0, "PTx": 0, "PT-4S": 0, "4s": 0} {
		if got := elapsed(text); got != want {
			t.Errorf("elapsed(%q) = %s, want %s", text, got, want)
		}
	}
}

func TestTruncated(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"fine": false, strings.Repeat("x", stdoutLimit): true, "x\n" + cutMark: true, strings.Repeat("ä", stdoutLimit/2): false} {
		if got := truncated(text, stdoutLimit); got != want {
			t.Errorf("truncated(%.10q…) = %t", text, got)
		}
	}
}

func TestWaves(t *testing.T) {
	t.Parallel()
	tests := []struct {
		limit       string
		nodes, want int
	}{
		{"100%", 3, 1}, {"50%", 3, 3}, {"50%", 4, 2}, {"1", 4, 4}, {"3", 4, 2}, {"", 120, 3}, {"1%", 10, 10}, {"50%", 0, 1}, {"odd", 60, 2},
	}
	for _, tt := range tests {
		if got := waves(tt.limit, tt.nodes); got != tt.want {
			t.Errorf("waves(%q, %d) = %d, want %d", tt.limit, tt.nodes, got, tt.want)
		}
	}
}

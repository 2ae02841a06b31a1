package cli

import (
	"strings"
	"testing"
	"time"
)

// TestLastWords: a program that is ended at once says which deploy it leaves open, for how long the lock is held, and what
// tells of it later.
func TestLastWords(t *testing.T) {
	t.Parallel()
	l := &leaving{}
	if l.shipping() {
		t.Error("nothing is shipped yet")
	}
	said := make(chan string, 1)
	l.begin(func(text string) { said <- text })
	l.holds("20261129T000703Z-0a1b", time.Date(2026, 11, 29, 0, 8, 0, 0, time.UTC), func() string { return "slipway resume --stage dev" })
	l.tell()
	text := <-said
	for _, want := range []string{"deploy 20261129T000703Z-0a1b is left open", "the lock until 2026-11-29 00:08:00 UTC", "slipway resume --stage dev"} {
		if !l.shipping() || !strings.Contains(text, want) {
			t.Errorf("it says %q, want %q in it", text, want)
		}
	}
	l.holds("", time.Time{}, nil)
	if text := l.words(); strings.Contains(text, "left open,") || !strings.Contains(text, "slipway status") {
		t.Errorf("with the lock given back it says %q", text)
	}
	var nobody *leaving // of a command that a test runs
	nobody.begin(nil)
	nobody.holds("", time.Time{}, nil)
}

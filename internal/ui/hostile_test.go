package ui

import (
	"bytes"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

// poison is what a node, the record, or AWS may say in any place.
const poison = "\x1b]0;owned\a\x1b[2J\x1b[8mx\u202e\r::add-mask::a\n::set-env name=PATH::x ##[group]\x9b2J"

// own are the sequences that this package itself writes.
var own = regexp.MustCompile(`\x1b\[(0|1|2|31|32|33)m|\x1b\[\?(25|7|2026)[hl]|\x1b\[[KJA]|\r\n|\r\x1b|^\r`)

// Nothing of any event or result moves the cursor, changes the terminal, or is a command to the runner.
func TestNothingHostileGetsThrough(t *testing.T) {
	t.Parallel()
	kinds := []ship.EventKind{ship.EventIdentity, ship.EventTargets, ship.EventPreflight, ship.EventEarlier, ship.EventDocument, ship.EventBatch,
		ship.EventSent, ship.EventLost, ship.EventNode, ship.EventOutput, ship.EventWaiting, ship.EventNotYet, ship.EventWarning, ship.EventCancel,
		ship.EventPause, ship.EventLock, ship.EventRecord, ship.EventRollback, ship.EventJoined, ship.EventStep}
	for name, o := range map[string]Options{
		"lines": {Color: true}, "GitHub": {GitHub: &GitHub{}}, "JSON": {JSON: true, GitHub: &GitHub{}},
		"terminal": {Color: true, Size: func() (int, int) { return 100, 30 }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			frame := func() {}
			o.Now = func() time.Time { return noon }
			o.Every = func(_ time.Duration, do func()) func() { frame = do; return func() {} }
			u := New(&out, &errs, o)
			end := u.Begin(Subject{App: poison, Version: poison})
			for _, kind := range kinds {
				for _, verdict := range []ship.Verdict{"", ship.Failed, ship.Succeeded} {
					var e ship.Event
					fill(reflect.ValueOf(&e).Elem(), poison, 0)
					e.Kind, e.Verdict, e.Time, e.Until = kind, verdict, noon, noon.Add(time.Minute)
					if verdict == "" {
						e.Node = nil
					}
					u.Event(e)
					frame()
				}
			}
			var r, back ship.Result
			fill(reflect.ValueOf(&r).Elem(), poison, 0)
			fill(reflect.ValueOf(&back).Elem(), poison, 0)
			r.Rollback = &back
			u.Result(&r)
			end()
			hidden := "\x1b\a\r\u202e\u009b"
			if o.JSON { // for programs, which want what was said
				hidden = "\x1b\a\r"
			}
			text := own.ReplaceAllString(out.String()+errs.String(), "\n")
			if at := strings.IndexAny(text, hidden); at >= 0 {
				t.Errorf("%q gets through: …%q", text[at], text[max(0, at-200):min(len(text), at+20)])
			}
			for line := range strings.Lines(text) {
				if line = strings.TrimSpace(line); o.GitHub != nil && (strings.HasPrefix(line, "::add-mask") || strings.HasPrefix(line, "::set-env") || strings.Contains(line, "##[")) {
					t.Errorf("a command of a node's: %.200q", line)
				}
			}
		})
	}
}

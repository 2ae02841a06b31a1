package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

// The lines of rollouts: few nodes have lines of their own, of many only those that failed.
func TestPlainLines(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, nodes := range []int{3, 20} {
		var errs bytes.Buffer
		d := &deployScene{scene: &scene{now: noon, tick: func() {}}, out: &all, verdict: map[string]ship.Verdict{}}
		d.ui = New(&errs, &errs, Options{})
		for i := range nodes {
			d.ids = append(d.ids, nodeID(i))
		}
		d.term = newTerminal(80, 24)
		d.prologue()
		half := nodes / 2
		d.event(time.Second, ship.Event{Kind: ship.EventBatch, Step: "release", Nodes: d.ids[:half], Batch: &ship.Batch{Number: 1, Of: 2, Total: nodes}})
		d.event(0, ship.Event{Kind: ship.EventOutput, Step: "release", Instance: d.ids[0], Message: "one\ntwo\n"})
		for _, id := range d.ids[:half] {
			d.node(time.Second, "release", id, ship.Succeeded)
		}
		d.event(time.Second, ship.Event{Kind: ship.EventPause, Step: "release", Message: "pause of 30s", Until: d.now.Add(31 * time.Second)})
		d.event(30*time.Second, ship.Event{Kind: ship.EventBatch, Step: "release", Nodes: d.ids[half:], Batch: &ship.Batch{Number: 2, Of: 2, Done: half, Total: nodes}})
		d.node(time.Second, "release", d.ids[half], ship.Failed)
		d.event(15*time.Second, ship.Event{Kind: ship.EventWaiting, Step: "release", Counts: map[string]int{"InProgress": nodes - half - 1}})
		d.event(time.Second, ship.Event{Kind: ship.EventStep, Step: "release", Verdict: ship.Failed})
		d.event(time.Second, ship.Event{Kind: ship.EventRollback, Message: "rolling back to v41"})
		d.event(time.Second, ship.Event{Kind: ship.EventLock, Message: "lock released"})
		d.event(time.Second, ship.Event{Kind: ship.EventJoined, Message: "2 nodes joined meanwhile and run the old version: i-8, i-9", Nodes: []string{"i-8", "i-9"}})
		fmt.Fprintf(&all, "── %d nodes\n%s", nodes, errs.String())
	}
	golden(t, "testdata/plain.txt", all.String())
}

// silences gives the longest time without a line, while what happens takes its time.
func silences(t *testing.T, during func(u *UI)) (longest time.Duration, lines string) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w := &timedWriter{last: time.Now()}
		u := New(w, w, Options{}) // with the real clock, which is the bubble's
		end := u.Begin(Subject{App: "shop"})
		during(u)
		end()
		longest, lines = max(w.longest, time.Since(w.last)), w.text.String()
	})
	return longest, lines
}

// timedWriter notes the longest pause between two writes.
type timedWriter struct {
	last    time.Time
	longest time.Duration
	text    strings.Builder
}

func (w *timedWriter) Write(p []byte) (int, error) {
	w.longest = max(w.longest, time.Since(w.last))
	w.last = time.Now()
	return w.text.Write(p)
}

// No line is later than 30 s after the one before, also while a call hangs, a pause lasts, or the lock is waited for.
func TestHeartbeatWithoutEvents(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		events []ship.Event
		want   string
	}{
		"a call hangs":               {[]ship.Event{{Kind: ship.EventIdentity, Message: "arn"}}, "looking before anything is sent; no answer for "},
		"a pause":                    {[]ship.Event{{Kind: ship.EventPause, Step: "release", Message: "pause of 5m0s", Until: time.Date(2000, 1, 1, 0, 5, 0, 0, time.UTC)}}, "pause of 5m0s, 4m45s left"},
		"a lock":                     {[]ship.Event{{Kind: ship.EventLock, Message: "waiting: held by ann"}}, "waiting: held by ann"},
		"a node says nothing":        {[]ship.Event{{Kind: ship.EventNode, Step: "release", Instance: "i-1", Status: "InProgress"}}, "waiting for 1 InProgress"},
		"many nodes say nothing":     {manyRunning(), "0 of 20 nodes done, 20 running"},
		"a call is tried repeatedly": {[]ship.Event{{Kind: ship.EventNode, Step: "release", Instance: "i-1", Status: "InProgress"}, {Kind: ship.EventNotYet, Step: "release", Message: "throttled"}}, "waiting for 1 InProgress; trying again: throttled"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			longest, lines := silences(t, func(u *UI) {
				for _, e := range tt.events {
					e.Time, e.Stage = time.Now(), "prod"
					u.Event(e)
				}
				time.Sleep(5 * time.Minute)
			})
			if longest > 30*time.Second || strings.Count(lines, "\n") < 10 {
				t.Errorf("silent for %s:\n%s", longest, lines)
			}
			if !strings.Contains(lines, tt.want) {
				t.Errorf("no line says %q:\n%s", tt.want, lines)
			}
		})
	}
}

func manyRunning() []ship.Event {
	var events []ship.Event
	for i := range 20 {
		events = append(events, ship.Event{Kind: ship.EventNode, Step: "release", Instance: nodeID(i), Status: "InProgress"})
	}
	return events
}

// After the result nothing more is said, and the end ends the clock: the bubble would not end otherwise.
func TestNoHeartbeatAfterTheResult(t *testing.T) {
	t.Parallel()
	_, lines := silences(t, func(u *UI) {
		u.Event(ship.Event{Time: time.Now(), Kind: ship.EventIdentity, Stage: "prod", Message: "arn"})
		u.Result(&ship.Result{Stage: "prod", Verdict: ship.Succeeded})
		time.Sleep(5 * time.Minute)
	})
	if strings.Count(lines, "\n") != 2 {
		t.Errorf("got %s", lines)
	}
}

// What a script prints and what an error says is shown without secrets, in every form (R119).
func TestR119NothingShowsASecret(t *testing.T) {
	t.Parallel()
	secret := "AKIA" + strings.Repeat("Q3", 8)
	for name, o := range map[string]Options{"text": {}, "JSON": {JSON: true}, "GitHub": {GitHub: &GitHub{}}} {
		text := shown(o, "key "+secret+"\n-----BEGIN PRIVATE KEY-----\nMIIsecret\n")
		if strings.Contains(text, secret) || strings.Contains(text, "MIIsecret") || !strings.Contains(text, "redacted: an AWS access key id") {
			t.Errorf("%s: got %s", name, text)
		}
	}
}

// shown shows text as everything that comes from elsewhere, and a private key that comes in two parts.
func shown(o Options, text string) string {
	var both, summary, outputs bytes.Buffer
	if o.GitHub != nil {
		o.GitHub.Summary, o.GitHub.Outputs = &summary, &outputs
	}
	u := New(&both, &both, o)
	node := ship.NodeResult{InstanceID: "i-1", Verdict: ship.Failed, Why: text, Steps: []ship.ScriptStepResult{{Name: "release", ExitCode: 1, Stdout: text, Stderr: text}}}
	for _, e := range []ship.Event{
		{Kind: ship.EventOutput, Step: "release", Instance: "i-2", Message: text}, {Kind: ship.EventOutput, Step: "release", Instance: "i-2", Message: "MIIsecret\n"},
		{Kind: ship.EventNode, Step: "release", Instance: "i-1", Verdict: ship.Failed, Message: text, Node: &node},
		{Kind: ship.EventWarning, Message: text}, {Kind: ship.EventNotYet, Message: text}, {Kind: ship.EventStep, Step: "release", Verdict: ship.Failed, Message: text},
	} {
		e.Time, e.Stage = noon, "prod"
		u.Event(e)
	}
	u.Note("%s", text)
	u.Warn("%s", text)
	u.Error(fmt.Errorf("%s", text))
	u.Result(&ship.Result{Stage: "prod", Verdict: ship.Failed, Steps: []ship.StepResult{{Name: "release", Why: text, Stopped: text, Verdict: ship.Failed,
		Sends: []ship.SendResult{{Why: text}}, Nodes: []ship.NodeResult{node}}}, Problem: &ship.Problem{Message: text, Hint: text}})
	if node.Why != text {
		return "the result itself was changed"
	}
	return both.String() + summary.String() + outputs.String()
}

// Every text of a result and of an event is redacted, those of fields that are added one day as well, and the original
// stays as it is.
func TestR119RedactionLeavesNoFieldOut(t *testing.T) {
	t.Parallel()
	secret := "AKIA" + strings.Repeat("Q3", 8)
	result, event := &ship.Result{}, ship.Event{}
	filled := fill(reflect.ValueOf(result).Elem(), secret, 0) + fill(reflect.ValueOf(&event).Elem(), secret, 0)
	if filled < 40 {
		t.Fatalf("only %d texts were filled in: the test is broken", filled)
	}
	for name, v := range map[string]any{"result": Redacted(result), "event": (&UI{}).redacted(event)} {
		if text := asJSON(t, v); strings.Contains(text, secret) {
			t.Errorf("a %s keeps a secret: %s", name, text)
		}
	}
	if n := strings.Count(asJSON(t, result)+asJSON(t, event), secret); n != filled {
		t.Errorf("the originals hold %d of %d texts", n, filled)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	body, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// fill sets every text in v, and counts them.
func fill(v reflect.Value, text string, depth int) (count int) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
		return 1
	case reflect.Pointer:
		if v.Type().Elem() == reflect.TypeFor[ship.Result]() && depth > 0 {
			return 0 // the result of a rollback is a result, once
		}
		v.Set(reflect.New(v.Type().Elem()))
		return fill(v.Elem(), text, depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		return fill(v.Index(0), text, depth)
	case reflect.Struct:
		for i := range v.NumField() {
			if tag := v.Type().Field(i).Tag.Get("json"); v.Field(i).CanSet() && tag != "-" {
				count += fill(v.Field(i), text, depth)
			}
		}
	}
	return count
}

// The lock is looked at every second or so; that it is waited for is one line, and then one every half minute, and one on
// a terminal, where the table counts the time.
func TestTheWaitForALockIsAFewLines(t *testing.T) {
	t.Parallel()
	wait := func(u *UI) {
		until := time.Now().Add(5 * time.Minute)
		for range 100 {
			u.Event(ship.Event{Time: time.Now(), Kind: ship.EventLock, Stage: "prod", Message: "waiting: held by ann", Until: until})
			time.Sleep(time.Second)
		}
		u.Event(ship.Event{Time: time.Now(), Kind: ship.EventLock, Stage: "prod", Message: "lock taken for deploy d-1"})
	}
	longest, lines := silences(t, wait)
	if n := strings.Count(lines, "waiting: held by ann"); n != 4 || longest > 30*time.Second || !strings.Contains(lines, "lock taken for deploy d-1") {
		t.Errorf("%d lines, silent for %s:\n%s", n, longest, lines)
	}
	sc := newScene(80, 24, Subject{})
	for range 100 {
		sc.event(time.Second, ship.Event{Kind: ship.EventLock, Message: "waiting: held by ann", Until: noon.Add(5 * time.Minute)})
	}
	sc.wait(time.Second)
	if got := sc.term.picture(); strings.Count(got, "waiting: held by ann") != 2 { // the line, and the table
		t.Errorf("on a terminal:\n%s", got)
	}
}

package ui

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

// heartbeat is how long a deploy may be silent where progress is lines. It is looked at once a second, and half of what
// CI systems and the people before them are promised.
const heartbeat = 15 * time.Second

// Event draws what happens during a deploy: on a terminal as part of the table, elsewhere as a line on stderr, or in JSON
// mode as a document of type "event" on stdout, with the fields of [ship.Event].
func (u *UI) Event(e ship.Event) {
	u.mu.Lock()
	e = u.redacted(e)
	if u.o.JSON {
		u.mu.Unlock()
		u.document("event", e)
		return
	}
	told := u.model.told(e)
	u.model.take(e)
	if u.live {
		u.pending.WriteString(u.permanentText(e))
		u.mu.Unlock()
		return
	}
	text := u.eventText(e, told)
	if text != "" {
		u.lastLine = e.Time
	}
	if u.o.GitHub != nil {
		text = u.github.event(&u.model, e, harmless(text))
	}
	u.mu.Unlock()
	u.raw(u.err, text)
}

// beat is called every second where progress is lines: a deploy is never silent for long, whatever it waits for.
func (u *UI) beat() {
	u.mu.Lock()
	text := ""
	interval := heartbeat
	if !u.lockTold.IsZero() {
		interval = lockEvery
	}
	if now := u.o.Now(); !u.model.began.IsZero() && !u.model.ended && now.Sub(u.lastLine) >= interval {
		u.lastLine = now
		if !u.lockTold.IsZero() {
			u.lockTold = now
		}
		text = u.line(ship.Event{Time: now, Stage: u.model.stage, Step: u.model.step}, u.model.waitingFor(now))
	}
	u.mu.Unlock()
	u.write(u.err, text)
}

// waitingFor says what a deploy waits for now.
func (m *model) waitingFor(now time.Time) string {
	var text string
	switch {
	case !m.until.IsZero() && m.until.After(now):
		text = cmp.Or(oneLine(m.doing), "pause") + ", " + span(m.until.Sub(now)) + " left"
	case m.step == "" && m.waiting == nil:
		text = "looking before anything is sent"
	case m.many():
		text = m.summary()
	case len(m.waiting) > 0:
		text = "waiting for " + counts(m.waiting)
	default:
		text = "waiting for " + counts(m.running())
	}
	if m.trying != "" {
		text += "; trying again: " + oneLine(m.trying)
	}
	if silent := now.Sub(m.heard); silent >= quiet && m.until.Before(now) {
		text += "; no answer for " + span(silent)
	}
	return text
}

// summary is "312 of 500 nodes done, 3 failed, 125 running".
func (m *model) summary() string {
	text := fmt.Sprintf("%d of %s done", m.done(), number(m.total(), "node"))
	for _, p := range []phase{phaseFailed, phaseUnknown, phaseRunning, phaseWaiting} {
		if n := m.counts[p]; n > 0 {
			text += fmt.Sprintf(", %d %s", n, p)
		}
	}
	return text
}

// running counts the nodes that were sent to by Run Command's words.
func (m *model) running() map[string]int {
	by := map[string]int{}
	for _, n := range m.nodes {
		if n.phase == phaseRunning || n.phase == phaseWaiting {
			by[n.status]++
		}
	}
	return by
}

// eventText is an event as lines. told is true of a node whose output was shown while it ran.
func (u *UI) eventText(e ship.Event, told bool) string {
	switch e.Kind {
	case ship.EventWaiting:
		if e.Time.Sub(u.lastLine) < heartbeat {
			return ""
		}
		return u.line(e, u.model.waitingFor(e.Time))
	case ship.EventEarlier:
		if e.Verdict == ship.Succeeded {
			return "" // as everybody expects, once for each command of the last deploy
		}
		return u.line(e, clean(e.Message))
	case ship.EventNode:
		return u.nodeText(e, told)
	case ship.EventOutput:
		if u.model.many() {
			return ""
		}
		return indent("    "+clean(e.Instance)+" | ", shortLines(clean(strings.TrimRight(e.Message, "\r\n"))))
	case ship.EventBatch:
		return u.batchLine(e)
	case ship.EventStep:
		return u.stepText(e)
	case ship.EventWarning:
		return u.line(e, u.paint(yellow, "warning: ")+clean(e.Message))
	case ship.EventNotYet:
		return u.line(e, u.paint(faint, "trying again: "+clean(e.Message)))
	case ship.EventIdentity:
		return u.line(e, "as "+clean(e.Message))
	case ship.EventPause:
		text := untilText(e)
		if u.model.many() {
			text += "; " + u.model.summary()
		}
		return u.line(e, text)
	case ship.EventLock:
		return u.lockLine(e)
	}
	return u.line(e, clean(e.Message))
}

// lockEvery is how often it is said that the lock is waited for: it is looked at far more often.
const lockEvery = 30 * time.Second

// waitsForLock is true of the events that come while somebody else has the lock.
func waitsForLock(e ship.Event) bool { return e.Kind == ship.EventLock && !e.Until.IsZero() }

// lockLine is said once at first, and then now and then; where there is a table it counts the time itself.
func (u *UI) lockLine(e ship.Event) string {
	if !waitsForLock(e) {
		u.lockTold = time.Time{}
		return u.line(e, untilText(e))
	}
	if !u.lockTold.IsZero() && (u.live || e.Time.Sub(u.lockTold) < lockEvery) {
		return ""
	}
	u.lockTold = e.Time
	return u.line(e, untilText(e))
}

// line is one event as a line: time, where, what.
func (u *UI) line(e ship.Event, text string) string {
	return u.paint(faint, e.Time.Format("15:04:05")) + " " + oneLine(where(e)) + "  " + text + "\n"
}

// untilText is a message with the time at which what it says ends.
func untilText(e ship.Event) string {
	text := cmp.Or(clean(e.Message), string(e.Kind))
	if clock := e.Until.Format("15:04:05"); !e.Until.IsZero() && !strings.Contains(text, clock) {
		text += ", until " + clock
	}
	return text
}

// batchLine is "batch 2/3: 5 nodes: i-1, i-2, …, 3 of 20 nodes done".
func (u *UI) batchLine(e ship.Event) string {
	if e.Batch == nil {
		return u.line(e, clean(e.Message))
	}
	text := batchText(e.Batch.Number, e.Batch.Of, len(e.Nodes), e.Batch.Check)
	if n := len(e.Nodes); n > 0 && n <= foldAbove && !u.model.many() {
		text += ": " + clean(strings.Join(e.Nodes, ", "))
	}
	if e.Batch.Done > 0 {
		text += fmt.Sprintf(" (%d of %d done)", e.Batch.Done, e.Batch.Total)
	}
	return u.line(e, u.paint(bold, text))
}

func (u *UI) stepText(e ship.Event) string {
	text := "step " + u.verdict(e.Verdict)
	if u.model.many() {
		text += ": " + u.model.summary()
	}
	if e.Message != "" {
		text += ": " + clean(e.Message)
	}
	return u.line(e, text)
}

func (u *UI) nodeText(e ship.Event, told bool) string {
	folded := u.model.many()
	switch {
	case e.Node == nil && folded, folded && e.Verdict == ship.Succeeded:
		return ""
	case e.Node == nil && e.Verdict == "":
		return u.line(e, clean(e.Instance)+" "+clean(e.Message))
	}
	text := clean(e.Instance) + " " + u.verdict(e.Verdict)
	if e.Node == nil {
		return u.line(e, strings.TrimSuffix(text+": "+clean(e.Message), ": "))
	}
	if e.Node.Why != "" {
		text += ": " + clean(e.Node.Why)
	}
	if told && e.Verdict == ship.Succeeded || folded && u.model.failures[e.Node.Why] > shownAlike {
		return u.line(e, text)
	}
	return u.line(e, text) + u.output(e.Node)
}

// told is true of a node's verdict where its output was shown as it came.
func (m *model) told(e ship.Event) bool {
	n := m.nodes[e.Instance]
	return e.Kind == ship.EventNode && n != nil && n.step == e.Step && n.told
}

// permanentText is what stands above the table, and stays: what a person must not miss.
func (u *UI) permanentText(e ship.Event) string {
	switch e.Kind {
	case ship.EventNode:
		if e.Verdict == "" || e.Verdict == ship.Succeeded || e.Verdict == ship.NotStarted {
			return ""
		}
		return u.nodeText(e, false)
	case ship.EventStep, ship.EventWarning, ship.EventLost, ship.EventEarlier, ship.EventCancel, ship.EventLock,
		ship.EventRollback, ship.EventJoined, ship.EventIdentity:
		return u.eventText(e, false)
	}
	return ""
}

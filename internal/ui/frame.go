package ui

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// look is how a frame is drawn: in so many columns and rows, at a time.
type look struct {
	columns, rows int
	now           time.Time
	interrupted   string // what the user's Ctrl-C brought about; empty without one
	paint         func(color, string) string
}

// frame draws the model: at most rows-1 lines, so that one is left for what comes above.
func (m *model) frame(l look) []string {
	lines := append(make([]string, 0, l.rows), m.headLine(l), m.stepLine(l))
	if text := m.statusLine(l); text != "" {
		lines = append(lines, text)
	}
	room := l.rows - 1 - len(lines)
	if len(m.nodes) > 0 && room >= 2 {
		lines = append(lines, m.table(l, room)...)
	}
	return lines[:min(len(lines), max(1, l.rows-1))]
}

// Widths of the bar; a narrower one says nothing.
const (
	narrowestBar = 8
	widestBar    = 40
)

// headLine is "shop/prod  v42  2m13s  ████░░░░  312 of 500 nodes  3 failed".
func (m *model) headLine(l look) string {
	name := m.stage
	if m.subject.App != "" {
		name = m.subject.App + "/" + m.stage
	}
	left := clean(name)
	if version := cmp.Or(m.version, m.subject.Version); version != "" {
		left += "  " + cut(oneLine(version), 24)
	}
	left += "  " + span(l.now.Sub(m.began))
	right, bad := m.tally()
	const gap = 2
	width := l.columns - columns(left) - columns(right) - 2*gap
	if bad != "" {
		width -= columns(bad) + gap
	}
	width = min(widestBar, width)
	text := l.paint(bold, cut(left, l.columns))
	if width >= narrowestBar {
		text += "  " + m.bar(width, l.paint)
	}
	if rest := l.columns - columns(plainText(text)) - gap; right != "" && rest >= len("1 of 1") {
		text += "  " + cut(right, rest)
		if rest -= columns(right) + gap; bad != "" && rest >= columns(bad) {
			text += "  " + l.paint(red, bad)
		}
	}
	return text
}

// tally is how many nodes are done, and how many of them did not succeed.
func (m *model) tally() (done, bad string) {
	if m.step == "" {
		if n := len(m.targets); n > 0 {
			return number(n, "node"), ""
		}
		return "", ""
	}
	if total := m.total(); total > 0 {
		done = fmt.Sprintf("%d of %s", m.done(), number(total, "node"))
	}
	var parts []string
	for _, p := range []phase{phaseFailed, phaseUnknown} {
		if n := m.counts[p]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, p))
		}
	}
	return done, strings.Join(parts, ", ")
}

func (m *model) bar(width int, paint func(color, string) string) string {
	full := min(width, int(m.progress()*float64(width)+0.5))
	c := green
	if m.counts[phaseFailed] > 0 {
		c = red
	} else if m.counts[phaseUnknown] > 0 {
		c = yellow
	}
	return paint(c, strings.Repeat("█", full)) + paint(faint, strings.Repeat("░", width-full))
}

// stepLine is "step 2 of 3: release · batch 2 of 3: 125 nodes · command ebe76b7d-…".
func (m *model) stepLine(l look) string {
	if m.step == "" {
		return cut(cmp.Or(oneLine(m.doing), "looking before anything is sent"), l.columns)
	}
	text := "step " + clean(m.step)
	if n, of := m.stepNumber(); n > 0 && of > 1 {
		text = fmt.Sprintf("step %d of %d: %s", n, of, clean(m.step))
	}
	if m.rollback {
		text = "rolling back · " + text
	}
	if b := m.batch; b != nil {
		text += " · " + batchText(b.Number, b.Of, m.batchSize, b.Check)
	}
	if m.command != "" {
		text += " · command " + clean(m.command)
	}
	return cut(text, l.columns)
}

// batchText is "batch 2/3: 5 nodes".
func batchText(n, of, nodes int, check bool) string {
	text := "batch " + strconv.Itoa(n)
	if of > 0 {
		text += "/" + strconv.Itoa(of)
	}
	if nodes > 0 {
		text += ": " + number(nodes, "node")
	}
	if check {
		text += ", checked once more"
	}
	return text
}

// statusLine is what is out of the ordinary: an interruption, a pause, a call that is repeated.
func (m *model) statusLine(l look) string {
	switch {
	case l.interrupted != "":
		return l.paint(yellow, cut("interrupted: "+l.interrupted, l.columns))
	case m.step != "" && m.doing != "":
		text := oneLine(m.doing)
		if left := m.until.Sub(l.now); !m.until.IsZero() && left > 0 {
			text = cut(text, max(narrowestBar, l.columns-len(", 99m99s left"))) + ", " + span(left) + " left"
		}
		return l.paint(bold, cut(text, l.columns))
	case m.trying != "":
		return l.paint(faint, cut("trying again: "+oneLine(m.trying), l.columns))
	case l.now.Sub(m.heard) >= quiet:
		return l.paint(faint, cut("no answer for "+span(l.now.Sub(m.heard)), l.columns))
	}
	return ""
}

// quiet is how long no event may come before a person is told.
const quiet = 20 * time.Second

// span writes a duration as people do: 7s, 2m13s, 1h02m.
func span(d time.Duration) string {
	d = max(0, d).Truncate(time.Second)
	h, m, s := int(d.Hours()), int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case h > 0:
		return fmt.Sprintf("%dh%02dm", h, m)
	case m > 0:
		return fmt.Sprintf("%dm%02ds", m, s)
	}
	return strconv.Itoa(s) + "s"
}

// String is the phase's word.
func (p phase) String() string {
	return [phases]string{"failed", "unknown", "running", "waiting", "succeeded", "not started"}[p]
}

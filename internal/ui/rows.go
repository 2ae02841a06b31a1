package ui

import (
	"fmt"
	"strings"
	"time"
)

// columnsOf are the widths of a row's cells; 0 leaves one out. The last line of output takes what is left.
type columnsOf struct{ id, status, script, elapsed, line int }

// Widths of cells. An id is i- or mi- and 17 digits.
const (
	widestID     = 20
	widestStatus = 11
	widestScript = 10
	leastLine    = 12
	mark         = 2
)

// arrange gives a row's cells their widths: what a person needs least goes first.
func arrange(nodes []*nodeState, l look) columnsOf {
	c := columnsOf{id: len("NODE"), status: len("STATUS"), elapsed: len("TIME")}
	for _, n := range nodes {
		c.id = min(widestID, max(c.id, columns(n.id)))
		c.status = min(widestStatus, max(c.status, columns(n.status)))
		c.script = min(widestScript, max(c.script, columns(n.script)))
		c.elapsed = max(c.elapsed, len(n.elapsed(l.now)))
	}
	if c.script > 0 {
		c.script = max(c.script, len("STEP"))
	}
	rest := func() int {
		left := l.columns - mark - c.id - columnGap - c.status - columnGap - c.elapsed - columnGap
		if c.script > 0 {
			left -= c.script + columnGap
		}
		return left
	}
	if rest() < leastLine {
		c.script = 0
	}
	if rest() < -columnGap {
		c.elapsed = 0
	}
	if c.line = rest(); c.line < leastLine {
		c.line = 0
	}
	return c
}

// table draws the nodes in so many lines: a header, rows, and a line about the rest.
func (m *model) table(l look, room int) []string {
	nodes := m.shown(room - 1)
	if len(nodes) < len(m.nodes) || len(nodes) < m.total() {
		nodes = m.shown(room - 2) // the last line is about those that are not shown
	}
	lines := make([]string, 0, room)
	c := arrange(nodes, l)
	if len(nodes) > 0 {
		lines = append(lines, l.paint(faint, cut(c.row("  ", "NODE", "STATUS", "STEP", "TIME", m.lineTitle()), l.columns)))
	}
	for _, n := range nodes {
		lines = append(lines, nodeRow(n, c, l))
	}
	if rest := m.rest(nodes); rest != "" {
		lines = append(lines, l.paint(faint, cut("… "+rest, l.columns)))
	}
	return lines
}

// row puts cells next to each other.
func (c columnsOf) row(marker, id, status, script, elapsed, line string) string {
	var b strings.Builder
	b.WriteString(marker)
	b.WriteString(padded(id, c.id))
	b.WriteString("  " + padded(status, c.status))
	if c.script > 0 {
		b.WriteString("  " + padded(script, c.script))
	}
	if c.elapsed > 0 {
		b.WriteString("  " + strings.Repeat(" ", max(0, c.elapsed-len(elapsed))) + elapsed)
	}
	if c.line > 0 {
		b.WriteString("  " + cut(line, c.line))
	}
	return strings.TrimRight(b.String(), " ")
}

// marks and colours of the phases.
var marks = [phases]struct {
	text  string
	color color
}{{"✗ ", red}, {"? ", yellow}, {"● ", bold}, {"○ ", faint}, {"✓ ", green}, {"· ", faint}}

func nodeRow(n *nodeState, c columnsOf, l look) string {
	k := marks[n.phase]
	row := cut(c.row("", oneLine(n.id), oneLine(n.status), oneLine(n.script), n.elapsed(l.now), n.line), l.columns-mark)
	if n.phase == phaseRunning || n.phase == phaseWaiting {
		return l.paint(k.color, k.text) + row
	}
	return l.paint(k.color, k.text+row)
}

// elapsed is how long the node has been running, or ran.
func (n *nodeState) elapsed(now time.Time) string {
	switch {
	case n.began.IsZero():
		return ""
	case n.ended.IsZero():
		return span(now.Sub(n.began))
	}
	return span(n.ended.Sub(n.began))
}

// rest counts the nodes that are not among those shown: "12 more running, 412 not started, 80 succeeded".
func (m *model) rest(shown []*nodeState) string {
	left := m.counts
	left[phaseNotStarted] = m.notStarted()
	for _, n := range shown {
		left[n.phase]--
	}
	var parts []string
	for _, p := range []phase{phaseFailed, phaseUnknown, phaseRunning, phaseWaiting, phaseNotStarted, phaseSucceeded} {
		switch n := left[p]; {
		case n <= 0:
		case p <= phaseWaiting:
			parts = append(parts, fmt.Sprintf("%d more %s", n, p))
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, p))
		}
	}
	return strings.Join(parts, ", ")
}

// frameEvery is the shortest time between two frames.
const frameEvery = 100 * time.Millisecond

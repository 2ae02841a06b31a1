package ui

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

const (
	// heartbeat is how long a deploy may be silent. With ticks of at most 15 s a line comes at least every 30 s.
	heartbeat = 15 * time.Second
	// Lines of a script's output that are shown: what a node answered, and what it says when it failed.
	answerLines  = 3
	failureLines = 20
	// longestLine is how much of one line of a script's output is shown.
	longestLine = 500
)

// Event draws what happens during a deploy: a line on stderr, or in JSON mode a document of type "event" on stdout,
// with the fields of [ship.Event].
func (u *UI) Event(e ship.Event) {
	if u.o.JSON {
		u.document("event", e)
		return
	}
	text := u.eventText(e)
	if text == "" {
		return
	}
	u.mu.Lock()
	u.lastLine = e.Time
	u.mu.Unlock()
	u.write(u.err, text)
}

func (u *UI) eventText(e ship.Event) string {
	switch e.Kind {
	case ship.EventWaiting:
		u.mu.Lock()
		silent := e.Time.Sub(u.lastLine)
		u.mu.Unlock()
		if silent < heartbeat {
			return ""
		}
		return u.line(e, "waiting for "+counts(e.Counts))
	case ship.EventNode:
		return u.nodeText(e)
	case ship.EventStep:
		text := "step " + u.verdict(e.Verdict)
		if e.Message != "" {
			text += ": " + clean(e.Message)
		}
		return u.line(e, text)
	case ship.EventWarning:
		return u.line(e, u.paint(yellow, "warning: ")+clean(e.Message))
	case ship.EventNotYet:
		return u.line(e, u.paint(faint, "trying again: "+clean(e.Message)))
	case ship.EventIdentity:
		return u.line(e, "as "+clean(e.Message))
	}
	return u.line(e, clean(e.Message))
}

// line is one event as a line: time, where, what.
func (u *UI) line(e ship.Event, text string) string {
	where := e.Stage
	if e.Step != "" {
		where += "/" + e.Step
	}
	return u.paint(faint, e.Time.Format("15:04:05")) + " " + where + "  " + text + "\n"
}

func (u *UI) nodeText(e ship.Event) string {
	if e.Node == nil {
		return u.line(e, e.Instance+" "+clean(e.Message))
	}
	text := e.Instance + " " + u.verdict(e.Verdict)
	if e.Node.Why != "" {
		text += ": " + clean(e.Node.Why)
	}
	return u.line(e, text) + u.output(e.Node)
}

// output shows the end of what each script of a node wrote: more of it where something went wrong.
func (u *UI) output(n *ship.NodeResult) string {
	lines := answerLines
	if n.Verdict != ship.Succeeded {
		lines = failureLines
	}
	var b strings.Builder
	for _, s := range n.Steps {
		for _, stream := range []struct{ name, text string }{{"", s.Stdout}, {" (stderr)", s.Stderr}} {
			tail := ship.Tail(stream.text, lines)
			if strings.TrimSpace(tail) == "" || (stream.name != "" && n.Verdict == ship.Succeeded) {
				continue
			}
			prefix := "    " + s.Name + stream.name + " | "
			if more := countLines(stream.text) - countLines(tail); more > 0 {
				b.WriteString(prefix + "… " + number(more, "line") + " before these\n")
			}
			b.WriteString(indent(prefix, shortLines(clean(tail))))
		}
		if s.Truncated && n.Verdict != ship.Succeeded {
			b.WriteString("    " + s.Name + ": Run Command cut the output off at 24,000 characters (stderr at 8,000): its end is missing\n")
		}
	}
	return b.String()
}

// countLines counts the lines of text as ship.Tail does.
func countLines(text string) int { return strings.Count(strings.TrimRight(text, "\r\n"), "\n") + 1 }

// shortLines bounds every line of text.
func shortLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if runes := []rune(line); len(runes) > longestLine {
			lines[i] = string(runes[:longestLine]) + "… " + number(len(runes)-longestLine, "more character")
		}
	}
	return strings.Join(lines, "\n")
}

func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func (u *UI) verdict(v ship.Verdict) string {
	switch v {
	case ship.Succeeded:
		return u.paint(green, string(v))
	case ship.Failed, ship.Refused:
		return u.paint(red, string(v))
	}
	return u.paint(yellow, string(v))
}

// counts writes "1 Pending, 2 InProgress" in a stable order.
func counts(byStatus map[string]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		parts = append(parts, strconv.Itoa(byStatus[status])+" "+clean(status))
	}
	if len(parts) == 0 {
		return "the first node"
	}
	return strings.Join(parts, ", ")
}

// Result draws the outcome: a table of the nodes on stdout, what went wrong and what would help on stderr. In JSON
// mode it is one document of type "result" with the fields of [ship.Result] and "exit".
func (u *UI) Result(r *ship.Result) {
	if u.o.JSON {
		u.document("result", struct {
			*ship.Result
			Exit int `json:"exit"`
		}{r, r.Exit()})
		return
	}
	u.nodesTable(r)
	for i := range r.Steps {
		u.explain(&r.Steps[i], r.Problem)
	}
	if r.Problem != nil {
		u.problem(r.Problem)
	}
	for i := range r.Steps {
		u.resume(&r.Steps[i], r.Problem)
	}
	text := "stage " + r.Stage + ": " + u.verdict(r.Verdict)
	if r.Verdict == ship.Refused {
		text += ", nothing was sent"
	}
	if r.Interrupted {
		text += " (interrupted)"
	}
	u.Note("%s", text)
}

// explain says why a step and its nodes did not succeed, where the problem does not say it.
func (u *UI) explain(s *ship.StepResult, p *ship.Problem) {
	if s.Why != "" && (p == nil || s.Why != p.Message) {
		u.Note("step %s: %s", s.Name, clean(s.Why))
	}
	for _, n := range s.Nodes {
		if n.Verdict != ship.Succeeded && n.Why != "" {
			u.Note("%s %s: %s", n.InstanceID, u.verdict(n.Verdict), clean(n.Why))
		}
	}
}

// resume says how to find out later what became of a step that is unknown, where the problem's hint does not say it.
func (u *UI) resume(s *ship.StepResult, p *ship.Problem) {
	says := func(text string) bool { return p != nil && strings.Contains(p.Hint, text) }
	switch {
	case s.Resume != "" && !says(s.Resume):
		u.Note("%scommand %s, step %s, is unknown: %s tells the truth later, without sending again", u.paint(bold, "hint: "), s.CommandID, s.Name, s.Resume)
	case s.CannotResume != "" && !says(s.CannotResume):
		u.Note("command %s, step %s, is unknown: %s", s.CommandID, s.Name, s.CannotResume)
	}
}

func (u *UI) nodesTable(r *ship.Result) {
	var rows [][]string
	for _, s := range r.Steps {
		for _, n := range s.Nodes {
			status := n.StatusDetails
			if status == "" {
				status = n.Status
			}
			rows = append(rows, []string{s.Name, n.InstanceID, string(n.Verdict), dash(status), dash(exits(n)), s.CommandID})
		}
		if len(s.Nodes) == 0 {
			rows = append(rows, []string{s.Name, "-", string(s.Verdict), "-", "-", dash(s.CommandID)})
		}
	}
	if len(rows) == 0 {
		return
	}
	const verdictColumn = 2
	u.write(u.out, u.table([]string{"STEP", "NODE", "VERDICT", "STATUS", "EXIT", "COMMAND"}, rows, func(column int, cell string) string {
		if column != verdictColumn {
			return cell
		}
		return u.verdict(ship.Verdict(cell)) // painted after padding was counted: colour takes no columns
	}))
}

// exits are the exit codes of a node's scripts in order.
func exits(n ship.NodeResult) string {
	var codes []string
	for _, s := range n.Steps {
		codes = append(codes, strconv.Itoa(s.ExitCode))
	}
	return strings.Join(codes, ",")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// problem explains what ended a deploy: which call, by whom, on what, and the statement that is missing.
func (u *UI) problem(p *ship.Problem) {
	var b strings.Builder
	b.WriteString(u.paint(red, "problem: ") + clean(p.Message) + "\n")
	for _, f := range []struct{ name, value string }{
		{"api", p.API}, {"principal", p.Principal}, {"action", p.Action}, {"resource", p.Resource}, {"command", p.CommandID},
	} {
		if f.value != "" {
			fmt.Fprintf(&b, "  %-10s %s\n", f.name, clean(f.value))
		}
	}
	if p.Statement != "" {
		what := "statement"
		if strings.Count(p.Statement, `"Effect"`) > 1 {
			what += "s"
		}
		b.WriteString("the " + what + " to add to the principal's policies:\n" + indent("  ", clean(p.Statement)))
	}
	if p.Hint != "" {
		b.WriteString(u.paint(bold, "hint: ") + clean(p.Hint) + "\n")
	}
	u.write(u.err, b.String())
}

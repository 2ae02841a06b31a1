package ui

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/ship"
)

// Result draws the outcome: a table of the nodes on stdout, what went wrong and what would help on stderr. In JSON
// mode it is one document of type "result" with the fields of [ship.Result] and "exit".
//
// In a job of GitHub Actions the outputs and the summary are written as well.
func (u *UI) Result(r *ship.Result) {
	r = Redacted(r)
	u.flush()
	u.forGitHub(r)
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
	for _, t := range r.Tests {
		if t.Why != "" && (r.Problem == nil || t.Why != r.Problem.Message) {
			u.note("step %s: %s", clean(t.Name), clean(t.Why))
		}
	}
	if r.Problem != nil {
		u.problem(r.Problem)
	}
	for i := range r.Steps {
		u.resume(&r.Steps[i], r.Problem)
	}
	u.rolledBack(r.Rollback)
	text := "stage " + clean(r.Stage) + ": "
	if back := rollbackOf(r); back != "" {
		text += clean(back) + ": "
	}
	text += u.verdict(r.Verdict)
	if r.Detached {
		text = "stage " + clean(r.Stage) + ": sent, and left; the verdict is still unknown"
	}
	if r.Verdict == ship.Refused {
		text += ", nothing was sent"
	}
	if r.UpToDate {
		text += ", no node is outdated: nothing was sent"
	}
	if r.Interrupted {
		text += " (interrupted)"
	}
	if r.Rollback != nil && r.Rollback.Verdict == ship.Succeeded {
		text += ", and rolled back"
	}
	if r.Record != nil && r.Record.Problem != "" {
		u.Warn("the record is not complete: %s", r.Record.Problem)
	}
	u.note("%s", text)
}

// NotReached says that a stage was not come to, because one before it did not succeed. In JSON mode it is a document of type
// "not started".
func (u *UI) NotReached(stage string) {
	u.flush()
	if u.o.JSON {
		u.document("not started", map[string]any{"stage": stage})
		return
	}
	u.note("stage %s: %s, because a stage before it did not succeed", clean(stage), u.verdict(ship.NotStarted))
}

// explain says why a step and its nodes did not succeed, where the problem does not say it. What is true of many nodes is
// said once.
func (u *UI) explain(s *ship.StepResult, p *ship.Problem) {
	if s.Why != "" && (p == nil || s.Why != p.Message) {
		u.note("step %s: %s", clean(s.Name), clean(s.Why))
	}
	if s.Stopped != "" && s.Stopped != s.Why && (p == nil || s.Stopped != p.Message) {
		u.note("step %s: no more nodes were begun: %s", s.Name, clean(s.Stopped))
	}
	reasons, nodes := whys(s)
	for _, why := range reasons {
		who := nodes[why]
		verdict := u.verdict(why.verdict)
		if len(who) <= foldAbove {
			for _, id := range who {
				u.note("%s %s: %s", clean(id), verdict, clean(why.text))
			}
			continue
		}
		u.note("%d nodes %s: %s: %s, …", len(who), verdict, clean(why.text), clean(strings.Join(who[:3], ", ")))
	}
}

// reason is a verdict with its explanation.
type reason struct {
	verdict ship.Verdict
	text    string
}

// whys are the reasons of the nodes that did not succeed, in the order in which they come first, and whose they are.
func whys(s *ship.StepResult) (reasons []reason, nodes map[reason][]string) {
	nodes = map[reason][]string{}
	for _, n := range s.Nodes {
		if n.Verdict == ship.Succeeded || n.Why == "" {
			continue
		}
		why := reason{n.Verdict, n.Why}
		if nodes[why] == nil {
			reasons = append(reasons, why)
		}
		nodes[why] = append(nodes[why], n.InstanceID)
	}
	return reasons, nodes
}

// resume says how to find out later what became of a step that is unknown, where the problem's hint does not say it.
func (u *UI) resume(s *ship.StepResult, p *ship.Problem) {
	says := func(text string) bool { return p != nil && strings.Contains(p.Hint, text) }
	switch {
	case s.Resume != "" && !says(s.Resume):
		u.note("%scommand %s, step %s, is unknown: %s tells the truth later, without sending again", u.paint(bold, "hint: "), clean(s.CommandID), clean(s.Name), clean(s.Resume))
	case s.CannotResume != "" && !says(s.CannotResume):
		u.note("command %s, step %s, is unknown: %s", clean(s.CommandID), clean(s.Name), clean(s.CannotResume))
	}
}

// nodesTable has a row a node; where there are many, those that succeeded alike share one.
func (u *UI) nodesTable(r *ship.Result) {
	var rows [][]string
	for i := range r.Steps {
		rows = append(rows, stepRows(&r.Steps[i])...)
	}
	for _, t := range r.Tests {
		rows = append(rows, testRow(t))
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

// testRow is the row of a test, which runs on no node.
func testRow(t ship.TestResult) []string {
	return []string{t.Name, "(test)", string(t.Verdict), "-", "-", "-"}
}

// stepRows are the rows of a step: alike ones folded where there are more than foldAbove, what went wrong after them.
func stepRows(s *ship.StepResult) [][]string {
	if len(s.Nodes) == 0 {
		return [][]string{{s.Name, "-", string(s.Verdict), "-", "-", dash(s.CommandID)}}
	}
	var folded, rows [][]string
	alike := map[string]*alikeNodes{}
	for _, n := range s.Nodes {
		row := []string{s.Name, n.InstanceID, string(n.Verdict), dash(cmp.Or(n.StatusDetails, n.Status)), dash(exits(n)), dash(commandOf(s, n))}
		if len(s.Nodes) <= foldAbove || n.Verdict != ship.Succeeded && n.Verdict != ship.NotStarted {
			rows = append(rows, row)
			continue
		}
		key := strings.Join(row[2:5], "\x00")
		if alike[key] == nil {
			alike[key] = &alikeNodes{row: row, commands: map[string]bool{}}
			folded = append(folded, row)
		}
		alike[key].count++
		alike[key].commands[row[5]] = true
	}
	for _, a := range alike {
		a.fold()
	}
	return append(folded, rows...)
}

// commandOf is the command that reached a node; none did one that was not started.
func commandOf(s *ship.StepResult, n ship.NodeResult) string {
	if n.Verdict == ship.NotStarted {
		return n.CommandID
	}
	return cmp.Or(n.CommandID, s.CommandID)
}

// alikeNodes are nodes that one row tells everything about.
type alikeNodes struct {
	row      []string
	count    int
	commands map[string]bool
}

// fold makes the first node's row the row of all.
func (a *alikeNodes) fold() {
	if a.count == 1 {
		return
	}
	a.row[1] = number(a.count, "node")
	if n := len(a.commands); n > 1 {
		a.row[5] = number(n, "command")
	}
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

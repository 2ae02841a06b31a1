package ui

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/ship"
)

// Problem explains on stderr what went wrong: which call, by whom, on what, and the statement that is missing.
func (u *UI) Problem(p *ship.Problem) { u.problem(p) }

// moment is a time for people: to the second, in UTC, as the records have it.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// standing paints how things are.
func (u *UI) standing(s record.Standing) string {
	switch s {
	case record.StandingCurrent:
		return u.paint(green, string(s))
	case record.StandingFailed:
		return u.paint(red, string(s))
	}
	return u.paint(yellow, string(s))
}

// Survey draws what a stage runs, on stdout.
func (u *UI) Survey(v *record.Survey) {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s", u.paint(bold, "stage "+v.Stage), u.standing(v.Standing))
	if v.Current != nil {
		fmt.Fprintf(&b, "  %s, since %s UTC (%s)", clean(v.Version), moment(v.Current.Ended), who(v.Current))
	}
	b.WriteByte('\n')
	for _, why := range v.Why {
		b.WriteString("  " + clean(why) + "\n")
	}
	if v.Lock.Held {
		b.WriteString("  " + clean(lockText(v.Lock)) + "\n")
	}
	u.write(u.out, b.String())
	if len(v.Nodes) > 0 {
		u.surveyNodes(v.Nodes)
	}
}

func (u *UI) surveyNodes(nodes []record.NodeView) {
	rows := make([][]string, len(nodes))
	for i, n := range nodes {
		rows[i] = []string{n.ID, string(n.Standing), dash(n.Version), moment(n.Since), dash(n.State), dash(n.Verdict), n.Why}
	}
	const standingColumn, verdictColumn = 1, 5
	u.write(u.out, u.table([]string{"NODE", "STANDING", "VERSION", "SINCE (UTC)", "INSTANCE", "LAST DEPLOY", "WHY"}, foldRows(rows), func(column int, cell string) string {
		switch {
		case column == standingColumn:
			return u.standing(record.Standing(cell))
		case column == verdictColumn && cell != "-":
			return u.verdict(ship.Verdict(cell))
		}
		return cell
	}))
}

// foldRows makes one row of more than foldAbove nodes that are alike in all but their names, which are in the first
// column. The rarest come first: they are what is looked for.
func foldRows(rows [][]string) [][]string {
	alike := map[string][][]string{}
	var order []string
	for _, row := range rows {
		key := strings.Join(row[1:], "\x00")
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], row)
	}
	slices.SortStableFunc(order, func(a, b string) int {
		return cmp.Compare(max(len(alike[a]), foldAbove), max(len(alike[b]), foldAbove))
	})
	var out [][]string
	for _, key := range order {
		group := alike[key]
		if len(group) > foldAbove {
			group = [][]string{append([]string{number(len(group), "node")}, group[0][1:]...)}
		}
		out = append(out, group...)
	}
	return out
}

// who is by whom a deploy was shipped, and why.
func who(s *record.Summary) string {
	text := "deploy " + s.ID
	if s.Kind == record.KindRollback {
		text = "rollback " + s.ID
	}
	if s.Actor != "" {
		text += " by " + s.Actor
	}
	return clean(text)
}

// lockText says how the lock of a stage is, in one sentence.
func lockText(l record.LockView) string {
	if !l.Held {
		return "not locked"
	}
	text := fmt.Sprintf("locked by %s since %s UTC", l.Owner, moment(l.Since))
	if l.Owner.Reason != "" {
		text += ": " + l.Owner.Reason
	}
	if l.Expired {
		return text + "; its holder has let it expire, and everybody may take it"
	}
	if l.Left {
		return text + "; its slipway sent, and left: nobody renews it, and it is held until " + moment(l.Until) + " UTC, or until slipway resume takes it up"
	}
	if l.Owner.Deploy != "" {
		return text + "; held until " + moment(l.Until) + " UTC, and renewed while that slipway lives"
	}
	return text + "; held until " + moment(l.Until) + " UTC"
}

// Lock draws the lock of a stage, on stdout.
func (u *UI) Lock(stage string, l record.LockView) {
	u.write(u.out, "stage "+stage+"  "+clean(lockText(l))+"\n")
}

// History draws deploys, the newest first, on stdout.
func (u *UI) History(deploys []*record.Summary) {
	rows := make([][]string, len(deploys))
	for i, d := range deploys {
		rows[i] = []string{d.Stage, d.ID, string(d.Kind), d.Version, dash(short(d.Commit)), dash(d.Actor), moment(d.Began),
			took(d.Began, d.Ended), outcomeOf(d), tally(d.Nodes)}
	}
	const verdictColumn = 8
	header := []string{"STAGE", "ID", "KIND", "VERSION", "COMMIT", "ACTOR", "BEGAN (UTC)", "TOOK", "VERDICT", "NODES"}
	u.write(u.out, u.table(header, rows, u.paintVerdicts(verdictColumn)))
}

// short is a commit as people write it.
func short(commit string) string { return commit[:min(len(commit), 12)] }

func took(began, ended time.Time) string {
	if ended.IsZero() {
		return "-"
	}
	return ended.Sub(began).Round(time.Second).String()
}

// outcomeOf is a deploy's verdict, or what keeps it from having one.
func outcomeOf(d *record.Summary) string {
	switch {
	case d.RolledBackBy != "":
		return d.Verdict + ", rolled back"
	case d.UnderWay != "":
		return d.UnderWay
	case d.Verdict == "":
		return "not ended"
	}
	return d.Verdict
}

// tally writes "3 succeeded, 1 failed" in a stable order.
func tally(nodes map[string]int) string {
	var parts []string
	for _, verdict := range slices.Sorted(maps.Keys(nodes)) {
		parts = append(parts, strconv.Itoa(nodes[verdict])+" "+verdict)
	}
	return dash(strings.Join(parts, ", "))
}

// Deploy draws one deploy with its sends and its nodes, on stdout.
func (u *UI) Deploy(d *record.Deploy) {
	s := d.Summary()
	fields := []struct{ name, value string }{
		{"deploy", d.ID}, {"stage", d.App + "/" + d.Stage}, {"kind", string(d.Kind)}, {"version", s.Version}, {"commit", d.Commit},
		{"actor", d.Actor}, {"principal", d.Principal}, {"reason", d.Reason}, {"began", moment(d.Began) + " UTC"},
		{"took", took(d.Began, d.Ended)}, {"verdict", outcomeOf(s)}, {"why", d.Why}, {"previous", d.Previous}, {"goes back to", d.Target},
		{"rolled back by", d.RolledBackBy},
	}
	var b strings.Builder
	for _, f := range fields {
		if f.value != "" {
			fmt.Fprintf(&b, "%-14s %s\n", f.name, oneLine(f.value))
		}
	}
	for _, r := range d.Resumed {
		fmt.Fprintf(&b, "%-14s %s UTC by %s\n", "resumed", moment(r.At), clean(record.Owner{Actor: r.Actor, Host: r.Host}.String()))
	}
	if !d.CancelRequested.IsZero() {
		by := ""
		if d.CancelledBy != "" {
			by = " by " + d.CancelledBy
		}
		if d.CancelReason != "" {
			by += ": " + d.CancelReason
		}
		fmt.Fprintf(&b, "%-14s %s UTC%s\n", "cancelled", moment(d.CancelRequested), oneLine(by))
	}
	u.write(u.out, b.String())
	u.sends(d.Sends)
	u.recordedNodes(d.Nodes)
}

func (u *UI) sends(sends []record.Send) {
	if len(sends) == 0 {
		return
	}
	rows := make([][]string, len(sends))
	for i, s := range sends {
		nodes := "the targets"
		if len(s.Nodes) > 0 {
			nodes = number(len(s.Nodes), "node")
		}
		step := s.Step
		if s.Check {
			step += " (validate)"
		}
		rows[i] = []string{step, strconv.Itoa(s.Batch), nodes, dash(s.CommandID), moment(s.Sent), dash(s.Verdict)}
	}
	const verdictColumn = 5
	u.write(u.out, "\n"+u.table([]string{"STEP", "BATCH", "FOR", "COMMAND", "SENT (UTC)", "VERDICT"}, rows, u.paintVerdicts(verdictColumn)))
}

func (u *UI) recordedNodes(nodes map[string]record.Node) {
	if len(nodes) == 0 {
		return
	}
	var rows [][]string
	for _, id := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[id]
		exit := "-"
		if n.Step != "" {
			exit = strconv.Itoa(n.ExitCode)
		}
		rows = append(rows, []string{id, dash(n.Verdict), dash(n.Version), dash(n.Step), dash(n.Status), exit, n.Why})
	}
	const verdictColumn = 1
	u.write(u.out, "\n"+u.table([]string{"NODE", "VERDICT", "VERSION", "STEP", "STATUS", "EXIT", "WHY"}, foldRows(rows), u.paintVerdicts(verdictColumn)))
}

// paintVerdicts colours the column of a table that holds verdicts.
func (u *UI) paintVerdicts(at int) func(column int, cell string) string {
	return func(column int, cell string) string {
		if column != at || cell == "-" {
			return cell
		}
		return u.verdict(ship.Verdict(cell))
	}
}

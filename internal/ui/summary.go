package ui

import (
	"cmp"
	"fmt"
	"html"
	"io"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/ship"
)

// summaryRows is how many nodes that did not succeed a summary names: a step's summary has 1 MiB.
const summaryRows = 200

// forGitHub closes the open group, and writes the outputs and the summary of a stage.
func (u *UI) forGitHub(r *ship.Result) {
	g := u.o.GitHub
	if g == nil {
		return
	}
	u.mu.Lock()
	text := u.github.close()
	u.github.commands = append(u.github.commands, commandIDs(r)...)
	ids, subject := slices.Clone(u.github.commands), u.model.subject
	u.mu.Unlock()
	if !u.o.JSON {
		u.raw(u.err, text)
	}
	u.file(g.Outputs, outputs(r, subject, ids))
	u.file(g.Summary, summary(r, subject))
}

// file writes to a file of the job's.
func (u *UI) file(w io.Writer, text string) {
	if w == nil {
		return
	}
	u.wmu.Lock()
	defer u.wmu.Unlock()
	u.put(w, text)
}

// outputs are the step's: the last value of a name counts, so that those of the last stage that was shipped do.
func outputs(r *ship.Result, s Subject, ids []string) string {
	version, deploy := s.Version, ""
	if r.Record != nil {
		version, deploy = cmp.Or(r.Record.Version, version), r.Record.ID
	}
	values := []property{{"verdict", string(r.Verdict)}, {"version", version}, {"deploy-id", deploy},
		{"command-id", deciding(r)}, {"command-ids", strings.Join(ids, " ")}}
	var b strings.Builder
	for _, v := range values {
		fmt.Fprintf(&b, "%s=%s\n", v.name, strings.ReplaceAll(clean(v.value), "\n", " "))
	}
	return b.String()
}

// commandIDs are all commands of a stage, in the order in which they were sent.
func commandIDs(r *ship.Result) []string {
	var ids []string
	add := func(id string) {
		if id != "" && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	for _, s := range r.Steps {
		for _, one := range s.Sends {
			add(one.CommandID)
		}
		add(s.CommandID)
	}
	if r.Rollback != nil {
		for _, id := range commandIDs(r.Rollback) {
			add(id)
		}
	}
	return ids
}

// deciding is the command that a person wants to look up: the first that did not succeed, or the first.
func deciding(r *ship.Result) string {
	for _, s := range r.Steps {
		for _, one := range s.Sends {
			if one.Verdict != ship.Succeeded && one.CommandID != "" {
				return one.CommandID
			}
		}
		if s.Verdict != ship.Succeeded && s.CommandID != "" {
			return s.CommandID
		}
	}
	if ids := commandIDs(r); len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// signs of the verdicts in a summary.
var signs = map[ship.Verdict]string{ship.Succeeded: "✅", ship.Failed: "❌", ship.Unknown: "❓", ship.Refused: "⛔", ship.NotStarted: "⏸️"}

// summary is a stage as Markdown: what became of it, a table, what failed with the end of its output, and the rollback.
func summary(r *ship.Result, s Subject) string {
	var b strings.Builder
	title, version := r.Stage, s.Version
	if s.App != "" {
		title = s.App + "/" + r.Stage
	}
	if r.Record != nil {
		version = cmp.Or(r.Record.Version, version)
	}
	fmt.Fprintf(&b, "### %s %s: ", signs[r.Verdict], markdown(title))
	if back := rollbackOf(r); back != "" {
		fmt.Fprintf(&b, "%s: %s", markdown(back), r.Verdict)
	} else if b.WriteString(string(r.Verdict)); version != "" {
		fmt.Fprintf(&b, ", version %s", markdown(version))
	}
	b.WriteString("\n\n")
	switch {
	case r.Interrupted:
		b.WriteString("Interrupted.\n\n")
	case r.Detached:
		b.WriteString("Sent, and left: a resume tells what became of it.\n\n")
	}
	b.WriteString(details(r))
	if n := len(r.Joined); n > 0 {
		fmt.Fprintf(&b, "⚠️ %s joined meanwhile and may run another version: %s. `slipway deploy --only-outdated` brings them up.\n\n", number(n, "node"), markdown(few(r.Joined)))
	}
	if back := r.Rollback; back != nil {
		to := ""
		if back.Record != nil {
			to = " to " + markdown(back.Record.Version)
		}
		fmt.Fprintf(&b, "#### %s rollback%s: %s\n\n%s", signs[back.Verdict], to, back.Verdict, details(back))
	}
	return b.String()
}

// markdowns are cells of a table.
func markdowns(cells []string) []string {
	var list []string
	for _, cell := range cells {
		list = append(list, markdown(cell))
	}
	return list
}

// details are a result's problem, its table of nodes, and what failed.
func details(r *ship.Result) string {
	var b strings.Builder
	if p := r.Problem; p != nil {
		fmt.Fprintf(&b, "%s\n\n", markdown(p.Message))
		if p.Hint != "" {
			fmt.Fprintf(&b, "Hint: %s\n\n", markdown(p.Hint))
		}
	}
	if len(r.Steps) > 0 {
		b.WriteString("| step | node | verdict | status | exit | command |\n|---|---|---|---|---|---|\n")
	}
	left := summaryRows
	for i := range r.Steps {
		rows := stepRows(&r.Steps[i])
		for _, row := range rows[:min(left, len(rows))] {
			for _, cell := range row {
				b.WriteString("| " + markdown(cell) + " ")
			}
			b.WriteString("|\n")
		}
		if more := len(rows) - left; more > 0 {
			fmt.Fprintf(&b, "| %s | … %d more | | | | |\n", markdown(r.Steps[i].Name), more)
		}
		left = max(0, left-len(rows))
	}
	for _, t := range r.Tests {
		b.WriteString("| " + strings.Join(markdowns(testRow(t)), " | ") + " |\n")
	}
	b.WriteString("\n")
	for _, t := range r.Tests {
		if t.Why != "" {
			fmt.Fprintf(&b, "%s: %s\n\n", markdown(t.Name), markdown(t.Why))
		}
	}
	for i := range r.Steps {
		b.WriteString(failuresText(&r.Steps[i]))
	}
	return b.String()
}

// failuresText is what failed in a step: each reason with its nodes, and the output of the first of them.
func failuresText(s *ship.StepResult) string {
	var b strings.Builder
	reasons, nodes := whys(s)
	for _, why := range reasons[:min(foldAbove, len(reasons))] {
		if why.verdict == ship.NotStarted {
			continue
		}
		who := nodes[why]
		fmt.Fprintf(&b, "%s **%s** on %s: %s\n\n", signs[why.verdict], markdown(s.Name), markdown(few(who)), markdown(why.text))
		i := slices.IndexFunc(s.Nodes, func(n ship.NodeResult) bool { return n.InstanceID == who[0] })
		if text := outputTail(&s.Nodes[i]); text != "" {
			fmt.Fprintf(&b, "<details><summary>the end of its output on %s</summary>\n\n<pre>%s</pre>\n\n</details>\n\n", markdown(who[0]), preformatted(text))
		}
	}
	if more := len(reasons) - foldAbove; more > 0 {
		fmt.Fprintf(&b, "… and %s\n\n", number(more, "more reason"))
	}
	return b.String()
}

// few names the first of many.
func few(ids []string) string {
	const named = 5
	text := strings.Join(ids[:min(named, len(ids))], ", ")
	if more := len(ids) - named; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// outputTail is the end of what the script that decided wrote.
func outputTail(n *ship.NodeResult) string {
	for i := len(n.Steps) - 1; i >= 0; i-- {
		s := n.Steps[i]
		if text := strings.TrimSpace(ownWords(cmp.Or(s.Tail, s.Stdout)) + "\n" + ownWords(s.Stderr)); text != "" {
			return shortLines(clean(ship.Tail(text, failureLines)))
		}
	}
	return ""
}

// markdown is a text that Markdown and HTML leave as it is, in one line.
func markdown(text string) string {
	return escapeMarkdown.Replace(html.EscapeString(oneLine(text)))
}

var escapeMarkdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "|", `\|`, "[", `\[`, "]", `\]`, "#", `\#`, "~", `\~`)

// preformatted is a text for <pre>: an empty line would end the block of HTML, and Markdown would go on.
func preformatted(text string) string {
	return strings.ReplaceAll(html.EscapeString(text), "\n", "&#10;")
}

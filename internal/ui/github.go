package ui

import (
	"cmp"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/ship"
)

// GitHub is what a job of GitHub Actions gives a step.
type GitHub struct {
	// Folder is where the release file lies, relative to the workspace, with slashes: paths of scripts are relative to
	// the release file, and those of annotations to the workspace. Empty for the workspace itself.
	Folder string
	// Summary takes Markdown for the job's page, and Outputs the step's outputs; nil where there is none.
	Summary, Outputs io.Writer
}

// github is what has been told to GitHub so far.
type github struct {
	folder string
	// group is the title of the group that is open.
	group string
	// failures are those of the step that have not become annotations yet.
	failures []*annotation
	commands []string
}

// annotation is an error at a place of the repository; nodes are those on which it happened.
type annotation struct {
	file    string
	line    int
	message string
	nodes   []string
	// group is that in which it happened, or the step where it happened in several batches.
	group string
}

// event puts an event's lines into the group of its step or batch.
func (g *github) event(m *model, e ship.Event, text string) string {
	var before, after string
	switch e.Kind {
	case ship.EventBatch: // what failed in the batch before is told with what will fail in this one
		if e.Batch != nil {
			before = g.open(where(e) + ": " + batchText(e.Batch.Number, e.Batch.Of, len(e.Nodes), e.Batch.Check))
		}
	case ship.EventSent:
		if g.group == "" {
			before = g.open(where(e))
		}
	case ship.EventStep:
		before = g.close()
	case ship.EventRollback:
		before = g.close()
	case ship.EventJoined:
		return g.close() + workflowCommand("warning", nil, where(e)+": "+e.Message)
	case ship.EventWarning:
		return workflowCommand("warning", nil, where(e)+": "+e.Message)
	case ship.EventNode:
		g.note(e)
	}
	return before + text + after
}

func where(e ship.Event) string {
	if e.Step == "" {
		return e.Stage
	}
	return e.Stage + "/" + e.Step
}

// open begins a group; groups do not nest.
func (g *github) open(title string) string {
	before := g.endGroup()
	g.group = title
	return before + workflowCommand("group", nil, title)
}

// endGroup ends the group that is open.
func (g *github) endGroup() string {
	if g.group == "" {
		return ""
	}
	g.group = ""
	return workflowCommand("endgroup", nil, "")
}

// close ends the last group of a step, and has the errors that happened in the step outside of it, where a reader sees
// them.
func (g *github) close() string {
	text := g.endGroup()
	for _, a := range g.failures {
		text += a.command(a.group)
	}
	g.failures = nil
	return text
}

// note keeps what a node failed at. The same failure on many nodes is one annotation: GitHub shows ten of a step.
func (g *github) note(e ship.Event) {
	if e.Verdict != ship.Failed && e.Verdict != ship.Unknown {
		return
	}
	a := &annotation{message: string(e.Verdict)}
	if e.Node != nil {
		a.message = cmp.Or(e.Node.Why, a.message)
		a.file, a.line = g.failedAt(e.Node)
	}
	for _, known := range g.failures {
		if known.file == a.file && known.line == a.line && known.message == a.message {
			known.nodes = append(known.nodes, e.Instance)
			if known.group != g.group {
				known.group = where(e)
			}
			return
		}
	}
	a.nodes, a.group = []string{e.Instance}, g.group
	g.failures = append(g.failures, a)
}

// failedAt is the place of the repository at which a node failed; empty when it is not known, or is none of the
// repository's.
func (g *github) failedAt(n *ship.NodeResult) (file string, line int) {
	for _, s := range n.Steps {
		if s.File == "" {
			continue
		}
		file = path.Join(g.folder, s.File)
		if path.IsAbs(file) || file == ".." || strings.HasPrefix(file, "../") {
			return "", 0
		}
		return file, s.Line
	}
	return "", 0
}

func (a *annotation) command(title string) string {
	properties := []property{}
	if a.file != "" {
		properties = append(properties, property{"file", a.file})
		if a.line > 0 {
			properties = append(properties, property{"line", strconv.Itoa(a.line)})
		}
	}
	if title != "" {
		properties = append(properties, property{"title", title})
	}
	return workflowCommand("error", properties, a.message+" on "+few(a.nodes))
}

// property is a property of a workflow command.
type property struct{ name, value string }

// workflowCommand is a line that the runner takes for a command.
func workflowCommand(name string, properties []property, data string) string {
	var list []string
	for _, p := range properties {
		list = append(list, p.name+"="+escapeProperty.Replace(clean(p.value)))
	}
	if len(list) > 0 {
		name += " " + strings.Join(list, ",")
	}
	return strings.ReplaceAll("::"+name+"::"+escapeData.Replace(clean(data)), "##[", "# #[") + "\n"
}

// The runner undoes these in what a command says.
var (
	escapeData     = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A")
	escapeProperty = strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
)

// harmless is a text no line of which the runner takes for a workflow command: one that begins with ::, after white
// space, or one in which ##[ stands anywhere, the older form. The runner ends a line at a carriage return as well.
func harmless(text string) string {
	text = strings.ReplaceAll(text, "##[", "# #[")
	if !strings.Contains(text, "::") {
		return text
	}
	lines := strings.Split(strings.ReplaceAll(text, "\r", "\n"), "\n")
	for i, line := range lines {
		if trimmed := strings.TrimSpace(line); strings.HasPrefix(trimmed, "::") {
			lines[i] = ": :" + trimmed[len("::"):]
		}
	}
	return strings.Join(lines, "\n")
}

// command writes a workflow command to stderr.
func (u *UI) command(name string, properties []property, data string) {
	u.raw(u.err, workflowCommand(name, properties, data))
}

// raw is write for a text that was made harmless, or is meant as a command.
func (u *UI) raw(w io.Writer, text string) {
	u.wmu.Lock()
	defer u.wmu.Unlock()
	if live := u.screen.erase(u.terminalColumns()); live != "" {
		u.put(u.err, live)
	}
	u.put(w, text)
}

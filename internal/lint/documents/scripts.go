package documents

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// script is text that a step runs: lines of a shell, or a program.
type script struct {
	step  runbook.Step
	lines []*runbook.Node
	// shell is true for sh, false for PowerShell and for programs of aws:executeScript.
	shell bool
	// program is true for the text of aws:executeScript.
	program bool
}

// shared are AWS's documents that run what their parameter commands says.
var shared = []string{"AWS-RunShellScript", "AWS-RunPowerShellScript"}

// scriptOf is what a step runs; nil where it runs no script that is written here.
func scriptOf(s runbook.Step) *script {
	switch s.Action {
	case "aws:runShellScript", "aws:runPowerShellScript":
		return &script{step: s, lines: s.Inputs.Get("runCommand").Texts(), shell: s.Action == "aws:runShellScript"}
	case "aws:runCommand":
		name := path.Base(s.Inputs.Value("DocumentName"))
		if slices.Contains(shared, name) {
			return &script{step: s, lines: s.Inputs.Get("Parameters").Get("commands").Texts(), shell: name == shared[0]}
		}
	case "aws:executeScript":
		return &script{step: s, lines: s.Inputs.Get("Script").Texts(), program: true}
	}
	return nil
}

func (c *check) scripts() {
	for _, s := range c.doc.All() {
		sc := scriptOf(s)
		if sc == nil || len(sc.lines) == 0 {
			continue
		}
		c.inserted(sc)
		if sc.shell {
			c.stops(sc)
		}
	}
}

// whole is a line that is a parameter and nothing else.
var whole = regexp.MustCompile(`^\s*\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}\s*$`)

// inside finds the parameters in a line.
var inside = regexp.MustCompile(`\{\{\s*([A-Za-z][A-Za-z0-9_]*)\s*\}\}`)

// inserted looks for parameters that become part of the text.
func (c *check) inserted(sc *script) {
	if m := whole.FindStringSubmatch(sc.lines[0].Text); m != nil && len(sc.lines) == 1 && !sc.program {
		if p := c.doc.Parameter(m[1]); p != nil && free(p) && len(p.Values) == 0 && !p.EnvironmentVariable && c.runsAnything(p) {
			c.injected[p.Name] = true
			c.at(&freeCommands, sc.lines[0], "", "step %s runs what parameter %s says", sc.step.Name, p.Name)
		}
		return
	}
	var state quoting
	for _, line := range sc.lines {
		at := 0
		for _, m := range inside.FindAllStringSubmatchIndex(line.Text, -1) {
			state.read(line.Text[at:m[0]])
			at = m[0]
			c.insertion(sc, line, line.Text[m[2]:m[3]], m[0], &state)
		}
		state.read(line.Text[at:] + "\n")
	}
}

// runsAnything says whether a parameter that is the whole script may be a command of somebody else's.
func (c *check) runsAnything(p *runbook.Parameter) bool {
	if p.Pattern == nil {
		return true
	}
	compiled := c.compile(p.Pattern.Text)
	if compiled == nil {
		return false // what it lets through is not known
	}
	for _, command := range []string{"id", "rm -rf /", "/bin/sh -c id"} {
		if compiled.re.MatchString(command) {
			return true
		}
	}
	_, passes := compiled.attack(sample(p), bare)
	return passes
}

// insertion tries what a value of the parameter could do at its place.
func (c *check) insertion(sc *script, line *runbook.Node, name string, offset int, state *quoting) {
	p := c.doc.Parameter(name)
	if p == nil || !free(p) || p.EnvironmentVariable || c.injected[name] {
		return
	}
	value, passes := "; id", true
	switch context := state.context(sc.program); {
	case len(p.Values) > 0:
		return // somebody chose every one of them
	case p.Pattern != nil:
		compiled := c.compile(p.Pattern.Text)
		if compiled == nil {
			return // what it lets through is not known
		}
		value, passes = compiled.attack(sample(p), context)
	}
	if !passes {
		return
	}
	c.injected[name] = true
	row, column := placeIn(line, offset)
	f := injection.At(c.file, row, column, c.fixOf(p), "parameter %s becomes part of the text of step %s, and may be %q", name, sc.step.Name, value)
	if state.here || sc.program {
		f.Severity = finding.Warning // whether the text is run there is for a reader to say
	}
	c.found = append(c.found, f)
}

func sample(p *runbook.Parameter) string {
	if p.Default != nil {
		return p.Default.Text
	}
	return ""
}

func (c *check) fixOf(p *runbook.Parameter) string {
	if c.doc.Type == runbook.Session {
		return "parameter " + p.Name + ": allowedPattern: ^[A-Za-z0-9._:/@+=,-]{1,512}$"
	}
	return `parameter ` + p.Name + `: interpolationType: ENV_VAR and allowedPattern: ^[A-Za-z0-9._:/@+=,-]{0,512}$, and "$SSM_` + p.Name + `" in the script`
}

// placeIn is the line and column of an offset in a text. Within a block the text begins one line below, at a column that is
// not kept: the column is that of the text.
func placeIn(n *runbook.Node, offset int) (line, column int) {
	before := n.Text[:offset]
	rows := strings.Count(before, "\n")
	switch {
	case n.Literal:
		return n.Line + 1 + rows, 1
	case rows > 0:
		return n.Line, n.Column
	}
	return n.Line, n.Column
}

// quoting follows where in a shell's line a text is.
type quoting struct {
	quote   rune // ' or ", 0 for none
	remark  bool // within a comment
	here    bool // a here-document has begun somewhere
	escaped bool
	last    rune
}

func (q *quoting) read(text string) {
	for _, r := range text {
		q.step(r)
		q.last = r
	}
}

func (q *quoting) step(r rune) {
	switch {
	case r == '\n' && q.remark:
		q.remark = false
	case q.remark:
	case q.escaped:
		q.escaped = false
	case r == '\\' && q.quote != '\'':
		q.escaped = true
	case q.quote != 0 && r == q.quote:
		q.quote = 0
	case q.quote == 0 && (r == '\'' || r == '"'):
		q.quote = r
	case q.quote == 0 && r == '#' && (q.last == 0 || q.last == ' ' || q.last == '\n'):
		q.remark = true
	case q.quote == 0 && r == '<' && q.last == '<':
		q.here = true
	}
}

// context are the characters that do not stay data here.
func (q *quoting) context(program bool) string {
	switch {
	case program || q.here:
		return anywhere
	case q.remark:
		return comment
	case q.quote == '"':
		return doubled
	case q.quote == '\'':
		return single
	}
	return bare
}

// maxScript bounds how much shell is parsed.
const maxScript = 64 << 10

// stops looks whether a script stops at the first failure, and whether the shell that runs it knows what it asks for.
func (c *check) stops(sc *script) {
	var lines []string
	for _, n := range sc.lines {
		lines = append(lines, inside.ReplaceAllString(n.Text, "x"))
	}
	text := strings.Join(lines, "\n")
	shebang, _, _ := strings.Cut(text, "\n")
	asks := strings.HasPrefix(shebang, "#!")
	if len(text) > maxScript || asks && !shellShebang.MatchString(shebang) {
		return
	}
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(text), "")
	if err != nil {
		c.wrong(sc, text)
		return
	}
	options := optionsOf(file, shebang)
	if strings.Contains(options, "pipefail") && !strings.Contains(shebang, "bash") {
		c.at(&notBash, sc.lines[0], "", "step %s sets pipefail, and its first line is no #!/bin/bash", sc.step.Name)
	}
	if !slices.Contains(strings.Fields(options), "e") && goesOnAfter(file) {
		c.at(&stopsNowhere, sc.lines[0], "", "step %s goes on after a command that failed: there is no set -e, and the last command alone decides", sc.step.Name)
	}
}

// wrong tells what no shell would take of a script.
func (c *check) wrong(sc *script, text string) {
	for _, u := range shell.Syntax(text) {
		node, row := sc.lines[0], u.Line
		for _, n := range sc.lines {
			rows := strings.Count(n.Text, "\n") + 1
			if node = n; row <= rows {
				break
			}
			row -= rows
		}
		line, column := node.Line, node.Column
		if node.Literal {
			line, column = node.Line+row, 1
		}
		u.Why = "step " + sc.step.Name + ": " + u.Why
		c.found = append(c.found, u.In(c.file, line, column))
	}
}

var shellShebang = regexp.MustCompile(`^#!.*\b(ba|da|k|z)?sh\b`)

// optionsOf are the shell's options that the script sets at its top level: e, and pipefail.
func optionsOf(file *syntax.File, shebang string) string {
	var set []string
	if strings.Contains(shebang, " -e") || strings.Contains(shebang, " -xe") || strings.Contains(shebang, " -ue") {
		set = append(set, "e")
	}
	for _, s := range file.Stmts {
		call, ok := s.Cmd.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 || call.Args[0].Lit() != "set" {
			continue
		}
		for _, arg := range call.Args[1:] {
			switch text := arg.Lit(); {
			case text == "errexit":
				set = append(set, "e")
			case text == "pipefail":
				set = append(set, "pipefail")
			case strings.HasPrefix(text, "-") && strings.Contains(text, "e"):
				set = append(set, "e")
			}
		}
	}
	return strings.Join(set, " ")
}

// harmless commands can fail without anybody caring.
var harmless = []string{"echo", "printf", "export", ":", "true", "sleep", "set", "exit", "date", "whoami", "hostname", "shift", "umask", "exec", "trap", "ulimit", "local", "readonly", "unset", "return", "kill", "wait"}

// goesOnAfter says whether a command that may fail is followed by another, at the top level.
func goesOnAfter(file *syntax.File) bool {
	for i, s := range file.Stmts {
		call, ok := s.Cmd.(*syntax.CallExpr)
		if !ok || s.Negated || s.Background || len(call.Args) == 0 || i == len(file.Stmts)-1 {
			continue
		}
		if name := call.Args[0].Lit(); !slices.Contains(harmless, name) && name != "" {
			return !checked(file.Stmts[i+1])
		}
	}
	return false
}

// checked says whether a statement looks at the status of the one before.
func checked(s *syntax.Stmt) bool {
	found := false
	syntax.Walk(s, func(n syntax.Node) bool {
		if p, ok := n.(*syntax.ParamExp); ok && p.Param != nil && p.Param.Value == "?" {
			found = true
		}
		return !found
	})
	return found
}

package shell

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"time"

	"mvdan.cc/sh/v3/syntax"

	"github.com/slipway-cd/slipway/internal/finding"
)

// defaultExecution is how long AWS-RunShellScript lets commands run where nothing says otherwise.
const defaultExecution = time.Hour

// executionTimeout finds the parameter in the shorthand and in JSON.
var executionTimeout = regexp.MustCompile(`executionTimeout["']?\s*[=:]\s*\[?\s*["']?(\d+)`)

// limitOf is how long a command may run. That of one that is not known is an hour.
func limitOf(e *event) time.Duration {
	if e == nil {
		return defaultExecution
	}
	if given, ok := executionIn(e.parameters.s); ok {
		return given
	}
	return defaultExecution
}

// parametersOf are the parameters of a send, from a file where they stand in one.
func (w *world) parametersOf(e *event) value {
	for _, flag := range []string{"--parameters", "--cli-input-json"} {
		v, ok := e.flags[flag]
		if !ok {
			continue
		}
		if file, is := strings.CutPrefix(v.s, "file://"); is {
			return w.content(value{s: file, from: v.from}).with(v.from)
		}
		return v
	}
	return value{}
}

// sent judges what is sent (W8, W11, W12), in the runs in which all is well.
func (p *prober) sent() []finding.Finding {
	var found []finding.Finding
	for _, at := range p.sites(allWell, isSend) {
		for _, w := range p.runs(allWell) {
			i := slices.IndexFunc(w.events, func(e *event) bool { return e.at == at })
			if i < 0 {
				continue
			}
			e := w.events[i]
			found = append(found, p.secrets(e)...)
			found = append(found, limits(e)...)
			found = append(found, p.strict(e)...)
			break
		}
	}
	return found
}

// flag is the place of an option of a call; that of the call where it has none.
func (p *prober) flag(at site, names ...string) site {
	for i := range p.program.Calls {
		c := &p.program.Calls[i]
		if c.File != at.file || c.Line != at.line || c.Column != at.column {
			continue
		}
		for _, w := range c.Words {
			name, _, _ := strings.Cut(w.Text, "=")
			if slices.Contains(names, name) && w.line > 0 {
				at.line, at.column = w.line, w.column
				return at
			}
		}
	}
	return at
}

// ordinary are names of what is kept as a secret and opens nothing.
var ordinary = regexp.MustCompile(`(?i)(REGION|ACCOUNT(_ID)?|INSTANCE_IDS?|REGISTRY|BUCKET(_NAME)?|_ARN|ROLE|DOMAIN|HOST(NAME)?|REPO(SITORY)?|USER(NAME)?|_DIR|_PATH|PORT)$`)

func (p *prober) secrets(e *event) []finding.Finding {
	var names []string
	for _, v := range []value{e.parameters, e.flags["--comment"]} {
		for _, o := range v.origins(ofSecret) {
			if !ordinary.MatchString(o.name) && !slices.Contains(names, o.name) {
				names = append(names, o.name)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []finding.Finding{p.flag(e.at, "--parameters", "--cli-input-json").at(&secretRule, "the command's parameters hold %s in clear text", strings.Join(names, " and "))}
}

// shellDocuments run commands, and take executionTimeout.
var shellDocuments = []string{"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript"}

func limits(e *event) []finding.Finding {
	if !slices.Contains(shellDocuments, e.flags["--document-name"].s) || strings.Contains(e.parameters.s, "executionTimeout") {
		return nil
	}
	if !e.parameters.known() && !strings.Contains(e.parameters.s, "commands") { // it may be there
		return nil
	}
	if t, ok := e.flags["--timeout-seconds"]; ok {
		return []finding.Finding{e.at.at(&limitRule, "--timeout-seconds %s limits the delivery alone; without executionTimeout the commands may run for an hour", shortened(t.s))}
	}
	f := e.at.at(&limitRule, "without executionTimeout the commands may run for an hour")
	f.Severity = finding.Info
	return []finding.Finding{f}
}

// shortened is a text for a message: what is not known is its name.
func shortened(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == opens || r == closes {
			return -1
		}
		return r
	}, s)
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}

func (p *prober) strict(e *event) []finding.Finding {
	if !slices.Contains(shellDocuments, e.flags["--document-name"].s) || e.flags["--document-name"].s == "AWS-RunPowerShellScript" {
		return nil
	}
	script, ok := commandsOf(e.parameters.s)
	if !ok {
		return nil
	}
	at := p.flag(e.at, "--parameters", "--cli-input-json")
	var found []finding.Finding
	if what := bashOnly(script); what != "" {
		found = append(found, at.at(&dialectRule, "%s is bash, and sh runs the commands: dash on Debian and Ubuntu does not take it", what))
	}
	loose, ok := unguarded(script)
	if !ok && e.parameters.known() && strings.HasPrefix(strings.TrimSpace(e.parameters.s), "{") {
		for _, u := range Syntax(script) {
			if u.severity == finding.Error {
				found = append(found, at.at(&syntaxRule, "the commands: %s", u.Why))
			}
		}
	}
	if !ok || loose == "" {
		return found
	}
	return append(found, at.at(&strictRule, "when %q fails on the node the commands behind it run all the same, and the exit code is the last one's", shortened(loose)))
}

// commandsOf is the script that the parameters hold, in JSON or in shorthand.
func commandsOf(parameters string) (string, bool) {
	text := strings.TrimSpace(parameters)
	if strings.HasPrefix(text, "{") {
		var held struct {
			Commands   []string `json:"commands"`
			Parameters struct {
				Commands []string `json:"commands"`
			} `json:"Parameters"`
		}
		quoted := strings.NewReplacer(string(opens), "", string(closes), "").Replace(text)
		if json.Unmarshal([]byte(quoted), &held) != nil {
			return "", false
		}
		list := append(held.Commands, held.Parameters.Commands...)
		return strings.Join(list, "\n"), len(list) > 0
	}
	list, ok := strings.CutPrefix(text, "commands=")
	if !ok {
		return "", false
	}
	return strings.Join(elements(ownList(list)), "\n"), true
}

// ownList is the value of commands=, without the parameters behind it.
func ownList(list string) string {
	list = strings.TrimSpace(list)
	if at := otherParameter.FindStringIndex(list); at != nil {
		list = list[:at[0]]
	}
	return list
}

// otherParameter begins another parameter of the documents that run commands.
var otherParameter = regexp.MustCompile(`,\s*(executionTimeout|workingDirectory)=`)

// elements are the values of a list in shorthand, as it is meant: ["a","b"] or a,b.
func elements(list string) []string {
	list = strings.TrimSpace(list)
	var held []string
	if strings.HasPrefix(list, "[") {
		end := strings.LastIndex(list, "]")
		if end < 0 {
			end = len(list)
		}
		inside := list[1:end]
		if json.Unmarshal([]byte("["+strings.NewReplacer(string(opens), "", string(closes), "").Replace(inside)+"]"), &held) == nil {
			return held
		}
		list = inside
	}
	for _, one := range splitQuoted(list) {
		held = append(held, strings.Trim(strings.TrimSpace(one), `"'`))
	}
	return held
}

// splitQuoted splits at commas that stand in no quotes.
func splitQuoted(s string) []string {
	var quote byte
	var list []string
	begin := 0
	for i := 0; i < len(s); i++ {
		switch {
		case quote != 0:
			if s[i] == quote && s[i-1] != '\\' {
				quote = 0
			}
		case s[i] == '"' || s[i] == '\'':
			quote = s[i]
		case s[i] == ',':
			list = append(list, s[begin:i])
			begin = i + 1
		}
	}
	return append(list, s[begin:])
}

// unguarded is a command of a script whose failure does not end it; empty where there is none. ok is false where no shell
// would read it.
func unguarded(script string) (loose string, ok bool) {
	first, _, _ := strings.Cut(script, "\n")
	if strings.HasPrefix(first, "#!") && strings.Contains(first, " -") && strings.Contains(first, "e") {
		return "", true
	}
	file, err := parseAs(readable(script), syntax.LangBash)
	if err != nil {
		return "", false
	}
	for i, st := range file.Stmts {
		words := wordsOf(st.Cmd)
		if len(words) > 1 && words[0] == "set" && slices.ContainsFunc(words[1:], func(w string) bool { return w == "errexit" || shortOption(w, "-", 'e') }) {
			return "", true
		}
		if i < len(file.Stmts)-1 && canFail(st, words) {
			return printedShort(st), true
		}
	}
	return "", true
}

// harmless are commands whose failure means nothing, or which do not fail.
var harmless = []string{"echo", "printf", "set", "export", "sleep", "true", ":", "trap", "exit", "umask", "date", "ulimit", "shopt", "unset"}

// canFail says whether a command's failure matters to those behind it.
func canFail(st *syntax.Stmt, words []string) bool {
	switch c := st.Cmd.(type) {
	case *syntax.CallExpr:
		return len(words) > 0 && !slices.Contains(harmless, words[0]) && !st.Negated && !st.Background
	case *syntax.BinaryCmd:
		return c.Op != syntax.OrStmt
	case *syntax.Subshell:
		return true
	}
	return false
}

func printedShort(st *syntax.Stmt) string {
	text, _, _ := strings.Cut(printed(st), "\n")
	return text
}

package shell

import (
	"errors"
	"path"
	"regexp"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// use is one call of AWS in a script.
type use struct {
	line, column int
	// command in short: aws ssm get-parameter.
	command string
	// actions that it needs; untold says why they are not known, and is empty where they are.
	actions []string
	untold  string
}

// uses finds the calls of AWS in a script. One of another language than the shell has none that are seen.
func (s script) uses() []use {
	variant, ok := variantOf(s.content)
	if !ok {
		return nil
	}
	found, err := usesIn(s.content, variant)
	if err != nil {
		u := use{line: 1, column: 1, command: "the script", untold: "it cannot be read as a shell would: " + err.Error()}
		var parse syntax.ParseError
		if errors.As(err, &parse) {
			u.line, u.column, u.untold = int(parse.Pos.Line()), int(parse.Pos.Col()), "it cannot be read as a shell would: "+parse.Text
		}
		found = []use{u}
	}
	if s.line > 0 {
		for i := range found {
			found[i].line, found[i].column = s.line, 1
		}
	}
	return found
}

// variantOf tells by the first line which shell reads a script; without one, bash does where there is one.
func variantOf(content string) (syntax.LangVariant, bool) {
	first, _, _ := strings.Cut(content, "\n")
	line, ok := strings.CutPrefix(first, "#!")
	if !ok {
		return syntax.LangBash, true
	}
	for _, word := range strings.Fields(line) {
		switch path.Base(word) {
		case "sh", "dash", "ash":
			return syntax.LangPOSIX, true
		case "bash":
			return syntax.LangBash, true
		case "ksh", "mksh":
			return syntax.LangMirBSDKorn, true
		}
	}
	return 0, false
}

func usesIn(content string, variant syntax.LangVariant) ([]use, error) {
	file, err := syntax.NewParser(syntax.Variant(variant)).Parse(strings.NewReader(content), "")
	if err != nil {
		return nil, err
	}
	var found []use
	syntax.Walk(file, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok {
			found = append(found, usesOf(c, variant)...)
		}
		return true
	})
	return found, nil
}

// usesOf finds what one simple command calls: itself, or what it runs for another.
func usesOf(c *syntax.CallExpr, variant syntax.LangVariant) []use {
	words := make([]word, len(c.Args))
	for i, arg := range c.Args {
		words[i] = wordOf(arg)
	}
	words = withoutPrefix(words)
	if len(words) == 0 {
		return nil
	}
	at := use{line: int(c.Pos().Line()), column: int(c.Pos().Col())}
	switch path.Base(words[0].text) {
	case "aws":
		return at.of(words[1:])
	case "docker", "podman", "nerdctl":
		return at.ofDocker(words[1:])
	case "sh", "bash", "dash":
		return at.ofShell(words[1:], variant)
	}
	return nil
}

// word is an argument of a command: its text as far as it is written out.
type word struct {
	text string
	// whole is true when the text is all of it: nothing is filled in when the script runs.
	whole bool
	// written is what is written out of all of it; a $ stands where something is filled in.
	written string
}

// wordOf takes the literal beginning of a word, and what is written out behind it.
func wordOf(w *syntax.Word) word {
	is := word{whole: true}
	for _, part := range w.Parts {
		switch p := part.(type) {
		case *syntax.Lit:
			is.add(unescape(p.Value))
		case *syntax.SglQuoted:
			is.add(p.Value)
		case *syntax.DblQuoted:
			for _, inner := range p.Parts {
				if lit, ok := inner.(*syntax.Lit); ok {
					is.add(unescape(lit.Value))
				} else {
					is.fill()
				}
			}
		default:
			is.fill()
		}
	}
	return is
}

func (w *word) add(text string) {
	w.written += text
	if w.whole {
		w.text += text
	}
}

func (w *word) fill() { w.whole, w.written = false, w.written+"$" }

// unescape takes the backslashes of line continuations and quoted characters away.
func unescape(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(s, "\\\n", ""), `\`, "")
}

// prefixes are commands that run the command that follows, with those of their options that take a value.
var prefixes = map[string][]string{
	"sudo": {"-u", "--user", "-g", "--group", "-h", "-p", "-C", "-D"}, "doas": {"-u"}, "env": {"-u", "-C", "-S"}, "command": nil,
	"exec": {"-a"}, "nohup": nil, "nice": {"-n"}, "ionice": {"-c", "-n"}, "timeout": {"-k", "-s", "--kill-after", "--signal"},
	"setsid": nil, "stdbuf": {"-i", "-o", "-e"}, "runuser": {"-u", "--user"}, "xargs": {"-n", "-I", "-P", "-L", "-d", "-a", "-s"},
	"flock": {"-w", "--timeout", "--wait", "-E", "--conflict-exit-code"},
}

// positional are prefixes with an argument of their own before the command: a duration, a file.
var positional = []string{"timeout", "flock"}

// takesValue says whether an option, or the last of several that are written as one, has its value in the next word.
func takesValue(valued []string, option string) bool {
	if cluster.MatchString(option) {
		option = "-" + option[len(option)-1:]
	}
	return slices.Contains(valued, option)
}

var cluster = regexp.MustCompile(`^-[A-Za-z]{2,}$`)

// withoutPrefix drops sudo, env VAR=value and the like from the front.
func withoutPrefix(words []word) []word {
	for len(words) > 0 {
		name := path.Base(words[0].text)
		valued, is := prefixes[name]
		if !is || !words[0].whole {
			return words
		}
		words = words[1:]
		for len(words) > 0 && (strings.HasPrefix(words[0].text, "-") || name != "xargs" && strings.Contains(words[0].text, "=")) {
			takes := takesValue(valued, words[0].text)
			words = words[1:]
			if takes && len(words) > 0 {
				words = words[1:]
			}
		}
		if slices.Contains(positional, name) && len(words) > 0 {
			words = words[1:]
		}
		if name == "flock" && len(words) > 0 && words[0].text == "-c" {
			return append([]word{{text: "sh", whole: true}}, words...)
		}
	}
	return words
}

// ofShell looks into sh -c 'commands'.
func (u use) ofShell(words []word, variant syntax.LangVariant) []use {
	for i, w := range words {
		if !strings.HasPrefix(w.text, "-") {
			return nil // a script of its own
		}
		if !strings.HasSuffix(w.text, "c") || i+1 == len(words) {
			continue
		}
		if !words[i+1].whole {
			if strings.Contains(words[i+1].text, "aws ") {
				return []use{u.cannot("sh -c", "what it runs is put together while it runs")}
			}
			return nil
		}
		found, err := usesIn(words[i+1].text, variant)
		if err != nil {
			return nil // the shell itself will say so
		}
		for j := range found {
			found[j].line, found[j].column = u.line, u.column
		}
		return found
	}
	return nil
}

func (u use) cannot(command, why string) use {
	u.command, u.untold = command, why
	return u
}

func (u use) needs(command string, actions ...string) use {
	u.command, u.actions = command, actions
	return u
}

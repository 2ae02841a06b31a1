package shell

import (
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// maxDepth is how deep scripts that call each other are followed, maxTexts how many of them together, and maxText how long
// one may be.
const (
	maxDepth = 8
	maxTexts = 200
	maxText  = 1 << 20
)

// reader finds the calls of one text.
type reader struct {
	sequence *Sequence
	script   int
	text     string
	file     string
	place    func(line, column int) (int, int)
	// fixed is the place of all calls, where the text is an argument of a command.
	fixed *Call
	depth int
	es    expressions
	// functions that the text declares.
	functions map[string]bool
}

// read finds the calls of a script.
func (p *Program) read(r *reader, s *Script) {
	variant, ok := variantOf(s.Interpreter, r.text)
	if p.texts++; !ok {
		return
	}
	if len(r.text) > maxText {
		p.large(r, "the script has %d bytes, and of more than %d none is looked at", len(r.text), maxText)
		return
	}
	if p.texts > maxTexts {
		if p.texts == maxTexts+1 {
			p.large(r, "scripts start more than %d scripts, and this one and those after it are not looked at", maxTexts)
		}
		return
	}
	text, es := withoutExpressions(r.text)
	r.es = es
	file, foreign, err := parse(text, variant)
	if err != nil {
		p.unread(r, err)
		return
	}
	if foreign != nil {
		p.foreign(r, foreign)
	}
	r.functions = functionsOf(file)
	hidden := swallowed(file, s.Errexit, s.Pipefail)
	syntax.Walk(file, func(n syntax.Node) bool {
		if c, ok := n.(*syntax.CallExpr); ok && len(c.Args) > 0 {
			p.call(r, s, c, hidden[c])
		}
		return true
	})
}

// call notes one program, or what it runs for another.
func (p *Program) call(r *reader, s *Script, c *syntax.CallExpr, hidden string) {
	words := make([]Word, len(c.Args))
	for i, arg := range c.Args {
		words[i] = r.es.wordOf(arg)
		if r.fixed == nil {
			words[i].line, words[i].column = int(arg.Pos().Line()), int(arg.Pos().Col())
			if r.place != nil {
				words[i].line, words[i].column = r.place(words[i].line, words[i].column)
			}
		}
	}
	words = r.handedOn(withoutPrefix(words))
	if len(words) == 0 {
		return
	}
	one := Call{Script: r.script, File: r.file, Line: int(c.Pos().Line()), Column: int(c.Pos().Col()), Words: words, Hidden: hidden}
	switch {
	case r.fixed != nil:
		one.File, one.Line, one.Column = r.fixed.File, r.fixed.Line, r.fixed.Column
	case r.place != nil:
		one.Line, one.Column = r.place(one.Line, one.Column)
	}
	if path.Base(words[0].Text) == "aws" {
		one.Service, one.Operation = operationOf(words[1:])
	}
	p.Calls = append(p.Calls, one)
	if r.depth < maxDepth {
		p.follow(r, s, &one)
	}
}

// functionsOf are the names of the functions that a text declares.
func functionsOf(file *syntax.File) map[string]bool {
	names := map[string]bool{}
	syntax.Walk(file, func(n syntax.Node) bool {
		if f, ok := n.(*syntax.FuncDecl); ok && f.Name != nil {
			names[f.Name.Value] = true
		}
		return true
	})
	return names
}

// handedOn is the call of AWS that a function of the text is given as its words: retry 5 aws ….
func (r *reader) handedOn(words []Word) []Word {
	if len(words) == 0 || !r.functions[words[0].Text] {
		return words
	}
	if i := slices.IndexFunc(words, func(w Word) bool { return w.Whole && w.Text == "aws" }); i > 0 && i+1 < len(words) {
		return words[i:]
	}
	return words
}

// follow reads what a shell is started with: sh -c 'text', or a script of the repository.
func (p *Program) follow(r *reader, s *Script, c *Call) {
	inner := *r
	inner.depth++
	started := Script{Interpreter: s.Interpreter, Errexit: s.Errexit, Pipefail: s.Pipefail}
	name, file := path.Base(c.Words[0].Text), ""
	switch {
	case name == "." || name == "source":
		if len(c.Words) > 1 && c.Words[1].Whole {
			file = c.Words[1].Text
		}
	case slices.Contains(shells, name):
		text, script, options := argumentOf(c.Words[1:])
		started = Script{Interpreter: name, Errexit: strings.Contains(options, "e")}
		if text != nil {
			if text.Whole {
				inner.text, inner.fixed = text.Text, c
				p.read(&inner, &started)
			}
			return
		}
		file = script
	case strings.Contains(c.Words[0].Text, "/") && c.Words[0].Whole:
		file, started = c.Words[0].Text, Script{}
	}
	if text, ok := r.sequence.read(file); ok {
		inner.text, inner.file, inner.place, inner.fixed = text, path.Clean(file), nil, nil
		p.read(&inner, &started)
	}
}

// shells that read a script as it is read here.
var shells = []string{"sh", "bash", "dash"}

// argumentOf is what a shell is started with: the text behind -c, or the name of a script; and its one-letter options.
func argumentOf(words []Word) (text *Word, script, options string) {
	for i := 0; i < len(words); i++ {
		w := words[i]
		switch {
		case !strings.HasPrefix(w.Text, "-") && !strings.HasPrefix(w.Text, "+"):
			if w.Whole {
				script = w.Text
			}
			return nil, script, options
		case w.Text == "-o":
			i++
			if i < len(words) && words[i].Text == "errexit" {
				options += "e"
			}
		case strings.HasPrefix(w.Text, "--"):
		default:
			options += w.Text[1:]
			if strings.HasSuffix(w.Text, "c") && i+1 < len(words) {
				return &words[i+1], "", options
			}
			if strings.HasSuffix(w.Text, "o") { // -euo pipefail
				i++
			}
		}
	}
	return nil, "", options
}

// read gives a script of the repository.
func (s *Sequence) read(file string) (string, bool) {
	if s.Read == nil || file == "" || path.IsAbs(file) {
		return "", false
	}
	text, ok := s.Read(path.Clean(file))
	return string(text), ok
}

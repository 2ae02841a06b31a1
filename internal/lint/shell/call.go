package shell

import (
	"path"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// Call is one program that a script starts: itself, or by way of another that runs it (sudo, timeout, xargs, sh -c).
type Call struct {
	// Script is the number, in the sequence, of the script that leads to it.
	Script int
	// File, Line and Column where it stands; in another file where a script of the repository is called.
	File         string
	Line, Column int
	// Words of the command line, the program first, without those that run it.
	Words []Word
	// Service and Operation of the AWS CLI; empty where it is another program, or decided while the script runs.
	Service, Operation string
	// Hidden says why its exit code does not become the script's; empty where it may.
	Hidden string
}

// Word is an argument of a command: its text as far as it is written out.
type Word struct {
	// Text is the literal beginning, without quotes.
	Text string
	// Whole is true when Text is all of it: nothing is filled in when the script runs.
	Whole bool
	// Written is all of it, with $NAME, $(…) or ${{ … }} where something is filled in.
	Written string

	// fills are what is filled in, as in Written; line and column are where the word stands, 0 where that is not known.
	fills        []string
	line, column int
}

// Runs says whether it is this program with these first words.
func (c *Call) Runs(program string, words ...string) bool {
	if len(c.Words) <= len(words) || path.Base(c.Words[0].Text) != program {
		return false
	}
	for i, w := range words {
		if c.Words[i+1].Text != w || !c.Words[i+1].Whole {
			return false
		}
	}
	return true
}

// Flag gives the value of a flag, written --name value or --name=value.
func (c *Call) Flag(name string) (Word, bool) {
	for i, w := range c.Words {
		if rest, ok := strings.CutPrefix(w.Written, name+"="); ok {
			return Word{Text: strings.TrimPrefix(w.Text, name+"="), Whole: w.Whole, Written: rest}, true
		}
		if w.Whole && w.Text == name {
			if i+1 < len(c.Words) {
				return c.Words[i+1], true
			}
			return Word{Whole: true}, true
		}
	}
	return Word{}, false
}

// Has says whether a flag is given, with or without a value.
func (c *Call) Has(name string) bool {
	_, ok := c.Flag(name)
	return ok
}

// Literal says whether every word is written out.
func (c *Call) Literal() bool {
	for _, w := range c.Words {
		if !w.Whole {
			return false
		}
	}
	return true
}

// Strings are the words as they are written.
func (c *Call) Strings() []string {
	list := make([]string, len(c.Words))
	for i, w := range c.Words {
		list[i] = w.Written
	}
	return list
}

// Needs is what the call needs of IAM: actions, and why they cannot be told where they cannot. Neither where it calls
// nothing of AWS.
func (c *Call) Needs() (actions []string, untold string) {
	for _, u := range c.uses() {
		return u.actions, u.untold
	}
	return nil, ""
}

// wordOf takes what is written out of a word.
func (es expressions) wordOf(w *syntax.Word) Word {
	is := Word{Whole: true}
	es.parts(&is, w.Parts, false)
	return is
}

func (es expressions) parts(is *Word, parts []syntax.WordPart, quoted bool) {
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			es.split(unescape(p.Value), is.add, is.fillExpression)
			if !quoted && strings.ContainsAny(p.Value, "*?[{~") { // the shell makes other words of it
				is.Whole = false
			}
		case *syntax.SglQuoted:
			es.split(p.Value, is.add, is.fillExpression)
		case *syntax.DblQuoted:
			es.parts(is, p.Parts, true)
		case *syntax.ParamExp:
			if p.Param != nil {
				is.fill("$" + p.Param.Value)
			} else {
				is.fill("$")
			}
		default:
			is.fill("$(…)")
		}
	}
}

func (w *Word) add(text string) {
	w.Written += text
	if w.Whole {
		w.Text += text
	}
}

func (w *Word) fill(as string) {
	w.Whole, w.Written, w.fills = false, w.Written+as, append(w.fills, as)
}

func (w *Word) fillExpression(e string) { w.fill("${{ " + e + " }}") }

// unescape takes the backslashes of line continuations and quoted characters away.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\\\n", ""), `\`, "")
}

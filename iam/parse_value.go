package iam

import (
	"slices"
	"strings"
)

// What a value must be, for messages.
const (
	wantString  = "a string"
	wantStrings = "a string or a list of strings"
)

// text reads a string.
func (p *parser) text(f *Field) string { return p.scalar(&f.Value, f.Name, wantString) }

// oneOf reads a string that must be one of a few.
func (p *parser) oneOf(f *Field, allowed ...string) string {
	failed := p.failed
	p.failed = false
	text := p.text(f)
	if _, marked := IntrinsicJSON(text); !marked && !p.failed && !slices.Contains(allowed, text) {
		p.hard(f.Value.Pos, CodeWrongValue, "%s must be %s, found %q", f.Name, strings.Join(allowed, " or "), text)
	}
	p.failed = p.failed || failed
	return text
}

// texts reads a string or a list of strings, with at least one and none empty.
func (p *parser) texts(f *Field) []string {
	if f.Value.count() == 0 {
		p.hard(f.Value.Pos, CodeEmpty, "%s is an empty list", f.Name)
		return nil
	}
	values := p.list(f.Value.count())
	for i := range values {
		n := f.Value.at(i)
		values[i] = p.scalar(n, f.Name, wantStrings)
		if values[i] == "" && n.Kind == StringNode {
			p.hard(n.Pos, CodeEmpty, "%s has an empty string", f.Name)
		}
	}
	return values
}

// list makes a list of n strings. Lists are cut from a larger one: they live and die with their document.
func (p *parser) list(n int) []string {
	if n > len(p.spare) {
		p.size = min(max(2*p.size, 16), 256)
		p.spare = make([]string, max(n, p.size))
	}
	list := p.spare[:n:n]
	p.spare = p.spare[n:]
	return list
}

// scalar reads a string. A number or a boolean is taken as it is written, and reported.
func (p *parser) scalar(n *Node, name, want string) string {
	switch n.Kind {
	case StringNode:
		p.noNul(n.Text, n.Pos)
		return n.Text
	case NumberNode, BoolNode:
		p.soft(n.Pos, CodeWrongType, "%s must be %s, found %s", name, want, n.Kind)
		return n.Text
	}
	if mark, ok := p.intrinsic(n); ok {
		return mark
	}
	p.hard(n.Pos, CodeWrongType, "%s must be %s, found %s", name, want, n.Kind)
	return ""
}

// scalars reads a condition's values: AWS takes numbers and booleans without quotes as well.
func (p *parser) scalars(f *Field) []string {
	if f.Value.count() == 0 {
		return nil
	}
	values := p.list(f.Value.count())
	for i := range values {
		n := f.Value.at(i)
		switch n.Kind {
		case StringNode, NumberNode, BoolNode:
			p.noNul(n.Text, n.Pos)
			values[i] = n.Text
			continue
		}
		mark, ok := p.intrinsic(n)
		if !ok {
			p.hard(n.Pos, CodeWrongType, "the value of %s must be a string, a number or a boolean, found %s", f.Name, n.Kind)
		}
		values[i] = mark
	}
	return values
}

// noNul refuses the character that marks an [Intrinsic]. AWS has it in no policy either: IAM's allow tab, line
// feed, carriage return and U+0020 to U+00FF (reference_iam-quotas.html, "IAM name requirements").
func (p *parser) noNul(text string, pos Position) {
	if strings.IndexByte(text, 0) >= 0 {
		p.hard(pos, CodeNulCharacter, "string has the character U+0000, which no policy may have")
	}
}

// nearest finds the name that was probably meant: the one that differs least, but for case, by at most two characters,
// and by no more than a third of those that it has.
func nearest(written string, known []string) (name string, near bool) {
	const most = 2
	best := most + 1
	for _, candidate := range known {
		if abs(len(written)-len(candidate)) > 2*most { // a character has some bytes
			continue
		}
		d := editDistance(strings.ToLower(written), strings.ToLower(candidate))
		if d <= max(1, len(candidate)/3) && d < best {
			best, name = d, candidate
		}
	}
	return name, best <= most
}

func abs(n int) int { return max(n, -n) }

// editDistance counts the bytes to insert, delete or replace to turn a into b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}

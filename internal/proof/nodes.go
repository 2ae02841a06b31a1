package proof

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// anyDigit stands for any digit of a node's id. It is of Unicode's private use: no policy has it, so that the
// evaluator finds in an id of such digits just the patterns that match every id.
const anyDigit = '\uE000'

// anyText stands for any text, in a name that is not known beforehand.
const anyText = '\uE001'

// representative stands for any node of a kind that is found by tags.
var representative = "i-" + strings.Repeat(string(anyDigit), 17)

// nodes are the nodes that a symbolic resource stands for: all of an account and region, as which of them carry the
// tags nobody knows beforehand.
type nodes struct {
	// shapes are the ARNs with anyDigit for every digit of an id: ids of EC2 have 8 (until 2016) or 17 of them.
	shapes []string
	tags   []plan.Tag
	// what they are instead of nodes with tags: the pattern of their names.
	what string
	// context gives values to the variables of patterns.
	context iam.Context
}

func newNodes(r plan.Resource) *nodes {
	prefix, short := strings.TrimSuffix(r.ARN, "*"), "i-"+strings.Repeat(string(anyDigit), 8)
	return &nodes{tags: r.Tags, shapes: []string{prefix + representative, prefix + short}}
}

// reach says how many of the nodes a statement's resources match.
type reach int

const (
	reachNone reach = iota
	reachSome       // the statement decides by id
	reachAll
)

// reach of a statement; known says of which variables the value is known. Nil nodes are a concrete resource: no
// statement is about some of it.
func (n *nodes) reach(st *iam.Statement, variables bool, known knowledge) reach {
	if n == nil {
		return reachAll
	}
	patterns, inverted := st.Resources, false
	if len(st.NotResources) > 0 {
		patterns, inverted = st.NotResources, true
	}
	some, all := false, true
	for _, shape := range n.shapes {
		every := false
		for _, p := range patterns {
			tokens := n.tokens(p, variables, known)
			some = some || matchTokens(tokens, shape, true)
			every = every || matchTokens(tokens, shape, false)
		}
		all = all && every
	}
	switch {
	case some && !all:
		return reachSome
	case some != inverted:
		return reachAll
	}
	return reachNone
}

// selecting lists the patterns of a statement that match some nodes and not every one.
func (n *nodes) selecting(st *iam.Statement, variables bool, known knowledge) []string {
	return slices.DeleteFunc(slices.Concat(st.Resources, st.NotResources), func(p string) bool {
		return n.reach(&iam.Statement{Resources: []string{p}}, variables, known) != reachSome
	})
}

// token is one character of a pattern, or a wildcard.
type token struct {
	literal rune
	kind    tokenKind
}

type tokenKind uint8

const (
	tokenLiteral tokenKind = iota
	tokenAny               // ?
	tokenStar              // *
	tokenOpen              // a variable of unknown value: it may match, and nothing says that it does
	tokenNever             // a variable without value
)

// tokens reads a pattern as package iam does. It has been compiled: its variables are well-formed.
func (n *nodes) tokens(pattern string, variables bool, known knowledge) []token {
	var out []token
	text := func(s string) {
		for _, r := range s {
			out = append(out, token{literal: r})
		}
	}
	for pattern != "" {
		size := 1
		switch r, width := utf8.DecodeRuneInString(pattern); {
		case r == '*':
			out = append(out, token{kind: tokenStar})
		case r == '?':
			out = append(out, token{kind: tokenAny})
		case variables && strings.HasPrefix(pattern, "${"):
			if size = iam.VariableLength(pattern); size == 0 {
				size = len(pattern)
			}
			inner := strings.TrimSuffix(pattern[2:size], "}")
			if value, kind := n.value(inner, known); kind != tokenLiteral {
				out = append(out, token{kind: kind})
			} else {
				text(value)
			}
		default:
			size = width
			out = append(out, token{literal: r})
		}
		pattern = pattern[size:]
	}
	return out
}

// value is what a variable stands for: a text when the kind is tokenLiteral.
func (n *nodes) value(variable string, known knowledge) (string, tokenKind) {
	if variable == "*" || variable == "?" || variable == "$" {
		return variable, tokenLiteral
	}
	key, fallback, hasDefault := strings.Cut(variable, ",")
	key = strings.TrimSpace(key)
	if !known(key) {
		return "", tokenOpen
	}
	switch values := n.context.Get(key); {
	case len(values) == 1:
		return values[0], tokenLiteral
	case len(values) == 0 && hasDefault:
		return strings.Trim(strings.TrimSpace(fallback), "'"), tokenLiteral
	}
	return "", tokenNever
}

// matchTokens says whether a pattern matches a shape: some of the texts that it stands for, or every one. It matches
// every one exactly when it matches without a literal in the place of a digit: ids that have no digit in common leave
// no other way.
func matchTokens(pattern []token, shape string, some bool) bool {
	// reached[i] says that the pattern's first i tokens match what has been read of the shape.
	reached := make([]bool, len(pattern)+1)
	reached[0] = true
	repeats := func(i int) bool {
		return pattern[i].kind == tokenStar || some && pattern[i].kind == tokenOpen
	}
	skip := func() {
		for i := range pattern {
			if reached[i] && repeats(i) {
				reached[i+1] = true
			}
		}
	}
	skip()
	for _, r := range shape {
		if r == anyText && some {
			// It may be just what the pattern wants next, as far as that goes; nothing goes past what never matches.
			for i := range pattern {
				if reached[i] && pattern[i].kind != tokenNever {
					reached[i+1] = true
				}
			}
			continue
		}
		next := make([]bool, len(reached))
		for i := range pattern {
			if !reached[i] {
				continue
			}
			if repeats(i) {
				next[i] = true
			} else if pattern[i].matches(r, some) {
				next[i+1] = true
			}
		}
		reached = next
		skip()
	}
	return reached[len(pattern)]
}

func (t token) matches(r rune, some bool) bool {
	switch t.kind {
	case tokenAny:
		return r != anyText
	case tokenLiteral:
		return t.literal == r || some && r == anyDigit && strings.ContainsRune("0123456789abcdef", t.literal)
	}
	return false
}

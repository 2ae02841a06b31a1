package iam

import (
	"strconv"
	"strings"
)

// Policy is a compiled document. It is immutable and may be used by several goroutines at once.
type Policy struct {
	Name       string
	document   *Document
	statements []statement
}

// Document returns the document that the policy was compiled from. It must not be changed.
func (p *Policy) Document() *Document { return p.document }

// statement is a compiled [Statement].
type statement struct {
	deny bool
	// self has one element and no room for a second: appending to it copies.
	self []StatementRef

	services  serviceSet // that actions name
	actions   []glob
	notAction bool

	resources                []glob
	hasResource, notResource bool

	principals                 []principalPattern
	hasPrincipal, notPrincipal bool

	conditions []condition
}

// ParsePolicy parses and compiles a document in JSON.
func ParsePolicy(name string, src []byte) (*Policy, error) {
	d, err := Parse(name, src)
	if err != nil {
		return nil, err
	}
	return Compile(d)
}

// Compile makes a document ready for evaluation. The document is kept and must not be changed afterwards.
// Errors are [*SyntaxError]s: an unknown version, effect, operator or kind of principal, a value that an
// operator cannot compare with, a malformed policy variable.
func Compile(d *Document) (*Policy, error) {
	if d.Version != "" && d.Version != Version2012 && d.Version != Version2008 {
		return nil, syntaxErrorf(d.Name, Position{}, "unknown policy version %q", d.Version)
	}
	p := &Policy{Name: d.Name, document: d, statements: make([]statement, len(d.Statements))}
	for i := range d.Statements {
		c := compiler{document: d, source: &d.Statements[i], variables: d.Version == Version2012}
		if err := c.statement(&p.statements[i]); err != nil {
			return nil, err
		}
		p.statements[i].self = []StatementRef{newRef(d, i)}
	}
	return p, nil
}

func newRef(d *Document, i int) StatementRef {
	st := &d.Statements[i]
	name := st.Sid
	if name == "" {
		name = strconv.Itoa(i)
	}
	return StatementRef{Policy: d.Name, Statement: name, Index: i, Effect: st.Effect, Pos: st.Pos}
}

// compiler compiles one statement.
type compiler struct {
	document  *Document
	source    *Statement
	variables bool // the document's version knows policy variables
}

func (c *compiler) errorf(pos Position, format string, args ...any) error {
	if pos == (Position{}) {
		pos = c.source.Pos
	}
	return syntaxErrorf(c.document.Name, pos, format, args...)
}

func (c *compiler) statement(out *statement) error {
	src := c.source
	if src.Effect != Allow && src.Effect != Deny {
		return c.errorf(Position{}, "unknown effect %q: must be Allow or Deny", string(src.Effect))
	}
	out.deny = src.Effect == Deny
	for _, step := range []func(*statement) error{c.actions, c.resources, c.principals, c.conditions} {
		if err := step(out); err != nil {
			return err
		}
	}
	return nil
}

func (c *compiler) actions(out *statement) (err error) {
	patterns := c.source.Actions
	if out.notAction = len(c.source.NotActions) > 0; out.notAction {
		patterns = c.source.NotActions
	}
	if out.notAction && len(c.source.Actions) > 0 {
		return c.errorf(Position{}, "statement has both Action and NotAction")
	}
	if len(patterns) == 0 {
		return c.errorf(Position{}, "statement has neither Action nor NotAction")
	}
	for _, pattern := range patterns {
		if strings.IndexFunc(pattern, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
			return c.errorf(Position{}, "action %q has a character that no action has", pattern)
		}
		out.services |= serviceOf(pattern)
	}
	out.actions, err = c.globs("action", patterns, syntax{wildcards: true, fold: true})
	return err
}

func (c *compiler) resources(out *statement) (err error) {
	patterns := c.source.Resources
	if out.notResource = len(c.source.NotResources) > 0; out.notResource {
		patterns = c.source.NotResources
	}
	if out.notResource && len(c.source.Resources) > 0 {
		return c.errorf(Position{}, "statement has both Resource and NotResource")
	}
	out.hasResource = len(patterns) > 0
	out.resources, err = c.globs("resource", patterns, syntax{wildcards: true, variables: c.variables})
	return err
}

func (c *compiler) globs(what string, patterns []string, how syntax) ([]glob, error) {
	globs := make([]glob, 0, len(patterns))
	for _, pattern := range patterns {
		g, err := compileGlob(pattern, how)
		if err != nil {
			return nil, c.errorf(Position{}, "%s %q: %v", what, pattern, err)
		}
		globs = append(globs, g)
	}
	return globs, nil
}

func (c *compiler) principals(out *statement) error {
	patterns := c.source.Principals
	if out.notPrincipal = len(c.source.NotPrincipals) > 0; out.notPrincipal {
		patterns = c.source.NotPrincipals
	}
	if out.notPrincipal && len(c.source.Principals) > 0 {
		return c.errorf(Position{}, "statement has both Principal and NotPrincipal")
	}
	out.hasPrincipal = len(patterns) > 0
	for _, pattern := range patterns {
		compiled, err := compilePrincipal(pattern)
		if err != nil {
			return c.errorf(Position{}, "%v", err)
		}
		out.principals = append(out.principals, compiled...)
	}
	return nil
}

func (c *compiler) conditions(out *statement) error {
	seen := map[[2]string]bool{}
	for i := range c.source.Conditions {
		src := &c.source.Conditions[i]
		// R117: AWS keys are compared without regard to case, so these are duplicates to the reader.
		id := [2]string{src.Operator, strings.ToLower(src.Key)}
		if seen[id] {
			return c.errorf(src.Pos, "duplicate condition: %s on %s is given twice", src.Operator, src.Key)
		}
		seen[id] = true
		compiled, err := compileCondition(src, c.variables, out.deny)
		if err != nil {
			return c.errorf(src.Pos, "%v", err)
		}
		out.conditions = append(out.conditions, compiled)
	}
	return nil
}

package iam

import (
	"strconv"
	"strings"
)

// Policy is a compiled document. It is immutable and may be used by several goroutines at once.
type Policy struct {
	Name       string
	document   *Document
	filters    []filter // one for each statement
	statements []statement
}

// Document returns the document that the policy was compiled from. It must not be changed.
func (p *Policy) Document() *Document { return p.document }

// statement is a compiled [Statement].
type statement struct {
	deny bool
	// self has one element and no room for a second: appending to it copies.
	self []StatementRef

	actions   []glob
	notAction bool

	resources                []glob
	completed                []glob // the incomplete ARNs among resources, completed; see [completeARN]
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
	if d == nil {
		return nil, syntaxErrorf("", Position{}, "no document")
	}
	if d.Version != "" && d.Version != Version2012 && d.Version != Version2008 {
		return nil, syntaxErrorf(d.Name, Position{}, "unknown policy version %q", d.Version)
	}
	if json, pos, found := d.firstIntrinsic(); found {
		return nil, newFinding(d.Name, pos, CodeIntrinsic, "only CloudFormation knows %s: give the policy as it is deployed", json)
	}
	n := len(d.Statements)
	p := &Policy{Name: d.Name, document: d, filters: make([]filter, n), statements: make([]statement, n)}
	refs := make([]StatementRef, n)
	c := compiler{document: d, variables: d.Version == Version2012, space: spaceFor(d)}
	for i := range d.Statements {
		c.source = &d.Statements[i]
		if err := c.statement(&p.statements[i]); err != nil {
			return nil, err
		}
		p.filters[i] = filterFor(c.source)
		refs[i] = newRef(d, i)
		p.statements[i].self = refs[i : i+1 : i+1]
	}
	return p, nil
}

// filterFor makes a statement's filter. A NotAction may match any action.
func filterFor(st *Statement) (f filter) {
	if len(st.NotActions) > 0 {
		return passesAll
	}
	for _, pattern := range st.Actions {
		f = f.union(filterOf(pattern).namesOnly())
	}
	return f
}

func newRef(d *Document, i int) StatementRef {
	st := &d.Statements[i]
	name := st.Sid
	if name == "" {
		name = strconv.Itoa(i)
	}
	return StatementRef{Policy: d.Name, Statement: name, Index: i, Effect: st.Effect, Pos: st.Pos}
}

// compiler compiles one statement after the other.
type compiler struct {
	document  *Document
	source    *Statement
	variables bool // the document's version knows policy variables
	space     space
	key       string // of the last condition, and the same in lower case: one key is often used many times
	lowerKey  string
}

// space is what the patterns and conditions of a document are put into: three allocations instead of some for each.
type space struct {
	globs      []glob
	conditions []condition
}

func spaceFor(d *Document) space {
	globs, conditions := 0, 0
	for i := range d.Statements {
		st := &d.Statements[i]
		globs += len(st.Actions) + len(st.NotActions) + len(st.Resources) + len(st.NotResources)
		conditions += len(st.Conditions)
		for j := range st.Conditions {
			globs += len(st.Conditions[j].Values)
		}
	}
	return space{make([]glob, globs), make([]condition, conditions)}
}

func (s *space) takeGlobs(n int) (taken []glob) {
	taken, s.globs = s.globs[:n:n], s.globs[n:]
	return taken
}

func (s *space) takeConditions(n int) (taken []condition) {
	taken, s.conditions = s.conditions[:n:n], s.conditions[n:]
	return taken
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
	if err := c.actions(out); err != nil {
		return err
	}
	if err := c.resources(out); err != nil {
		return err
	}
	if err := c.principals(out); err != nil {
		return err
	}
	return c.conditions(out)
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
		if !isGraphic(pattern) {
			return c.errorf(Position{}, "action %q has a character that no action has", pattern)
		}
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
	how := syntax{wildcards: true, variables: c.variables, resource: true}
	if out.resources, err = c.globs("resource", patterns, how); err != nil {
		return err
	}
	for i, pattern := range patterns {
		if c.variables && out.deny == out.notResource && variableBeforeResource(pattern) {
			// "You can't use a variable to replace parts of the ARN before the fifth colon"
			// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_variables.html).
			// uncertain: what it then matches; nothing where that gives access, and its value where that takes it.
			out.resources[i] = glob{shape: shapeNever}
			continue
		}
		if whole, incomplete := completeARN(pattern, c.variables); incomplete {
			var g glob
			if err := compileGlob(&g, whole, how); err != nil {
				return c.errorf(Position{}, "resource %q: %v", pattern, err)
			}
			out.completed = append(out.completed, g)
		}
	}
	return nil
}

// variableBeforeResource says whether a policy variable stands before an ARN's fifth colon. Escapes such as ${*} are none.
func variableBeforeResource(pattern string) bool {
	if !strings.HasPrefix(pattern, "arn:") || !strings.Contains(pattern, "${") {
		return false
	}
	parts, _ := splitARNPattern(pattern, true)
	for _, part := range parts[:min(len(parts), arnParts-1)] {
		if strings.Contains(escapes.Replace(part), "${") {
			return true
		}
	}
	return false
}

var escapes = strings.NewReplacer("${*}", "", "${?}", "", "${$}", "")

// completeARN adds what an incomplete ARN lacks: "When you specify an incomplete ARN (one with fewer than the standard six
// fields) in an identity-based policy, AWS automatically completes the ARN by adding wildcard characters (*) to all
// missing fields" (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).
func completeARN(pattern string, variables bool) (whole string, incomplete bool) {
	if !strings.HasPrefix(pattern, "arn:") {
		return pattern, false
	}
	missing := arnParts - 1 - strings.Count(pattern, ":")
	if variables && strings.Contains(pattern, "${") {
		parts, _ := splitARNPattern(pattern, variables)
		missing = arnParts - len(parts)
	}
	if missing <= 0 {
		return pattern, false
	}
	return pattern + strings.Repeat(":*", missing), true
}

func (c *compiler) globs(what string, patterns []string, how syntax) ([]glob, error) {
	globs := c.space.takeGlobs(len(patterns))
	for i, pattern := range patterns {
		if err := compileGlob(&globs[i], pattern, how); err != nil {
			return nil, c.errorf(Position{}, "%s %q: %v", what, pattern, err)
		}
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
	if len(c.source.Conditions) == 0 {
		return nil
	}
	out.conditions = c.space.takeConditions(len(c.source.Conditions))
	for i := range c.source.Conditions {
		src := &c.source.Conditions[i]
		if err := c.condition(&out.conditions[i], src, out.deny); err != nil {
			return c.errorf(src.Pos, "%v", err)
		}
	}
	return c.duplicates()
}

// lower returns a condition key in lower case.
func (c *compiler) lower(key string) string {
	if c.key != key {
		c.key, c.lowerKey = key, strings.ToLower(key)
	}
	return c.lowerKey
}

// duplicates finds conditions that are given twice (R117). AWS compares keys without regard to case, so those that differ
// only in case are duplicates to the reader.
func (c *compiler) duplicates() error {
	const few = 8
	list := c.source.Conditions
	if len(list) <= few {
		for i := range list {
			for j := range i {
				if list[i].Operator == list[j].Operator && strings.EqualFold(list[i].Key, list[j].Key) {
					return c.duplicate(&list[i])
				}
			}
		}
		return nil
	}
	seen := make(map[[2]string]bool, len(list))
	for i := range list {
		id := [2]string{list[i].Operator, strings.ToLower(list[i].Key)}
		if seen[id] {
			return c.duplicate(&list[i])
		}
		seen[id] = true
	}
	return nil
}

func (c *compiler) duplicate(src *Condition) error {
	return c.errorf(src.Pos, "duplicate condition: %s on %s is given twice", src.Operator, src.Key)
}

// isGraphic says whether the text has only the visible characters of ASCII.
func isGraphic(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

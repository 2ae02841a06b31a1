package pipelines

import (
	"regexp"
	"strings"

	"github.com/rhysd/actionlint"
)

// expression is GitHub's own substitution, which happens before a shell sees a script.
var expression = regexp.MustCompile(`(?s)\$\{\{(.*?)\}\}`)

// expressionsIn are the expressions of a text, without what is around them.
func expressionsIn(text string) []string {
	if !strings.Contains(text, "${{") {
		return nil
	}
	var list []string
	for _, m := range expression.FindAllStringSubmatch(text, -1) {
		list = append(list, strings.TrimSpace(m[1]))
	}
	return list
}

// single is the expression that is all of a text.
func single(text string) (string, bool) {
	text = strings.TrimSpace(text)
	m := expression.FindStringSubmatchIndex(text)
	if m == nil || m[0] != 0 || m[1] != len(text) {
		return "", false
	}
	return strings.TrimSpace(text[m[2]:m[3]]), true
}

// reference is an expression that names one value: steps.send.outputs.id.
var reference = regexp.MustCompile(`^(inputs|env|steps|needs|jobs)\.([A-Za-z0-9_-]+)(?:\.outputs\.([A-Za-z0-9_-]+))?$`)

// inside finds the values that a longer expression names.
var inside = regexp.MustCompile(`\b(?:inputs|env|steps|needs|jobs)\.[A-Za-z0-9_-]+(?:\.outputs\.[A-Za-z0-9_-]+)?`)

// known is an expression with the names that its values have in the whole sequence.
func (s *scope) known(e string) string {
	if reference.MatchString(e) {
		return s.canonical(e, maxCalls)
	}
	return inside.ReplaceAllStringFunc(e, func(r string) string { return s.canonical(r, maxCalls) })
}

// canonicalText writes the expressions of a text as they are known to the whole sequence.
func (s *scope) canonicalText(text string) string {
	if !strings.Contains(text, "${{") {
		return text
	}
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		return "${{ " + s.known(strings.TrimSpace(e[3:len(e)-2])) + " }}"
	})
}

// canonical is the name that an expression has in the whole sequence: an input is what the caller hands in, an output is
// that of the step which writes it. A constant is written in quotes, as GitHub does.
func (s *scope) canonical(e string, depth int) string {
	m := reference.FindStringSubmatch(e)
	if m == nil || depth == 0 {
		return e
	}
	context, name, key := m[1], m[2], m[3]
	switch {
	case context == "inputs" && key == "":
		if b, ok := s.inputs[name]; ok {
			return b.canonical(e, depth-1)
		}
	case context == "env" && key == "":
		if b, ok := s.lookup(name); ok {
			return b.canonical(e, depth-1)
		}
	case context == "steps" && key != "":
		return s.output(strings.ToLower(name), key, e, depth-1)
	case (context == "needs" || context == "jobs") && key != "":
		return s.outputOfJob(name, key, e, depth-1)
	}
	return e
}

// canonical is the name of what a caller hands in; otherwise where it is put together of several things.
func (b bound) canonical(otherwise string, depth int) string {
	if !b.value.there() {
		return otherwise
	}
	text := b.value.text()
	if e, ok := single(text); ok {
		return b.scope.canonical(e, depth)
	}
	if strings.Contains(text, "${{") {
		return otherwise
	}
	return "'" + strings.ReplaceAll(text, "'", "''") + "'"
}

// output is the name of a step's output: where the step uses an action of the repository, of that of a step inside.
func (s *scope) output(id, key, otherwise string, depth int) string {
	one := s.steps[id]
	if one == nil {
		return otherwise
	}
	if len(one.inside) > 0 {
		inner := one.inside[0].scope
		if e, ok := single(inner.action.get("outputs", key, "value").text()); ok {
			return inner.canonical(e, depth)
		}
	}
	return "steps." + one.id + ".outputs." + key
}

// outputOfJob is the name of a job's output.
func (s *scope) outputOfJob(id, key, otherwise string, depth int) string {
	if s.workflow == nil {
		return otherwise
	}
	for _, j := range s.workflow.jobs {
		if !strings.EqualFold(j.id, id) {
			continue
		}
		of, in := j.get("outputs", key), j.scope
		if j.calls != nil {
			of, in = j.calls.get("on", "workflow_call", "outputs", key, "value"), j.calls.scope
		}
		if e, ok := single(of.text()); ok {
			return in.canonical(e, depth)
		}
	}
	return otherwise
}

// operands are the parts of an expression whose values may become its value. A comparison, and what only decides, is none.
func operands(e string) []actionlint.ExprNode {
	tree, err := actionlint.NewExprParser().Parse(actionlint.NewExprLexer(e + "}}"))
	if err != nil {
		return nil
	}
	var list []actionlint.ExprNode
	var collect func(n actionlint.ExprNode)
	collect = func(n actionlint.ExprNode) {
		switch n := n.(type) {
		case *actionlint.LogicalOpNode:
			collect(n.Right)
			if n.Kind == actionlint.LogicalOpNodeKindOr {
				collect(n.Left)
			}
		case *actionlint.FuncCallNode:
			for _, of := range n.Args {
				if passing[strings.ToLower(n.Callee)] {
					collect(of)
				}
			}
		case *actionlint.CompareOpNode, *actionlint.NotOpNode:
		default:
			list = append(list, n)
		}
	}
	collect(tree)
	return list
}

// passing are functions whose value holds that of their arguments.
var passing = map[string]bool{"format": true, "join": true, "tojson": true, "fromjson": true, "case": true}

// nameOf is the name of a value: github.event.issue.title. An index that is only known in a run is *.
func nameOf(n actionlint.ExprNode) string {
	switch n := n.(type) {
	case *actionlint.VariableNode:
		return strings.ToLower(n.Name)
	case *actionlint.ObjectDerefNode:
		return nameOf(n.Receiver) + "." + n.Property
	case *actionlint.ArrayDerefNode:
		return nameOf(n.Receiver) + ".*"
	case *actionlint.IndexAccessNode:
		if s, ok := n.Index.(*actionlint.StringNode); ok {
			return nameOf(n.Operand) + "." + s.Value
		}
		return nameOf(n.Operand) + ".*"
	}
	return ""
}

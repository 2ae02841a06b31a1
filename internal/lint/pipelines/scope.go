package pipelines

import (
	"maps"
	"strconv"
	"strings"
)

// scope is where an expression is looked up: a workflow, a job, a step, an action.
type scope struct {
	workflow *workflow
	job      *job
	// prefix of the names that steps have in a sequence, where those of several jobs and actions come together.
	prefix string
	steps  map[string]*step
	// inputs of a workflow or action that is called; nil where nobody in the repository calls it.
	inputs  map[string]bound
	secrets map[string]bound
	// inherit is where secrets of the same names are, for `secrets: inherit`.
	inherit *scope
	// action whose steps are in this scope.
	action node
	env    []environment // the innermost last
}

// bound is a value that a caller hands in, and where that is looked up.
type bound struct {
	value node
	scope *scope
}

// environment is an env of a workflow, job or step, and where its expressions are looked up.
type environment struct {
	node
	scope *scope
}

// inner is the scope of a job or step, which has an environment of its own.
func (s *scope) inner(env node) *scope {
	in := *s
	if in.steps == nil || in.job == nil {
		in.steps = map[string]*step{}
	}
	if env.isMap() {
		in.env = append(append([]environment(nil), s.env...), environment{env, &in})
	}
	return &in
}

// called is the scope of a workflow that a job calls.
func (s *scope) called(by, called node) *scope {
	in := &scope{prefix: s.prefix, inputs: map[string]bound{}, secrets: map[string]bound{}}
	called.get("on", "workflow_call", "inputs").each(func(key, value node) {
		in.inputs[key.Value] = bound{value.get("default"), in}
	})
	by.get("with").each(func(key, value node) { in.inputs[key.Value] = bound{value, s} })
	secrets := by.get("secrets")
	secrets.each(func(key, value node) { in.secrets[key.Value] = bound{value, s} })
	if secrets.text() == "inherit" {
		in.inherit = s
	}
	return in
}

// ofAction is the scope of an action that a step uses.
func (s *scope) ofAction(by *step, action node, outer *scope) *scope {
	name := by.get("id").text()
	if name == "" {
		name = "line" + strconv.Itoa(by.place().Line)
	}
	in := &scope{
		workflow: s.workflow, job: s.job, steps: map[string]*step{}, inputs: map[string]bound{}, action: action,
		prefix: outer.prefix + strings.ToLower(name) + "--", env: s.env,
	}
	action.get("inputs").each(func(key, value node) { in.inputs[key.Value] = bound{value.get("default"), in} })
	by.get("with").each(func(key, value node) { in.inputs[key.Value] = bound{value, s} })
	return in
}

// lookup finds a variable of the environment.
func (s *scope) lookup(name string) (bound, bool) {
	for i := len(s.env) - 1; i >= 0; i-- {
		if key, value := s.env[i].entry(name); key.there() {
			return bound{value, s.env[i].scope}, true
		}
	}
	return bound{}, false
}

// variables are the environment of a script. Expressions in it are written as they are known to the whole sequence.
func (s *scope) variables() map[string]string {
	all := map[string]string{}
	for _, e := range s.env {
		e.each(func(key, value node) { all[key.Value] = e.scope.canonicalText(value.text()) })
	}
	return all
}

// aliases gives the expressions of texts their names in the sequence.
func (s *scope) aliases(texts ...string) map[string]string {
	names := map[string]string{}
	for _, text := range texts {
		for _, e := range expressionsIn(text) {
			if is := s.known(e); is != e {
				names[e] = is
			}
		}
	}
	maps.DeleteFunc(names, func(k, v string) bool { return k == v })
	return names
}

package iam

import (
	"iter"
	"strings"
)

// Check finds everything that keeps [Compile] from taking the document, where Compile itself stops at the first: unknown
// operators, values that they cannot compare with, malformed policy variables, conditions that are given twice, if only
// in another case. Every error is a [*SyntaxError] with the place of the element or condition; at most a hundred, and one
// more that says so where there would be more. Values that only CloudFormation knows ([Intrinsic]) are passed over.
func (d *Document) Check() []error {
	if isMarked(d.Version) || d.Intrinsic != "" {
		return nil
	}
	if _, err := Compile(&Document{Name: d.Name, Version: d.Version}); err != nil {
		return []error{err}
	}
	_, whole := Compile(d)
	if whole == nil {
		return nil
	}
	var errs []error
	for i := range d.Statements {
		for err := range d.faults(&d.Statements[i]) {
			if len(errs) == maxFindings {
				return append(errs, tooMany(d.Name, d.Statements[i].Pos))
			}
			errs = append(errs, err)
		}
	}
	if len(errs) == 0 && !d.HasIntrinsics() {
		return []error{whole}
	}
	return errs
}

// faults yields what Compile has against each part of a statement, and the conditions that are given twice.
func (d *Document) faults(st *Statement) iter.Seq[error] {
	return func(yield func(error) bool) {
		for part := range st.parts() {
			_, err := Compile(&Document{Name: d.Name, Version: d.Version, Statements: []Statement{part}})
			if err != nil && !yield(err) {
				return
			}
		}
		seen := make(map[[2]string]bool, len(st.Conditions))
		for _, c := range st.Conditions {
			id := [2]string{c.Operator, strings.ToLower(c.Key)}
			if seen[id] && !yield(syntaxErrorf(d.Name, c.Pos.or(st.Pos), "duplicate condition: %s on %s is given twice", c.Operator, c.Key)) {
				return
			}
			seen[id] = true
		}
	}
}

// parts divides a statement into statements that each have one thing of it that can be wrong, and its place. Marked
// values ([Intrinsic]) are left out.
func (st *Statement) parts() iter.Seq[Statement] {
	return func(yield func(Statement) bool) {
		if st.Intrinsic != "" {
			return
		}
		frame := Statement{Effect: st.Effect, Actions: []string{"*"}, Pos: st.Pos}
		if !isMarked(string(st.Effect)) {
			effect := frame
			effect.Pos = st.Places.Effect.or(st.Pos)
			if !yield(effect) {
				return
			}
		}
		if frame.Effect != Allow && frame.Effect != Deny {
			frame.Effect = Deny
		}
		_ = yield(st.shape(frame.Effect)) && st.patterns(frame, yield) && st.principals(frame, yield) && st.conditions(frame, yield)
	}
}

// shape has the elements of the statement without what they say.
func (st *Statement) shape(effect Effect) Statement {
	texts := func(list []string) []string {
		if len(list) == 0 {
			return nil
		}
		return []string{"*"}
	}
	anybody := func(list []PrincipalPattern) []PrincipalPattern {
		if len(list) == 0 {
			return nil
		}
		return []PrincipalPattern{{Kind: AnyPrincipal}}
	}
	return Statement{
		Effect: effect, Pos: st.Pos,
		Principals: anybody(st.Principals), NotPrincipals: anybody(st.NotPrincipals),
		Actions: texts(st.Actions), NotActions: texts(st.NotActions),
		Resources: texts(st.Resources), NotResources: texts(st.NotResources),
	}
}

// patterns yields the frame with each action and with each resource.
func (st *Statement) patterns(frame Statement, yield func(Statement) bool) bool {
	part := frame
	part.Pos = st.Places.Action.or(st.Pos)
	for _, list := range [...][]string{st.Actions, st.NotActions} {
		for i := range list {
			if part.Actions = list[i : i+1]; !isMarked(list[i]) && !yield(part) {
				return false
			}
		}
	}
	part = frame
	part.Pos = st.Places.Resource.or(st.Pos)
	for _, list := range [...][]string{st.Resources, st.NotResources} {
		for i := range list {
			if part.Resources = list[i : i+1]; !isMarked(list[i]) && !yield(part) {
				return false
			}
		}
	}
	return true
}

// principals yields the frame with each principal.
func (st *Statement) principals(frame Statement, yield func(Statement) bool) bool {
	frame.Pos = st.Places.Principal.or(st.Pos)
	for _, list := range [...][]PrincipalPattern{st.Principals, st.NotPrincipals} {
		for _, p := range list {
			if isMarked(p.Kind) {
				continue
			}
			if frame.Principals = []PrincipalPattern{{Kind: p.Kind}}; len(p.Values) == 0 && !yield(frame) {
				return false
			}
			for i, v := range p.Values {
				if frame.Principals = []PrincipalPattern{{p.Kind, p.Values[i : i+1]}}; !isMarked(v) && !yield(frame) {
					return false
				}
			}
		}
	}
	return true
}

// conditions yields the frame with each condition.
func (st *Statement) conditions(frame Statement, yield func(Statement) bool) bool {
	for i, c := range st.Conditions {
		frame.Conditions = st.Conditions[i : i+1]
		if _, marked := firstMarked(c.Values, c.Operator, c.Key); !marked && !yield(frame) {
			return false
		}
	}
	return true
}

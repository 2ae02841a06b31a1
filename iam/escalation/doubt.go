package escalation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// never is an action that no request has: a statement with it applies to nothing.
const never = "none:Never"

// knowledge says whether a condition key's value is known; a known key may be absent. The name is the same for two
// knowledges that know the same keys.
type knowledge struct {
	name  string
	known func(key string) bool // the key in lower case
}

// doubts makes policies as they would be if everything unknown spoke for the request (best), or against it (worst).
// It keeps them, so that policies that principals share stay shared.
type doubts struct{ made map[doubtKey]*iam.Policy }

type doubtKey struct {
	policy    *iam.Policy
	knowledge string
	best      bool
}

// set gives the policy set for the best or the worst case.
func (d *doubts) set(s *iam.PolicySet, k knowledge, best bool) (*iam.PolicySet, error) {
	out := &iam.PolicySet{}
	if s == nil {
		return out, nil
	}
	var err error
	one := func(p *iam.Policy) (made *iam.Policy) {
		if err == nil {
			made, err = d.policy(p, k, best)
		}
		return made
	}
	list := func(policies []*iam.Policy) (made []*iam.Policy) {
		for _, p := range policies {
			made = append(made, one(p))
		}
		return made
	}
	levels := func(levels [][]*iam.Policy) (made [][]*iam.Policy) {
		if levels != nil {
			made = [][]*iam.Policy{}
		}
		for _, level := range levels {
			made = append(made, list(level))
		}
		return made
	}
	out.Identity, out.Session, out.Boundary = list(s.Identity), list(s.Session), one(s.Boundary)
	out.SCPs, out.RCPs, out.Endpoint = levels(s.SCPs), levels(s.RCPs), one(s.Endpoint)
	return out, err
}

// policy gives one policy for the best or the worst case: the policy itself when nothing in it is unknown.
func (d *doubts) policy(p *iam.Policy, k knowledge, best bool) (*iam.Policy, error) {
	if p == nil {
		return nil, nil // no policy stays none
	}
	key := doubtKey{p, k.name, best}
	if made, ok := d.made[key]; ok {
		return made, nil
	}
	made, err := bound(p, k, best)
	if err != nil {
		return nil, fmt.Errorf("%s: without what is unknown: %w", p.Name, err)
	}
	d.made[key] = made
	return made, nil
}

func bound(p *iam.Policy, k knowledge, best bool) (*iam.Policy, error) {
	document := *p.Document()
	document.Statements = slices.Clone(document.Statements)
	changed := false
	for i := range document.Statements {
		st := &document.Statements[i]
		if len(k.unknown(st)) == 0 {
			continue
		}
		changed = true
		if (st.Effect == iam.Allow) == best {
			k.widen(st)
		} else {
			st.Actions, st.NotActions = []string{never}, nil
		}
	}
	if !changed {
		return p, nil
	}
	return iam.Compile(&document)
}

// unknown lists the keys that a statement reads and that are not known, as the statement spells them.
func (k knowledge) unknown(st *iam.Statement) (keys []string) {
	note := func(key string) {
		if !k.known(strings.ToLower(key)) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for i := range st.Conditions {
		note(st.Conditions[i].Key)
		for _, v := range st.Conditions[i].Values {
			eachVariable(v, note)
		}
	}
	for _, r := range slices.Concat(st.Resources, st.NotResources) {
		eachVariable(r, note)
	}
	return keys
}

// widen makes a statement apply wherever it could: conditions on what is unknown are left out, unknown variables in
// resources stand for anything.
func (k knowledge) widen(st *iam.Statement) {
	st.Conditions = slices.DeleteFunc(slices.Clone(st.Conditions), func(c iam.Condition) bool {
		return len(k.unknown(&iam.Statement{Conditions: []iam.Condition{c}})) > 0
	})
	open := func(r string) bool { return len(k.unknown(&iam.Statement{Resources: []string{r}})) > 0 }
	st.Resources = slices.Clone(st.Resources)
	for i, r := range st.Resources {
		if open(r) {
			st.Resources[i] = replaceVariables(r, func(string) string { return "*" })
		}
	}
	if slices.ContainsFunc(st.NotResources, open) {
		st.NotResources = slices.DeleteFunc(slices.Clone(st.NotResources), open)
		if len(st.NotResources) == 0 {
			st.Resources = []string{"*"}
		}
	}
}

// eachVariable calls f with the key of every policy variable in a text. In a document whose version knows none, what
// looks like one makes a statement uncertain, and nothing worse.
func eachVariable(text string, f func(key string)) {
	replaceVariables(text, func(key string) string {
		f(key)
		return ""
	})
}

// replaceVariables puts a text in place of every policy variable. ${*}, ${?} and ${$} are no variables.
func replaceVariables(text string, value func(key string) string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		inner, after, ok := strings.Cut(rest, "}")
		name, _, _ := strings.Cut(inner, ",")
		name = strings.TrimSpace(name)
		switch {
		case !ok:
			b.WriteString("${" + rest)
			return b.String()
		case len(name) <= 1:
			b.WriteString("${" + inner + "}")
		default:
			b.WriteString(value(name))
		}
		text = after
	}
}

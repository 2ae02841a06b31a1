package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// never is an action that no request has: a statement with it applies to nothing.
const never = "slipway:Never"

// knowledge says whether a request's value of a condition key is known; known keys may be absent.
type knowledge func(key string) bool

// doubt is what an answer may depend on and the plan does not say: values of condition keys, and which nodes they are
// that are found by tags.
type doubt struct {
	known knowledge
	nodes *nodes // nil for a concrete resource
	// action of the request: statements about other actions take no part. Empty for every action.
	action string
}

// selects says whether a statement applies to some of the nodes and not to others.
func (u doubt) selects(d *iam.Document, st *iam.Statement) bool {
	return u.nodes.reach(st, d.Version == iam.Version2012, u.known) == reachSome
}

// bound gives a document as it would be if everything unknown spoke for the request (favourable) or against it.
// A statement keeps its index. changed is false when nothing is unknown; the document is then the same.
func (u doubt) bound(d *iam.Document, favourable bool) (out *iam.Document, changed bool) {
	if d == nil {
		return nil, false
	}
	bounded := *d
	bounded.Statements = slices.Clone(d.Statements)
	for i := range bounded.Statements {
		st := &bounded.Statements[i]
		if u.action != "" && !about(st, u.action) {
			continue
		}
		selects := u.selects(d, st)
		if len(unknownKeys(st, u.known)) == 0 && !selects {
			continue
		}
		changed = true
		if (st.Effect == iam.Allow) == favourable {
			widen(st, u.known)
			if selects {
				st.Resources, st.NotResources = []string{"*"}, nil
			}
			continue
		}
		st.Actions, st.NotActions = []string{never}, nil
	}
	if !changed {
		return d, false
	}
	return &bounded, true
}

// unknownKeys lists the keys that a statement depends on and that are not known.
func unknownKeys(st *iam.Statement, known knowledge) []string {
	var keys []string
	note := func(key string) {
		if !known(key) && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	for _, c := range st.Conditions {
		note(c.Key)
		for _, v := range c.Values {
			eachVariable(v, note)
		}
	}
	for _, list := range [][]string{st.Resources, st.NotResources} {
		for _, r := range list {
			eachVariable(r, note)
		}
	}
	return keys
}

// widen makes a statement apply wherever it could: conditions on what is unknown are dropped, unknown variables in
// resources stand for anything.
func widen(st *iam.Statement, known knowledge) {
	st.Conditions = slices.DeleteFunc(slices.Clone(st.Conditions), func(c iam.Condition) bool {
		return len(unknownKeys(&iam.Statement{Conditions: []iam.Condition{c}}, known)) > 0
	})
	open := func(r string) bool { return len(unknownKeys(&iam.Statement{Resources: []string{r}}, known)) > 0 }
	st.Resources = slices.Clone(st.Resources)
	for i, r := range st.Resources {
		if open(r) {
			st.Resources[i] = starVariables(r)
		}
	}
	if slices.ContainsFunc(st.NotResources, open) {
		st.NotResources = slices.DeleteFunc(slices.Clone(st.NotResources), open)
		if len(st.NotResources) == 0 {
			st.Resources = []string{"*"}
		}
	}
}

// eachVariable calls f with the key of every policy variable in a text.
func eachVariable(text string, f func(key string)) {
	for {
		_, rest, ok := strings.Cut(text, "${")
		if !ok {
			return
		}
		name, after, ok := strings.Cut(rest, "}")
		if !ok {
			return
		}
		name, _, _ = strings.Cut(name, ",")
		// ${*}, ${?} and ${$} are the characters themselves.
		if name = strings.TrimSpace(name); len(name) > 1 {
			f(name)
		}
		text = after
	}
}

// starVariables puts a * in place of every variable.
func starVariables(text string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(text, "${")
		b.WriteString(before)
		if !ok {
			return b.String()
		}
		b.WriteByte('*')
		_, text, _ = strings.Cut(rest, "}")
	}
}

// bounds gives a policy set with everything unknown for a request, and against it. decided is true when nothing
// unknown takes part; the set itself then answers.
func (u doubt) bounds(set *iam.PolicySet) (favourable, unfavourable *iam.PolicySet, decided bool, err error) {
	decided = true
	variant := func(p *iam.Policy, how bool) *iam.Policy {
		if p == nil || err != nil {
			return p
		}
		d, changed := u.bound(p.Document(), how)
		if !changed {
			return p
		}
		decided = false
		compiled, e := iam.Compile(d)
		if e != nil {
			err = fmt.Errorf("%s: %w", d.Name, e)
			return p
		}
		return compiled
	}
	variants := func(how bool) *iam.PolicySet {
		out := &iam.PolicySet{
			Boundary: variant(set.Boundary, how), Trust: variant(set.Trust, how), Resource: variant(set.Resource, how),
		}
		for _, p := range set.Identity {
			out.Identity = append(out.Identity, variant(p, how))
		}
		for _, level := range set.SCPs {
			bounded := make([]*iam.Policy, len(level))
			for i, p := range level {
				bounded[i] = variant(p, how)
			}
			out.SCPs = append(out.SCPs, bounded)
		}
		return out
	}
	return variants(true), variants(false), decided, err
}

// on says on what, of all that is unknown, the statements that decided depend.
func (u doubt) on(set *iam.PolicySet, decisive []iam.StatementRef) string {
	var keys, where, selecting []string
	for _, ref := range decisive {
		for _, p := range everyPolicy(set) {
			if p == nil || p.Name != ref.Policy || ref.Index >= len(p.Document().Statements) {
				continue
			}
			d := p.Document()
			st := &d.Statements[ref.Index]
			if st.Pos != ref.Pos { // another policy of the same file
				continue
			}
			if u.selects(d, st) {
				patterns := u.nodes.selecting(st, d.Version == iam.Version2012, u.known)
				selecting = appendNew(selecting, reference(ref)+" names "+short(patterns))
			}
			if unknown := unknownKeys(st, u.known); len(unknown) > 0 {
				keys, where = appendNew(keys, unknown...), appendNew(where, reference(ref))
			}
		}
	}
	var parts []string
	if len(selecting) > 0 && u.nodes.what != "" {
		parts = append(parts, fmt.Sprintf("it depends on which of %s: %s, and others are treated differently",
			u.nodes.what, strings.Join(selecting, ", ")))
	} else if len(selecting) > 0 {
		parts = append(parts, fmt.Sprintf("it depends on which instances carry the tags %s: %s, and others are treated "+
			"differently. Grant by tags, or name the targets by id", tagText(u.nodes.tags), strings.Join(selecting, ", ")))
	}
	if len(keys) > 0 {
		parts = append(parts, fmt.Sprintf("it depends on %s, which the release does not say (%s)",
			strings.Join(keys, " and "), strings.Join(where, ", ")))
	}
	return strings.Join(parts, "; ")
}

// everyPolicy lists the policies of a set that proof gives one; some may be nil.
func everyPolicy(set *iam.PolicySet) []*iam.Policy {
	return append(slices.Concat(append([][]*iam.Policy{set.Identity}, set.SCPs...)...), set.Boundary, set.Trust, set.Resource)
}

// appendNew appends what is not there yet.
func appendNew(list []string, values ...string) []string {
	for _, v := range values {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

package proof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// knownAction is an action of AWS, with what is often asked of it.
type knownAction struct {
	name, lower string
	// weight orders actions by what they can do.
	weight int
	// scoped says that the action has resource types: without, it is allowed on * or not at all.
	scoped bool
}

var weights = []string{catalog.LevelPermissions, catalog.LevelWrite, catalog.LevelTagging, catalog.LevelRead, catalog.LevelList}

// services keeps what was asked of the catalog: []knownAction by the service's prefix.
var services sync.Map

// actionsOfService lists the actions of a service; none of one that does not exist.
func actionsOfService(service string) []knownAction {
	if list, ok := services.Load(service); ok {
		return list.([]knownAction)
	}
	var list []knownAction
	for _, name := range catalog.Actions(service) {
		a, _ := catalog.Lookup(service + ":" + name)
		list = append(list, knownAction{
			name: a.String(), lower: strings.ToLower(a.String()), weight: slices.Index(weights, a.AccessLevel), scoped: len(a.Resources) > 0,
		})
	}
	services.Store(service, list)
	return list
}

// actionsOf lists the actions of AWS that a statement is about, as the catalog has them.
func actionsOf(st *iam.Statement) (list []knownAction) {
	patterns, not := lowered(st.Actions), false
	if len(st.NotActions) > 0 {
		patterns, not = lowered(st.NotActions), true
	}
	for _, service := range servicesOf(patterns, not) {
		for _, a := range actionsOfService(service) {
			if slices.ContainsFunc(patterns, func(p string) bool { return like(p, a.lower) }) != not {
				list = append(list, a)
			}
		}
	}
	return list
}

// servicesOf lists the services of which patterns, in lower case, may match an action.
func servicesOf(patterns []string, not bool) (list []string) {
	for _, p := range patterns {
		service, _, ok := strings.Cut(p, ":")
		if not || !ok || strings.ContainsAny(service, "*?") {
			return catalog.Services()
		}
		list = appendNew(list, service)
	}
	slices.Sort(list)
	return list
}

func lowered(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// like matches * and ?, of texts in lower case. It goes back to the last star only, so that it takes no longer than the
// texts' product.
func like(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// about says whether a statement is about an action.
func about(st *iam.Statement, action string) bool {
	patterns, not := st.Actions, false
	if len(st.NotActions) > 0 {
		patterns, not = st.NotActions, true
	}
	return slices.ContainsFunc(patterns, func(p string) bool {
		if !strings.ContainsAny(p, "*?") {
			return strings.EqualFold(p, action)
		}
		return like(strings.ToLower(p), strings.ToLower(action))
	}) != not
}

// restricted are the statements about an action, as if they were about nothing else.
func restricted(statements []iam.Statement, action string) (list []iam.Statement) {
	for i := range statements {
		if about(&statements[i], action) {
			list = append(list, of(statements[i], action))
		}
	}
	return list
}

func of(st iam.Statement, action string) iam.Statement {
	st.Actions, st.NotActions = []string{action}, nil
	return st
}

// statements of all policies.
func statements(documents []*iam.Document) (list []iam.Statement) {
	for _, d := range documents {
		list = append(list, d.Statements...)
	}
	return list
}

// least are the needed statements about actions, by the action in lower case. Rendered policies have no patterns there.
type least map[string][]iam.Statement

func leastOf(documents []*iam.Document) least {
	l := least{}
	all := statements(documents)
	for i := range all {
		for _, a := range actionsOf(&all[i]) {
			if l[a.lower] == nil {
				l[a.lower] = restricted(all, a.name)
			}
		}
	}
	return l
}

// statement weighs one Allow statement: first which actions no call needs, then which are needed on less.
func (s *scale) statement(d *iam.Document, i int) error {
	st := &d.Statements[i]
	var idle []knownAction
	wider := excesses{}
	for _, action := range actionsOf(st) {
		if !action.scoped && len(st.Resources) > 0 && !slices.ContainsFunc(st.Resources, func(r string) bool { return like(r, "*") }) {
			continue // such an action is asked for on * only, as [iam.Compare] knows too
		}
		needed := s.least[action.lower]
		if len(needed) == 0 && s.plain(st, action) {
			idle = append(idle, action)
			continue
		}
		found, err := s.action(of(*st, action.name), needed, d.Version)
		if err != nil {
			return err
		}
		switch {
		case len(found.Added)+len(found.Unclear) == 0:
		case len(needed) == 0 && len(found.Added) > 0:
			idle = append(idle, action)
		default:
			if err := wider.add(action, needed, found, of(*st, action.name), d.Version); err != nil {
				return err
			}
		}
	}
	if len(idle) > 0 {
		surplus := s.at(d, i, SurplusAction)
		surplus.list(idle)
		surplus.Text = "no call of the plan needs " + sum(idle) + ", on " + onText(st)
		s.found = append(s.found, surplus)
	}
	for _, e := range wider.list {
		surplus := s.at(d, i, e.kind)
		surplus.list(e.actions)
		surplus.Resource, surplus.Needed, surplus.Text = e.resource, e.needed, e.text()
		s.found = append(s.found, surplus)
	}
	return nil
}

// plain says whether a statement certainly gives something of an action: nothing is there that could take it away, and
// it is on * or AWS knows resources of it.
func (s *scale) plain(st *iam.Statement, action knownAction) bool {
	if len(s.denies) > 0 || s.given.boundary != nil || len(st.NotResources) > 0 {
		return false
	}
	return action.scoped || slices.Contains(st.Resources, "*")
}

// action compares what a statement says about one action with what is needed of it. What the role's own Deny statements
// take away, and what its boundary lets through no more than is needed, it does not hold.
func (s *scale) action(st iam.Statement, needed []iam.Statement, version string) (iam.Comparison, error) {
	action := st.Actions[0]
	denies := restricted(s.denies, action)
	if equalTo(&st, needed) {
		return iam.Comparison{}, nil
	}
	found, err := added(needed, append([]iam.Statement{st}, denies...), version)
	if err != nil || s.given.boundary == nil || found.Verdict == iam.NoMorePermissive {
		return found, err
	}
	limit := restricted(s.given.boundary.Document().Statements, action)
	through, err := added(needed, limit, s.given.boundary.Document().Version)
	if err == nil && through.Verdict == iam.NoMorePermissive {
		return iam.Comparison{}, nil
	}
	return found, err
}

// equalTo says whether a statement is one of those that are needed, or less of the same.
func equalTo(st *iam.Statement, needed []iam.Statement) bool {
	return len(st.NotResources) == 0 && slices.ContainsFunc(needed, func(n iam.Statement) bool {
		return sameConditions(st.Conditions, n.Conditions) && !slices.ContainsFunc(st.Resources, func(r string) bool {
			return !slices.Contains(n.Resources, r)
		})
	})
}

func sameConditions(a, b []iam.Condition) bool {
	return slices.EqualFunc(a, b, func(c, d iam.Condition) bool {
		return c.Operator == d.Operator && c.Key == d.Key && slices.Equal(c.Values, d.Values)
	})
}

// added compares statements about one action.
func added(old, new []iam.Statement, version string) (iam.Comparison, error) {
	var options iam.CompareOptions
	if len(new) > 0 && len(new[0].Actions) == 1 {
		options.Actions, options.Resources = new[0].Actions, resourcesOf
	}
	before, err := compileStatements("needed", iam.Version2012, old)
	if err != nil {
		return iam.Comparison{}, err
	}
	after, err := compileStatements("given", version, new)
	if err != nil {
		return iam.Comparison{}, err
	}
	return iam.Compare(before, after, options), nil
}

func compileStatements(name, version string, statements []iam.Statement) ([]*iam.Policy, error) {
	if len(statements) == 0 {
		return nil, nil
	}
	p, err := iam.Compile(&iam.Document{Name: name, Version: version, Statements: statements})
	if err != nil {
		return nil, err
	}
	return []*iam.Policy{p}, nil
}

// resourcesOf lists the ARN patterns of an action's resource types, with * for what varies.
func resourcesOf(action string) (patterns []string, known bool) {
	a, known := catalog.Lookup(action)
	for _, t := range a.Resources {
		r, ok := catalog.ResourceType(a.Service, t.Type)
		if !ok || len(r.ARNs) == 0 {
			patterns = append(patterns, "*")
		}
		for _, arn := range r.ARNs {
			patterns = append(patterns, starVariables(arn))
		}
	}
	return patterns, known
}

// excesses are actions that are needed on less, by what they are allowed on.
type excesses struct{ list []*excess }

type excess struct {
	kind            SurplusKind
	resource        string
	needed, unclear []string
	actions         []knownAction
	example         string
}

func (x *excesses) add(action knownAction, needed []iam.Statement, found iam.Comparison, st iam.Statement, version string) error {
	if len(found.Added) == 0 {
		x.note(&excess{kind: SurplusUnknown, resource: found.Unclear[0].Resource, actions: []knownAction{action}, unclear: []string{found.Unclear[0].Why}})
		return nil
	}
	open := slices.Clone(needed)
	var resources []string
	for i := range open {
		open[i].Conditions = nil
		resources = appendNew(resources, open[i].Resources...)
	}
	for _, a := range found.Added {
		e := &excess{kind: SurplusResource, resource: a.Resource, needed: resources, actions: []knownAction{action}, example: a.Request.Resource}
		narrow := st
		narrow.Conditions = nil
		if len(a.NotResources) == 0 {
			narrow.Resources, narrow.NotResources = []string{a.Resource}, nil
		}
		byResource, err := added(open, []iam.Statement{narrow}, version)
		if err != nil {
			return err
		}
		if byResource.Verdict == iam.NoMorePermissive {
			e.kind, e.example = SurplusCondition, ""
			e.needed = conditionsText(needed)
		}
		x.note(e)
	}
	return nil
}

func (x *excesses) note(e *excess) {
	same := func(o *excess) bool {
		return o.kind == e.kind && o.resource == e.resource && slices.Equal(o.needed, e.needed)
	}
	if i := slices.IndexFunc(x.list, same); i >= 0 {
		x.list[i].actions = append(x.list[i].actions, e.actions...)
		return
	}
	x.list = append(x.list, e)
}

func (e *excess) text() string {
	switch e.kind {
	case SurplusUnknown:
		return fmt.Sprintf("whether %s on %s is more than needed cannot be told: %s", sum(e.actions), e.resource, strings.Join(e.unclear, "; "))
	case SurplusCondition:
		return fmt.Sprintf("%s %s needed on %s only where %s", sum(e.actions), is(len(e.actions)), e.resource, strings.Join(e.needed, ", or "))
	}
	text := fmt.Sprintf("%s %s needed on %s, and not on all of %s", sum(e.actions), is(len(e.actions)), short(e.needed), e.resource)
	if e.example != "" && !strings.Contains(text, e.example) {
		text += ": not on " + e.example
	}
	return text
}

func is(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

// conditionsText tells the conditions of statements, each statement's by itself.
func conditionsText(needed []iam.Statement) (texts []string) {
	for i := range needed {
		var parts []string
		for _, c := range needed[i].Conditions {
			parts = append(parts, c.Operator+" "+c.Key+" "+strings.Join(c.Values, "|"))
		}
		texts = appendNew(texts, strings.Join(parts, " and "))
	}
	return slices.DeleteFunc(texts, func(s string) bool { return s == "" })
}

// onText says on what a statement allows its actions.
func onText(st *iam.Statement) string {
	text := short(st.Resources)
	if len(st.NotResources) > 0 {
		text = "everything but " + short(st.NotResources)
	}
	if conditions := conditionsText([]iam.Statement{*st}); len(conditions) > 0 {
		text += " where " + conditions[0]
	}
	return text
}

// byWeight are the names of actions: what changes something before what reads.
func byWeight(actions []knownAction) []string {
	actions = slices.Clone(actions)
	slices.SortFunc(actions, func(a, b knownAction) int { return cmp.Or(a.weight-b.weight, strings.Compare(a.name, b.name)) })
	names := make([]string, len(actions))
	for i, a := range actions {
		names[i] = a.name
	}
	return names
}

// sum names actions, and where there are many says how many there are.
func sum(actions []knownAction) string {
	const most = 15
	var services []string
	for _, a := range actions {
		service, _, _ := strings.Cut(a.name, ":")
		services = appendNew(services, service)
	}
	if len(services) > most {
		return fmt.Sprintf("%d actions of %d services", len(actions), len(services))
	}
	names := byWeight(actions)
	if len(names) > most {
		return fmt.Sprintf("%d actions: %s and %d more", len(names), strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}

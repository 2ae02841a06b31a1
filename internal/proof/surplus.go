package proof

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Surplus is what a statement of a role allows and no call of the plan needs. It refutes nothing: a proof says whether
// the calls are allowed.
type Surplus struct {
	Stage string `json:"stage"`
	// Role that holds it: its ARN.
	Role string `json:"role"`
	// Policy and Statement say where: the name of the policy, and a Sid, or the statement's number.
	Policy    string `json:"policy"`
	Statement string `json:"statement"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`

	Kind SurplusKind `json:"kind"`
	// Actions that the statement allows too much of: whole, or on too much. At most 200; Count says how many there are.
	Actions []string `json:"actions,omitempty"`
	Count   int      `json:"count,omitempty"`
	// Resource is the pattern of the statement that is wider than what is needed.
	Resource string `json:"resource,omitempty"`
	// Needed are the resources, or the callers, that the plan needs there.
	Needed []string `json:"needed,omitempty"`
	// Caller is one whom a trust policy lets in without need.
	Caller string `json:"caller,omitempty"`
	// Text says it in words.
	Text string `json:"text"`
}

// SurplusKind says what there is too much of.
type SurplusKind string

// The kinds of surplus.
const (
	SurplusAction    SurplusKind = "action"    // no call of the plan needs the action
	SurplusResource  SurplusKind = "resource"  // the action is needed, on less
	SurplusCondition SurplusKind = "condition" // on these resources, but under a condition
	SurplusCaller    SurplusKind = "caller"    // a trust policy lets in somebody whom the plan does not
	SurplusBoundary  SurplusKind = "boundary"  // the permissions boundary that the release demands is missing
	SurplusUnknown   SurplusKind = "unknown"   // it cannot be told
)

// maxListed is how many actions of one statement are listed.
const maxListed = 200

// Weigh finds out what the given roles hold that no call of the plan needs. needed are the roles that hold just that: as
// rendered from the whole release. Roles that are not among both are not weighed, nor those that others
// made.
func (r *Result) Weigh(p *plan.Plan, given, needed []Role) error {
	subjects, err := compileRoles(given)
	if err != nil {
		return err
	}
	least, err := compileRoles(needed)
	if err != nil {
		return fmt.Errorf("rendered: %w", err)
	}
	done := map[roleKey]bool{} // a pipeline's own principal is in every stage
	for i := range p.Stages {
		for j := range p.Stages[i].Roles {
			role := &p.Stages[i].Roles[j]
			key := keyOf(role)
			if done[key] || subjects[key] == nil || least[key] == nil || role.Exists() {
				continue // what there is already may serve others, too
			}
			done[key] = true
			s := scale{stage: p.Stages[i].Name, role: role.ARN(), given: subjects[key], needed: least[key]}
			s.boundary(role.Boundary)
			if err := s.weigh(); err != nil {
				return fmt.Errorf("surplus of role %s: %w", role.Name, err)
			}
			r.Surplus = append(r.Surplus, s.found...)
		}
	}
	return nil
}

// Exact is the exit code where a role may hold nothing that no call needs: that of the calls; where they are proved, 1
// with a surplus, and 3 where it cannot be told whether there is one.
func (r *Result) Exact() int {
	if r.Verdict != Proved || len(r.Surplus) == 0 {
		return r.Exit()
	}
	if slices.ContainsFunc(r.Surplus, func(s Surplus) bool { return s.Kind != SurplusUnknown }) {
		return exitRefuted
	}
	return exitUndecided
}

// scale weighs one role.
type scale struct {
	stage, role   string
	given, needed *subject
	found         []Surplus
	// denies are the role's own Deny statements.
	denies []iam.Statement
	least  least
}

func (s *scale) weigh() error {
	for _, u := range s.given.role.Unknown {
		if u.Layer == iam.LayerIdentity || u.Layer == iam.LayerNone { // a boundary gives nothing
			s.unknown(Surplus{Policy: u.What}, joinGive(cmp.Or(u.Why, "nobody gave its text"), u.Give))
		}
	}
	s.least = leastOf(s.needed.role.Policies)
	for _, d := range s.given.role.Policies {
		for i := range d.Statements {
			if d.Statements[i].Effect == iam.Deny {
				s.denies = append(s.denies, d.Statements[i])
			}
		}
	}
	for i, d := range s.given.role.Policies {
		if err := s.policy(d, s.given.openings[s.given.policies[i]]); err != nil {
			return err
		}
	}
	return s.entries()
}

// policy weighs one policy. open is the same where values that only CloudFormation knows speak for a request; nil if it has
// none. What it allows only so is not known.
func (s *scale) policy(d *iam.Document, open *iam.Policy) error {
	for i := range d.Statements {
		before := len(s.found)
		if d.Statements[i].Effect == iam.Allow {
			if err := s.statement(d, i); err != nil {
				return fmt.Errorf("%s: %w", reference(refOf(d, i)), err)
			}
		}
		if open == nil || len(s.found) > before {
			continue
		}
		wide := open.Document()
		if st := &wide.Statements[i]; st.Effect != iam.Allow || sameStatement(st, &d.Statements[i]) {
			continue
		}
		if err := s.statement(wide, i); err != nil {
			return fmt.Errorf("%s: %w", reference(refOf(wide, i)), err)
		}
		if len(s.found) > before {
			s.found = s.found[:before]
			s.unknown(s.at(wide, i, SurplusUnknown), "it has values that are only known when the template is deployed")
		}
	}
	return nil
}

// boundary finds a role that has no permissions boundary and should: what its policies get one day is limited by nothing.
func (s *scale) boundary(demanded string) {
	bounded := s.given.boundary != nil || slices.ContainsFunc(s.given.role.Unknown, func(u Unknown) bool {
		return u.Layer == iam.LayerBoundary || u.Layer == iam.LayerNone
	})
	if demanded != "" && !bounded {
		s.found = append(s.found, Surplus{
			Stage: s.stage, Role: s.role, Policy: "the permissions boundary", Kind: SurplusBoundary,
			Text: "the release demands " + demanded + ", without which nothing limits what the role is given later",
		})
	}
}

func joinGive(why, give string) string {
	if give == "" {
		return why
	}
	return why + ": " + give
}

// unknown notes something of which nobody can tell whether it is too much.
func (s *scale) unknown(surplus Surplus, why string) {
	surplus.Stage, surplus.Role, surplus.Kind, surplus.Text = s.stage, s.role, SurplusUnknown, "what it allows cannot be told: "+why
	s.found = append(s.found, surplus)
}

// at begins a surplus of a statement.
func (s *scale) at(d *iam.Document, i int, kind SurplusKind) Surplus {
	ref := refOf(d, i)
	return Surplus{
		Stage: s.stage, Role: s.role, Policy: ref.Policy, Statement: ref.Statement, Line: ref.Pos.Line, Column: ref.Pos.Column, Kind: kind,
	}
}

// list puts actions into a surplus.
func (s *Surplus) list(actions []knownAction) {
	names := byWeight(actions)
	s.Count, s.Actions = len(names), names[:min(len(names), maxListed)]
}

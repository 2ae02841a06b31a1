package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// Report is what `slipway policy explain` prints.
type Report struct {
	Decision string `json:"decision"` // Allowed, ImplicitlyDenied or ExplicitlyDenied
	// Layer is the first kind of policy that denies: identity, boundary, session, trust, resource, scp, rcp or vpce.
	Layer   string  `json:"layer,omitempty"`
	Request Request `json:"request"`
	// Filled are the context keys that AWS sets, that were filled in and that some policy reads.
	Filled []Filled `json:"filled,omitempty"`
	// Decisive are the statements that allow the request, or deny it explicitly.
	Decisive []Decisive `json:"decisive"`
	// Missing are the kinds of policy that had to allow the request and did not. For an explicit denial, those that do
	// not allow it either.
	Missing []string `json:"missing,omitempty"`
	// Near are statements that would have allowed it but for one thing.
	Near []Near `json:"near,omitempty"`
	// Remedies are the smallest statements that together would allow it.
	Remedies []Remedy `json:"remedies,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	// Closest are actions that exist, where the one asked for does not.
	Closest []string `json:"closest,omitempty"`

	line bool // the request was given as a line of eval
}

// Request is the request that was evaluated.
type Request struct {
	Principal string              `json:"principal"`
	Action    string              `json:"action"`
	Resource  string              `json:"resource"`
	Account   string              `json:"account,omitempty"`
	Context   map[string][]string `json:"context,omitempty"` // keys in lower case
}

// Place is a statement and where it stands.
type Place struct {
	Policy    string `json:"policy"`
	Statement string `json:"statement"` // its Sid, or its index from 0
	Effect    string `json:"effect"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
}

// Decisive is a statement that decides.
type Decisive struct {
	Place
	// Conditions are those of a statement that denies; all of them hold.
	Conditions []Condition `json:"conditions,omitempty"`
}

// Near is an Allow statement and the one thing that does not match.
type Near struct {
	Place
	Layer    string   `json:"layer"`
	Mismatch string   `json:"mismatch"` // action, resource, principal or condition
	Wanted   string   `json:"wanted"`   // what the request has
	Has      []string `json:"has"`      // what the statement says
	Detail   string   `json:"detail"`   // the same as a sentence
	// Unmet are all conditions that do not hold, where nothing else is in the way.
	Unmet []Condition `json:"unmet,omitempty"`
}

// Remedy is a statement to add.
type Remedy struct {
	Layer string `json:"layer"`
	// Level of the organization, the root's is 0; only for scp and rcp.
	Level     *int            `json:"level,omitempty"`
	Statement json.RawMessage `json:"statement"`
	// Unguarded: a statement that is there would allow the request under conditions, which this one does not have.
	Unguarded bool `json:"unguarded,omitempty"`
}

// Explain evaluates a case and says why it comes out as it does.
func Explain(c *Case) (*Report, error) {
	x := c.Policies.Explain(c.Request)
	r := &Report{
		Decision: x.Decision.Outcome.String(), Request: requestOf(c.Request),
		Decisive: []Decisive{}, Notes: slices.Clip(c.Notes), line: c.Line,
	}
	for _, f := range c.Filled {
		if reads(c.Policies, f.Key) {
			r.Filled = append(r.Filled, f)
		}
	}
	if x.Decision.Layer != iam.LayerNone {
		r.Layer = x.Decision.Layer.String()
	}
	for _, ref := range x.Decision.Decisive {
		decisive := Decisive{Place: placeOf(ref)}
		if ref.Effect == iam.Deny {
			decisive.Conditions = conditionsOf(c, allLayers, ref, true)
		}
		r.Decisive = append(r.Decisive, decisive)
	}
	if x.Decision.Outcome == iam.ExplicitlyDenied {
		allowing, err := withoutDenials(c.Policies)
		if err != nil {
			return nil, fmt.Errorf("evaluate without the denials: %w", err)
		}
		x.Missing = allowing.Explain(c.Request).Missing
	}
	for _, l := range x.Missing {
		r.Missing = append(r.Missing, l.String())
	}
	r.nearly(c, x.Near)
	if err := r.offer(c, &x); err != nil {
		return nil, err
	}
	r.aboutAction(c.Request.Action, len(c.Notes) > 0)
	return r, nil
}

// nearly adds the statements that came close.
func (r *Report) nearly(c *Case, list []iam.Near) {
	for _, n := range list {
		near := Near{
			Place: placeOf(n.Ref), Layer: n.Layer.String(), Mismatch: n.Mismatch, Wanted: n.Wanted, Has: n.Has, Detail: n.Detail,
		}
		if n.Mismatch == iam.MismatchCondition {
			near.Unmet = conditionsOf(c, []iam.Layer{n.Layer}, n.Ref, false)
		}
		r.Near = append(r.Near, near)
	}
}

// guarded is the statement of a layer that would allow the request under conditions, if it is the closest one.
func (r *Report) guarded(layer string) (near Near, ok bool) {
	for _, n := range r.Near {
		if n.Layer == layer {
			return n, len(n.Unmet) > 0
		}
	}
	return near, false
}

// offer adds the statements that would allow the request, or why there are none.
func (r *Report) offer(c *Case, x *iam.Explanation) error {
	if x.Decision.Outcome != iam.ImplicitlyDenied {
		return nil
	}
	if !known(c.Request.Action) {
		r.Notes = append(r.Notes, "no statement is offered: it would allow an action that does not exist")
		return nil
	}
	for _, remedy := range x.Remedies {
		made, err := remedyOf(remedy)
		if err != nil {
			return err
		}
		_, made.Unguarded = r.guarded(made.Layer)
		r.Remedies = append(r.Remedies, made)
	}
	if len(x.Remedies) == 0 && c.Request.Principal.Kind == iam.PrincipalFederated {
		r.Notes = append(r.Notes, "no statement is offered: it would let in everybody whom the identity provider signs in; "+
			"give the token's audience and subject as context")
	}
	return nil
}

// Allowed says whether the request is allowed.
func (r *Report) Allowed() bool { return r.Decision == iam.Allowed.String() }

// aboutAction adds what the catalog knows and a reader of the report may not. said: the case has said already that the
// action cannot be scoped.
func (r *Report) aboutAction(action string, said bool) {
	a, known := catalog.Lookup(action)
	reason, unscopable := catalog.Unscopable(action)
	switch {
	case !known:
		r.Notes = append(r.Notes, noAction(action))
		r.Closest = Closest(action)
	case unscopable && len(r.Remedies) > 0 && !said:
		r.Notes = append(r.Notes, reason)
	}
	if len(a.DependentActions) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("some requests for %s need %s as well", a, strings.Join(a.DependentActions, ", ")))
	}
}

func noAction(action string) string {
	version, date := catalog.Source()
	return fmt.Sprintf("AWS has no action %s (service authorization reference, as of %s, data %s)", action, date, version)
}

func requestOf(r *iam.Request) Request {
	out := Request{Principal: r.Principal.ARN, Action: r.Action, Resource: r.Resource, Account: r.Account}
	if r.Principal.Kind == iam.PrincipalAnonymous {
		out.Principal = "*"
	}
	for _, key := range r.Context.Keys() {
		if out.Context == nil {
			out.Context = map[string][]string{}
		}
		out.Context[key] = r.Context.Get(key)
	}
	return out
}

func placeOf(ref iam.StatementRef) Place {
	return Place{
		Policy: ref.Policy, Statement: ref.Statement, Effect: string(ref.Effect), Line: ref.Pos.Line, Column: ref.Pos.Column,
	}
}

func remedyOf(remedy iam.Remedy) (Remedy, error) {
	out := Remedy{Layer: remedy.Layer.String()}
	if remedy.Layer == iam.LayerSCP || remedy.Layer == iam.LayerRCP {
		out.Level = &remedy.Level
	}
	d := iam.Document{Version: iam.Version2012, Statements: []iam.Statement{remedy.Statement}}
	var printed struct{ Statement []json.RawMessage }
	if err := json.Unmarshal(d.JSON(), &printed); err != nil || len(printed.Statement) != 1 {
		return out, fmt.Errorf("print a statement: %w", err)
	}
	out.Statement = printed.Statement[0]
	return out, nil
}

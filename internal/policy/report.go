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
	// Filled are the context keys that AWS sets and that were filled in.
	Filled []Filled `json:"filled,omitempty"`
	// Decisive are the statements that allow the request, or deny it explicitly.
	Decisive []Place `json:"decisive"`
	// Missing are the kinds of policy that had to allow the request and did not.
	Missing []string `json:"missing,omitempty"`
	// Near are statements that would have allowed it but for one thing.
	Near []Near `json:"near,omitempty"`
	// Remedies are the smallest statements that together would allow it.
	Remedies []Remedy `json:"remedies,omitempty"`
	Notes    []string `json:"notes,omitempty"`
	// Closest are actions that exist, where the one asked for does not.
	Closest []string `json:"closest,omitempty"`
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

// Near is an Allow statement and the one thing that does not match.
type Near struct {
	Place
	Layer    string   `json:"layer"`
	Mismatch string   `json:"mismatch"` // action, resource, principal or condition
	Wanted   string   `json:"wanted"`   // what the request has
	Has      []string `json:"has"`      // what the statement says
	Detail   string   `json:"detail"`   // the same as a sentence
}

// Remedy is a statement to add.
type Remedy struct {
	Layer string `json:"layer"`
	// Level of the organization, the root's is 0; only for scp and rcp.
	Level     *int            `json:"level,omitempty"`
	Statement json.RawMessage `json:"statement"`
}

// Explain evaluates a case and says why it comes out as it does.
func Explain(c *Case) (*Report, error) {
	x := c.Policies.Explain(c.Request)
	r := &Report{
		Decision: x.Decision.Outcome.String(), Request: requestOf(c.Request), Filled: c.Filled,
		Decisive: []Place{}, Notes: slices.Clip(c.Notes),
	}
	if x.Decision.Layer != iam.LayerNone {
		r.Layer = x.Decision.Layer.String()
	}
	for _, ref := range x.Decision.Decisive {
		r.Decisive = append(r.Decisive, placeOf(ref))
	}
	for _, l := range x.Missing {
		r.Missing = append(r.Missing, l.String())
	}
	for _, n := range x.Near {
		r.Near = append(r.Near, Near{
			Place: placeOf(n.Ref), Layer: n.Layer.String(), Mismatch: n.Mismatch, Wanted: n.Wanted, Has: n.Has, Detail: n.Detail,
		})
	}
	for _, remedy := range x.Remedies {
		made, err := remedyOf(remedy)
		if err != nil {
			return nil, err
		}
		r.Remedies = append(r.Remedies, made)
	}
	if len(x.Remedies) == 0 && x.Decision.Outcome == iam.ImplicitlyDenied && c.Request.Principal.Kind == iam.PrincipalFederated {
		r.Notes = append(r.Notes, "no statement is offered: it would let in everybody whom the identity provider signs in; "+
			"give the token's audience and subject as context")
	}
	r.aboutAction(c.Request.Action, len(c.Notes) > 0)
	return r, nil
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
		version, date := catalog.Source()
		r.Notes = append(r.Notes, fmt.Sprintf("AWS has no action %s (service authorization reference, as of %s, data %s)", action, date, version))
		r.Closest = Closest(action)
	case unscopable && len(r.Remedies) > 0 && !said:
		r.Notes = append(r.Notes, reason)
	}
	if len(a.DependentActions) > 0 {
		r.Notes = append(r.Notes, fmt.Sprintf("some requests for %s need %s as well", a, strings.Join(a.DependentActions, ", ")))
	}
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

package policy

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// Comparison is what `slipway policy compare` prints.
type Comparison struct {
	Verdict string     `json:"verdict"` // no more permissive, more permissive or cannot tell
	Added   []Addition `json:"added"`
	Unclear []Unclear  `json:"unclear"`

	verdict iam.CompareVerdict
}

// Addition is access that the new policies give and the old ones do not.
type Addition struct {
	Statement Place `json:"statement"` // of the new policies: it allows the request
	// Lifted is the Deny statement of the old policies that no longer denies this; then action and resource are its.
	Lifted   *Place `json:"lifted,omitempty"`
	Action   string `json:"action"` // as the statement has it
	Resource string `json:"resource"`
	// NotActions and NotResources are the statement's, where action and resource say not.
	NotActions   []string `json:"-"`
	NotResources []string `json:"-"`
	// Request is one that the new policies allow and the old ones do not.
	Request Request `json:"request"`

	named bool // the policy says who may do something
}

// Unclear is access of which nobody can say whether it is new.
type Unclear struct {
	Statement Place  `json:"statement"`
	Action    string `json:"action,omitempty"`
	Resource  string `json:"resource,omitempty"`
	Why       string `json:"why"`
}

// Side is what one side of a comparison has: all identity policies of a principal, or policies that name principals;
// and of a role its trust policy and its boundary, where they are known.
type Side struct {
	Policies        []*iam.Policy
	Trust, Boundary *iam.Policy
}

// CompareOptions say what counts, and bound the work.
type CompareOptions struct {
	AnyAction bool // actions that AWS does not have count, too
	Steps     int  // see [iam.CompareOptions]; zero is its default
}

// Compare finds what new policies allow that old ones do not, each kind of policy by itself.
func Compare(old, new Side, options CompareOptions) (*Comparison, error) {
	if _, err := namePrincipals(slices.Concat(old.Policies, new.Policies)); err != nil {
		return nil, err
	}
	o := iam.CompareOptions{Steps: options.Steps}
	if !options.AnyAction {
		o.Actions, o.Resources = allActions(), resourcesOf
	}
	c := &Comparison{verdict: iam.NoMorePermissive, Added: []Addition{}, Unclear: []Unclear{}}
	c.add(old.Policies, new.Policies, o)
	c.add(one(old.Trust), one(new.Trust), o)
	if old.Boundary != nil || new.Boundary != nil {
		c.add(limit(old.Boundary), limit(new.Boundary), o)
	}
	c.Verdict = c.verdict.String()
	return c, nil
}

// one is the list of a policy that may be missing.
func one(p *iam.Policy) []*iam.Policy {
	if p == nil {
		return nil
	}
	return []*iam.Policy{p}
}

// limit is what a boundary leaves: everything, without one.
func limit(p *iam.Policy) []*iam.Policy {
	if p == nil {
		p = iam.AllowAll("no boundary")
	}
	return one(p)
}

// add compares policies of one kind. One that is more permissive makes the whole so.
func (c *Comparison) add(old, new []*iam.Policy, o iam.CompareOptions) {
	found := iam.Compare(old, new, o)
	named, _ := namePrincipals(new) // Compare has refused a mixture
	for _, a := range found.Added {
		addition := Addition{
			Statement: placeOf(a.Ref), Action: a.Action, Resource: a.Resource, NotActions: a.NotActions, NotResources: a.NotResources,
			Request: requestOf(&a.Request), named: named,
		}
		if a.Lifted != nil {
			lifted := placeOf(*a.Lifted)
			addition.Lifted = &lifted
		}
		c.Added = append(c.Added, addition)
	}
	for _, u := range found.Unclear {
		c.Unclear = append(c.Unclear, Unclear{placeOf(u.Ref), u.Action, u.Resource, u.Why})
	}
	switch {
	case found.Verdict == iam.MorePermissive:
		c.verdict = found.Verdict
	case found.Verdict == iam.CannotTell && c.verdict != iam.MorePermissive:
		c.verdict = found.Verdict
	}
}

// namePrincipals says whether the policies say who may do something, and refuses to mix those with policies that say
// what somebody may do.
func namePrincipals(policies []*iam.Policy) (bool, error) {
	var with, without string
	for _, p := range policies {
		for i := range p.Document().Statements {
			st := &p.Document().Statements[i]
			if len(st.Principals)+len(st.NotPrincipals) > 0 {
				with = p.Name
			} else {
				without = p.Name
			}
		}
	}
	if with != "" && without != "" {
		return false, fmt.Errorf("%s names principals and %s does not: they are different kinds of policy", with, without)
	}
	return with != "", nil
}

// allActions lists every action of AWS.
func allActions() (list []string) {
	for _, service := range catalog.Services() {
		for _, name := range catalog.Actions(service) {
			list = append(list, service+":"+name)
		}
	}
	return list
}

var placeholder = regexp.MustCompile(`\$\{[^}]*\}`)

// resourcesOf lists the ARN patterns of an action's resource types, with * for what varies.
func resourcesOf(action string) (patterns []string, known bool) {
	a, known := catalog.Lookup(action)
	for _, t := range a.Resources {
		r, ok := catalog.ResourceType(a.Service, t.Type)
		if !ok || len(r.ARNs) == 0 {
			patterns = append(patterns, "*") // it has a type, whatever its ARN
		}
		for _, arn := range r.ARNs {
			patterns = append(patterns, placeholder.ReplaceAllLiteralString(arn, "*"))
		}
	}
	own := ":" + strings.ToLower(a.Service) + ":"
	slices.SortStableFunc(patterns, func(x, y string) int { // other services' are further things that a call touches
		switch in, also := strings.Contains(x, own), strings.Contains(y, own); {
		case in && !also:
			return -1
		case also && !in:
			return 1
		}
		return 0
	})
	return patterns, known
}

// Exit is the exit code: 0 no more permissive, 1 more permissive, 3 cannot tell.
func (c *Comparison) Exit() int {
	switch c.verdict {
	case iam.NoMorePermissive:
		return 0
	case iam.MorePermissive:
		return 1
	}
	return 3
}

// Text prints the comparison for a reviewer.
func (c *Comparison) Text() string {
	var w strings.Builder
	last := ""
	for _, a := range c.Added {
		heading, by := a.Statement.String()+" adds", ""
		if a.Lifted != nil {
			heading, by = a.Lifted.String()+" no longer denies", ", now allowed by "+a.Statement.String()
		}
		if heading != last {
			last = heading
			w.WriteString(heading + "\n")
		}
		example := a.Request
		if !a.named { // then it is the same for whoever has the policies
			example.Principal, example.Account = "", ""
		}
		fmt.Fprintf(&w, "  %s\n    for example %s%s\n", accessOf(a.Action, a.Resource), example, by)
	}
	for i, u := range c.Unclear {
		if i == 0 {
			w.WriteString("it cannot be told whether these are new\n")
		}
		fmt.Fprintf(&w, "  %s", u.Statement)
		if u.Action != "" {
			fmt.Fprintf(&w, ": %s", accessOf(u.Action, u.Resource))
		}
		fmt.Fprintf(&w, "\n    %s\n", u.Why)
	}
	if w.Len() > 0 {
		w.WriteByte('\n')
	}
	fmt.Fprintf(&w, "%s: %d added, %d unclear\n", c.Verdict, len(c.Added), len(c.Unclear))
	return w.String()
}

func accessOf(action, resource string) string {
	if resource == "" {
		return action
	}
	return action + " on " + resource
}

// String is the request in one line.
func (r Request) String() string {
	var w strings.Builder
	w.WriteString(r.Action + " on " + r.Resource)
	if r.Principal != "" {
		w.WriteString(" by " + r.Principal)
	}
	if r.Account != "" {
		w.WriteString(" in account " + r.Account)
	}
	keys := make([]string, 0, len(r.Context))
	for key := range r.Context {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for i, key := range keys {
		separator := ", "
		if i == 0 {
			separator = " with "
		}
		w.WriteString(separator + key + "=" + strings.Join(r.Context[key], ","))
	}
	return w.String()
}

// Package paths finds the ways by which the roles and users of accounts reach more than they hold: package escalation, over
// roles that were read from an account dump, a template or a plan (R116).
//
// Nodes count: who may send a node a command holds the node's role. They are listed, or else there is one for each role that
// instances carry, in each region that the policies speak of, of whose tags nothing is known.
package paths

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// Result is what was found.
type Result struct {
	// Paths are the ways, by who has them.
	Paths []Path `json:"paths"`
	// Administrators may do everything anyway: their ways are left out.
	Administrators []string `json:"administrators,omitempty"`
	// Unclear says what could not be looked at, and why.
	Unclear []string `json:"unclear,omitempty"`
	// Principals and Nodes are how many were looked at.
	Principals int `json:"principals"`
	Nodes      int `json:"nodes"`
}

// Path is one way.
type Path struct {
	From string `json:"from"` // ARN of who has it
	// To is the ARN of a role, user or node, or of an account's root user for everything in it.
	To string `json:"to"`
	// Text is the way in one line.
	Text string `json:"text"`
	// If lists what it depends on and nobody said.
	If    []string          `json:"if,omitempty"`
	Edges []escalation.Edge `json:"edges"`
}

// The exit codes.
const (
	exitNone      = 0
	exitFound     = 1
	exitUndecided = 3
)

// Exit is the exit code: 0 nobody reaches more, 1 somebody does, 3 it cannot be told of everybody.
func (r *Result) Exit() int {
	switch {
	case len(r.Paths) > 0:
		return exitFound
	case len(r.Unclear) > 0:
		return exitUndecided
	}
	return exitNone
}

// Find finds the ways. Without nodes (nil), and in accounts of which none is listed, there is one for each role that instances carry. Every role and user must have an account.
func Find(set *roles.Set, nodes *Listed) (*Result, error) {
	out := &Result{}
	favourable, err := world(set, nodes, true)
	if err != nil {
		return nil, err
	}
	against, err := world(set, nodes, false)
	if err != nil {
		return nil, err
	}
	best, err := escalation.Find(&favourable.World)
	if err != nil {
		return nil, fmt.Errorf("escalation paths: %w", err)
	}
	certain := map[[2]string]bool{}
	if favourable.open {
		worst, err := escalation.Find(&against.World)
		if err != nil {
			return nil, fmt.Errorf("escalation paths: %w", err)
		}
		for _, p := range worst.Paths() {
			certain[[2]string{p.From, p.To}] = true
		}
	}
	out.Principals, out.Nodes, out.Unclear = len(favourable.Principals), favourable.count, favourable.unclear
	out.Administrators = favourable.administrators
	for _, p := range best.Paths() {
		if slices.Contains(out.Administrators, p.From) || favourable.holds(&p) {
			continue
		}
		path := Path{From: p.From, To: p.To, Text: p.Text, If: p.If(), Edges: p.Edges}
		if favourable.open && !certain[[2]string{p.From, p.To}] {
			path.If = append(path.If, "values that are only known when the template is deployed")
			path.Text += " (if values that are only known when the template is deployed allow it)"
		}
		if conditions := favourable.documents(&p); len(conditions) > 0 {
			path.If = append(path.If, conditions...)
			path.Text += " (if " + strings.Join(conditions, "; ") + ")"
		}
		out.Paths = append(out.Paths, path)
	}
	return out, nil
}

// Text tells the ways, by who has them.
func (r *Result) Text() string {
	var b strings.Builder
	from := ""
	for i := range r.Paths {
		p := &r.Paths[i]
		if p.From != from {
			from = p.From
			b.WriteString(p.From + "\n")
		}
		b.WriteString("  path  " + p.Text + "\n")
		for j := range p.Edges {
			for _, line := range by(&p.Edges[j]) {
				b.WriteString("  by    " + line + "\n")
			}
			b.WriteString("  see   " + p.Edges[j].Source + "\n")
		}
		b.WriteByte('\n')
	}
	for _, text := range r.Unclear {
		b.WriteString("cannot be told: " + text + "\n")
	}
	if n := len(r.Administrators); n > 0 {
		fmt.Fprintf(&b, "%d may do everything anyway: %s\n", n, strings.Join(r.Administrators, ", "))
	}
	reach := map[string]bool{}
	for i := range r.Paths {
		reach[r.Paths[i].From] = true
	}
	fmt.Fprintf(&b, "%d of %d roles and users reach more than they hold, with %d nodes\n", len(reach), r.Principals, r.Nodes)
	return b.String()
}

// by names the statements that allow the calls of a step.
func by(e *escalation.Edge) (lines []string) {
	for _, c := range e.Calls {
		for _, ref := range c.Statements {
			if line := c.Action + ": " + reference(ref); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

func reference(ref iam.StatementRef) string {
	text := "statement " + ref.Statement + " in " + ref.Policy
	if ref.Pos.Line > 0 {
		text += fmt.Sprintf(":%d:%d", ref.Pos.Line, ref.Pos.Column)
	}
	return text
}

// account is what is known of the accounts.
type account struct {
	escalation.World
	open           bool // some policies have values that only a deploy knows
	unclear        []string
	administrators []string
	count          int                       // nodes that are there
	policies       map[string]*iam.PolicySet // by ARN
	groups         map[[2]string]string      // the ARNs of groups, by account and name
}

func world(set *roles.Set, nodes *Listed, favourable bool) (*account, error) {
	a := &account{policies: map[string]*iam.PolicySet{}, groups: map[[2]string]string{}}
	a.Outside = !set.Complete
	for i := range set.Groups {
		g := &set.Groups[i]
		p := person{kind: "group", account: g.Account, path: g.Path, name: g.Name}
		a.groups[[2]string{g.Account, g.Name}] = p.arn()
	}
	for i := range set.Roles {
		r := &set.Roles[i]
		p := person{"role", r.Account, r.Path, r.Name, r.Policies, r.Attached, r.Boundary, r.BoundaryARN, r.Trust, r.Doubts, nil, r.Place}
		if err := a.add(&p, favourable); err != nil {
			return nil, err
		}
	}
	for i := range set.Users {
		u := &set.Users[i]
		p := person{"user", u.Account, u.Path, u.Name, u.Policies, u.Attached, u.Boundary, u.BoundaryARN, nil, u.Doubts, u.Groups, u.Place}
		if err := a.add(&p, favourable); err != nil {
			return nil, err
		}
	}
	if err := a.addGroups(set.Groups, favourable); err != nil {
		return nil, err
	}
	a.nodes(set, nodes)
	slices.SortStableFunc(a.Principals, func(x, y escalation.Principal) int { return cmp.Compare(x.ARN, y.ARN) })
	return a, nil
}

// person is a role or a user.
type person struct {
	kind, account, path, name string
	policies                  []roles.Policy
	attached                  []roles.Attached
	boundary                  *iam.Document
	bound                     string // the boundary's ARN
	trust                     *iam.Document
	doubts, groups            []string
	place                     roles.Place
}

// arn of the person. Of a name that only a deploy knows, what is known counts, with a * for the rest.
func (p *person) arn() string {
	path := p.path
	if strings.HasPrefix(path, "\x00") || path == "" {
		path = "/"
	}
	return "arn:aws:iam::" + p.account + ":" + p.kind + path + strings.ReplaceAll(iam.IntrinsicPattern(p.name), "*", "x")
}

func (p *person) shown() string {
	if _, open := iam.IntrinsicJSON(p.name); !open {
		return p.name
	}
	return fmt.Sprintf("the %s at %s:%d", p.kind, p.place.File, p.place.Line)
}

func (a *account) add(p *person, favourable bool) error {
	set := &iam.PolicySet{}
	arn := p.arn()
	out := escalation.Principal{ARN: arn, Name: p.shown(), Policies: set, Boundary: p.bound}
	compile := a.compiler(favourable)
	var err error
	if set.Boundary, err = compile(p.boundary); err != nil {
		return err
	}
	if out.Trust, err = compile(p.trust); err != nil {
		return err
	}
	for _, x := range p.policies {
		c, err := compile(x.Document)
		if err != nil {
			return err
		}
		set.Identity = append(set.Identity, c)
	}
	for _, x := range p.attached {
		c, err := compile(x.Document)
		switch {
		case err != nil:
			return err
		case c == nil:
			a.unclear = append(a.unclear, p.shown()+": the text of the attached policy "+given.Shown(x.ARN)+" is not given: what it allows was not looked at")
			continue
		}
		set.Identity = append(set.Identity, c)
		if !strings.HasPrefix(x.ARN, "arn:aws:iam::aws:") {
			out.Attached = append(out.Attached, x.ARN)
		}
	}
	for _, g := range p.groups {
		out.Groups = append(out.Groups, a.group(p.account, g))
	}
	for _, d := range p.doubts {
		a.unclear = append(a.unclear, p.shown()+": "+d)
	}
	a.Principals = append(a.Principals, out)
	a.policies[arn] = set
	if everything(set) {
		a.administrators = append(a.administrators, arn)
	}
	return nil
}

// everything says whether policies allow everything and deny nothing.
func everything(set *iam.PolicySet) bool {
	if set.Boundary != nil {
		return false
	}
	all := false
	for _, p := range set.Identity {
		for _, st := range p.Document().Statements {
			if st.Effect == iam.Deny {
				return false
			}
			all = all || len(st.Conditions) == 0 && slices.Contains(st.Actions, "*") && slices.Contains(st.Resources, "*")
		}
	}
	return all
}

// holds says whether acting as another gives nothing new: what that may do, the first may do already.
func (a *account) holds(p *escalation.Path) bool {
	from, to := a.policies[p.From], a.policies[p.To]
	if p.Changes() || from == nil || to == nil || p.From == p.To || from.Boundary != nil {
		return false
	}
	const steps = 200_000
	found := iam.Compare(from.Identity, to.Identity, iam.CompareOptions{Steps: steps})
	return found.Verdict == iam.NoMorePermissive
}

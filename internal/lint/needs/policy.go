package needs

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
)

// Roles are the roles that calls are made with, by ARN; the empty one is that of calls of which files do not tell.
func (n *Needs) Roles() []string {
	seen := map[string]bool{}
	for _, need := range n.Needs {
		seen[need.Role] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// Policy is what calls that are made with a role need: a statement for actions that have the same resources. Nil where
// there is nothing.
func (n *Needs) Policy(role string) *iam.Document {
	byResources := map[string][]string{}
	for _, need := range n.Needs {
		if need.Role != role {
			continue
		}
		resources := slices.Sorted(slices.Values(need.Resources))
		key := strings.Join(resources, "\n")
		if !slices.Contains(byResources[key], need.Action) {
			byResources[key] = append(byResources[key], need.Action)
		}
	}
	if len(byResources) == 0 {
		return nil
	}
	d := &iam.Document{Version: iam.Version2012}
	keys := slices.Sorted(maps.Keys(byResources))
	for _, key := range keys {
		slices.Sort(byResources[key])
	}
	slices.SortStableFunc(keys, func(a, b string) int { return strings.Compare(byResources[a][0], byResources[b][0]) })
	for _, key := range keys {
		d.Statements = append(d.Statements, iam.Statement{Effect: iam.Allow, Actions: byResources[key], Resources: strings.Split(key, "\n")})
	}
	return d
}

// Join puts what several pipelines need together.
func Join(list []*Needs) *Needs {
	all := &Needs{Needs: []Need{}, Unknown: []Unknown{}}
	for _, n := range list {
		all.Needs, all.Unknown = append(all.Needs, n.Needs...), append(all.Unknown, n.Unknown...)
	}
	all.sort()
	return all
}

// As is what a role of a name needs, that of calls whose files do not tell their role among it.
func (n *Needs) As(name string) *Needs {
	as := &Needs{Needs: []Need{}, Unknown: n.Unknown}
	arn := ""
	for _, need := range n.Needs {
		if arn == "" && pipelines.RoleName(need.Role) == name {
			arn = need.Role
		}
	}
	for _, need := range n.Needs {
		if need.Role == "" || pipelines.RoleName(need.Role) == name {
			need.Role = cmp.Or(need.Role, arn)
			as.Needs = append(as.Needs, need)
		}
	}
	return as
}

// Write prints which call of which role needs what, and what is not known.
func (n *Needs) Write(w io.Writer) error {
	var b strings.Builder
	for _, role := range n.Roles() {
		name := role
		if name == "" {
			name = "a role that files do not tell"
		}
		fmt.Fprintf(&b, "needed by calls with %s:\n", name)
		for _, need := range n.Needs {
			if need.Role == role {
				open := ""
				if !need.Exact {
					open = " (a run decides which)"
				}
				fmt.Fprintf(&b, "  %s:%d:%d  %-40s %s on %s%s\n", need.Place.File, need.Place.Line, need.Place.Column, need.Command,
					need.Action, strings.Join(need.Resources, ", "), open)
			}
		}
	}
	if len(n.Needs) == 0 {
		b.WriteString("no call of AWS that is known\n")
	}
	if len(n.Unknown) > 0 {
		b.WriteString("not known:\n")
	}
	for _, u := range n.Unknown {
		fmt.Fprintf(&b, "  %s:%d:%d  %s: %s\n", u.Place.File, u.Place.Line, u.Place.Column, u.Command, u.Why)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

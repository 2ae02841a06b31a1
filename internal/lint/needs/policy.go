package needs

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
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

// Write prints the policy of each role, which calls it is for, and what is not known.
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
		fmt.Fprintf(&b, "\n%s\n\n", n.Policy(role).JSON())
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

package paths

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/roles"
)

// anyInstance stands for an instance that nobody has named.
const anyInstance = "i-0123456789abcdef0"

// defaultRegion is where nodes are when the policies speak of no region.
const defaultRegion = "us-east-1"

// maxNodes bounds the nodes that are made up.
const maxNodes = 1000

// nodes puts the listed nodes into the world, and makes up those of accounts of which none are listed. Of machines that are
// registered nobody listed any.
func (a *account) nodes(set *roles.Set, listed *Listed) {
	var out made
	said := map[string]bool{}
	if listed != nil {
		said = listed.accounts(set)
		out.nodes = listed.in(said)
		a.count = listed.count(said)
		a.unclear = append(a.unclear, listed.foreign(set)...)
		a.hosted(set, listed, said)
	}
	real := len(out.nodes)
	out.make(set, said)
	for i := range out.nodes[real:] {
		if out.nodes[real+i].If == "" {
			a.count++
		}
	}
	a.Nodes = append(a.Nodes, out.nodes...)
	if out.short {
		a.unclear = append(a.unclear, fmt.Sprintf("there are more regions, roles and nodes than %d nodes stand for: not each was looked at", len(a.Nodes)))
	}
}

// made are nodes that are made up.
type made struct {
	nodes []escalation.Node
	left  int  // that may still be made up
	short bool // there may be more than were made up
}

// make makes up a node for each role that nodes may carry, in each region that the policies speak of, and one for each node that
// they name, since that may carry the role. Of their tags nothing is known. The instances of some accounts are said already. A
// role that trusts Systems Manager is what machines may be registered with (Systems Manager user guide, "Create the IAM service
// role required for Systems Manager in hybrid and multicloud environments"), and what instances without a profile may have
// ("Default Host Management Configuration").
func (m *made) make(set *roles.Set, said map[string]bool) {
	seen := mentioned(set)
	m.short, m.left = seen.short, maxNodes
	for i := range set.Roles {
		if r := &set.Roles[i]; carried(r) && !said[r.Account] {
			m.add(r, &seen, onInstance)
		}
	}
	for i := range set.Roles {
		r := &set.Roles[i]
		if !registers(r) {
			continue
		}
		m.add(r, &seen, onRegistered)
		if !said[r.Account] {
			m.add(r, &seen, onDefault)
		}
	}
}

// variety is a sort of nodes that are made up.
type variety struct {
	service, kind, id, name string
	// unless is what must be for such a node to be there, of the name of the role; empty where it is there.
	unless string
}

var (
	onInstance   = variety{"ec2", "instance", anyInstance, "any instance with this role", ""}
	onRegistered = variety{"ssm", "managed-instance", "mi-0123456789abcdef0", "any registered machine", "a machine is registered with role %s"}
	onDefault    = variety{"ec2", "instance", "i-0fedcba9876543210", "any instance without a profile", "default host management gives role %s to instances without a profile"}
)

// needs is what must be for a node of the sort to have a role.
func (k variety) needs(role *person) string {
	if k.unless == "" {
		return ""
	}
	return fmt.Sprintf(k.unless, role.shown())
}

// add makes up the nodes of a sort that have a role.
func (m *made) add(r *roles.Role, seen *mentions, k variety) {
	role := person{kind: "role", account: r.Account, path: r.Path, name: r.Name, place: r.Place}
	unless := k.needs(&role)
	for _, region := range seen.regions {
		for _, id := range append([]string{k.id}, seen.ids[k.kind]...) {
			if m.left == 0 {
				m.short = true
				return
			}
			m.left--
			name := k.name
			if id != k.id {
				name = id + ", if it has this role,"
			}
			m.nodes = append(m.nodes, escalation.Node{
				ARN: "arn:aws:" + k.service + ":" + region + ":" + r.Account + ":" + k.kind + "/" + id, Name: name, OtherTags: true,
				Role: role.arn(), If: unless,
			})
		}
	}
}

// carried says whether instances carry a role: an instance profile has it, or EC2 may hand it out.
func carried(r *roles.Role) bool {
	return r.InstanceProfile || trusts(r, "ec2.amazonaws.com", func(*iam.Statement) bool { return true })
}

// registers says whether machines may be registered with a role, which those linked to services are not for. One that is
// for automations only, as Automation's documentation has it, is none either.
func registers(r *roles.Role) bool {
	role := person{kind: "role", account: r.Account, path: r.Path, name: r.Name}
	return !iam.ServiceLinked(role.arn()) && trusts(r, "ssm.amazonaws.com", func(st *iam.Statement) bool {
		return !slices.ContainsFunc(st.Conditions, forAutomations)
	})
}

func forAutomations(c iam.Condition) bool {
	sources := strings.EqualFold(c.Key, "aws:SourceArn") && slices.Contains([]string{"arnlike", "arnequals", "stringlike", "stringequals"}, strings.ToLower(c.Operator))
	return sources && len(c.Values) > 0 && !slices.ContainsFunc(c.Values, func(v string) bool {
		f := strings.SplitN(v, ":", 6)
		return len(f) != 6 || !strings.HasPrefix(f[5], "automation-execution/")
	})
}

// trusts says whether a statement of a role's trust policy lets a service in, of those that may.
func trusts(r *roles.Role, service string, may func(*iam.Statement) bool) bool {
	if r.Trust == nil {
		return false
	}
	return slices.ContainsFunc(r.Trust.Statements, func(st iam.Statement) bool {
		return st.Effect == iam.Allow && may(&st) && slices.ContainsFunc(st.Principals, func(p iam.PrincipalPattern) bool {
			return p.Kind == iam.KindService && slices.Contains(p.Values, service)
		})
	})
}

// mentions are the regions and the nodes that policies name.
type mentions struct {
	regions []string
	ids     map[string][]string // by kind of node
	short   bool                // there are more
}

// most bounds the regions, and the nodes of a kind, of which nodes are made up.
const most = 20

// mentioned looks for regions and nodes in all policies.
func mentioned(set *roles.Set) (out mentions) {
	out.ids = map[string][]string{}
	each := func(policies []roles.Policy, attached []roles.Attached) {
		for _, p := range policies {
			out.note(p.Document)
		}
		for _, p := range attached {
			out.note(p.Document)
		}
	}
	for i := range set.Roles {
		each(set.Roles[i].Policies, set.Roles[i].Attached)
	}
	for i := range set.Users {
		each(set.Users[i].Policies, set.Users[i].Attached)
	}
	if len(out.regions) == 0 {
		out.regions = []string{defaultRegion}
	}
	return out
}

func (m *mentions) note(d *iam.Document) {
	if d == nil {
		return
	}
	for _, st := range d.Statements {
		for _, r := range st.Resources {
			f := strings.SplitN(r, ":", 6)
			if len(f) != 6 || f[2] != "ec2" && f[2] != "ssm" {
				continue
			}
			m.regions = m.keep(m.regions, f[3])
			if kind, id, found := strings.Cut(f[5], "/"); found && strings.HasSuffix(kind, "instance") {
				m.ids[kind] = m.keep(m.ids[kind], id)
			}
		}
	}
}

// keep adds what is a name, and no pattern, to a list.
func (m *mentions) keep(list []string, name string) []string {
	switch {
	case name == "" || strings.ContainsAny(name, "*?$\x00") || slices.Contains(list, name):
		return list
	case len(list) == most:
		m.short = true
		return list
	}
	return append(list, name)
}

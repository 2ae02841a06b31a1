package paths

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
	"github.com/slipway-cd/slipway/internal/roles"
)

// Listed are the instances that there are, as aws ec2 describe-instances prints them.
type Listed struct {
	instances []listedInstance
}

type listedInstance struct {
	escalation.Node
	account, file string
	bare          bool // it has no instance profile
}

// Read adds the instances of a file. The role of an instance is the one of its profile: by the profiles that roles name, or else
// the role of the profile's name.
func (l *Listed) Read(file string, root *iam.Node, set *roles.Set) error {
	list := root.Field("Reservations")
	if list == nil {
		return fmt.Errorf("%s: no Reservations: nodes are read from what aws ec2 describe-instances prints", file)
	}
	if word(root, "NextToken") != "" {
		return fmt.Errorf("%s: the list is cut off (NextToken): without --max-items, aws ec2 describe-instances gives all", file)
	}
	for i := range list.Items {
		reservation := &list.Items[i]
		instances := reservation.Field("Instances")
		if instances == nil {
			continue
		}
		for j := range instances.Items {
			n := &instances.Items[j]
			if word(n, "InstanceId") == "" || word(n.Field("State"), "Name") == "terminated" {
				continue
			}
			x, err := instance(n, word(reservation, "OwnerId"), set)
			if err != nil {
				return fmt.Errorf("%s:%d: instance %s %w", file, n.Pos.Line, word(n, "InstanceId"), err)
			}
			x.file = file
			l.instances = append(l.instances, x)
		}
	}
	return nil
}

// inRegion is how an availability zone, or a local one, begins: with its region.
var inRegion = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+`)

func instance(n *iam.Node, owner string, set *roles.Set) (out listedInstance, err error) {
	region := inRegion.FindString(word(n.Field("Placement"), "AvailabilityZone"))
	if region == "" {
		return out, errors.New("has no Placement with its AvailabilityZone, which tells its region")
	}
	profile := word(n.Field("IamInstanceProfile"), "Arn")
	if owner == "" {
		owner = ownerOf(profile, set)
	}
	if owner == "" {
		return out, errors.New("is in a reservation without OwnerId, which tells its account")
	}
	has := n.Field("IamInstanceProfile")
	out.account, out.bare = owner, has == nil || has.Kind == iam.NullNode
	out.Node = escalation.Node{ARN: "arn:aws:ec2:" + region + ":" + owner + ":instance/" + word(n, "InstanceId"), Tags: map[string]string{}}
	if tags := n.Field("Tags"); tags != nil {
		for i := range tags.Items {
			out.Tags[word(&tags.Items[i], "Key")] = word(&tags.Items[i], "Value")
		}
	}
	out.Role = roleOf(profile, set)
	return out, nil
}

// ownerOf is the account of an instance that does not say it: the one of its profile, or else the only one there is.
func ownerOf(profile string, set *roles.Set) string {
	if f := strings.SplitN(profile, ":", 6); len(f) == 6 {
		return f[4]
	}
	if all := accountsOf(set); len(all) == 1 {
		return all[0]
	}
	return ""
}

// accountsOf lists the accounts of roles and users.
func accountsOf(set *roles.Set) (list []string) {
	for i := range set.Roles {
		list = append(list, set.Roles[i].Account)
	}
	for i := range set.Users {
		list = append(list, set.Users[i].Account)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// accounts says of which accounts the instances are known. An empty list tells of the only account there is, and of none of several.
func (l *Listed) accounts(set *roles.Set) map[string]bool {
	said := map[string]bool{}
	all := accountsOf(set)
	for _, account := range all {
		said[account] = len(all) == 1 && len(l.instances) == 0 ||
			slices.ContainsFunc(l.instances, func(x listedInstance) bool { return x.account == account })
	}
	return said
}

// in gives the nodes of some accounts. One without a profile has no role, and reaches nothing.
func (l *Listed) in(accounts map[string]bool) (nodes []escalation.Node) {
	for i := range l.instances {
		if x := &l.instances[i]; accounts[x.account] && !x.bare {
			nodes = append(nodes, x.Node)
		}
	}
	return nodes
}

func (l *Listed) count(accounts map[string]bool) (n int) {
	for i := range l.instances {
		if accounts[l.instances[i].account] {
			n++
		}
	}
	return n
}

// foreign tells of instances of accounts whose roles nobody gave.
func (l *Listed) foreign(set *roles.Set) (list []string) {
	all := accountsOf(set)
	counts := map[[2]string]int{}
	var order [][2]string
	for i := range l.instances {
		x := &l.instances[i]
		if slices.Contains(all, x.account) {
			continue
		}
		key := [2]string{x.file, x.account}
		if counts[key]++; counts[key] == 1 {
			order = append(order, key)
		}
	}
	for _, key := range order {
		list = append(list, fmt.Sprintf("%d of the nodes in %s are of account %s, of which no roles and users are given: nobody's policies were held against them",
			counts[key], key[0], key[1]))
	}
	return list
}

// maxHosted bounds the instances without a profile, times the roles that they may have.
const maxHosted = 5_000

// hosted adds listed instances without a profile, for each role that default host management may give them. In a world of which
// more roles are not known it may be one of those.
func (a *account) hosted(set *roles.Set, listed *Listed, said map[string]bool) {
	hosts := map[string][]person{}
	for i := range set.Roles {
		if r := &set.Roles[i]; registers(r) {
			hosts[r.Account] = append(hosts[r.Account], person{kind: "role", account: r.Account, path: r.Path, name: r.Name, place: r.Place})
		}
	}
	for i := range listed.instances {
		x := &listed.instances[i]
		if !x.bare || !said[x.account] {
			continue
		}
		for _, role := range hosts[x.account] {
			n := x.Node
			n.Role, n.If = role.arn(), onDefault.needs(&role)
			a.Nodes = append(a.Nodes, n)
		}
		if a.Outside {
			n := x.Node
			n.If = "default host management gives it a role"
			a.Nodes = append(a.Nodes, n)
		}
		if len(a.Nodes) > maxHosted {
			a.unclear = append(a.unclear, fmt.Sprintf("more than %d instances without a profile may have a role: not each was looked at", maxHosted))
			return
		}
	}
}

// roleOf finds the role in an instance profile.
func roleOf(profile string, set *roles.Set) string {
	if profile == "" {
		return ""
	}
	name := profile[strings.LastIndexByte(profile, '/')+1:]
	best := ""
	for i := range set.Roles {
		r := &set.Roles[i]
		p := person{kind: "role", account: r.Account, path: r.Path, name: r.Name}
		switch {
		case slices.Contains(r.Profiles, profile), slices.Contains(r.Profiles, name):
			return p.arn()
		case r.Name == name && len(r.Profiles) == 0:
			best = p.arn()
		}
	}
	return best
}

func word(n *iam.Node, name string) string {
	c := n.Field(name)
	if c == nil || c.Kind != iam.StringNode && c.Kind != iam.NumberNode {
		return ""
	}
	return c.Text
}

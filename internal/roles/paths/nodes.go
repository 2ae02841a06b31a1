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

// symbolic makes up a node for each role that instances carry, in each region that the policies speak of, and one for
// each instance that they name, since that may carry the role. Of their tags nothing is known.
func symbolic(set *roles.Set) (nodes []escalation.Node) {
	regions, ids := mentioned(set)
	for i := range set.Roles {
		r := &set.Roles[i]
		if !carried(r) {
			continue
		}
		role := person{kind: "role", account: r.Account, path: r.Path, name: r.Name}
		for _, region := range regions {
			for _, id := range append([]string{anyInstance}, ids...) {
				if len(nodes) == maxNodes {
					return nodes
				}
				name := "any instance with this role"
				if id != anyInstance {
					name = id + ", if it has this role,"
				}
				nodes = append(nodes, escalation.Node{
					ARN: "arn:aws:ec2:" + region + ":" + r.Account + ":instance/" + id, Name: name, OtherTags: true, Role: role.arn(),
				})
			}
		}
	}
	return nodes
}

// carried says whether instances carry a role: an instance profile has it, or EC2 may hand it out.
func carried(r *roles.Role) bool {
	if r.InstanceProfile {
		return true
	}
	if r.Trust == nil {
		return false
	}
	return slices.ContainsFunc(r.Trust.Statements, func(st iam.Statement) bool {
		return st.Effect == iam.Allow && slices.ContainsFunc(st.Principals, func(p iam.PrincipalPattern) bool {
			return p.Kind == iam.KindService && slices.Contains(p.Values, "ec2.amazonaws.com")
		})
	})
}

// mentioned lists the regions and the instances that policies name.
func mentioned(set *roles.Set) (regions, ids []string) {
	note := func(d *iam.Document) {
		if d == nil {
			return
		}
		for _, st := range d.Statements {
			for _, r := range st.Resources {
				f := strings.SplitN(r, ":", 6)
				if len(f) != 6 || f[2] != "ec2" && f[2] != "ssm" {
					continue
				}
				if region := f[3]; region != "" && !strings.ContainsAny(region, "*?$") && !slices.Contains(regions, region) {
					regions = append(regions, region)
				}
				if id, ok := strings.CutPrefix(f[5], "instance/"); ok && !strings.ContainsAny(id, "*?$") && !slices.Contains(ids, id) {
					ids = append(ids, id)
				}
			}
		}
	}
	for i := range set.Roles {
		for _, p := range set.Roles[i].Policies {
			note(p.Document)
		}
		for _, p := range set.Roles[i].Attached {
			note(p.Document)
		}
	}
	for i := range set.Users {
		for _, p := range set.Users[i].Policies {
			note(p.Document)
		}
		for _, p := range set.Users[i].Attached {
			note(p.Document)
		}
	}
	if len(regions) == 0 {
		regions = []string{defaultRegion}
	}
	const most = 20
	return regions[:min(len(regions), most)], ids[:min(len(ids), most)]
}

// Instances reads what aws ec2 describe-instances prints. The role of an instance is the one of its profile: by the profiles
// that roles name, or else the role of the profile's name.
func Instances(file string, root *iam.Node, set *roles.Set) ([]escalation.Node, error) {
	list := child(root, "Reservations")
	if list == nil {
		return nil, fmt.Errorf("%s: no Reservations: nodes are read from what aws ec2 describe-instances prints", file)
	}
	nodes := []escalation.Node{}
	for i := range list.Items {
		reservation := &list.Items[i]
		instances := child(reservation, "Instances")
		if instances == nil {
			continue
		}
		for j := range instances.Items {
			n, running := instance(&instances.Items[j], word(reservation, "OwnerId"), set)
			if running {
				nodes = append(nodes, n)
			}
		}
	}
	return nodes, nil
}

func instance(n *iam.Node, owner string, set *roles.Set) (escalation.Node, bool) {
	id, zone := word(n, "InstanceId"), word(child(n, "Placement"), "AvailabilityZone")
	region := strings.TrimRight(zone, "abcdefghijklmnopqrstuvwxyz")
	out := escalation.Node{ARN: "arn:aws:ec2:" + region + ":" + owner + ":instance/" + id, Tags: map[string]string{}}
	if tags := child(n, "Tags"); tags != nil {
		for i := range tags.Items {
			out.Tags[word(&tags.Items[i], "Key")] = word(&tags.Items[i], "Value")
		}
	}
	profile := word(child(n, "IamInstanceProfile"), "Arn")
	out.Role = roleOf(profile, set)
	state := word(child(n, "State"), "Name")
	return out, id != "" && state != "terminated"
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

func child(n *iam.Node, name string) *iam.Node {
	if n == nil {
		return nil
	}
	for i := range n.Fields {
		if n.Fields[i].Name == name {
			return &n.Fields[i].Value
		}
	}
	return nil
}

func word(n *iam.Node, name string) string {
	c := child(n, name)
	if c == nil || c.Kind != iam.StringNode {
		return ""
	}
	return c.Text
}

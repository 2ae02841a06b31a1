package escalation

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// assumed is the name of policies that the world does not have: those that a principal would write itself, or that
// a role outside of the world may have.
const assumed = "(assumed)"

// thing is what a technique's own call acts on, and who is reached by it.
type thing struct {
	arn     string
	account string
	to      []string
	via     string
	trust   *iam.Policy
	tags    tagged
	context map[string][]string
	outside bool
	shown   string // how one outside is told
	unless  string // what the world does not say and the thing needs
}

// trusting makes a trust policy that lets a principal assume the role.
func trusting(arn string) (*iam.Policy, error) {
	return iam.Compile(&iam.Document{Name: assumed, Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"sts:AssumeRole"},
		Principals: []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{arn}}},
	}}})
}

// things lists what a technique can act on in the world.
func (f *finder) things(t *technique) (list []thing) {
	switch t.object {
	case onNode:
		return f.nodes(t)
	case onSAML:
		return f.saml
	case onPolicy, onGroup, onBoundary:
		return f.holders(t)
	}
	for _, p := range f.people {
		if p.role != (t.object == onRole) || iam.ServiceLinked(p.ARN) {
			continue // nobody can assume, pass or change a service-linked role
		}
		list = append(list, thing{arn: p.ARN, account: p.account, to: []string{p.ARN}, trust: p.Trust, tags: tagsUnknown})
	}
	return list
}

// holders lists managed policies, or groups, with those who have them.
func (f *finder) holders(t *technique) (list []thing) {
	for _, p := range f.people {
		held := p.Attached
		switch {
		case t.object == onGroup:
			held = p.Groups
		case t.object == onBoundary:
			held = p.bounds()
		}
		for _, arn := range held {
			i := slices.IndexFunc(list, func(x thing) bool { return x.arn == arn })
			if i < 0 {
				i = len(list)
				list = append(list, thing{arn: arn, via: arn, account: p.account, tags: tagsUnknown})
			}
			list[i].to = append(list[i].to, p.ARN)
		}
	}
	if t.object == onGroup {
		return f.memberless(list)
	}
	return list
}

// bounds is the boundary of a principal, if it is one of its account: nobody writes those of AWS.
func (p *person) bounds() []string {
	if accountOf(p.Boundary) != p.account {
		return nil
	}
	return []string{p.Boundary}
}

func (f *finder) nodes(t *technique) (list []thing) {
	for i := range f.world.Nodes {
		n := &f.world.Nodes[i]
		if strings.Contains(n.ARN, ":managed-instance/") && strings.HasPrefix(t.action, "ec2") {
			continue // EC2 does not know it
		}
		fields := strings.SplitN(n.ARN, ":", 6)
		if len(fields) < 6 {
			continue // not an ARN: no policy can mean it
		}
		x := thing{arn: n.ARN, via: n.ARN, account: fields[4], to: []string{n.ARN}, unless: n.If}
		if n.Role != "" {
			x.to = []string{n.Role}
		}
		x.tags, x.context = tagsOf(n.Tags, n.OtherTags)
		list = append(list, x)
	}
	return list
}

// tagsOf gives what tags tell about a resource, and the condition keys that they make.
func tagsOf(tags map[string]string, other bool) (tagged, map[string][]string) {
	out, context := tagged{keys: map[string]bool{}, other: other}, map[string][]string{}
	names := make([]string, 0, len(tags)+2)
	for key, value := range tags {
		names = append(names, strings.ToLower(key))
		out.keys[strings.ToLower(key)] = true
		for _, prefix := range tagPrefixes {
			context[prefix+key] = []string{value}
		}
	}
	slices.Sort(names)
	out.name = "tags " + strings.Join(names, " ")
	if other {
		out.name += " and others"
	}
	return out, context
}

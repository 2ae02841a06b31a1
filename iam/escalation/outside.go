package escalation

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// outside finds what persons may do to principals and nodes that are not in the world.
func (f *finder) outside() error {
	for _, p := range f.people {
		for i := range techniques {
			t := &techniques[i]
			if t.made {
				continue
			}
			things, err := f.outsideThings(t, p)
			if err != nil {
				return err
			}
			for j := range things {
				if err := f.edge(t, p, &things[j]); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

var objectTypes = map[object]string{onRole: "role", onUser: "user", onPolicy: "policy", onGroup: "group", onSAML: "saml-provider"}

// outsideThings lists what a technique could act on outside of the world, as far as a person's policies can mean it.
func (f *finder) outsideThings(t *technique, p *person) (list []thing, err error) {
	if t.object == onNode {
		return f.outsideNodes(t, p), nil
	}
	if t.action == "" {
		return []thing{f.anyRole(p)}, nil
	}
	if t.object == onBoundary {
		return nil, nil // as a policy
	}
	for _, x := range p.choices(t.action, objectTypes[t.object]) {
		fields := strings.SplitN(x.arn, ":", 6)
		if len(fields) < 6 || f.lists(t, x.arn) {
			continue
		}
		out := thing{arn: x.arn, account: fields[4], to: []string{x.shown()}, shown: x.shown(), tags: tagsUnknown, outside: true}
		if t.object == onPolicy || t.object == onGroup || t.object == onSAML {
			out.via = x.shown()
		}
		if t.assumes {
			if out.trust, err = trusting("arn:aws:iam::" + p.account + ":root"); err != nil {
				return nil, err
			}
		}
		list = append(list, out)
	}
	return list, nil
}

// anyRole stands for every role of a person's account that the world does not list.
func (f *finder) anyRole(p *person) thing {
	arn := "arn:aws:iam::" + p.account + ":role/"
	return thing{arn: arn + filler, account: p.account, to: []string{arn + "*"}, shown: arn + "*", tags: tagsUnknown, outside: true}
}

// shown is how an example is told: as the pattern that means it.
func (x example) shown() string {
	if x.literal {
		return x.arn
	}
	if x.general {
		return replaceVariables(x.pattern, func(string) string { return "*" })
	}
	return x.pattern
}

// lists says whether the world has the resource.
func (f *finder) lists(t *technique, arn string) bool {
	switch t.object {
	case onPolicy, onGroup:
		return slices.ContainsFunc(f.people, func(p *person) bool {
			return slices.Contains(p.Attached, arn) || slices.Contains(p.Groups, arn)
		}) || f.groups[arn] != nil
	case onSAML:
		return slices.ContainsFunc(f.saml, func(x thing) bool { return x.arn == arn })
	case onNode:
		return slices.ContainsFunc(f.world.Nodes, func(n Node) bool { return n.ARN == arn })
	}
	return f.byARN[arn] != nil
}

// outsideNodes lists nodes outside of the world: such without the tags of any that it lists, and such with the tags
// that a statement asks for, unless a listed node has these: that is then the one.
func (f *finder) outsideNodes(t *technique, p *person) (list []thing) {
	if t.action == "" {
		return anyNodes(p)
	}
	for _, x := range p.choices(t.action, "") {
		fields := strings.SplitN(x.arn, ":", 6)
		node := strings.HasSuffix(kindOf(x.arn), ":instance/") || strings.HasSuffix(kindOf(x.arn), ":managed-instance/")
		if len(fields) < 6 || !node || f.lists(t, x.arn) {
			continue
		}
		for _, tags := range f.outsideTags(p) {
			out := thing{
				arn: x.arn, account: fields[4], via: x.shown(), to: []string{x.shown()}, shown: x.shown(), outside: true,
				tags: tags.tagged, context: tags.context, unless: tags.unless,
			}
			list = append(list, out)
		}
	}
	return list
}

// anyNodes stand for every node of a person's account that the world does not list.
func anyNodes(p *person) (list []thing) {
	for _, arn := range []string{"arn:aws:ec2:*:" + p.account + ":instance/*", "arn:aws:ssm:*:" + p.account + ":managed-instance/*"} {
		list = append(list, thing{
			arn: arn, account: p.account, via: arn, to: []string{arn}, shown: arn, outside: true, tags: tagged{name: "any", other: true},
		})
	}
	return list
}

type nodeTags struct {
	tagged
	context map[string][]string
	unless  string // that a node has the tags
}

// maxTags bounds the combinations of tag values that are tried for one statement.
const maxTags = 64

// outsideTags lists the tags that nodes outside may have.
func (f *finder) outsideTags(p *person) []nodeTags {
	// A node that has no tag of those by which listed nodes are known, and nobody knows which others.
	none := tagged{keys: map[string]bool{}, other: true}
	for _, n := range f.world.Nodes {
		known, _ := tagsOf(n.Tags, true)
		for key := range known.keys {
			none.keys[key] = true
		}
	}
	names := make([]string, 0, len(none.keys))
	for key := range none.keys {
		names = append(names, key)
	}
	slices.Sort(names)
	none.name = "no " + strings.Join(names, " ")
	list := []nodeTags{{tagged: none}}
	for _, policy := range everyPolicy(p.Policies, nil) {
		for _, st := range policy.Document().Statements {
			if st.Effect != iam.Allow {
				continue
			}
			for _, tags := range asked(&st) {
				if len(tags) > 0 && !f.hasNode(tags) {
					known, context := tagsOf(tags, true)
					list = append(list, nodeTags{known, context, "it has the tags " + tagText(tags)})
				}
			}
		}
	}
	return list
}

// asked lists the tags, in every combination of values, that a statement wants of a resource.
func asked(st *iam.Statement) []map[string]string {
	list := []map[string]string{{}}
	for _, c := range st.Conditions {
		for _, prefix := range tagPrefixes {
			if len(c.Key) <= len(prefix) || !strings.EqualFold(c.Key[:len(prefix)], prefix) {
				continue
			}
			var next []map[string]string
			for _, tags := range list {
				for _, value := range c.Values {
					with := map[string]string{c.Key[len(prefix):]: strings.NewReplacer("*", filler, "?", "x").Replace(value)}
					for key, old := range tags {
						with[key] = old
					}
					next = append(next, with)
				}
			}
			list = next[:min(len(next), maxTags)]
		}
	}
	return list
}

// hasNode says whether a listed node has all of the tags.
func (f *finder) hasNode(tags map[string]string) bool {
	return slices.ContainsFunc(f.world.Nodes, func(n Node) bool {
		for key, value := range tags {
			if n.Tags[key] != value {
				return false
			}
		}
		return true
	})
}

func tagText(tags map[string]string) string {
	parts := make([]string, 0, len(tags))
	for key, value := range tags {
		parts = append(parts, key+"="+value)
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}

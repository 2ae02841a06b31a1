package plan

import (
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// NodeTag begins the condition keys for tags of the nodes that a command is sent to.
const NodeTag = "ssm:resourceTag/"

// TakesNodeTags says whether AWS gives the nodes' tags to an action. A condition on them makes a statement about any
// other action match nothing.
func TakesNodeTags(action string) bool {
	const key = NodeTag + "${TagKey}"
	a, _ := catalog.Lookup(action)
	return slices.Contains(a.ConditionKeys, key) || slices.ContainsFunc(a.Resources, func(r catalog.ActionResource) bool {
		return slices.Contains(r.ConditionKeys, key)
	})
}

// Permission is the statement of an identity policy that allows actions on resources that carry the tags.
func Permission(sid string, actions, resources []string, tags []Tag) iam.Statement {
	st := iam.Statement{Sid: sid, Effect: iam.Allow, Actions: actions, Resources: resources}
	for _, t := range tags {
		st.Conditions = append(st.Conditions, iam.Condition{
			Operator: "StringEquals", Key: NodeTag + t.Key, Values: slices.Clone(t.Values),
		})
	}
	return st
}

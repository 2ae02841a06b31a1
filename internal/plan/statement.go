package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// NodeTag begins the condition keys for tags of the nodes that a command is sent to.
const NodeTag = "ssm:resourceTag/"

// TakesNodeTags says whether AWS gives the nodes' tags to an action. A condition on them makes a statement about any
// other action match nothing.
func TakesNodeTags(action string) bool {
	return takes(action, NodeTag+"${TagKey}")
}

// takes says whether AWS gives a key to an action.
func takes(action, key string) bool {
	a, _ := catalog.Lookup(action)
	return slices.Contains(a.ConditionKeys, key) || slices.ContainsFunc(a.Resources, func(r catalog.ActionResource) bool {
		return slices.Contains(r.ConditionKeys, key)
	})
}

// ResourceTag begins the condition keys for tags of what an action of EC2 touches.
const ResourceTag = "aws:ResourceTag/"

// TagPrefix begins the condition keys with which AWS gives an action the tags of nodes; empty where it does not.
func TagPrefix(action string) string {
	switch {
	case TakesNodeTags(action):
		return NodeTag
	case strings.HasPrefix(action, "ec2:") && takes(action, ResourceTag+"${TagKey}"):
		return ResourceTag
	}
	return ""
}

// Permission is the statement of an identity policy that allows actions on resources that carry the tags, which all of the
// actions are given by the same keys, under further conditions.
func Permission(sid string, actions, resources []string, tags []Tag, further ...iam.Condition) iam.Statement {
	st := iam.Statement{Sid: sid, Effect: iam.Allow, Actions: actions, Resources: resources}
	for _, t := range tags {
		st.Conditions = append(st.Conditions, iam.Condition{
			Operator: "StringEquals", Key: cmp.Or(TagPrefix(actions[0]), NodeTag) + t.Key, Values: slices.Clone(t.Values),
		})
	}
	st.Conditions = append(st.Conditions, further...)
	return st
}

// PassedTo is the condition that a role is handed to one service only; none for the empty service.
func PassedTo(service string) []iam.Condition {
	if service == "" {
		return nil
	}
	return []iam.Condition{{Operator: "StringEquals", Key: PassedToKey, Values: []string{service}}}
}

// PassedToKey is the condition key of iam:PassRole that says to which service the role is handed.
const PassedToKey = "iam:PassedToService"

package difference

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

// accessText says what a statement is about, for people.
func accessText(a *policy.Addition) string {
	action, resource := butFor(a.Action, a.NotActions), butFor(a.Resource, a.NotResources)
	if a.Lifted != nil && action == "*" {
		action = "everything"
	}
	if resource == "" || a.Lifted != nil && resource == "*" {
		return action
	}
	return action + " on " + resource
}

// butFor puts what a statement has in NotAction or NotResource into words.
func butFor(pattern string, not []string) string {
	if len(not) > 0 {
		return "everything but " + strings.Join(not, ", ")
	}
	return pattern
}

// bounded says whether a permissions boundary lets nothing through of what a role's own policies allow, so that the role does not
// have it. Conditions of the policies, which make that less still, are not looked at.
func bounded(kind string, a *policy.Addition, boundary *iam.Document) (bool, error) {
	if kind != "policies" || boundary == nil || boundary.HasIntrinsics() {
		return false, nil
	}
	outside := &iam.Document{Name: "outside", Version: iam.Version2008, Statements: []iam.Statement{
		{Effect: iam.Deny, Resources: []string{"*"}}, {Effect: iam.Deny, Actions: []string{"*"}},
	}}
	if outside.Statements[0].Actions = a.NotActions; len(a.NotActions) == 0 {
		outside.Statements[0].NotActions = []string{a.Action}
	}
	if outside.Statements[1].Resources = a.NotResources; len(a.NotResources) == 0 {
		outside.Statements[1].NotResources = []string{a.Resource}
	}
	through, err := compileAll([]*iam.Document{boundary, outside})
	if err != nil {
		return false, err
	}
	return iam.Compare(nil, through, iam.CompareOptions{}).Verdict == iam.NoMorePermissive, nil
}

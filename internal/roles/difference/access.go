package difference

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

// accessText says what a statement is about, for people.
func accessText(a *policy.Addition) string {
	action, resource := butFor(a.Action), butFor(a.Resource)
	if a.Lifted != nil && action == "*" {
		action = "everything"
	}
	if resource == "" || a.Lifted != nil && resource == "*" {
		return action
	}
	return action + " on " + resource
}

// butFor puts what a statement has in NotAction or NotResource into words.
func butFor(pattern string) string {
	if rest, isNot := strings.CutPrefix(pattern, "not "); isNot {
		return "everything but " + rest
	}
	return pattern
}

// bounded says whether a permissions boundary lets nothing through of what a role's own policies allow, so that the role does not
// have it. Conditions of the policies, which make that less still, are not looked at.
func (r *Role) bounded(kind string, a *policy.Addition, boundary *iam.Document) (bool, error) {
	if kind != "policies" || boundary == nil || boundary.HasIntrinsics() {
		return false, nil
	}
	outside := &iam.Document{Name: "outside", Version: iam.Version2008, Statements: []iam.Statement{
		{Effect: iam.Deny, Resources: []string{"*"}}, {Effect: iam.Deny, Actions: []string{"*"}},
	}}
	if rest, isNot := strings.CutPrefix(a.Action, "not "); isNot {
		outside.Statements[0].Actions = strings.Split(rest, ", ")
	} else {
		outside.Statements[0].NotActions = []string{a.Action}
	}
	if rest, isNot := strings.CutPrefix(a.Resource, "not "); isNot {
		outside.Statements[1].Resources = strings.Split(rest, ", ")
	} else {
		outside.Statements[1].NotResources = []string{a.Resource}
	}
	through, err := compileAll([]*iam.Document{boundary, outside})
	if err != nil {
		return false, err
	}
	return iam.Compare(nil, through, iam.CompareOptions{}).Verdict == iam.NoMorePermissive, nil
}

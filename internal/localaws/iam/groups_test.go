package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// user makes a user with an access key.
func (w *world) user(account, name string) iam.Keys {
	w.t.Helper()
	w.do(account, "CreateUser", "UserName", name)
	body := w.do(account, "CreateAccessKey", "UserName", name)
	return iam.Keys{AccessKeyID: between(body, "AccessKeyId"), SecretAccessKey: between(body, "SecretAccessKey")}
}

// step is one request of a scenario, and what it must answer: an error code, or a text in the body.
type step struct {
	action string
	args   []string
	code   string // empty for success
	has    string
	hasNot string
}

// walk makes the requests of a scenario one after another as the administrator of account one.
func (w *world) walk(steps []step) {
	w.t.Helper()
	for _, st := range steps {
		status, body := w.ask(w.admin[one], st.action, st.args...)
		switch {
		case st.code == "" && status != 200 || st.code != "" && body != st.code:
			w.t.Errorf("%s %v: %d %s, want %q", st.action, st.args, status, body, st.code)
		case !strings.Contains(body, st.has):
			w.t.Errorf("%s %v: no %s in %s", st.action, st.args, st.has, body)
		case st.hasNot != "" && strings.Contains(body, st.hasNot):
			w.t.Errorf("%s %v: %s in %s", st.action, st.args, st.hasNot, body)
		}
	}
}

func TestGroupLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateUser", "UserName", "ann")
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "p", "PolicyDocument", read), "Arn")
	w.walk([]step{
		{action: "CreateGroup", args: []string{"GroupName", "dev", "Path", "/team/"}, has: "arn:aws:iam::111111111111:group/team/dev"},
		{action: "CreateGroup", args: []string{"GroupName", "DEV"}, code: "EntityAlreadyExists"},
		{action: "CreateGroup", args: []string{"GroupName", "a b"}, code: "ValidationError"},
		{action: "AddUserToGroup", args: []string{"GroupName", "dev", "UserName", "bob"}, code: "NoSuchEntity"},
		{action: "AddUserToGroup", args: []string{"GroupName", "ops", "UserName", "ann"}, code: "NoSuchEntity"},
		{action: "AddUserToGroup", args: []string{"GroupName", "dev", "UserName", "ann"}},
		{action: "GetGroup", args: []string{"GroupName", "dev"}, has: "<UserName>ann</UserName>"},
		{action: "GetGroup", args: []string{"GroupName", "ops"}, code: "NoSuchEntity"},
		{action: "ListGroups", args: []string{"PathPrefix", "/team/"}, has: "dev"},
		{action: "ListGroups", args: []string{"PathPrefix", "/other/"}, hasNot: "dev"},
		{action: "ListGroupsForUser", args: []string{"UserName", "ann"}, has: "<GroupName>dev</GroupName>"},
		{action: "PutGroupPolicy", args: []string{"GroupName", "dev", "PolicyName", "in", "PolicyDocument", read}},
		{action: "PutGroupPolicy", args: []string{"GroupName", "dev", "PolicyName", "in", "PolicyDocument", trust}, code: "MalformedPolicyDocument"},
		{action: "GetGroupPolicy", args: []string{"GroupName", "dev", "PolicyName", "in"}, has: "GetCommandInvocation"},
		{action: "GetGroupPolicy", args: []string{"GroupName", "dev", "PolicyName", "out"}, code: "NoSuchEntity"},
		{action: "ListGroupPolicies", args: []string{"GroupName", "dev"}, has: "<member>in</member>"},
		{action: "AttachGroupPolicy", args: []string{"GroupName", "dev", "PolicyArn", policy}},
		{action: "AttachGroupPolicy", args: []string{"GroupName", "dev", "PolicyArn", policy + "x"}, code: "NoSuchEntity"},
		{action: "ListAttachedGroupPolicies", args: []string{"GroupName", "dev"}, has: policy},
		{action: "ListEntitiesForPolicy", args: []string{"PolicyArn", policy}, has: "<GroupName>dev</GroupName>"},
		{action: "ListEntitiesForPolicy", args: []string{"PolicyArn", policy, "EntityFilter", "User"}, hasNot: "dev"},
		{action: "ListEntitiesForPolicy", args: []string{"PolicyArn", policy, "EntityFilter", "Users"}, code: "ValidationError"},
		{action: "UpdateGroup", args: []string{"GroupName", "dev", "NewGroupName", "crew", "NewPath", "/"}},
		{action: "GetGroup", args: []string{"GroupName", "crew"}, has: "arn:aws:iam::111111111111:group/crew"},
		{action: "ListAttachedGroupPolicies", args: []string{"GroupName", "crew"}, has: policy},
		{action: "DeleteGroup", args: []string{"GroupName", "crew"}, code: "DeleteConflict"},
		{action: "DeleteUser", args: []string{"UserName", "ann"}, code: "DeleteConflict"},
		{action: "RemoveUserFromGroup", args: []string{"GroupName", "crew", "UserName", "ann"}},
		{action: "RemoveUserFromGroup", args: []string{"GroupName", "crew", "UserName", "ann"}, code: "NoSuchEntity"},
		{action: "DeleteGroup", args: []string{"GroupName", "crew"}, code: "DeleteConflict"},
		{action: "DeleteGroupPolicy", args: []string{"GroupName", "crew", "PolicyName", "in"}},
		{action: "DeleteGroupPolicy", args: []string{"GroupName", "crew", "PolicyName", "in"}, code: "NoSuchEntity"},
		{action: "DeleteGroup", args: []string{"GroupName", "crew"}, code: "DeleteConflict"},
		{action: "DetachGroupPolicy", args: []string{"GroupName", "crew", "PolicyArn", policy}},
		{action: "DetachGroupPolicy", args: []string{"GroupName", "crew", "PolicyArn", policy}, code: "NoSuchEntity"},
		{action: "DeleteGroup", args: []string{"GroupName", "crew"}},
		{action: "DeleteGroup", args: []string{"GroupName", "crew"}, code: "NoSuchEntity"},
		{action: "DeleteUser", args: []string{"UserName", "ann"}},
	})
	w.refused(one, "MalformedPolicyDocument", "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:group/dev"},"Action":"sts:AssumeRole"}]}`)
	for i := range 11 {
		w.do(one, "CreateGroup", "GroupName", fmt.Sprint("g", i))
		if i < 10 {
			w.do(one, "AddUserToGroup", "GroupName", fmt.Sprint("g", i), "UserName", "administrator")
			continue
		}
		w.refused(one, "LimitExceeded", "AddUserToGroup", "GroupName", fmt.Sprint("g", i), "UserName", "administrator")
	}
}

// TestGroupsCount: the policies of a group are those of its members, until they leave, whatever it is called.
func TestGroupsCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.user(one, "ann")
	can := func(when string, want int) {
		t.Helper()
		if status, body := w.ask(keys, "ListUsers"); status != want {
			t.Errorf("%s: %d %s", when, status, body)
		}
	}
	list := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*"}}`
	deny := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:*","Resource":"*"}}`
	can("alone", 403)
	w.do(one, "CreateGroup", "GroupName", "dev")
	w.do(one, "PutGroupPolicy", "GroupName", "dev", "PolicyName", "p", "PolicyDocument", list)
	can("outside", 403)
	w.do(one, "AddUserToGroup", "GroupName", "dev", "UserName", "ann")
	can("inside", 200)
	w.do(one, "UpdateGroup", "GroupName", "dev", "NewGroupName", "crew")
	can("renamed", 200)
	w.do(one, "UpdateUser", "UserName", "ann", "NewUserName", "anna", "NewPath", "/team/")
	can("under another name", 200)
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "no", "PolicyDocument", deny), "Arn")
	w.do(one, "AttachGroupPolicy", "GroupName", "crew", "PolicyArn", policy)
	can("denied by an attached policy", 403)
	w.do(one, "DetachGroupPolicy", "GroupName", "crew", "PolicyArn", policy)
	can("detached", 200)
	bound := between(w.do(one, "CreatePolicy", "PolicyName", "bound", "PolicyDocument", read), "Arn")
	w.do(one, "PutUserPermissionsBoundary", "UserName", "anna", "PermissionsBoundary", bound)
	can("bounded", 403)
	if got := between(w.do(one, "GetUser", "UserName", "anna"), "PermissionsBoundaryArn"); got != bound {
		t.Errorf("boundary %s", got)
	}
	w.refused(one, "DeleteConflict", "DeletePolicy", "PolicyArn", bound)
	if got := between(w.do(one, "ListEntitiesForPolicy", "PolicyArn", bound, "PolicyUsageFilter", "PermissionsBoundary"), "UserName"); got != "anna" {
		t.Errorf("bounded by the policy: %q", got)
	}
	w.do(one, "DeleteUserPermissionsBoundary", "UserName", "anna")
	can("unbounded", 200)
	w.do(one, "RemoveUserFromGroup", "GroupName", "crew", "UserName", "anna")
	can("after leaving", 403)
}

// TestRenameNeedsBoth: who may rename a user must be allowed to touch the user of the new name as well.
func TestRenameNeedsBoth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.user(one, "ann")
	w.do(one, "CreateUser", "UserName", "bob")
	w.do(one, "PutUserPolicy", "UserName", "ann", "PolicyName", "p", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:UpdateUser","Resource":["arn:aws:iam::111111111111:user/bob","arn:aws:iam::111111111111:user/rob"]}}`)
	if status, _ := w.ask(keys, "UpdateUser", "UserName", "bob", "NewUserName", "root"); status != 403 {
		t.Errorf("to a name beyond the policy: %d", status)
	}
	if status, body := w.ask(keys, "UpdateUser", "UserName", "bob", "NewUserName", "rob"); status != 200 {
		t.Errorf("to a name within: %d %s", status, body)
	}
	w.refused(one, "EntityAlreadyExists", "UpdateUser", "UserName", "rob", "NewUserName", "Ann")
	w.refused(one, "NoSuchEntity", "UpdateUser", "UserName", "bob", "NewUserName", "bobby")
}

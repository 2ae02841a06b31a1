package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

// TestAccountsAreSeparate shows that an administrator of one account sees and changes nothing of another.
func TestAccountsAreSeparate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "Deploy", "AssumeRolePolicyDocument", trust)
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "node")
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "read", "PolicyDocument", read), "Arn")
	provider := between(w.do(one, "CreateOpenIDConnectProvider", "Url", "https://example.com", "ClientIDList.member.1", "a"), "OpenIDConnectProviderArn")
	w.do(one, "AttachRolePolicy", "RoleName", "Deploy", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	w.do(two, "CreateRole", "RoleName", "Other", "AssumeRolePolicyDocument", trust)
	w.refused(two, "NoSuchEntity", "GetRole", "RoleName", "Deploy")
	w.refused(two, "NoSuchEntity", "DeleteRole", "RoleName", "Deploy")
	w.refused(two, "NoSuchEntity", "UpdateAssumeRolePolicy", "RoleName", "Deploy", "PolicyDocument", trust)
	w.refused(two, "NoSuchEntity", "PutRolePolicy", "RoleName", "Deploy", "PolicyName", "p", "PolicyDocument", read)
	w.refused(two, "NoSuchEntity", "GetInstanceProfile", "InstanceProfileName", "node")
	for _, list := range []string{"ListRoles", "ListInstanceProfiles", "ListPolicies", "ListOpenIDConnectProviders", "ListUsers"} {
		if body := w.do(two, list); strings.Contains(body, one) {
			t.Errorf("%s: %s", list, body)
		}
	}
	if got := between(w.do(two, "GetPolicy", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"), "AttachmentCount"); got != "0" {
		t.Errorf("attached %s times", got)
	}
	for action, args := range map[string][]string{
		"GetPolicy":                   {"PolicyArn", policy},
		"GetPolicyVersion":            {"PolicyArn", policy, "VersionId", "v1"},
		"CreatePolicyVersion":         {"PolicyArn", policy, "PolicyDocument", read},
		"DeletePolicy":                {"PolicyArn", policy},
		"GetOpenIDConnectProvider":    {"OpenIDConnectProviderArn", provider},
		"AttachRolePolicy":            {"RoleName", "Other", "PolicyArn", policy},
		"PutRolePermissionsBoundary":  {"RoleName", "Other", "PermissionsBoundary", policy},
		"DeleteOpenIDConnectProvider": {"OpenIDConnectProviderArn", provider},
	} {
		if status, body := w.ask(w.admin[two], action, args...); status == 200 && action != "DeleteOpenIDConnectProvider" {
			t.Errorf("%s: %s", action, body)
		}
	}
	w.do(one, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", provider)
	w.do(one, "GetPolicy", "PolicyArn", policy)
}

// TestAccess shows which permission each operation needs: a user with just that one, on just that resource, gets
// through, and one with everything else does not.
func TestAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "Deploy", "Path", "/slipway/", "AssumeRolePolicyDocument", trust)
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "node")
	const role = "arn:aws:iam::111111111111:role/slipway/Deploy"
	for i, tc := range []struct {
		action    string
		args      []string
		condition string
		resource  string
	}{
		{"GetRole", []string{"RoleName", "Deploy"}, `{}`, role},
		{"ListRoles", nil, `{}`, "arn:aws:iam::111111111111:role/"},
		{"ListRoles", []string{"PathPrefix", "/slipway/"}, `{}`, "arn:aws:iam::111111111111:role/slipway/"},
		{"CreateRole", []string{"RoleName", "New", "Path", "/slipway/", "AssumeRolePolicyDocument", trust}, `{}`, "arn:aws:iam::111111111111:role/slipway/New"},
		{"AttachRolePolicy", []string{"RoleName", "Deploy", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess"},
			`{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/AdministratorAccess"}}`, role},
		{"PutRolePermissionsBoundary", []string{"RoleName", "Deploy", "PermissionsBoundary", "arn:aws:iam::aws:policy/AdministratorAccess"},
			`{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/AdministratorAccess"}}`, role},
		{"PutRolePolicy", []string{"RoleName", "Deploy", "PolicyName", "p", "PolicyDocument", read},
			`{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::aws:policy/AdministratorAccess"}}`, role},
		{"GetInstanceProfile", []string{"InstanceProfileName", "node"}, `{}`, "arn:aws:iam::111111111111:instance-profile/node"},
	} {
		user := fmt.Sprint("u", i)
		w.do(one, "CreateUser", "UserName", user)
		body := w.do(one, "CreateAccessKey", "UserName", user)
		keys := iam.Keys{AccessKeyID: between(body, "AccessKeyId"), SecretAccessKey: between(body, "SecretAccessKey")}
		deny := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","NotAction":"iam:` + tc.action + `","Resource":"*"},{"Effect":"Allow","Action":"*","NotResource":"` + tc.resource + `"}]}`
		w.do(one, "PutUserPolicy", "UserName", user, "PolicyName", "p", "PolicyDocument", deny)
		if status, code := w.ask(keys, tc.action, tc.args...); status != 403 || code != "AccessDenied" {
			t.Errorf("%s with everything else: %d %s", tc.action, status, code)
		}
		allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:` + tc.action + `","Resource":"` + tc.resource + `","Condition":` + tc.condition + `}]}`
		w.do(one, "PutUserPolicy", "UserName", user, "PolicyName", "p", "PolicyDocument", allow)
		if status, body := w.ask(keys, tc.action, tc.args...); status != 200 {
			t.Errorf("%s with just that: %d %s", tc.action, status, body)
		}
	}
}

// TestPassRole shows that putting a role into an instance profile needs iam:PassRole on the role.
func TestPassRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "Node", "AssumeRolePolicyDocument", trust)
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "node")
	w.do(one, "CreateUser", "UserName", "u")
	body := w.do(one, "CreateAccessKey", "UserName", "u")
	keys := iam.Keys{AccessKeyID: between(body, "AccessKeyId"), SecretAccessKey: between(body, "SecretAccessKey")}
	grant := func(statements string) {
		w.do(one, "PutUserPolicy", "UserName", "u", "PolicyName", "p", "PolicyDocument", `{"Version":"2012-10-17","Statement":[`+statements+`]}`)
	}
	add := `{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"*"}`
	pass := `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111111111111:role/Node","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}`
	grant(add)
	if status, code := w.ask(keys, "AddRoleToInstanceProfile", "InstanceProfileName", "node", "RoleName", "Node"); status != 403 {
		t.Errorf("without PassRole: %d %s", status, code)
	}
	grant(add + pass)
	if status, body := w.ask(keys, "AddRoleToInstanceProfile", "InstanceProfileName", "node", "RoleName", "Node"); status != 200 {
		t.Errorf("with PassRole: %d %s", status, body)
	}
	role, err := w.iam.ProfileRole(t.Context(), one, "node")
	if err != nil || role.Name != "Node" {
		t.Errorf("role %+v: %v", role, err)
	}
}

func TestEnsureAccountIsStable(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, s := open(t, dir)
	first, err := s.EnsureAccount(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, s = open(t, dir)
	second, err := s.EnsureAccount(t.Context(), one)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Error(diff)
	}
	if _, err := s.EnsureAccount(t.Context(), "1"); err == nil {
		t.Error("a bad account was made")
	}
}

func TestPutRoleReplaces(t *testing.T) {
	t.Parallel()
	_, s := open(t, "")
	spec := iam.RoleSpec{
		Account: one, Name: "web-dev-Node", Path: "/slipway/", Trust: []byte(trust), Boundary: []byte(read), InstanceProfile: true,
		Policies: map[string][]byte{"a": []byte(read), "b": []byte(read)}, Managed: []string{"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"},
	}
	policies := func() (int, bool) {
		t.Helper()
		role, err := s.Role(t.Context(), one, spec.Name)
		if err != nil {
			t.Fatal(err)
		}
		session := &iam.Session{Role: role, Name: "x", Expires: now.Add(time.Hour)}
		if err := s.PutSession(t.Context(), session); err != nil {
			t.Fatal(err)
		}
		cred, ok, err := s.Credential(t.Context(), session.AccessKeyID)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		cred.Caller.AccessKeyID = session.AccessKeyID
		set, err := s.Policies(t.Context(), cred.Caller)
		if err != nil {
			t.Fatal(err)
		}
		return len(set.Identity), set.Boundary != nil
	}
	put := func() {
		t.Helper()
		if err := s.PutRole(t.Context(), spec); err != nil {
			t.Fatal(err)
		}
	}
	put()
	before, err := s.Role(t.Context(), one, spec.Name)
	if err != nil {
		t.Fatal(err)
	}
	if n, bounded := policies(); n != 3 || !bounded {
		t.Errorf("%d policies, boundary %v", n, bounded)
	}
	put()
	spec.Policies, spec.Boundary, spec.Managed, spec.InstanceProfile = map[string][]byte{"c": []byte(read)}, nil, nil, false
	put()
	if n, bounded := policies(); n != 1 || bounded {
		t.Errorf("%d policies, boundary %v", n, bounded)
	}
	after, err := s.Role(t.Context(), one, spec.Name)
	if err != nil || after.ID != before.ID {
		t.Errorf("id %s became %s: %v", before.ID, after.ID, err)
	}
	if _, err := s.ProfileRole(t.Context(), one, spec.Name); err == nil {
		t.Error("the instance profile is still there")
	}
	spec.Policies = map[string][]byte{"bad": []byte("{")}
	if err := s.PutRole(t.Context(), spec); err == nil {
		t.Error("a bad policy was accepted")
	}
}

// TestChangesTakeEffectAtOnce: what is kept in memory is forgotten with every change.
func TestChangesTakeEffectAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	keys := w.admin[one]
	allowed := func() bool {
		t.Helper()
		cred, ok, err := w.iam.Credential(t.Context(), keys.AccessKeyID)
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		cred.Caller.AccessKeyID = keys.AccessKeyID
		set, err := w.iam.Policies(t.Context(), cred.Caller)
		if err != nil {
			t.Fatal(err)
		}
		return set.Evaluate(&engine.Request{Principal: cred.Caller.Principal, Action: "ssm:SendCommand", Resource: "*"}).Outcome == engine.Allowed
	}
	if !allowed() {
		t.Fatal("the administrator may not")
	}
	w.do(one, "PutUserPolicy", "UserName", "administrator", "PolicyName", "no", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ssm:*","Resource":"*"}]}`)
	if allowed() {
		t.Error("the denial is not in effect")
	}
	w.do(one, "DeleteUserPolicy", "UserName", "administrator", "PolicyName", "no")
	if !allowed() {
		t.Error("the denial is still in effect")
	}
}

// TestSessionEndsWithItsRole: a role of the same name that is made later does not revive the sessions of the first.
func TestSessionEndsWithItsRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	role, err := w.iam.Role(t.Context(), one, "r")
	if err != nil {
		t.Fatal(err)
	}
	session := &iam.Session{Role: role, Name: "run", Expires: now.Add(time.Hour), Tags: map[string]string{"k": "v"}, SourceIdentity: "ci"}
	if err := w.iam.PutSession(t.Context(), session); err != nil {
		t.Fatal(err)
	}
	cred, ok, err := w.iam.Credential(t.Context(), session.AccessKeyID)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if cred.Caller.ARN != "arn:aws:sts::111111111111:assumed-role/r/run" || cred.Caller.SessionTags["k"] != "v" || cred.Caller.SourceIdentity != "ci" {
		t.Errorf("caller %+v", cred.Caller)
	}
	if !cred.Expires.Equal(session.Expires) || cred.SessionToken != session.Token {
		t.Errorf("credential %+v", cred)
	}
	w.do(one, "DeleteRole", "RoleName", "r")
	for _, when := range []string{"deleted", "made again"} {
		if _, ok, err := w.iam.Credential(t.Context(), session.AccessKeyID); err != nil || ok {
			t.Errorf("role %s: found %v, %v", when, ok, err)
		}
		if when == "deleted" {
			w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
		}
	}
}

// TestManagedPolicyIsEnforced: the default version of an attached policy counts, and no other.
func TestManagedPolicyIsEnforced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateUser", "UserName", "u")
	body := w.do(one, "CreateAccessKey", "UserName", "u")
	keys := iam.Keys{AccessKeyID: between(body, "AccessKeyId"), SecretAccessKey: between(body, "SecretAccessKey")}
	self := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}`
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "p", "PolicyDocument", self), "Arn")
	want := func(when string, status int) {
		t.Helper()
		if got, body := w.ask(keys, "GetUser"); got != status {
			t.Errorf("%s: %d %s", when, got, body)
		}
	}
	want("before", 403)
	w.do(one, "AttachUserPolicy", "UserName", "u", "PolicyArn", policy)
	want("attached", 200)
	w.do(one, "CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", read)
	want("with another version", 200)
	w.do(one, "CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", read, "SetAsDefault", "true")
	want("with another default", 403)
	w.do(one, "AttachUserPolicy", "UserName", "u", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	want("administrator", 200)
	w.do(one, "DetachUserPolicy", "UserName", "u", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	want("detached", 403)
	if got := between(w.do(one, "ListAttachedUserPolicies", "UserName", "u"), "PolicyArn"); got != policy {
		t.Errorf("attached %s", got)
	}
}

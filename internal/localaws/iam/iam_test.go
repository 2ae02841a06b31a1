package iam_test

import (
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	one   = "111111111111"
	two   = "222222222222"
	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	read  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:GetCommandInvocation","Resource":"*"}]}`
)

var now = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

// world is an IAM with two accounts behind a gateway.
type world struct {
	t     *testing.T
	iam   *iam.Service
	gw    *gateway.Gateway
	log   *gateway.EventLog
	admin map[string]iam.Keys
}

func open(t *testing.T, dir string) (*store.DB, *iam.Service) {
	t.Helper()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := iam.New(db, func() time.Time { return now }, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return db, s
}

func newWorld(t *testing.T) *world {
	t.Helper()
	db, s := open(t, "")
	log, err := gateway.NewEventLog(db)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, iam: s, log: log, admin: map[string]iam.Keys{}}
	w.gw = gateway.New(gateway.Config{
		Directory: s, Events: log, Rand: rand.Reader, Now: func() time.Time { return now },
		OnError: func(err error) { t.Errorf("internal error: %v", err) },
	})
	if err := w.gw.Register(s.API()); err != nil {
		t.Fatal(err)
	}
	for _, account := range []string{one, two} {
		if w.admin[account], err = s.EnsureAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// ask makes an IAM request; args are names and values in turn.
func (w *world) ask(keys iam.Keys, action string, args ...string) (int, string) {
	w.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	body := form.Encode()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}, "eu-west-1", "iam", now)
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	var e struct {
		Code string `xml:"Error>Code"`
	}
	if err := xml.Unmarshal(rec.Body.Bytes(), &e); err != nil {
		w.t.Fatalf("%s: %v in %s", action, err, rec.Body)
	}
	if e.Code != "" {
		return rec.Code, e.Code
	}
	return rec.Code, rec.Body.String()
}

// do is ask by an account's administrator, and must succeed.
func (w *world) do(account, action string, args ...string) string {
	w.t.Helper()
	status, body := w.ask(w.admin[account], action, args...)
	if status != http.StatusOK {
		w.t.Fatalf("%s %v: %d %s", action, args, status, body)
	}
	return body
}

// refused is ask by an account's administrator, and must fail with a code.
func (w *world) refused(account, code, action string, args ...string) {
	w.t.Helper()
	if status, got := w.ask(w.admin[account], action, args...); status < 400 || got != code {
		w.t.Errorf("%s %v: got %d %s, want %s", action, args, status, got, code)
	}
}

// between gives the text of the first element of that name.
func between(body, element string) string {
	_, rest, _ := strings.Cut(body, "<"+element+">")
	text, _, _ := strings.Cut(rest, "</"+element+">")
	return text
}

func TestRoleLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	body := w.do(one, "CreateRole", "RoleName", "Deploy", "Path", "/slipway/", "AssumeRolePolicyDocument", trust, "Description", "a & b", "Tags.member.1.Key", "App", "Tags.member.1.Value", "web")
	if got := between(body, "Arn"); got != "arn:aws:iam::111111111111:role/slipway/Deploy" {
		t.Errorf("ARN %s", got)
	}
	if id := between(body, "RoleId"); !strings.HasPrefix(id, "AROA") || len(id) != 21 {
		t.Errorf("id %s", id)
	}
	document, err := url.PathUnescape(between(body, "AssumeRolePolicyDocument"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(trust, document); diff != "" {
		t.Error(diff)
	}
	w.refused(one, "EntityAlreadyExists", "CreateRole", "RoleName", "DEPLOY", "AssumeRolePolicyDocument", trust)
	w.refused(one, "NoSuchEntity", "GetRole", "RoleName", "DEPLOY")
	w.do(one, "PutRolePolicy", "RoleName", "Deploy", "PolicyName", "p", "PolicyDocument", read)
	if got := between(w.do(one, "ListRolePolicies", "RoleName", "Deploy"), "member"); got != "p" {
		t.Errorf("policies %s", got)
	}
	if got, _ := url.PathUnescape(between(w.do(one, "GetRolePolicy", "RoleName", "Deploy", "PolicyName", "p"), "PolicyDocument")); got != read {
		t.Errorf("document %s", got)
	}
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "node")
	w.do(one, "AddRoleToInstanceProfile", "InstanceProfileName", "node", "RoleName", "Deploy")
	w.refused(one, "LimitExceeded", "AddRoleToInstanceProfile", "InstanceProfileName", "node", "RoleName", "Deploy")
	w.refused(one, "DeleteConflict", "DeleteRole", "RoleName", "Deploy")
	w.refused(one, "DeleteConflict", "DeleteInstanceProfile", "InstanceProfileName", "node")
	w.do(one, "RemoveRoleFromInstanceProfile", "InstanceProfileName", "node", "RoleName", "Deploy")
	w.refused(one, "DeleteConflict", "DeleteRole", "RoleName", "Deploy")
	w.do(one, "DeleteRolePolicy", "RoleName", "Deploy", "PolicyName", "p")
	w.refused(one, "NoSuchEntity", "DeleteRolePolicy", "RoleName", "Deploy", "PolicyName", "p")
	w.do(one, "DeleteInstanceProfile", "InstanceProfileName", "node")
	w.do(one, "DeleteRole", "RoleName", "Deploy")
	w.refused(one, "NoSuchEntity", "GetRole", "RoleName", "Deploy")
	if body := w.do(one, "ListRoles"); strings.Contains(body, "Deploy") {
		t.Errorf("a deleted role is listed: %s", body)
	}
}

func TestManagedPolicyLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "Deploy", "AssumeRolePolicyDocument", trust)
	body := w.do(one, "CreatePolicy", "PolicyName", "read", "PolicyDocument", read)
	arn := between(body, "Arn")
	w.do(one, "AttachRolePolicy", "RoleName", "Deploy", "PolicyArn", arn)
	w.do(one, "AttachRolePolicy", "RoleName", "Deploy", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
	if got := between(w.do(one, "GetPolicy", "PolicyArn", arn), "AttachmentCount"); got != "1" {
		t.Errorf("attached %s times", got)
	}
	w.refused(one, "DeleteConflict", "DeletePolicy", "PolicyArn", arn)
	w.do(one, "DetachRolePolicy", "RoleName", "Deploy", "PolicyArn", arn)
	w.do(one, "PutRolePermissionsBoundary", "RoleName", "Deploy", "PermissionsBoundary", arn)
	if got := between(w.do(one, "GetRole", "RoleName", "Deploy"), "PermissionsBoundaryArn"); got != arn {
		t.Errorf("boundary %s", got)
	}
	w.refused(one, "DeleteConflict", "DeletePolicy", "PolicyArn", arn)
	w.do(one, "DeleteRolePermissionsBoundary", "RoleName", "Deploy")
	if got := between(w.do(one, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", read, "SetAsDefault", "true"), "VersionId"); got != "v2" {
		t.Errorf("version %s", got)
	}
	if got := between(w.do(one, "GetPolicyVersion", "PolicyArn", arn, "VersionId", "v1"), "IsDefaultVersion"); got != "false" {
		t.Errorf("v1 is default: %s", got)
	}
	for range 3 {
		w.do(one, "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", read)
	}
	w.refused(one, "LimitExceeded", "CreatePolicyVersion", "PolicyArn", arn, "PolicyDocument", read)
	w.refused(one, "DeleteConflict", "DeletePolicyVersion", "PolicyArn", arn, "VersionId", "v2")
	for _, v := range []string{"v1", "v3", "v4", "v5"} {
		w.do(one, "DeletePolicyVersion", "PolicyArn", arn, "VersionId", v)
	}
	w.do(one, "DeletePolicy", "PolicyArn", arn)
	w.refused(one, "NoSuchEntity", "GetPolicy", "PolicyArn", arn)
	w.refused(one, "NoSuchEntity", "AttachRolePolicy", "RoleName", "Deploy", "PolicyArn", "arn:aws:iam::aws:policy/NoSuchThing")
}

func TestUserAndKeyLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateUser", "UserName", "ci")
	body := w.do(one, "CreateAccessKey", "UserName", "ci")
	keys := iam.Keys{AccessKeyID: between(body, "AccessKeyId"), SecretAccessKey: between(body, "SecretAccessKey")}
	if status, code := w.ask(keys, "GetUser"); status != 403 || code != "AccessDenied" {
		t.Errorf("a user without policies: %d %s", status, code)
	}
	self := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::111111111111:user/${aws:username}"}]}`
	w.do(one, "PutUserPolicy", "UserName", "ci", "PolicyName", "self", "PolicyDocument", self)
	if status, body := w.ask(keys, "GetUser"); status != 200 {
		t.Errorf("after the policy: %d %s", status, body)
	}
	if status, code := w.ask(keys, "GetUser", "UserName", "administrator"); status != 403 {
		t.Errorf("another user: %d %s", status, code)
	}
	if body := w.do(one, "ListAccessKeys", "UserName", "ci"); strings.Contains(body, keys.SecretAccessKey) {
		t.Error("a secret is listed")
	}
	w.do(one, "UpdateAccessKey", "UserName", "ci", "AccessKeyId", keys.AccessKeyID, "Status", "Inactive")
	if status, code := w.ask(keys, "GetUser"); status != 403 || code != "InvalidClientTokenId" {
		t.Errorf("inactive key: %d %s", status, code)
	}
	w.do(one, "CreateAccessKey", "UserName", "ci")
	w.refused(one, "LimitExceeded", "CreateAccessKey", "UserName", "ci")
	w.refused(one, "DeleteConflict", "DeleteUser", "UserName", "ci")
	w.do(one, "DeleteAccessKey", "UserName", "ci", "AccessKeyId", keys.AccessKeyID)
	w.refused(one, "NoSuchEntity", "DeleteAccessKey", "UserName", "ci", "AccessKeyId", keys.AccessKeyID)
}

func TestProviderLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const issuer = "https://token.actions.githubusercontent.com"
	arn := between(w.do(one, "CreateOpenIDConnectProvider", "Url", issuer, "ClientIDList.member.1", "sts.amazonaws.com"), "OpenIDConnectProviderArn")
	if arn != "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com" {
		t.Errorf("ARN %s", arn)
	}
	w.refused(one, "EntityAlreadyExists", "CreateOpenIDConnectProvider", "Url", issuer)
	w.refused(one, "ValidationError", "CreateOpenIDConnectProvider", "Url", "http://example.com")
	if got := between(w.do(one, "GetOpenIDConnectProvider", "OpenIDConnectProviderArn", arn), "Url"); got != "token.actions.githubusercontent.com" {
		t.Errorf("URL %s", got)
	}
	w.do(one, "DeleteOpenIDConnectProvider", "OpenIDConnectProviderArn", arn)
	if got := between(w.do(one, "ListOpenIDConnectProviders"), "member"); got != "" {
		t.Errorf("providers %s", got)
	}
}

func TestBadDocumentsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	for name, document := range map[string]string{
		"not JSON":           `{`,
		"empty":              ``,
		"principal":          `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}]}`,
		"no resource":        `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}`,
		"unknown effect":     `{"Version":"2012-10-17","Statement":[{"Effect":"Maybe","Action":"s3:*","Resource":"*"}]}`,
		"unknown operator":   `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"Like":{"aws:userid":"x"}}}]}`,
		"action and nothing": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"deploy","Resource":"*"}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w.refused(one, "MalformedPolicyDocument", "PutRolePolicy", "RoleName", "r", "PolicyName", "p", "PolicyDocument", document)
		})
	}
	w.refused(one, "MalformedPolicyDocument", "CreateRole", "RoleName", "s", "AssumeRolePolicyDocument", read)
	w.refused(one, "MalformedPolicyDocument", "UpdateAssumeRolePolicy", "RoleName", "r", "PolicyDocument", read)
	w.refused(one, "ValidationError", "CreateRole", "RoleName", "a b", "AssumeRolePolicyDocument", trust)
	w.refused(one, "ValidationError", "CreateRole", "RoleName", "s", "Path", "slipway", "AssumeRolePolicyDocument", trust)
	w.refused(one, "ValidationError", "CreateRole", "RoleName", "s", "MaxSessionDuration", "60", "AssumeRolePolicyDocument", trust)
	long := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + strings.Repeat("x", 10240) + `"}]}`
	w.refused(one, "LimitExceeded", "PutRolePolicy", "RoleName", "r", "PolicyName", "p", "PolicyDocument", long)
}

// TestR118Quotas: what AWS would not store is not stored here.
func TestR118Quotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	// document makes a policy of so many characters; white space does not count.
	document := func(size int) string {
		const frame = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::"}]}`
		return strings.Replace(frame, `:::"`, ":::"+strings.Repeat("x", size-len(frame))+`"`, 1) + strings.Repeat(" \n", 100)
	}
	put := func(name string, size int) []string {
		return []string{"RoleName", "r", "PolicyName", name, "PolicyDocument", document(size)}
	}
	w.do(one, "PutRolePolicy", put("a", 5120)...)
	w.do(one, "PutRolePolicy", put("b", 5120)...)
	w.refused(one, "LimitExceeded", "PutRolePolicy", put("b", 5121)...)
	w.refused(one, "LimitExceeded", "PutRolePolicy", put("c", 200)...)
	w.do(one, "CreatePolicy", "PolicyName", "fits", "PolicyDocument", document(6144))
	w.refused(one, "LimitExceeded", "CreatePolicy", "PolicyName", "large", "PolicyDocument", document(6145))
	long := strings.Replace(trust, "ec2.amazonaws.com", strings.Repeat("x", 2048)+".amazonaws.com", 1)
	w.refused(one, "LimitExceeded", "UpdateAssumeRolePolicy", "RoleName", "r", "PolicyDocument", long)
	for i := range 11 {
		arn := between(w.do(one, "CreatePolicy", "PolicyName", fmt.Sprint("p", i), "PolicyDocument", read), "Arn")
		if i < 10 {
			w.do(one, "AttachRolePolicy", "RoleName", "r", "PolicyArn", arn)
			continue
		}
		w.refused(one, "LimitExceeded", "AttachRolePolicy", "RoleName", "r", "PolicyArn", arn)
	}
	large := iam.RoleSpec{Account: one, Name: "big", Trust: []byte(trust), Policies: map[string][]byte{"a": []byte(document(5120)), "b": []byte(document(5121))}}
	if err := w.iam.PutRole(t.Context(), large); err == nil {
		t.Error("a role beyond the quota was put")
	}
}

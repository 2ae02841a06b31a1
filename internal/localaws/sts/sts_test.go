package sts_test

import (
	"crypto/rand"
	"errors"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

const (
	one  = "111111111111"
	two  = "222222222222"
	read = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
)

// issuer is the same for all tests: a new RSA key takes long.
var issuer = sync.OnceValues(func() (*sts.Issuer, error) { return sts.NewIssuer(rand.Reader) })

// world is STS and IAM with two accounts behind a real HTTP server. Its clock is the real one: the SDK signs with it.
type world struct {
	t      *testing.T
	iam    *iam.Service
	sts    *sts.Service
	issuer *sts.Issuer
	log    *gateway.EventLog
	url    string
	admin  map[string]iam.Keys
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldWith(t, func(builtIn *sts.Issuer) sts.KeySource { return builtIn })
}

// newWorldWith is newWorld with the keys of other issuers.
func newWorldWith(t *testing.T, keys func(builtIn *sts.Issuer) sts.KeySource) *world {
	t.Helper()
	db, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, admin: map[string]iam.Keys{}}
	if w.iam, err = iam.New(db, time.Now, rand.Reader); err != nil {
		t.Fatal(err)
	}
	if w.issuer, err = issuer(); err != nil {
		t.Fatal(err)
	}
	if w.log, err = gateway.NewEventLog(db); err != nil {
		t.Fatal(err)
	}
	w.sts = sts.New(w.iam, keys(w.issuer), time.Now)
	gw := gateway.New(gateway.Config{Directory: w.iam, Events: w.log, Rand: rand.Reader, Now: time.Now,
		OnError: func(err error) { t.Errorf("internal error: %v", err) }})
	for _, s := range []gateway.Service{w.sts.API(), w.iam.API()} {
		if err := gw.Register(s); err != nil {
			t.Fatal(err)
		}
	}
	for _, account := range []string{one, two} {
		if w.admin[account], err = w.iam.EnsureAccount(t.Context(), account); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewUnstartedServer(nil)
	server.Config = gw.Server()
	server.Start()
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// client is the SDK's STS client with these keys; none for anonymous calls.
func (w *world) client(id, secret, token string) *awssts.Client {
	o := awssts.Options{Region: "eu-west-1", BaseEndpoint: aws.String(w.url), RetryMaxAttempts: 1}
	if id != "" {
		o.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	}
	return awssts.New(o)
}

func (w *world) as(account string) *awssts.Client {
	k := w.admin[account]
	return w.client(k.AccessKeyID, k.SecretAccessKey, "")
}

func (w *world) session(c *types.Credentials) *awssts.Client {
	return w.client(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
}

// role puts a role that may assume roles; statements are those of its trust policy.
func (w *world) role(account, name, path string, statements ...string) string {
	w.t.Helper()
	err := w.iam.PutRole(w.t.Context(), iam.RoleSpec{
		Account: account, Name: name, Path: path, MaxSession: 7200,
		Trust:    []byte(`{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`),
		Policies: map[string][]byte{"assume": []byte(read)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return "arn:aws:iam::" + account + ":role" + path + name
}

func (w *world) identity(c *awssts.Client) string {
	w.t.Helper()
	out, err := c.GetCallerIdentity(w.t.Context(), &awssts.GetCallerIdentityInput{})
	if err != nil {
		w.t.Fatal(err)
	}
	return *out.Account + " " + *out.Arn
}

// wantCode checks the error code of an API error; an empty code wants success.
func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var api smithy.APIError
	switch {
	case err == nil && code == "":
	case err == nil:
		t.Errorf("got success, want %s", code)
	case !errors.As(err, &api):
		t.Errorf("not an API error: %v", err)
	case api.ErrorCode() != code:
		t.Errorf("got %s (%s), want %q", api.ErrorCode(), api.ErrorMessage(), code)
	}
}

func trusts(principal, action, condition string) string {
	return `{"Effect":"Allow","Principal":` + principal + `,"Action":` + action + `,"Condition":` + condition + `}`
}

func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if diff := cmp.Diff(one+" arn:aws:iam::111111111111:user/administrator", w.identity(w.as(one))); diff != "" {
		t.Error(diff)
	}
	_, err := w.client("AKIANOBODY", "x", "").GetCallerIdentity(t.Context(), &awssts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId")
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	role := w.role(one, "Deploy", "/slipway/", trusts(`{"AWS":"arn:aws:iam::111111111111:root"}`, `"sts:*"`, `{}`))
	out, err := w.as(one).AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run-1"), SourceIdentity: aws.String("ci"),
		Tags: []types.Tag{{Key: aws.String("App"), Value: aws.String("web")}}})
	if err != nil {
		t.Fatal(err)
	}
	const arn = "arn:aws:sts::111111111111:assumed-role/Deploy/run-1"
	if *out.AssumedRoleUser.Arn != arn || !strings.HasPrefix(*out.Credentials.AccessKeyId, "ASIA") || *out.SourceIdentity != "ci" {
		t.Errorf("answer %+v", out)
	}
	if left := time.Until(*out.Credentials.Expiration); left < 59*time.Minute || left > time.Hour {
		t.Errorf("expires in %v", left)
	}
	if diff := cmp.Diff(one+" "+arn, w.identity(w.session(out.Credentials))); diff != "" {
		t.Error(diff)
	}
	_, err = w.client(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, "forged").GetCallerIdentity(ctx, &awssts.GetCallerIdentityInput{})
	wantCode(t, err, "InvalidClientTokenId")
	events, err := w.log.List(ctx, gateway.Filter{Name: "AssumeRole"})
	if err != nil {
		t.Fatal(err)
	}
	var actions []string
	for _, c := range events[0].Slipway.Checks {
		actions = append(actions, c.Action+" "+c.Resource+" "+c.Decision)
	}
	want := []string{"sts:AssumeRole " + role + " Allowed", "sts:TagSession " + role + " Allowed", "sts:SetSourceIdentity " + role + " Allowed"}
	if diff := cmp.Diff(want, actions); diff != "" {
		t.Error(diff)
	}
	if text := string(events[0].RequestParameters); !strings.Contains(text, `"roleArn":"`+role) {
		t.Errorf("parameters %s", text)
	}
}

func TestAssumeRoleRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	open := w.role(one, "Open", "/", trusts(`{"AWS":"arn:aws:iam::111111111111:root"}`, `"sts:AssumeRole"`, `{}`))
	external := w.role(one, "External", "/", trusts(`{"AWS":"222222222222"}`, `"sts:AssumeRole"`, `{"StringEquals":{"sts:ExternalId":"x1"}}`))
	ec2 := w.role(one, "EC2", "/", trusts(`{"Service":"ec2.amazonaws.com"}`, `"sts:AssumeRole"`, `{}`))
	str := aws.String
	tags := []types.Tag{{Key: str("k"), Value: str("v")}}
	for name, tc := range map[string]struct {
		account string
		in      awssts.AssumeRoleInput
		want    string
	}{
		"good":                    {one, awssts.AssumeRoleInput{RoleArn: &open}, ""},
		"other account":           {two, awssts.AssumeRoleInput{RoleArn: &open}, "AccessDenied"},
		"external id":             {two, awssts.AssumeRoleInput{RoleArn: &external, ExternalId: str("x1")}, ""},
		"wrong external id":       {two, awssts.AssumeRoleInput{RoleArn: &external, ExternalId: str("x2")}, "AccessDenied"},
		"no external id":          {two, awssts.AssumeRoleInput{RoleArn: &external}, "AccessDenied"},
		"a role for EC2":          {one, awssts.AssumeRoleInput{RoleArn: &ec2}, "AccessDenied"},
		"no such role":            {one, awssts.AssumeRoleInput{RoleArn: str("arn:aws:iam::111111111111:role/Nope")}, "AccessDenied"},
		"no such account":         {one, awssts.AssumeRoleInput{RoleArn: str("arn:aws:iam::333333333333:role/Open")}, "AccessDenied"},
		"wrong path":              {one, awssts.AssumeRoleInput{RoleArn: str("arn:aws:iam::111111111111:role/slipway/Open")}, "AccessDenied"},
		"not a role":              {one, awssts.AssumeRoleInput{RoleArn: str("arn:aws:iam::111111111111:user/administrator")}, "ValidationError"},
		"tags not trusted":        {one, awssts.AssumeRoleInput{RoleArn: &open, Tags: tags}, "AccessDenied"},
		"identity not trusted":    {one, awssts.AssumeRoleInput{RoleArn: &open, SourceIdentity: str("me")}, "AccessDenied"},
		"bad session name":        {one, awssts.AssumeRoleInput{RoleArn: &open, RoleSessionName: str("a b")}, "ValidationError"},
		"as long as the role has": {one, awssts.AssumeRoleInput{RoleArn: &open, DurationSeconds: aws.Int32(7200)}, ""},
		"too long":                {one, awssts.AssumeRoleInput{RoleArn: &open, DurationSeconds: aws.Int32(7201)}, "ValidationError"},
		"too short":               {one, awssts.AssumeRoleInput{RoleArn: &open, DurationSeconds: aws.Int32(899)}, "ValidationError"},
		"bad session policy":      {one, awssts.AssumeRoleInput{RoleArn: &open, Policy: str("{")}, "MalformedPolicyDocument"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.in.RoleSessionName == nil {
				tc.in.RoleSessionName = str("run")
			}
			_, err := w.as(tc.account).AssumeRole(t.Context(), &tc.in)
			wantCode(t, err, tc.want)
		})
	}
}

// TestSession shows that a session has no more than its role, its session policy, and an hour when it is chained.
func TestSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	first := w.role(one, "First", "/", trusts(`{"AWS":"arn:aws:iam::111111111111:root"}`, `"sts:AssumeRole"`, `{}`))
	second := w.role(one, "Second", "/", trusts(`{"AWS":"`+first+`"}`, `"sts:AssumeRole"`, `{}`))
	assume := func(c *awssts.Client, role string, policy *string, seconds *int32) (*types.Credentials, error) {
		out, err := c.AssumeRole(ctx, &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run"), Policy: policy, DurationSeconds: seconds})
		if err != nil {
			return nil, err
		}
		return out.Credentials, nil
	}
	_, err := assume(w.as(one), second, nil, nil)
	wantCode(t, err, "AccessDenied")
	keys, err := assume(w.as(one), first, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = assume(w.session(keys), second, nil, nil)
	wantCode(t, err, "")
	_, err = assume(w.session(keys), second, nil, aws.Int32(3601))
	wantCode(t, err, "ValidationError")
	limited := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	keys, err = assume(w.as(one), first, &limited, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = assume(w.session(keys), second, nil, nil)
	wantCode(t, err, "AccessDenied")
	if err == nil || !strings.Contains(err.Error(), "because no session policy allows the sts:AssumeRole action") {
		t.Errorf("got %v", err)
	}
}

// TestR021InstanceRoleMustTrustEC2: an instance gets credentials only when the role's trust policy names EC2.
func TestR021InstanceRoleMustTrustEC2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	node := w.role(one, "Node", "/", trusts(`{"Service":"ec2.amazonaws.com"}`, `"sts:AssumeRole"`, `{}`))
	other := w.role(one, "Other", "/", trusts(`{"AWS":"111111111111"}`, `"sts:AssumeRole"`, `{}`))
	const instance = "arn:aws:ec2:eu-west-1:111111111111:instance/i-0123"
	keys, _, err := w.sts.IssueForService(t.Context(), node, "ec2.amazonaws.com", instance)
	if err != nil {
		t.Fatal(err)
	}
	if cred, ok, err := w.iam.Credential(t.Context(), keys.AccessKeyID); err != nil || !ok || cred.Caller.SourceInstance != instance {
		t.Errorf("issued to %q, %v, want %s", cred.Caller.SourceInstance, err, instance)
	}
	got := w.identity(w.client(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken))
	if diff := cmp.Diff(one+" arn:aws:sts::111111111111:assumed-role/Node/i-0123", got); diff != "" {
		t.Error(diff)
	}
	for role, service := range map[string]string{node: "lambda.amazonaws.com", other: "ec2.amazonaws.com", node + "x": "ec2.amazonaws.com"} {
		var e *gateway.Error
		if _, _, err := w.sts.IssueForService(t.Context(), role, service, instance); !errors.As(err, &e) || e.Code != "AccessDenied" {
			t.Errorf("%s for %s: %v", role, service, err)
		}
	}
}

// TestR088SessionTagsNeedBothHalves: configure-aws-credentials tags its sessions; caller and trust policy must both
// allow sts:TagSession.
func TestR088SessionTagsNeedBothHalves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tagged := `["sts:AssumeRole","sts:TagSession"]`
	caller := w.role(one, "Caller", "/", trusts(`{"AWS":"111111111111"}`, tagged, `{}`)) // its policy has sts:AssumeRole only
	untagged := w.role(one, "Untagged", "/", trusts(`{"AWS":"111111111111"}`, `"sts:AssumeRole"`, `{}`))
	target := w.role(two, "Target", "/", trusts(`{"AWS":"111111111111"}`, tagged, `{}`))
	tags := []types.Tag{{Key: aws.String("Repository"), Value: aws.String("web")}}
	assume := func(c *awssts.Client, role string, tags []types.Tag) (*types.Credentials, error) {
		out, err := c.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run"), Tags: tags})
		if err != nil {
			return nil, err
		}
		return out.Credentials, nil
	}
	keys, err := assume(w.as(one), caller, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = assume(w.session(keys), target, nil)
	wantCode(t, err, "")
	_, err = assume(w.session(keys), target, tags)
	wantCode(t, err, "AccessDenied")
	_, err = assume(w.as(one), target, tags)
	wantCode(t, err, "")
	_, err = assume(w.as(one), untagged, tags)
	wantCode(t, err, "AccessDenied")
}

// TestSessionNamedLikeAnInstance: who assumes a role chooses the session's name, and is no instance for it.
func TestSessionNamedLikeAnInstance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.role(one, "Node", "/", trusts(`{"AWS":"111111111111"}`, `"sts:AssumeRole"`, `{}`))
	out, err := w.as(one).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("i-00000000000000001")})
	if err != nil {
		t.Fatal(err)
	}
	cred, ok, err := w.iam.Credential(t.Context(), *out.Credentials.AccessKeyId)
	if err != nil || !ok || cred.Caller.SourceInstance != "" {
		t.Errorf("issued to %q, %v, want nothing", cred.Caller.SourceInstance, err)
	}
}

// TestSourceIdentityStays: it goes along into every further session, whose role must let it be set, and cannot be changed.
func TestSourceIdentityStays(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trusted := `["sts:AssumeRole","sts:SetSourceIdentity"]`
	put := func(name, trusted string) string {
		err := w.iam.PutRole(t.Context(), iam.RoleSpec{Account: one, Name: name, Policies: map[string][]byte{
			"assume": []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`),
		}, Trust: []byte(`{"Version":"2012-10-17","Statement":[` + trusts(`{"AWS":"111111111111"}`, trusted, `{}`) + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		return "arn:aws:iam::" + one + ":role/" + name
	}
	first, second, silent := put("First", trusted), put("Second", trusted), put("Silent", `"sts:AssumeRole"`)
	assume := func(c *awssts.Client, role, source string) (*awssts.AssumeRoleOutput, error) {
		in := &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run")}
		if source != "" {
			in.SourceIdentity = &source
		}
		return c.AssumeRole(t.Context(), in)
	}
	out, err := assume(w.as(one), first, "alice")
	if err != nil {
		t.Fatal(err)
	}
	alice := w.session(out.Credentials)
	for _, same := range []string{"", "alice"} {
		out, err := assume(alice, second, same)
		if err != nil || aws.ToString(out.SourceIdentity) != "alice" {
			t.Errorf("asking for %q: %v, %v, want alice", same, out, err)
		}
	}
	_, err = assume(alice, second, "bob")
	wantCode(t, err, "AccessDenied")
	_, err = assume(alice, silent, "")
	wantCode(t, err, "AccessDenied")
	_, err = assume(w.as(one), silent, "")
	wantCode(t, err, "")
}

func TestTrusts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.role(one, "Notify", "/", trusts(`{"Service":"ssm.amazonaws.com"}`, `"sts:AssumeRole"`, `{}`))
	for _, tc := range []struct {
		role, service string
		want          bool
	}{{role, "ssm.amazonaws.com", true}, {role, "ec2.amazonaws.com", false}, {role + "x", "ssm.amazonaws.com", false}} {
		if got, err := w.sts.Trusts(t.Context(), tc.role, tc.service); err != nil || got != tc.want {
			t.Errorf("%s for %s: %t, %v, want %t", tc.role, tc.service, got, err, tc.want)
		}
	}
}

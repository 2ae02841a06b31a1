//lint:file-ignore SA1019 PackedPolicySize is what there is to test

package sts_test

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssts "github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

const root = `{"AWS":"arn:aws:iam::111111111111:root"}`

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

// chain is a role that may do everything of STS; its trust policy lets the account in under a condition.
func (w *world) chain(name, actions, condition string) string {
	w.t.Helper()
	err := w.iam.PutRole(w.t.Context(), iam.RoleSpec{
		Account: one, Name: name, Path: "/", MaxSession: 7200,
		Trust:    []byte(`{"Version":"2012-10-17","Statement":[` + trusts(root, actions, condition) + `]}`),
		Policies: map[string][]byte{"sts": []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return "arn:aws:iam::" + one + ":role/" + name
}

// TestTransitiveTags: tags that are marked stay along a chain of roles, others do not, and none can be put in their place.
func TestTransitiveTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	both := `["sts:AssumeRole","sts:TagSession"]`
	first := w.chain("First", both, `{"StringEquals":{"aws:RequestTag/Project":"web"},"ForAllValues:StringEquals":{"aws:TagKeys":["Project","Team"],"sts:TransitiveTagKeys":["Project"]}}`)
	plain := w.chain("Plain", `"sts:AssumeRole"`, `{}`)
	second := w.chain("Second", both, `{"StringEquals":{"aws:RequestTag/Project":"web","aws:PrincipalTag/Team":"shop"}}`)
	third := w.chain("Third", both, `{"StringEquals":{"aws:PrincipalTag/Project":"web"},"Null":{"aws:PrincipalTag/Team":"true"}}`)
	open := w.chain("Open", both, `{}`)
	assume := func(c *awssts.Client, role string, transitive []string, tags ...types.Tag) (*awssts.Client, error) {
		out, err := c.AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &role, RoleSessionName: aws.String("run"), Tags: tags, TransitiveTagKeys: transitive})
		if err != nil {
			return nil, err
		}
		return w.session(out.Credentials), nil
	}
	project := []string{"Project"}
	a, err := assume(w.as(one), first, project, tag("Project", "web"), tag("Team", "shop"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := assume(a, second, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = assume(b, third, nil); err != nil {
		t.Error(err)
	}
	for name, tc := range map[string]struct {
		caller     *awssts.Client
		role       string
		transitive []string
		tags       []types.Tag
		want       string
	}{
		"a value that is not trusted":           {w.as(one), first, project, []types.Tag{tag("Project", "other")}, "AccessDenied"},
		"a key that is not trusted":             {w.as(one), first, project, []types.Tag{tag("Project", "web"), tag("Cost", "1")}, "AccessDenied"},
		"transitive without being there":        {w.as(one), open, project, []types.Tag{tag("Team", "web")}, "InvalidParameterValue"},
		"TagSession is not trusted":             {w.as(one), plain, nil, []types.Tag{tag("Project", "web")}, "AccessDenied"},
		"TagSession is needed to hand tags on":  {a, plain, nil, nil, "AccessDenied"},
		"in the place of one that is handed on": {a, open, nil, []types.Tag{tag("project", "mine")}, "InvalidParameterValue"},
		"twice in another case":                 {w.as(one), open, nil, []types.Tag{tag("A", "1"), tag("a", "2")}, "InvalidParameterValue"},
		"a reserved key":                        {w.as(one), open, nil, []types.Tag{tag("aws:A", "1")}, "InvalidParameterValue"},
		"a long key":                            {w.as(one), open, nil, []types.Tag{tag(strings.Repeat("k", 129), "1")}, "ValidationError"},
		"a long value":                          {w.as(one), open, nil, []types.Tag{tag("k", strings.Repeat("v", 257))}, "ValidationError"},
		"a character":                           {w.as(one), open, nil, []types.Tag{tag("k", "a;b")}, "ValidationError"},
		"what is not handed on is gone":         {b, second, nil, nil, "AccessDenied"},
	} {
		_, err := assume(tc.caller, tc.role, tc.transitive, tc.tags...)
		t.Run(name, func(t *testing.T) { wantCode(t, err, tc.want) })
	}
}

func TestPackedPolicySize(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	role := w.chain("Role", `["sts:AssumeRole","sts:TagSession"]`, `{}`)
	assume := func(in awssts.AssumeRoleInput) (*awssts.AssumeRoleOutput, error) {
		in.RoleArn, in.RoleSessionName = &role, aws.String("run")
		return w.as(one).AssumeRole(t.Context(), &in)
	}
	out, err := assume(awssts.AssumeRoleInput{})
	if err != nil || out.PackedPolicySize != nil {
		t.Errorf("nothing is packed: %v %v", out, err)
	}
	out, err = assume(awssts.AssumeRoleInput{Policy: aws.String(read), Tags: []types.Tag{tag("Project", "web")}})
	if err != nil || out.PackedPolicySize == nil || *out.PackedPolicySize < 1 || *out.PackedPolicySize > 20 {
		t.Errorf("a small policy takes %v: %v", out, err)
	}
	var tags []types.Tag
	for i := range 50 {
		b := make([]byte, 60)
		if _, err := rand.Read(b); err != nil {
			t.Fatal(err)
		}
		tags = append(tags, tag(fmt.Sprintf("k%d", i), fmt.Sprintf("%x", b)))
	}
	_, err = assume(awssts.AssumeRoleInput{Tags: tags})
	wantCode(t, err, "PackedPolicyTooLarge")
	_, err = assume(awssts.AssumeRoleInput{PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String("arn:aws:iam::111111111111:policy/nothing")}}})
	wantCode(t, err, "ValidationError")
	_, err = assume(awssts.AssumeRoleInput{ExternalId: aws.String("a b")})
	wantCode(t, err, "ValidationError")
	_, err = assume(awssts.AssumeRoleInput{SourceIdentity: aws.String("aws:me")})
	wantCode(t, err, "ValidationError")
}

// TestTokenTags: the tags and the source identity of a token need their own permissions, and stay with the session.
func TestTokenTags(t *testing.T) {
	t.Parallel()
	w, f, _ := foreignWorld(t)
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	f.rotate("1", key.Public())
	provider := `{"Federated":"arn:aws:iam::111111111111:oidc-provider/` + strings.TrimPrefix(f.URL, "https://") + `"}`
	bare := w.role(one, "Bare", "/", trusts(provider, `"sts:AssumeRoleWithWebIdentity"`, `{}`))
	tagged := w.role(one, "Tagged", "/", trusts(provider, `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`, `{"StringEquals":{"aws:RequestTag/Project":"web"}}`))
	next := w.role(one, "Next", "/", trusts(root, `["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]`, `{"StringEquals":{"aws:PrincipalTag/Project":"web","sts:SourceIdentity":"bo","aws:SourceIdentity":"bo"}}`))
	token := func(tags any) string {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: key, KeyID: "1"}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := jwt.Signed(signer).Claims(f.claims()).Claims(map[string]any{"https://aws.amazon.com/tags": tags, "https://aws.amazon.com/source_identity": "bo"}).Serialize()
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	good := token(map[string]any{"principal_tags": map[string][]string{"Project": {"web"}}, "transitive_tag_keys": []string{"Project"}})
	_, err = w.webIdentity(bare, good)
	wantCode(t, err, "AccessDenied")
	for _, bad := range []any{"x", map[string]any{"principal_tags": map[string]string{"Project": "web"}}, map[string]any{"principal_tags": map[string][]string{"Project": {"a", "b"}}}} {
		_, err = w.webIdentity(tagged, token(bad))
		wantCode(t, err, "InvalidIdentityToken")
	}
	out, err := w.webIdentity(tagged, good)
	if err != nil {
		t.Fatal(err)
	}
	if aws.ToString(out.SourceIdentity) != "bo" || out.PackedPolicySize == nil {
		t.Errorf("got %v %v", out.SourceIdentity, out.PackedPolicySize)
	}
	// The role may only assume; for its tags and source identity it needs more.
	_, err = w.session(out.Credentials).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &next, RoleSessionName: aws.String("run")})
	wantCode(t, err, "AccessDenied")
	if err := w.iam.PutRole(t.Context(), iam.RoleSpec{Account: one, Name: "Tagged", Path: "/", MaxSession: 7200,
		Trust:    []byte(`{"Version":"2012-10-17","Statement":[` + trusts(provider, `["sts:AssumeRoleWithWebIdentity","sts:TagSession","sts:SetSourceIdentity"]`, `{}`) + `]}`),
		Policies: map[string][]byte{"sts": []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:*","Resource":"*"}]}`)}}); err != nil {
		t.Fatal(err)
	}
	if out, err = w.webIdentity(tagged, good); err != nil {
		t.Fatal(err)
	}
	_, err = w.session(out.Credentials).AssumeRole(t.Context(), &awssts.AssumeRoleInput{RoleArn: &next, RoleSessionName: aws.String("run")})
	wantCode(t, err, "")
}

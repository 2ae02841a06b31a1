package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
)

// near is what a test says of a [iam.Near].
type near struct {
	Statement, Mismatch, Wanted string
	Has                         []string
	Detail                      string
}

func explain(t *testing.T, p policies, r *iam.Request) (iam.Explanation, []near) {
	t.Helper()
	x := p.compile(t).Explain(r)
	var out []near
	for _, n := range x.Near {
		out = append(out, near{n.Ref.Policy + "/" + n.Ref.Statement, n.Mismatch, n.Wanted, n.Has, n.Detail})
	}
	return x, out
}

// TestExplainTheTrap is the first role of the two-roles trap: it may send a command and not read what came of it.
func TestExplainTheTrap(t *testing.T) {
	t.Parallel()
	x, got := explain(t, policies{identity: `
		{"Sid":"Upload","Effect":"Allow","Action":"s3:PutObject","Resource":"*"},
		{"Sid":"Write","Effect":"Allow","Action":"ssm:PutParameter","Resource":"arn:aws:ssm:*:*:parameter/p"},
		{"Sid":"Send","Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:*:*:document/d","arn:aws:ec2:*:*:instance/*"]},
		{"Sid":"List","Effect":"Allow","Action":"ssm:ListCommandInvocations","Resource":"*"}`,
	}, &iam.Request{Principal: session, Action: "ssm:GetCommandInvocation", Resource: "*"})
	want := []near{
		{"identity/List", "action", "ssm:GetCommandInvocation", []string{"ssm:ListCommandInvocations"},
			"allows ssm:ListCommandInvocations, the request is ssm:GetCommandInvocation"},
		{"identity/Send", "action", "ssm:GetCommandInvocation", []string{"ssm:SendCommand"},
			"allows ssm:SendCommand, the request is ssm:GetCommandInvocation"},
		{"identity/Write", "action", "ssm:GetCommandInvocation", []string{"ssm:PutParameter"},
			"allows ssm:PutParameter, the request is ssm:GetCommandInvocation"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]iam.Layer{iam.LayerIdentity}, x.Missing); diff != "" {
		t.Error(diff)
	}
}

func TestExplainOrder(t *testing.T) {
	t.Parallel()
	_, got := explain(t, policies{identity: `
		{"Sid":"Other","Effect":"Allow","Action":"ec2:StartInstances","Resource":"arn:aws:ec2:*:*:instance/*"},
		{"Sid":"OtherAll","Effect":"Allow","Action":"s3:*","Resource":"*"},
		{"Sid":"Far","Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b"},
		{"Sid":"Service","Effect":"Allow","Action":"ssm:GetDocument","Resource":"arn:aws:ssm:*:*:document/d"},
		{"Sid":"SameResource","Effect":"Allow","NotAction":"ssm:Send*","Resource":"*"},
		{"Sid":"Resource","Effect":"Allow","Action":"ssm:*","Resource":"arn:aws:ec2:*:*:instance/i-2"},
		{"Sid":"NotResource","Effect":"Allow","Action":"ssm:*","NotResource":"arn:aws:ec2:*:*:instance/*"},
		{"Sid":"Condition","Effect":"Allow","Action":"ssm:SendCommand","Resource":"*","Condition":{
			"Bool":{"a:ok":"true"},"StringEquals":{"ssm:resourceTag/Environment":["dev","test"]}}},
		{"Sid":"Absent","Effect":"Allow","Action":"ssm:SendCommand","Resource":"*","Condition":{"StringLike":{"a:none":"x*"}}},
		{"Effect":"Deny","Action":"s3:*","Resource":"*"}`,
	}, &iam.Request{
		Principal: session, Action: "ssm:SendCommand", Resource: "arn:aws:ec2:eu-west-1:111122223333:instance/i-1",
		Context: iam.NewContext(map[string][]string{"a:ok": {"true"}, "ssm:ResourceTag/Environment": {"prod"}}),
	})
	arn := "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"
	want := []near{
		{"identity/Condition", "condition", "ssm:resourceTag/Environment=prod", []string{"dev", "test"},
			"allows ssm:SendCommand on condition that ssm:resourceTag/Environment StringEquals dev, test, the request has prod"},
		{"identity/Absent", "condition", "a:none", []string{"x*"},
			"allows ssm:SendCommand on condition that a:none StringLike x*, the request does not have the key"},
		{"identity/Resource", "resource", arn, []string{"arn:aws:ec2:*:*:instance/i-2"},
			"allows ssm:SendCommand only on arn:aws:ec2:*:*:instance/i-2, the request is for " + arn},
		{"identity/NotResource", "resource", arn, []string{"arn:aws:ec2:*:*:instance/*"},
			"allows ssm:SendCommand except on arn:aws:ec2:*:*:instance/*, the request is for " + arn},
		{"identity/Service", "action", "ssm:SendCommand", []string{"ssm:GetDocument"},
			"allows ssm:GetDocument, the request is ssm:SendCommand"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestExplainLayers(t *testing.T) {
	t.Parallel()
	r := &iam.Request{Principal: session, Action: "sts:AssumeRole", Resource: "arn:aws:iam::" + other + ":role/R"}
	tests := map[string]struct {
		policies policies
		missing  []iam.Layer
		near     []near
	}{
		"both halves": {
			policies{identity: allowS3, trust: trusts(aws(userARN))},
			[]iam.Layer{iam.LayerIdentity, iam.LayerTrust},
			[]near{{"trust/0", "principal", sessionARN, []string{userARN},
				"allows sts:AssumeRole only to " + userARN + ", the caller is " + sessionARN}},
		},
		"trust only": {
			policies{identity: assumeAny, trust: `{"Effect":"Allow","Action":"sts:TagSession","Principal":"*"}`},
			[]iam.Layer{iam.LayerTrust},
			[]near{{"trust/0", "action", "sts:AssumeRole", []string{"sts:TagSession"}, "allows sts:TagSession, the request is sts:AssumeRole"}},
		},
		"boundary": {
			policies{identity: assumeAny, boundary: `{"Effect":"Allow","Action":"*","NotResource":"arn:aws:iam::*:role/R"}`, trust: trusts(aws(home))},
			[]iam.Layer{iam.LayerBoundary},
			[]near{{"boundary/0", "resource", r.Resource, []string{"arn:aws:iam::*:role/R"},
				"allows sts:AssumeRole except on arn:aws:iam::*:role/R, the request is for " + r.Resource}},
		},
		"session": {
			policies{identity: assumeAny, session: allowS3, trust: trusts(aws(home))}, []iam.Layer{iam.LayerSession}, nil,
		},
		"everyone but the caller": {
			policies{identity: assumeAny, trust: `{"Effect":"Allow","Action":"*","NotPrincipal":{"AWS":"` + roleARN + `"}}`},
			[]iam.Layer{iam.LayerTrust},
			[]near{{"trust/0", "principal", sessionARN, []string{roleARN},
				"allows sts:AssumeRole except to " + roleARN + ", the caller is " + sessionARN}},
		},
		"nobody": {
			policies{identity: assumeAny, trust: `{"Effect":"Allow","Action":"*"}`},
			[]iam.Layer{iam.LayerTrust},
			[]near{{"trust/0", "principal", sessionARN, nil, "names no principal, so it allows nobody"}},
		},
		"no trust policy":   {policies{identity: assumeAny}, []iam.Layer{iam.LayerResource}, nil},
		"allowed":           {policies{identity: assumeAny, trust: trusts(aws(home))}, nil, nil},
		"explicitly denied": {policies{identity: `{"Effect":"Deny","Action":"*","Resource":"*"}`, trust: trusts(aws(home))}, nil, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x, got := explain(t, tt.policies, r)
			if diff := cmp.Diff(tt.missing, x.Missing); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.near, got); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(tt.policies.compile(t).Evaluate(r), x.Decision, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// one is a set of documents of one statement each; an empty text is a level or a layer without any.
func one(t *testing.T, layers map[iam.Layer][]string) *iam.PolicySet {
	t.Helper()
	docs := documents{}
	for layer, levels := range layers {
		docs[layer] = make([][]*iam.Document, len(levels))
		for i, statement := range levels {
			if statement != "" {
				docs[layer][i] = []*iam.Document{policy(t, layer.String(), statement).Document()}
			}
		}
	}
	set, err := compileDocuments(docs)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestExplainGuardrails shows that a level of the organization, and the endpoint, are named like every other layer.
func TestExplainGuardrails(t *testing.T) {
	t.Parallel()
	set := one(t, map[iam.Layer][]string{
		iam.LayerIdentity: {allowAll},
		iam.LayerSCP:      {allowAll, `{"Sid":"OnlySQS","Effect":"Allow","Action":"sqs:*","Resource":"*"}`, `{"Sid":"Read","Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::a/*"}`},
		iam.LayerEndpoint: {`{"Sid":"Mine","Effect":"Allow","Principal":{"AWS":"` + roleARN + `"},"Action":"*","Resource":"*"}`},
	})
	r := &iam.Request{Principal: user, Action: "s3:GetObject", Resource: "arn:aws:s3:::b/k"}
	x := set.Explain(r)
	if diff := cmp.Diff([]iam.Layer{iam.LayerSCP, iam.LayerEndpoint}, x.Missing); diff != "" {
		t.Error(diff)
	}
	var got []string
	for _, n := range x.Near {
		got = append(got, n.Layer.String()+" "+n.Ref.Statement+" "+n.Mismatch)
	}
	if diff := cmp.Diff([]string{"vpce Mine principal", "scp Read resource"}, got[:min(2, len(got))]); diff != "" {
		t.Errorf("%s\nof %v", diff, got)
	}
	statement := func(principals ...iam.PrincipalPattern) iam.Statement {
		return iam.Statement{Effect: iam.Allow, Principals: principals, Actions: []string{r.Action}, Resources: []string{r.Resource}}
	}
	want := []iam.Remedy{
		{Layer: iam.LayerSCP, Level: 1, Statement: statement()},
		{Layer: iam.LayerSCP, Level: 2, Statement: statement()},
		{Layer: iam.LayerEndpoint, Statement: statement(iam.PrincipalPattern{Kind: iam.KindAWS, Values: []string{userARN}})},
	}
	if diff := cmp.Diff(want, x.Remedies); diff != "" {
		t.Error(diff)
	}
}

// TestExplainRemedies wants the smallest statements that would allow a request, by layer.
func TestExplainRemedies(t *testing.T) {
	t.Parallel()
	const key = "arn:aws:kms:eu-west-1:" + home + ":key/k"
	tests := map[string]struct {
		layers  map[iam.Layer][]string
		who     iam.Principal
		do, on  string
		account string
		want    []string
	}{
		"nothing at all":       {nil, user, "s3:GetObject", "arn:aws:s3:::b/k", "", []string{"identity 0 Action s3:GetObject on arn:aws:s3:::b/k"}},
		"another account":      {nil, user, "s3:GetObject", "arn:aws:s3:::b/k", other, []string{"identity 0 Action s3:GetObject on arn:aws:s3:::b/k", "resource 0 Action s3:GetObject on arn:aws:s3:::b/k to " + userARN}},
		"an empty boundary":    {map[iam.Layer][]string{iam.LayerIdentity: {allowAll}, iam.LayerBoundary: {denyGet}}, user, "s3:PutObject", "*", "", []string{"boundary 0 Action s3:PutObject on *"}},
		"a key without policy": {map[iam.Layer][]string{iam.LayerIdentity: {allowAll}}, user, "kms:Decrypt", key, "", []string{"resource 0 Action kms:Decrypt on " + key + " to " + userARN}},
		"a role to assume": {
			map[iam.Layer][]string{iam.LayerIdentity: {allowS3}, iam.LayerTrust: {trusts(aws(other))}}, session, "sts:AssumeRole",
			"arn:aws:iam::" + home + ":role/R", "", []string{"trust 0 Action sts:AssumeRole to " + roleARN},
		},
		"a web identity of which nothing is known": {
			map[iam.Layer][]string{iam.LayerTrust: {trusts(aws(home))}}, github, "sts:AssumeRoleWithWebIdentity",
			"arn:aws:iam::" + home + ":role/R", "", nil,
		},
		"a resource control policy": {
			map[iam.Layer][]string{iam.LayerIdentity: {allowAll}, iam.LayerRCP: {to(`"*"`), ""}}, user, "s3:GetObject", "arn:aws:s3:::b/k", "",
			[]string{"rcp 1 Action * on * to everyone"},
		},
		"a dollar sign is no variable": {nil, user, "s3:GetObject", "arn:aws:s3:::b/${x}", "", []string{"identity 0 Action s3:GetObject on arn:aws:s3:::b/${$}{x}"}},
		"an explicit deny":             {map[iam.Layer][]string{iam.LayerIdentity: {denyGet}}, user, "s3:GetObject", "*", "", nil},
		"allowed":                      {map[iam.Layer][]string{iam.LayerIdentity: {allowS3}}, user, "s3:GetObject", "*", "", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			x := one(t, tt.layers).Explain(&iam.Request{Principal: tt.who, Action: tt.do, Resource: tt.on, Account: tt.account})
			var got []string
			for _, r := range x.Remedies {
				got = append(got, remedyText(r))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func remedyText(r iam.Remedy) string {
	text := fmt.Sprintf("%s %d Action %s", r.Layer, r.Level, strings.Join(r.Statement.Actions, ", "))
	if len(r.Statement.Resources) > 0 {
		text += " on " + strings.Join(r.Statement.Resources, ", ")
	}
	for _, p := range r.Statement.Principals {
		if p.Kind == iam.AnyPrincipal {
			text += " to everyone"
			continue
		}
		text += " to " + strings.Join(p.Values, ", ")
	}
	return text
}

package escalation_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
)

const (
	readOnly   = "arn:aws:iam::aws:policy/ReadOnlyAccess"
	everything = "everything in account " + account
)

// TestR116WhatLimitsAChange: a role that can change its own permissions has everything only where nothing limits it.
func TestR116WhatLimitsAChange(t *testing.T) {
	t.Parallel()
	const denyIAM = `{"Effect": "Deny", "Action": "iam:*", "Resource": "*", "Condition": {"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::` + account + `:role/x"}}}`
	only := func(arn string) string { return `"ArnEquals": {"iam:PolicyARN": "` + arn + `"}` }
	put, attach := allow("iam:PutRolePolicy", roleARN("Deploy")), "iam:AttachRolePolicy"
	tests := map[string]struct {
		statements []string
		limit      func(*iam.PolicySet)
		want       []string
	}{
		"nothing": {[]string{put}, nil, []string{"iam:PutRolePolicy on itself → " + everything}},
		"a boundary that allows little": {[]string{put},
			func(s *iam.PolicySet) { s.Boundary = policy(t, allow("iam:PutRolePolicy s3:GetObject", "*")) },
			[]string{"iam:PutRolePolicy on itself → more for itself, up to what its boundary allows"}},
		"a boundary that allows everything": {[]string{put}, func(s *iam.PolicySet) { s.Boundary = iam.AllowAll("wide") },
			[]string{"iam:PutRolePolicy on itself → " + everything}},
		"a boundary on an unknown condition": {[]string{put},
			func(s *iam.PolicySet) {
				s.Boundary = policy(t, allow("*", "*"), `{"Effect": "Deny", "Action": "iam:CreateRole", "Resource": "*", "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "false"}}}`)
			},
			[]string{"iam:PutRolePolicy on itself → " + everything + " (if aws:MultiFactorAuthPresent)"}},
		"a session policy": {[]string{put}, func(s *iam.PolicySet) { s.Session = []*iam.Policy{policy(t, put)} },
			[]string{"iam:PutRolePolicy on itself → more for itself, up to what its session policies allow"}},
		"a service control policy": {[]string{put},
			func(s *iam.PolicySet) {
				s.SCPs = [][]*iam.Policy{{iam.AllowAll("full"), policy(t, `{"Effect": "Deny", "Action": "iam:UpdateAssume*", "Resource": "*"}`)}}
			},
			[]string{"iam:PutRolePolicy on itself → more for itself, up to what service control policies allow"}},
		"its own denies": {[]string{put, `{"Effect": "Deny", "NotAction": "iam:Put*", "Resource": "*"}`}, nil,
			[]string{"iam:PutRolePolicy on itself → " + everything + " (if the policy that denies the rest can be replaced)"}},
		"its own denies, which stay": {[]string{allow(attach, roleARN("Deploy")), `{"Effect": "Deny", "NotAction": "iam:Attach*", "Resource": "*"}`}, nil,
			[]string{"iam:AttachRolePolicy on itself → more for itself, up to what its policies do not deny"}},
		"its own denies, which it takes away": {[]string{allow("*", roleARN("Deploy")), `{"Effect": "Deny", "NotAction": "iam:DetachRolePolicy", "Resource": "*"}`}, nil,
			[]string{"iam:DetachRolePolicy on itself → more for itself, up to what its own policies allow (if the policy denied something)"}},
		"denies that it may take away": {[]string{allow("*", "*"), denyIAM, allow("iam:DeleteRolePolicy", roleARN("Deploy"))}, nil, nil},
		"one policy to attach": {[]string{allow(attach, roleARN("Deploy"), only(readOnly))}, nil,
			[]string{"iam:AttachRolePolicy on itself → more for itself, up to what " + readOnly + " allows"}},
		"any policy of AWS": {[]string{allow(attach, roleARN("Deploy"), `"ArnLike": {"iam:PolicyARN": "arn:aws:iam::aws:policy/*"}`)}, nil,
			[]string{"iam:AttachRolePolicy on itself → " + everything}},
		"any policy but one": {[]string{allow(attach, roleARN("Deploy"), `"ArnNotEquals": {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}`)}, nil,
			[]string{"iam:AttachRolePolicy on itself → more for itself, up to what arn:aws:iam::" + account + ":policy/* or arn:aws:iam::aws:policy/* allows"}},
		"a policy that it writes": {[]string{allow("iam:CreatePolicyVersion", "arn:aws:iam::"+account+":policy/own"),
			allow(attach, roleARN("Deploy"), only("arn:aws:iam::"+account+":policy/own"))}, nil,
			[]string{"iam:AttachRolePolicy + iam:CreatePolicyVersion on itself → " + everything}},
		"another's, one policy": {[]string{allow(attach, roleARN("Admin"), only(readOnly))}, nil,
			[]string{"iam:AttachRolePolicy → Admin, up to what " + readOnly + " allows"}},
		"the boundary, and its own policies allow everything": {[]string{allow("*", "*")},
			func(s *iam.PolicySet) { s.Boundary = policy(t, allow("iam:DeleteRolePermissionsBoundary", "*")) },
			[]string{"iam:DeleteRolePermissionsBoundary on itself → " + everything + " (if it has a boundary)",
				"iam:DeleteRolePermissionsBoundary → Admin (if it has a boundary)"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deploy := roleOf(t, "Deploy", "", test.statements...)
			if test.limit != nil {
				test.limit(deploy.Policies)
			}
			expect(t, &escalation.World{Principals: []escalation.Principal{deploy, roleOf(t, "Admin", "")}}, test.want)
		})
	}
}

// expect compares a world's paths, all of them from Deploy.
func expect(t *testing.T, w *escalation.World, want []string) {
	t.Helper()
	var all []string
	for _, text := range want {
		all = append(all, "Deploy → "+text)
	}
	if diff := cmp.Diff(all, texts(t, w), cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
}

// TestR116ChangedAndUsed: whoever writes another's policies and acts as it has everything that it can be given.
func TestR116ChangedAndUsed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		statements []string
		boundary   string
		want       []string
	}{
		"both": {[]string{allow("iam:PutRolePolicy sts:AssumeRole", roleARN("Admin"))}, "", []string{
			"sts:AssumeRole → Admin", "iam:PutRolePolicy → Admin", "iam:PutRolePolicy + sts:AssumeRole on Admin → " + everything}},
		"the change alone": {[]string{allow("iam:PutRolePolicy", roleARN("Admin"))}, "", []string{"iam:PutRolePolicy → Admin"}},
		"the other's boundary": {[]string{allow("iam:PutRolePolicy sts:AssumeRole", roleARN("Admin"))}, allow("s3:*", "*"),
			[]string{"sts:AssumeRole → Admin", "iam:PutRolePolicy → Admin"}},
		"one policy": {[]string{allow("sts:AssumeRole", roleARN("Admin")),
			allow("iam:AttachRolePolicy", roleARN("Admin"), `"ArnEquals": {"iam:PolicyARN": "`+readOnly+`"}`)}, "",
			[]string{"sts:AssumeRole → Admin", "iam:AttachRolePolicy → Admin, up to what " + readOnly + " allows"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			admin := roleOf(t, "Admin", trustsAccount)
			if test.boundary != "" {
				admin.Policies.Boundary = policy(t, test.boundary)
			}
			expect(t, &escalation.World{Principals: []escalation.Principal{roleOf(t, "Deploy", "", test.statements...), admin}}, test.want)
		})
	}
}

// TestR116New: a role or user that one makes oneself.
func TestR116New(t *testing.T) {
	t.Parallel()
	const needs = `"StringEquals": {"iam:PermissionsBoundary": "arn:aws:iam::` + account + `:policy/edge"}`
	role := []string{allow("iam:CreateRole iam:PutRolePolicy", "arn:aws:iam::"+account+":role/new-*")}
	tests := map[string]struct {
		statements []string
		limit      func(*iam.PolicySet)
		want       []string
	}{
		"a role": {role, nil, []string{"iam:CreateRole + iam:PutRolePolicy + sts:AssumeRole of a new role → " + everything}},
		"a role under SCPs": {role, func(s *iam.PolicySet) {
			s.SCPs = [][]*iam.Policy{{iam.AllowAll("full"), policy(t, `{"Effect": "Deny", "Action": "iam:UpdateAssumeRolePolicy", "Resource": "*"}`)}}
		}, []string{"iam:CreateRole + iam:PutRolePolicy + sts:AssumeRole of a new role → the new one, up to what service control policies allow"}},
		"a role, and no assuming":   {append(slices.Clone(role), `{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}`), nil, nil},
		"a role without a policy":   {[]string{allow("iam:CreateRole", "*")}, nil, nil},
		"only with a boundary":      {[]string{allow("iam:CreateRole iam:PutRolePolicy", "*", needs)}, nil, []string{"iam:CreateRole + iam:PutRolePolicy + sts:AssumeRole of a new role → the new one, up to what arn:aws:iam::" + account + ":policy/edge allows"}},
		"a user with keys":          {[]string{allow("iam:CreateUser iam:AttachUserPolicy iam:CreateAccessKey", "arn:aws:iam::"+account+":user/bot-*")}, nil, []string{"iam:CreateUser + iam:AttachUserPolicy + iam:CreateAccessKey of a new user → " + everything}},
		"a user without keys":       {[]string{allow("iam:CreateUser iam:AttachUserPolicy", "arn:aws:iam::"+account+":user/bot-*")}, nil, nil},
		"only a read-only new role": {[]string{allow("iam:CreateRole", "*"), allow("iam:AttachRolePolicy", "arn:aws:iam::"+account+":role/n-*", `"ArnEquals": {"iam:PolicyARN": "`+readOnly+`"}`)}, nil, []string{"iam:CreateRole + iam:AttachRolePolicy + sts:AssumeRole of a new role → the new one, up to what " + readOnly + " allows"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deploy := roleOf(t, "Deploy", "", test.statements...)
			if test.limit != nil {
				test.limit(deploy.Policies)
			}
			g, err := escalation.Find(&escalation.World{Principals: []escalation.Principal{deploy}})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range g.Paths() {
				if len(p.Edges) == 1 && (p.Edges[0].Technique == "new-role" || p.Edges[0].Technique == "new-user") {
					got = append(got, p.Text)
				}
			}
			for i := range test.want {
				test.want[i] = "Deploy → " + test.want[i]
			}
			if diff := cmp.Diff(test.want, got, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

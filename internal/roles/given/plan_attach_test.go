package given_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// twoRoles is a plan with the roles one and two, and one resource that attaches something.
func twoRoles(resource, unknown, expressions string) string {
	const trust = `"assume_role_policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"`
	kind, _, _ := strings.Cut(strings.TrimPrefix(resource, `{"type": "`), `"`)
	return `{"format_version": "1.2", "planned_values": {"root_module": {"resources": [
		{"address": "aws_iam_role.one", "mode": "managed", "type": "aws_iam_role", "name": "one", "values": {"name": "one", ` + trust + `}},
		{"address": "aws_iam_role.two", "mode": "managed", "type": "aws_iam_role", "name": "two", "values": {"name": "two", ` + trust + `}},
		{"address": "aws_iam_user.u", "mode": "managed", "type": "aws_iam_user", "name": "u", "values": {"name": "u"}},
		{"address": "aws_iam_group.g", "mode": "managed", "type": "aws_iam_group", "name": "g", "values": {"name": "g"}},
		{"address": "aws_iam_policy.p", "mode": "managed", "type": "aws_iam_policy", "name": "p", "values": {"name": "p", "policy": ` + deny + `}},
		{"address": "` + kind + `.x", "mode": "managed", "name": "x", ` + strings.TrimPrefix(resource, "{") + `]}},
		"resource_changes": [{"address": "` + kind + `.x", "change": {"after_unknown": ` + unknown + `}}],
		"configuration": {"root_module": {"resources": [{"address": "` + kind + `.x", "expressions": ` + expressions + `}]}}}`
}

const deny = `"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Deny\",\"Action\":\"ssm:*\",\"Resource\":\"*\"}]}"`

// TestR035WhatTerraformDoesNotTell: of what a plan attaches to somebody, it is told who has it for sure, and who may.
func TestR035WhatTerraformDoesNotTell(t *testing.T) {
	t.Parallel()
	const oneRole = `{"type": "aws_iam_role_policy", "values": {"name": "x", "policy": ` + deny + `}}`
	for name, test := range map[string]struct {
		text     string
		one, two string // denied, perhaps, or nothing
	}{
		"one reference": {twoRoles(oneRole, `{"role": true}`, `{"role": {"references": ["aws_iam_role.one.id", "aws_iam_role.one"]}}`), "denied", ""},
		"a choice of two": {twoRoles(oneRole, `{"role": true}`,
			`{"role": {"references": ["var.c", "aws_iam_role.one.id", "aws_iam_role.one", "aws_iam_role.two.id", "aws_iam_role.two"]}}`), "perhaps", "perhaps"},
		"one, or a text": {twoRoles(oneRole, `{"role": true}`, `{"role": {"references": ["var.c", "aws_iam_role.one.id", "aws_iam_role.one"]}}`), "perhaps", "perhaps"},
		"a known one and an unknown": {twoRoles(`{"type": "aws_iam_policy_attachment", "values": {"policy_arn": "arn:aws:iam::111122223333:policy/p", "roles": ["one", null]}}`,
			`{"roles": [false, true]}`, `{"roles": {"references": ["aws_iam_role.two.id", "aws_iam_role.two"]}}`), "denied", "denied"},
		"a known one and one of elsewhere": {twoRoles(`{"type": "aws_iam_policy_attachment", "values": {"policy_arn": "arn:aws:iam::111122223333:policy/p", "roles": ["one", null]}}`,
			`{"roles": [false, true]}`, `{"roles": {"references": ["module.m.role", "module.m"]}}`), "denied", "perhaps"},
		"an unknown list": {twoRoles(`{"type": "aws_iam_policy_attachment", "values": {"policy_arn": "arn:aws:iam::111122223333:policy/p"}}`,
			`{"roles": true}`, `{"roles": {"references": ["aws_iam_role.two.id", "aws_iam_role.two"]}}`), "perhaps", "perhaps"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, findings := given.Read("plan.json", []byte(test.text), given.Options{Account: "111122223333"})
			if err := given.Error(findings); err != nil {
				t.Fatal(err)
			}
			if got := [2]string{toldOf(&set.Roles[0]), toldOf(&set.Roles[1])}; got != [2]string{test.one, test.two} {
				t.Errorf("got %q, want %q and %q: %v, %v", got, test.one, test.two, set.Roles[0].Doubts, set.Roles[1].Doubts)
			}
		})
	}
}

func toldOf(r *roles.Role) string {
	for _, p := range r.Policies {
		if p.Document.Statements[0].Effect == iam.Deny {
			return "denied"
		}
	}
	for _, a := range r.Attached {
		if a.Document.Statements[0].Effect == iam.Deny {
			return "denied"
		}
	}
	if len(r.Doubts) > 0 {
		return "perhaps"
	}
	return ""
}

// TestGroupsThatAreKnownInPart: a user may have what a group has that only an apply tells.
func TestGroupsThatAreKnownInPart(t *testing.T) {
	t.Parallel()
	text := twoRoles(`{"type": "aws_iam_user_group_membership", "values": {"user": "u", "groups": ["g", null]}}`,
		`{"groups": [false, true]}`, `{"groups": {"references": ["module.m.group", "module.m"]}}`)
	set, findings := given.Read("plan.json", []byte(text), given.Options{Account: "111122223333"})
	if err := given.Error(findings); err != nil {
		t.Fatal(err)
	}
	if u := set.Users[0]; len(u.Groups) != 1 || len(u.Doubts) != 1 || u.Doubts[0] != "its groups are known after apply" {
		t.Errorf("groups %v, doubts %v", u.Groups, u.Doubts)
	}
}

// TestEncodedPolicies: IAM's API gives policies URL-encoded, with all the white space that they were written with.
func TestEncodedPolicies(t *testing.T) {
	t.Parallel()
	for _, white := range []string{"", "%0A", "%20%0D%0A", " "} {
		text := `{"RoleDetailList": [{"RoleName": "r", "Arn": "arn:aws:iam::111122223333:role/r",
			"AssumeRolePolicyDocument": "` + white + `%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D"}]}`
		set, findings := given.Read("dump.json", []byte(text), given.Options{})
		if err := given.Error(findings); err != nil || len(set.Roles) != 1 || set.Roles[0].Trust == nil {
			t.Errorf("%q before it: %v", white, err)
		}
	}
}

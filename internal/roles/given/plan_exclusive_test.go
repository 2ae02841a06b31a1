package given_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// exclusivePlan is a plan with a role, a user and a group, each with an inline policy own and the managed policy shared, and
// one resource that takes away what it does not list.
func exclusivePlan(kind, values, unknown, expressions string) string {
	const document = `"policy": "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"},{\"Effect\":\"Deny\",\"Action\":\"ssm:*\",\"Resource\":\"*\"}]}"`
	resource := func(kind, name, values string) string {
		return `{"address": "` + kind + "." + name + `", "mode": "managed", "type": "` + kind + `", "name": "` + name + `", "values": {` + values + `}}`
	}
	list := []string{
		resource("aws_iam_role", "r", `"name": "r", "assume_role_policy": "{\"Version\":\"2012-10-17\",\"Statement\":[]}"`),
		resource("aws_iam_user", "u", `"name": "u"`), resource("aws_iam_group", "g", `"name": "g"`),
		resource("aws_iam_user_group_membership", "m", `"user": "u", "groups": ["g"]`),
		resource("aws_iam_policy", "shared", `"name": "shared", `+document),
		resource(kind, "x", values),
	}
	for _, holder := range []string{"role", "user", "group"} {
		list = append(list, resource("aws_iam_"+holder+"_policy", "own", `"name": "own", "`+holder+`": "`+holder[:1]+`", `+document),
			resource("aws_iam_"+holder+"_policy_attachment", "a", `"`+holder+`": "`+holder[:1]+`", "policy_arn": "arn:aws:iam::111122223333:policy/shared"`))
	}
	return `{"format_version": "1.2", "planned_values": {"root_module": {"resources": [` + strings.Join(list, ",") + `]}},
		"resource_changes": [{"address": "` + kind + `.x", "change": {"after_unknown": {` + unknown + `}}}],
		"configuration": {"root_module": {"resources": [{"address": "` + kind + `.x", "expressions": {` + expressions + `}}]}}}`
}

// TestR035WhatAnotherResourceTakesAway: a policy that is not among those which an exclusive resource lists is in doubt.
func TestR035WhatAnotherResourceTakesAway(t *testing.T) {
	t.Parallel()
	const (
		policies, attachments = "_policies_exclusive", "_policy_attachments_exclusive"
		arn                   = `"arn:aws:iam::111122223333:policy/shared"`
		references            = `"policy_arns": {"references": ["aws_iam_policy.shared.arn", "aws_iam_policy.shared"]}`
		other                 = "arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess"
	)
	inline := func(holder string) string {
		return "its policy own is not among those that aws_iam_" + holder + policies + ".x leaves to it"
	}
	attached := func(holder string) string {
		return "the attached policy arn:aws:iam::111122223333:policy/shared is not among those that aws_iam_" + holder + attachments + ".x leaves to it"
	}
	for name, test := range map[string]struct {
		holder, kind, list, unknown, expressions string
		doubts                                   []string
		denied                                   int // policies that still deny something, of two
	}{
		"listed":                   {"role", policies, `"policy_names": ["own"]`, "", "", nil, 2},
		"not listed":               {"role", policies, `"policy_names": []`, "", "", []string{inline("role")}, 1},
		"another listed":           {"user", policies, `"policy_names": ["other"]`, "", "", []string{inline("user")}, 3},
		"not listed of its group":  {"group", policies, `"policy_names": []`, "", "", []string{inline("group")}, 3},
		"a list of later":          {"role", policies, "", `"policy_names": true`, "", []string{"which policies aws_iam_role_policies_exclusive.x leaves to it is known after apply"}, 1},
		"attached and listed":      {"role", attachments, `"policy_arns": [` + arn + `]`, "", "", nil, 2},
		"listed by reference":      {"role", attachments, `"policy_arns": [null]`, `"policy_arns": [true]`, references, nil, 2},
		"a list of another module": {"role", attachments, `"policy_arns": [null]`, `"policy_arns": [true]`, `"policy_arns": {"references": ["module.m.arn", "module.m"]}`, []string{"which policies aws_iam_role_policy_attachments_exclusive.x leaves to it is known after apply"}, 1},
		"attached, not listed":     {"role", attachments, `"policy_arns": ["` + other + `"]`, "", "", []string{attached("role")}, 1},
		"of a user":                {"user", attachments, `"policy_arns": []`, "", "", []string{attached("user")}, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			whom := `"` + test.holder + `_name": "` + test.holder[:1] + `"`
			if test.list != "" {
				whom += ", " + test.list
			}
			set, findings := given.Read("plan.json", []byte(exclusivePlan("aws_iam_"+test.holder+test.kind, whom, test.unknown, test.expressions)), given.Options{Account: "111122223333"})
			if err := given.Error(findings); err != nil {
				t.Fatal(err)
			}
			doubts, policies, managed := set.Roles[0].Doubts, set.Roles[0].Policies, set.Roles[0].Attached
			if test.holder != "role" { // a user has its group's
				doubts, policies, managed = set.Users[0].Doubts, set.Users[0].Policies, set.Users[0].Attached
			}
			if diff := cmp.Diff(test.doubts, doubts, cmpopts.EquateEmpty()); diff != "" {
				t.Error(diff)
			}
			denied := 0
			for _, p := range policies {
				denied += strings.Count(string(p.Document.JSON()), "Deny")
			}
			for _, a := range managed {
				if strings.HasSuffix(a.ARN, ":policy/shared") {
					denied += strings.Count(string(a.Document.JSON()), "Deny")
				}
			}
			if denied != test.denied {
				t.Errorf("%d policies deny, want %d", denied, test.denied)
			}
			has := slices.ContainsFunc(set.Roles[0].Attached, func(a roles.Attached) bool { return a.ARN == other && a.Document != nil })
			if want := strings.Contains(test.list, other); has != want {
				t.Errorf("what is listed is attached: %v", has)
			}
		})
	}
}

// TestR035PlansThatAreNotWhole: a plan that failed is an error, and one that leaves something out is in doubt.
func TestR035PlansThatAreNotWhole(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		more          string
		errors, doubt bool
	}{
		"whole": {`"errored": false, "complete": true,`, false, false}, "an older Terraform": {``, false, false},
		"failed": {`"errored": true, "complete": false,`, true, false}, "left out": {`"errored": false, "complete": false,`, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set, findings := given.Read("plan.json", []byte(strings.Replace(planText, "{", "{"+test.more, 1)), given.Options{Account: "111122223333"})
			err := given.Error(findings)
			if (err != nil) != test.errors || test.errors && !strings.Contains(err.Error(), "the plan failed (errored)") {
				t.Errorf("got %v", err)
			}
			if doubted := strings.Contains(strings.Join(set.Roles[0].Doubts, ";"), "not complete"); doubted != test.doubt {
				t.Errorf("doubts: %q", set.Roles[0].Doubts)
			}
		})
	}
}

package escalation_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
)

// TestR116GroupsWithoutMembers: a group gives what it allows to whoever is put into it, whether anybody is in it or not.
func TestR116GroupsWithoutMembers(t *testing.T) {
	t.Parallel()
	const (
		group   = "arn:aws:iam::" + account + ":group/team/power"
		managed = "arn:aws:iam::" + account + ":policy/shared"
		add     = "iam:AddUserToGroup on " + group
		new     = "iam:CreateGroup + iam:PutGroupPolicy + iam:AddUserToGroup of a new group"
	)
	all, read := allow("*", "*"), allow("s3:GetObject", "*")
	mfa := allow("*", "*", `"Bool": {"aws:MultiFactorAuthPresent": "true"}`)
	joining := allow("iam:AddUserToGroup", group)
	tests := map[string]struct {
		own, group []string
		change     func(w *escalation.World)
		want       []string
	}{
		"everything":              {[]string{joining}, []string{all}, nil, []string{add + " → " + everything}},
		"everything, with a key":  {[]string{joining}, []string{mfa}, nil, []string{add + " → " + everything + " (if aws:MultiFactorAuthPresent)"}},
		"something":               {[]string{joining}, []string{read}, nil, []string{add + " → more for itself, up to what the group's policies allow"}},
		"what it has":             {[]string{joining, allow("s3:Get*", "*")}, []string{read}, nil, nil},
		"nothing":                 {[]string{joining}, nil, nil, nil},
		"nobody knows":            {[]string{joining}, nil, func(w *escalation.World) { w.Groups[0].Open = true }, []string{add + " → more for itself, up to what the group's policies allow"}},
		"another group":           {[]string{allow("iam:AddUserToGroup", "arn:aws:iam::"+account+":group/power")}, []string{all}, nil, nil},
		"it is in it":             {[]string{joining}, []string{all}, func(w *escalation.World) { w.Principals[0].Groups = []string{group} }, nil},
		"a boundary":              {[]string{joining}, []string{all}, func(w *escalation.World) { w.Principals[0].Policies.Boundary = policy(t, joining, allow("s3:*", "*")) }, []string{add + " → more for itself, up to what the group's policies allow"}},
		"a group that it fills":   {[]string{joining, allow("iam:PutGroupPolicy", "*")}, nil, nil, []string{"iam:PutGroupPolicy + " + add + " → " + everything}},
		"a group that it may not": {[]string{joining, allow("iam:PutGroupPolicy", "arn:aws:iam::"+account+":group/other")}, nil, nil, nil},
		"a policy to attach":      {[]string{joining, allow("iam:AttachGroupPolicy", "*")}, nil, nil, []string{"iam:AttachGroupPolicy + " + add + " → " + everything}},
		"a policy that it writes": {[]string{joining, allow("iam:CreatePolicyVersion", managed)}, nil, func(w *escalation.World) { w.Groups[0].Attached = []string{managed} },
			[]string{"iam:AddUserToGroup + iam:CreatePolicyVersion on " + group + " → " + everything}},
		"a group that it makes":       {[]string{allow("iam:CreateGroup iam:PutGroupPolicy iam:AddUserToGroup", "arn:aws:iam::"+account+":group/mine-*")}, nil, nil, []string{new + " → " + everything}},
		"a group that it cannot fill": {[]string{allow("iam:CreateGroup iam:AddUserToGroup", "arn:aws:iam::"+account+":group/mine-*")}, nil, nil, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &escalation.World{Principals: []escalation.Principal{userOf(t, "Deploy", test.own...)}, Groups: []escalation.Group{{ARN: group}}}
			if test.group != nil {
				w.Groups[0].Policies = []*iam.Policy{policy(t, test.group...)}
			}
			if test.change != nil {
				test.change(w)
			}
			expect(t, w, test.want)
		})
	}
}

// TestR116AnotherIsPutIntoAGroupOfPower: who acts as that user then has everything.
func TestR116AnotherIsPutIntoAGroupOfPower(t *testing.T) {
	t.Parallel()
	const group = "arn:aws:iam::" + account + ":group/power"
	w := &escalation.World{
		Principals: []escalation.Principal{roleOf(t, "Deploy", "", allow("iam:AddUserToGroup", group), allow("iam:CreateAccessKey", "*")), userOf(t, "Ann")},
		Groups:     []escalation.Group{{ARN: group, Policies: []*iam.Policy{iam.AllowAll("all")}}},
	}
	expect(t, w, []string{
		"iam:CreateAccessKey → Ann", "iam:AddUserToGroup on " + group + " → Ann",
		"iam:AddUserToGroup + iam:CreateAccessKey on Ann → " + everything,
	})
	w.Groups[0].Policies = nil // it allows nothing
	expect(t, w, []string{"iam:CreateAccessKey → Ann"})
}

// TestR116ManyGroupsOfManyUsers: groups times users is no measure of the edges, and neither of the work.
func TestR116ManyGroupsOfManyUsers(t *testing.T) {
	t.Parallel()
	const users, groups = 300, 100
	const power = `{"Effect": "Allow", "NotAction": ["iam:*", "organizations:*"], "Resource": "*"}`
	own := func(i int) string { return allow("s3:GetObject", fmt.Sprint("arn:aws:s3:::b/", i)) }
	of := func(statements ...string) func(int) []string { return func(int) []string { return statements } }
	tests := map[string]struct {
		user, group             func(i int) []string
		edges, probed, compared int
	}{
		"weak":                    {of(), of(allow("s3:GetObject", "*")), users, 0, 0},
		"mighty":                  {of(), of(power), users, users, 0},
		"mighty, of people":       {func(i int) []string { return []string{own(i)} }, of(power), users, users, users},
		"mighty, and all differ":  {func(i int) []string { return []string{own(i)} }, func(i int) []string { return []string{power, own(i)} }, users, users * groups, users},
		"everything, all differ":  {of(), func(i int) []string { return []string{allow("*", "*"), own(i)} }, users, users, 0},
		"all have what they give": {of(power), of(power), 0, users, 1},
		"all of them have more":   {of(`{"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}`), func(i int) []string { return []string{power, own(i)} }, 0, users * groups, groups},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &escalation.World{Principals: []escalation.Principal{roleOf(t, "Deploy", "", allow("iam:AddUserToGroup", "*"))}}
			for i := range users {
				w.Principals = append(w.Principals, userOf(t, fmt.Sprint("u", i), test.user(i)...))
			}
			for i := range groups {
				w.Groups = append(w.Groups, escalation.Group{ARN: fmt.Sprint("arn:aws:iam::"+account+":group/g", i), Policies: []*iam.Policy{policy(t, test.group(i)...)}})
			}
			edges, probed, compared, err := escalation.Work(w)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]int{test.edges, test.probed, test.compared}, []int{edges, probed, compared}); diff != "" {
				t.Error(diff)
			}
		})
	}
}

package iam_test

import (
	"fmt"
	"strings"
	"testing"
)

const trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// TestListsComeInPages: MaxItems, IsTruncated and Marker, of every List operation that has them.
func TestListsComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allow := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`
	for i := range 3 {
		n := fmt.Sprint("n", i)
		w.do(one, "CreateRole", "RoleName", n, "Path", "/p/", "AssumeRolePolicyDocument", trustEC2)
		w.do(one, "CreateUser", "UserName", n, "Path", "/p/")
		w.do(one, "CreatePolicy", "PolicyName", n, "Path", "/p/", "PolicyDocument", allow)
		w.do(one, "CreateInstanceProfile", "InstanceProfileName", n, "Path", "/p/")
	}
	for i := range 3 {
		n, policy := fmt.Sprint("n", i), fmt.Sprint("arn:aws:iam::", one, ":policy/p/n", i)
		w.do(one, "PutRolePolicy", "RoleName", "n0", "PolicyName", n, "PolicyDocument", allow)
		w.do(one, "PutUserPolicy", "UserName", "n0", "PolicyName", n, "PolicyDocument", allow)
		w.do(one, "AttachRolePolicy", "RoleName", "n0", "PolicyArn", policy)
		w.do(one, "AttachUserPolicy", "UserName", "n0", "PolicyArn", policy)
	}
	for action, args := range map[string][]string{
		"ListRoles":                {"PathPrefix", "/p/"},
		"ListUsers":                {"PathPrefix", "/p/"},
		"ListPolicies":             {"PathPrefix", "/p/", "Scope", "Local"},
		"ListInstanceProfiles":     {"PathPrefix", "/p/"},
		"ListRolePolicies":         {"RoleName", "n0"},
		"ListUserPolicies":         {"UserName", "n0"},
		"ListAttachedRolePolicies": {"RoleName", "n0"},
		"ListAttachedUserPolicies": {"UserName", "n0"},
	} {
		t.Run(action, func(t *testing.T) {
			ask := func(more ...string) string { return w.do(one, action, append(args, more...)...) }
			seen := func(body string) (names string) {
				for i := range 3 {
					if n := fmt.Sprint("n", i); strings.Contains(body, ">"+n+"<") {
						names += n
					}
				}
				return names
			}
			first := ask("MaxItems", "2")
			marker := between(first, "Marker")
			if between(first, "IsTruncated") != "true" || marker == "" || seen(first) != "n0n1" {
				t.Fatalf("first page: %s", first)
			}
			second := ask("MaxItems", "2", "Marker", marker)
			if between(second, "IsTruncated") != "false" || strings.Contains(second, "<Marker>") || seen(second) != "n2" {
				t.Errorf("second page: %s", second)
			}
			if all := ask(); between(all, "IsTruncated") != "false" || seen(all) != "n0n1n2" {
				t.Errorf("all: %s", all)
			}
			w.refused(one, "ValidationError", action, append(args, "MaxItems", "0")...)
			w.refused(one, "ValidationError", action, append(args, "Marker", "!")...)
		})
	}
}

// TestInvalidPrincipals: a trust policy may not name who is not there, in the accounts that are.
func TestInvalidPrincipals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(two, "CreateRole", "RoleName", "Ci", "Path", "/x/", "AssumeRolePolicyDocument", trustEC2)
	w.do(one, "CreateRole", "RoleName", "Changed", "AssumeRolePolicyDocument", trustEC2)
	trust := func(principal string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["` + one + `","` + principal + `"]},"Action":"sts:AssumeRole"}]}`
	}
	for i, tc := range []struct {
		principal string
		ok        bool
	}{
		{"arn:aws:iam::" + two + ":role/x/Ci", true},
		{"arn:aws:iam::" + two + ":role/Ci", false},
		{"arn:aws:iam::" + two + ":role/x/Nobody", false},
		{"arn:aws:iam::" + two + ":user/Ci", false},
		{"arn:aws:iam::" + one + ":user/administrator", true},
		{"arn:aws:iam::" + one + ":user/nobody", false},
		{"arn:aws:iam::" + two + ":root", true},
		{two, true},
		{"arn:aws:iam::999999999999:role/Foreign", true},
	} {
		name := fmt.Sprint("Role", i)
		create := []string{"RoleName", name, "AssumeRolePolicyDocument", trust(tc.principal)}
		update := []string{"RoleName", "Changed", "PolicyDocument", trust(tc.principal)}
		if tc.ok {
			w.do(one, "CreateRole", create...)
			w.do(one, "UpdateAssumeRolePolicy", update...)
			continue
		}
		w.refused(one, "MalformedPolicyDocument", "CreateRole", create...)
		w.refused(one, "MalformedPolicyDocument", "UpdateAssumeRolePolicy", update...)
	}
}

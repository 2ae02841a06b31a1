package hybrid_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

func TestActivations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.role("Plain", "/", trustSSM)
	expires := w.clock.now().Add(48 * time.Hour)
	first := w.do("CreateActivation", object{"IamRole": "Plain", "Description": "tills", "DefaultInstanceName": "till",
		"RegistrationLimit": 3, "ExpirationDate": expires.Unix(), "Tags": []object{{"Key": "Shop", "Value": "7"}}})
	id := fmt.Sprint(first["ActivationId"])
	if code := fmt.Sprint(first["ActivationCode"]); len(code) != 20 {
		t.Errorf("the code has %d characters", len(code))
	}
	w.activate(nil)
	all := func(in object) (out []any) {
		list, _ := w.do("DescribeActivations", in)["ActivationList"].([]any)
		return list
	}
	filter := func(key, value string) object {
		return object{"Filters": []object{{"FilterKey": key, "FilterValues": []string{value}}}}
	}
	if diff := cmp.Diff([]any{object{"ActivationId": id, "Description": "tills", "DefaultInstanceName": "till", "IamRole": "Plain",
		"RegistrationLimit": 3.0, "RegistrationsCount": 0.0, "ExpirationDate": float64(expires.Unix()), "Expired": false,
		"CreatedDate": float64(w.clock.now().Unix()), "Tags": []any{object{"Key": "Shop", "Value": "7"}}}},
		all(filter("IamRole", "Plain"))); diff != "" {
		t.Error(diff)
	}
	for _, f := range []object{filter("ActivationIds", id), filter("DefaultInstanceName", "till")} {
		if got := all(f); len(got) != 1 {
			t.Errorf("%v finds %d", f, len(got))
		}
	}
	page := w.do("DescribeActivations", object{"MaxResults": 1})
	rest := w.do("DescribeActivations", object{"MaxResults": 1, "NextToken": page["NextToken"]})
	if list, _ := rest["ActivationList"].([]any); len(list) != 1 || rest["NextToken"] != nil {
		t.Errorf("the second page is %v", rest)
	}
	if out, _ := w.ask(w.admin[stranger], "ssm", "DescribeActivations", object{}); len(out["ActivationList"].([]any)) != 0 {
		t.Error("a stranger sees activations")
	}
	if _, code := w.ask(w.admin[stranger], "ssm", "DeleteActivation", object{"ActivationId": id}); code != "InvalidActivation" {
		t.Errorf("a stranger deletes one: %q", code)
	}
	w.do("DeleteActivation", object{"ActivationId": id})
	if got := all(object{}); len(got) != 1 {
		t.Errorf("%d are left", len(got))
	}
	w.clock.advance(24 * time.Hour)
	if got := all(object{})[0].(object)["Expired"]; got != true {
		t.Errorf("after a day it is expired: %v", got)
	}
}

func TestCreateActivationRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.role("Elsewhere", "/", trustEC2)
	now := w.clock.now()
	for name, tc := range map[string]struct {
		in   object
		code string
	}{
		"no role":                   {object{}, "ValidationException"},
		"no such role":              {object{"IamRole": "Nobody"}, "ValidationException"},
		"a role of EC2":             {object{"IamRole": "Elsewhere"}, "ValidationException"},
		"its path is wrong":         {object{"IamRole": "other/Outside"}, "ValidationException"},
		"an ARN":                    {object{"IamRole": "arn:aws:iam::111111111111:role/service-role/Outside"}, "ValidationException"},
		"no registrations":          {object{"IamRole": "Outside", "RegistrationLimit": 0}, "ValidationException"},
		"too many registrations":    {object{"IamRole": "Outside", "RegistrationLimit": 1001}, "ValidationException"},
		"in the past":               {object{"IamRole": "Outside", "ExpirationDate": now.Add(-time.Second).Unix()}, "InvalidParameters"},
		"in 31 days":                {object{"IamRole": "Outside", "ExpirationDate": now.Add(31 * 24 * time.Hour).Unix()}, "InvalidParameters"},
		"a reserved tag":            {object{"IamRole": "Outside", "Tags": []object{{"Key": "aws:x", "Value": ""}}}, "ValidationException"},
		"a tag without a key":       {object{"IamRole": "Outside", "Tags": []object{{"Value": "x"}}}, "ValidationException"},
		"a long description":        {object{"IamRole": "Outside", "Description": strings.Repeat("x", 257)}, "ValidationException"},
		"what is not honoured":      {object{"IamRole": "Outside", "RegistrationMetadata": []object{{"Key": "k", "Value": "v"}}}, "InvalidParameters"},
		"a name of another charset": {object{"IamRole": "Outside", "DefaultInstanceName": "a;b"}, "ValidationException"},
	} {
		if out, code := w.ask(w.admin[account], "ssm", "CreateActivation", tc.in); code != tc.code {
			t.Errorf("%s: got %q, want %q: %v", name, code, tc.code, out)
		}
	}
	if list, _ := w.do("DescribeActivations", object{})["ActivationList"].([]any); len(list) != 0 {
		t.Errorf("%d were made", len(list))
	}
}

// user makes a role with exactly this policy, and gives a session of it.
func (w *world) user(name, statements string) sigv4.Credentials {
	w.t.Helper()
	must(w.t, w.iam.PutRole(w.t.Context(), iam.RoleSpec{Account: account, Name: name, Path: "/", Trust: []byte(trustEC2),
		Policies: map[string][]byte{"p": []byte(`{"Version":"2012-10-17","Statement":[` + statements + `]}`)}}))
	c, _, err := w.sts.IssueForService(w.t.Context(), "arn:aws:iam::"+account+":role/"+name, "ec2.amazonaws.com", "arn:aws:ec2:"+region+":"+account+":instance/i-0123456789abcdef0")
	must(w.t, err)
	return sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

// TestPassRole: who makes an activation, or changes a node's role, hands the role over.
func TestPassRole(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.role("Other", "/", trustSSM)
	m := w.register(nil)
	without := w.user("without", `{"Effect":"Allow","Action":"ssm:*","Resource":"*"}`)
	with := w.user("with", `{"Effect":"Allow","Action":"ssm:*","Resource":"*"},{"Effect":"Allow","Action":"iam:PassRole",
		"Resource":"arn:aws:iam::111111111111:role/Other","Condition":{"StringEquals":{"iam:PassedToService":"ssm.amazonaws.com"}}}`)
	other := w.user("narrow", `{"Effect":"Allow","Action":"ssm:*","Resource":"arn:aws:ssm:*:*:managed-instance/*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"*"}`)
	for name, tc := range map[string]struct {
		who       sigv4.Credentials
		operation string
		in        object
		code      string
	}{
		"an activation without":     {without, "CreateActivation", object{"IamRole": "Other"}, "AccessDeniedException"},
		"an activation with":        {with, "CreateActivation", object{"IamRole": "Other"}, ""},
		"of another role":           {with, "CreateActivation", object{"IamRole": "Outside"}, "AccessDeniedException"},
		"a node without":            {without, "UpdateManagedInstanceRole", object{"InstanceId": m.id, "IamRole": "Other"}, "AccessDeniedException"},
		"a node's role, on no role": {other, "UpdateManagedInstanceRole", object{"InstanceId": m.id, "IamRole": "Other"}, "AccessDeniedException"},
		"a node with":               {with, "UpdateManagedInstanceRole", object{"InstanceId": m.id, "IamRole": "Other"}, ""},
		"no such node":              {with, "UpdateManagedInstanceRole", object{"InstanceId": "mi-0123456789abcdef0", "IamRole": "Other"}, "InvalidInstanceId"},
		"no id":                     {with, "UpdateManagedInstanceRole", object{"InstanceId": "i-0123456789abcdef0", "IamRole": "Other"}, "ValidationException"},
	} {
		if out, code := w.ask(tc.who, "ssm", tc.operation, tc.in); code != tc.code {
			t.Errorf("%s: got %q, want %q: %v", name, code, tc.code, out)
		}
	}
	// The next credentials are of the new role; those of a role that trusts Systems Manager no more are refused.
	m.session()
	w.role("Other", "/", trustEC2)
	if _, code := m.ask("RequestManagedInstanceRoleToken", object{"Fingerprint": m.fingerprint}); code != "AccessDeniedException" {
		t.Errorf("a role that trusts somebody else: %q", code)
	}
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.register(object{"Tags": []object{{"Key": "Shop", "Value": "7"}}})
	on := func(more object) object {
		in := object{"ResourceType": "ManagedInstance", "ResourceId": m.id}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	list := func() string {
		return fmt.Sprint(w.do("ListTagsForResource", on(nil))["TagList"])
	}
	w.do("AddTagsToResource", on(object{"Tags": []object{{"Key": "Shop", "Value": "8"}, {"Key": "App", "Value": "web"}}}))
	if diff := cmp.Diff("[map[Key:App Value:web] map[Key:Shop Value:8]]", list()); diff != "" {
		t.Error(diff)
	}
	w.do("RemoveTagsFromResource", on(object{"TagKeys": []string{"App", "Nothing"}}))
	if diff := cmp.Diff("[map[Key:Shop Value:8]]", list()); diff != "" {
		t.Error(diff)
	}
	many := []object{}
	for i := range 50 {
		many = append(many, object{"Key": fmt.Sprint(i), "Value": ""})
	}
	eight := w.user("eight", `{"Effect":"Allow","Action":"ssm:*TagsToResource","Resource":"arn:aws:ssm:eu-west-1:111111111111:managed-instance/*",
		"Condition":{"StringEquals":{"ssm:resourceTag/Shop":"8"},"ForAllValues:StringEquals":{"aws:TagKeys":["Till"]}}}`)
	for name, tc := range map[string]struct {
		who  sigv4.Credentials
		in   object
		code string
	}{
		"51 tags":                    {w.admin[account], on(object{"Tags": many}), "TooManyTagsError"},
		"a reserved one":             {w.admin[account], on(object{"Tags": []object{{"Key": "aws:x", "Value": ""}}}), "ValidationException"},
		"no such node":               {w.admin[account], object{"ResourceType": "ManagedInstance", "ResourceId": "mi-0123456789abcdef0", "Tags": many[:1]}, "InvalidResourceId"},
		"a stranger's node":          {w.admin[stranger], on(object{"Tags": many[:1]}), "InvalidResourceId"},
		"a condition met":            {eight, on(object{"Tags": []object{{"Key": "Till", "Value": "1"}}}), ""},
		"a condition on keys broken": {eight, on(object{"Tags": many[:1]}), "AccessDeniedException"},
	} {
		if out, code := w.ask(tc.who, "ssm", "AddTagsToResource", tc.in); code != tc.code {
			t.Errorf("%s: got %q, want %q: %v", name, code, tc.code, out)
		}
	}
	if diff := cmp.Diff("[map[Key:Shop Value:8] map[Key:Till Value:1]]", list()); diff != "" {
		t.Error(diff)
	}
}

// TestConfusedDeputy: the role of an activation may demand for whom Systems Manager acts, as AWS's documentation has it.
func TestConfusedDeputy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	trust := func(owner, region string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole",
			"Condition":{"StringEquals":{"aws:SourceAccount":"` + owner + `"},"ArnEquals":{"aws:SourceArn":"arn:aws:ssm:` + region + `:` + owner + `:*"}}}]}`
	}
	w.role("Outside", "/service-role/", trust(account, region))
	w.register(nil).session()
	for _, other := range []string{trust(stranger, region), trust(account, "us-east-1")} {
		w.role("Outside", "/service-role/", other)
		if _, code := w.ask(w.admin[account], "ssm", "CreateActivation", object{"IamRole": "Outside"}); code != "ValidationException" {
			t.Errorf("a role that trusts Systems Manager for others: %q", code)
		}
	}
}

package iam_test

import (
	"strings"
	"testing"
)

// TestLastAccess: reports tell what was really called, by whom, and by nobody else.
func TestLastAccess(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.iam.SetEvents(w.log)
	ann, bob := w.user(one, "ann"), w.user(one, "bob")
	w.do(one, "CreateGroup", "GroupName", "dev")
	w.do(one, "AddUserToGroup", "GroupName", "dev", "UserName", "ann")
	w.do(one, "AddUserToGroup", "GroupName", "dev", "UserName", "bob")
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "p", "PolicyDocument",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:List*","s3:GetObject","ec2*:*"],"Resource":"*"},{"Effect":"Deny","Action":"kms:*","Resource":"*"}]}`), "Arn")
	w.do(one, "AttachGroupPolicy", "GroupName", "dev", "PolicyArn", policy)
	used := func(when string, keys string, want ...string) {
		t.Helper()
		body := w.do(one, "GetAccessKeyLastUsed", "AccessKeyId", keys)
		for _, text := range want {
			if !strings.Contains(body, text) {
				t.Errorf("%s: no %s in %s", when, text, body)
			}
		}
	}
	used("never", ann.AccessKeyID, "<UserName>ann</UserName>", "<ServiceName>N/A</ServiceName>", "<Region>N/A</Region>")
	if status, body := w.ask(ann, "ListUsers"); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := w.ask(ann, "DeleteUser", "UserName", "bob"); status != 403 {
		t.Fatal("ann deleted bob") // an attempt counts as well
	}
	used("once", ann.AccessKeyID, "<ServiceName>iam</ServiceName>", "<Region>us-east-1</Region>", "<LastUsedDate>2026-11-22T04:30:00Z</LastUsedDate>")
	used("not bob's", bob.AccessKeyID, "<ServiceName>N/A</ServiceName>")
	w.refused(two, "AccessDenied", "GetAccessKeyLastUsed", "AccessKeyId", ann.AccessKeyID)

	report := func(arn string) (job, body string) {
		t.Helper()
		job = between(w.do(one, "GenerateServiceLastAccessedDetails", "Arn", arn), "JobId")
		return job, w.do(one, "GetServiceLastAccessedDetails", "JobId", job)
	}
	const ec2 = "<ServiceName>Amazon EC2</ServiceName><ServiceNamespace>ec2</ServiceNamespace><TotalAuthenticatedEntities>0</TotalAuthenticatedEntities>"
	const byAnn = "<ServiceNamespace>iam</ServiceNamespace><LastAuthenticated>2026-11-22T04:30:00Z</LastAuthenticated>" +
		"<LastAuthenticatedEntity>arn:aws:iam::111111111111:user/ann</LastAuthenticatedEntity><LastAuthenticatedRegion>us-east-1</LastAuthenticatedRegion>" +
		"<TotalAuthenticatedEntities>1</TotalAuthenticatedEntities>"
	for _, arn := range []string{"arn:aws:iam::111111111111:user/ann", "arn:aws:iam::111111111111:group/dev", policy} {
		_, body := report(arn)
		for _, want := range []string{"<JobStatus>COMPLETED</JobStatus>", ec2, byAnn, "<ServiceNamespace>ec2messages</ServiceNamespace>"} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: no %s in %s", arn, want, body)
			}
		}
		if strings.Contains(body, "kms") {
			t.Errorf("%s: a service that is only denied is in %s", arn, body)
		}
	}
	job, body := report("arn:aws:iam::111111111111:user/bob")
	if strings.Contains(body, "LastAuthenticated>") {
		t.Errorf("bob has called: %s", body)
	}
	job2, _ := report("arn:aws:iam::111111111111:group/dev")
	w.walk([]step{
		{action: "GetServiceLastAccessedDetailsWithEntities", args: []string{"JobId", job2, "ServiceNamespace", "iam", "MaxItems", "1"}, has: "<Name>ann</Name><Type>USER</Type>", hasNot: "bob"},
		{action: "GetServiceLastAccessedDetailsWithEntities", args: []string{"JobId", job2, "ServiceNamespace", "iam"}, has: "<Name>bob</Name>"},
		{action: "GetServiceLastAccessedDetailsWithEntities", args: []string{"JobId", job2, "ServiceNamespace", "kms"}, code: "InvalidInput"},
		{action: "GetServiceLastAccessedDetails", args: []string{"JobId", job2, "MaxItems", "1"}, has: "<IsTruncated>true</IsTruncated>"},
		{action: "GetServiceLastAccessedDetails", args: []string{"JobId", "none"}, code: "NoSuchEntity"},
		{action: "GenerateServiceLastAccessedDetails", args: []string{"Arn", "arn:aws:iam::111111111111:role/none"}, code: "NoSuchEntity"},
		{action: "GenerateServiceLastAccessedDetails", args: []string{"Arn", "nothing"}, code: "InvalidInput"},
		{action: "GenerateServiceLastAccessedDetails", args: []string{"Arn", policy, "Granularity", "ACTION_LEVEL"}, code: "InvalidInput"},
	})
	w.refused(two, "NoSuchEntity", "GetServiceLastAccessedDetails", "JobId", job)
	w.do(one, "AttachUserPolicy", "UserName", "ann", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	if status, code := w.ask(ann, "GetServiceLastAccessedDetails", "JobId", job); status != 404 || code != "NoSuchEntity" {
		t.Errorf("another user's job: %d %s", status, code)
	}
	w.do(one, "DetachUserPolicy", "UserName", "ann", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	// Another user of the same name is another one.
	w.do(one, "UpdateUser", "UserName", "ann", "NewUserName", "anna")
	w.do(one, "CreateUser", "UserName", "ann")
	if body := w.do(one, "GetServiceLastAccessedDetails", "JobId", between(w.do(one, "GenerateServiceLastAccessedDetails", "Arn", "arn:aws:iam::111111111111:user/anna"), "JobId")); !strings.Contains(body, "user/anna</LastAuthenticatedEntity>") {
		t.Errorf("renamed: %s", body)
	}
}

// TestAccountAuthorizationDetails: all of an account, in pages and by kind.
func TestAccountAuthorizationDetails(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(one, "CreateUser", "UserName", "ann", "Tags.member.1.Key", "Team", "Tags.member.1.Value", "a")
	w.do(one, "CreateGroup", "GroupName", "dev")
	w.do(one, "AddUserToGroup", "GroupName", "dev", "UserName", "ann")
	w.do(one, "PutGroupPolicy", "GroupName", "dev", "PolicyName", "in", "PolicyDocument", read)
	w.do(one, "CreateRole", "RoleName", "r", "AssumeRolePolicyDocument", trust)
	w.do(one, "CreateInstanceProfile", "InstanceProfileName", "i")
	w.do(one, "AddRoleToInstanceProfile", "InstanceProfileName", "i", "RoleName", "r")
	w.do(one, "AttachRolePolicy", "RoleName", "r", "PolicyArn", "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore")
	policy := between(w.do(one, "CreatePolicy", "PolicyName", "p", "PolicyDocument", read), "Arn")
	w.do(one, "CreatePolicyVersion", "PolicyArn", policy, "PolicyDocument", read)
	w.do(two, "CreateUser", "UserName", "eve")
	body := w.do(one, "GetAccountAuthorizationDetails")
	for _, want := range []string{
		"<GroupList><member>dev</member></GroupList>", "<Key>Team</Key>", "<GroupPolicyList><member><PolicyName>in</PolicyName><PolicyDocument>%7B",
		"<InstanceProfileName>i</InstanceProfileName>", "<PolicyArn>arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore</PolicyArn>",
		"<VersionId>v2</VersionId><IsDefaultVersion>false</IsDefaultVersion>", "<UserName>administrator</UserName>", "ssmmessages",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
	if strings.Contains(body, "eve") || strings.Contains(body, "AmazonSSMFullAccess") {
		t.Errorf("too much: %s", body)
	}
	w.walk([]step{
		{action: "GetAccountAuthorizationDetails", args: []string{"Filter.member.1", "Role"}, has: "<RoleName>r</RoleName>", hasNot: "<UserName>"},
		{action: "GetAccountAuthorizationDetails", args: []string{"Filter.member.1", "LocalManagedPolicy", "Filter.member.2", "User"}, has: policy, hasNot: "<RoleName>"},
		{action: "GetAccountAuthorizationDetails", args: []string{"Filter.member.1", "AWSManagedPolicy"}, has: "<PolicyName>AmazonSSMManagedInstanceCore</PolicyName>", hasNot: policy},
		{action: "GetAccountAuthorizationDetails", args: []string{"Filter.member.1", "Everything"}, code: "ValidationError"},
	})
	var all strings.Builder
	marker, pages := "", 0
	for args := []string{"MaxItems", "2"}; pages == 0 || marker != ""; pages++ {
		body := w.do(one, "GetAccountAuthorizationDetails", args...)
		all.WriteString(body)
		marker = between(body, "Marker")
		args = []string{"MaxItems", "2", "Marker", marker}
	}
	if pages != 3 { // two users, a group, a role, two policies
		t.Errorf("%d pages", pages)
	}
	for _, want := range []string{"<UserName>ann</UserName><UserId>", "<GroupName>dev</GroupName>", "<RoleName>r</RoleName>", "<PolicyName>p</PolicyName>", "<PolicyName>AmazonSSMManagedInstanceCore</PolicyName><PolicyId>"} {
		if got := strings.Count(all.String(), want); got != 1 && want != "<RoleName>r</RoleName>" || got == 0 {
			t.Errorf("%s is there %d times", want, got)
		}
	}
}

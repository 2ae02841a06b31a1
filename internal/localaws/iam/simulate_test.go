package iam_test

import (
	"encoding/xml"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"

	engine "github.com/slipway-cd/slipway/iam"
)

// simulated is the answer of a simulation, as a client reads it.
type simulated struct {
	Results []struct {
		Action        string      `xml:"EvalActionName"`
		Resource      string      `xml:"EvalResourceName"`
		Decision      string      `xml:"EvalDecision"`
		Matched       []statement `xml:"MatchedStatements>member"`
		Missing       []string    `xml:"MissingContextValues>member"`
		Organizations string      `xml:"OrganizationsDecisionDetail>AllowedByOrganizations"`
		Boundary      string      `xml:"PermissionsBoundaryDecisionDetail>AllowedByPermissionsBoundary"`
		Details       []struct {
			Key   string `xml:"key"`
			Value string `xml:"value"`
		} `xml:"EvalDecisionDetails>entry"`
		Specific []struct {
			Resource string      `xml:"EvalResourceName"`
			Decision string      `xml:"EvalResourceDecision"`
			Matched  []statement `xml:"MatchedStatements>member"`
		} `xml:"ResourceSpecificResults>member"`
	} `xml:"Result>EvaluationResults>member"`
	Truncated bool   `xml:"Result>IsTruncated"`
	Marker    string `xml:"Result>Marker"`
}

type statement struct {
	Policy string `xml:"SourcePolicyId"`
	Type   string `xml:"SourcePolicyType"`
	Line   int    `xml:"StartPosition>Line"`
	Column int    `xml:"StartPosition>Column"`
	ToLine int    `xml:"EndPosition>Line"`
	To     int    `xml:"EndPosition>Column"`
}

func (w *world) simulate(operation string, args ...string) simulated {
	w.t.Helper()
	body := w.do(one, operation, args...)
	var out simulated
	body = "<R><Result>" + between(body, operation+"Result") + "</Result></R>"
	if err := xml.Unmarshal([]byte(body), &out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestSimulatedPositions: ids and positions are those of the examples in AWS's command line reference.
func TestSimulatedPositions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const after = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`
	at := func(when string) simulated {
		return w.simulate("SimulateCustomPolicy", "PolicyInputList.member.1", after, "ActionNames.member.1", "dynamodb:CreateBackup",
			"ContextEntries.member.1.ContextKeyName", "aws:CurrentTime", "ContextEntries.member.1.ContextKeyType", "date", "ContextEntries.member.1.ContextKeyValues.member.1", when)
	}
	got := at("2019-04-25T11:00:00Z").Results[0]
	if got.Decision != "allowed" || got.Resource != "*" || len(got.Missing) != 0 || len(got.Specific) != 0 {
		t.Errorf("%+v", got)
	}
	if diff := cmp.Diff([]statement{{"PolicyInputList.1", "IAM Policy", 1, 38, 1, 167}}, got.Matched); diff != "" {
		t.Error(diff)
	}
	if got := at("2014-04-25T11:00:00Z").Results[0]; got.Decision != "implicitDeny" || len(got.Matched) != 0 {
		t.Errorf("before the date: %+v", got)
	}
	w.do(one, "CreateUser", "UserName", "alejandro")
	w.do(one, "AttachUserPolicy", "UserName", "alejandro", "PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess")
	got = w.simulate("SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::111111111111:user/alejandro", "ActionNames.member.1", "codecommit:ListRepositories").Results[0]
	if diff := cmp.Diff([]statement{{"AdministratorAccess", "IAM Policy", 3, 17, 8, 6}}, got.Matched); diff != "" {
		t.Error(diff)
	}
	const many = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"},` + "\n" + `  {"Effect":"Allow","Action":"s3:PutObject","Resource":"*"}]}`
	got = w.simulate("SimulateCustomPolicy", "PolicyInputList.member.1", many, "ActionNames.member.1", "s3:PutObject").Results[0]
	if diff := cmp.Diff([]statement{{"PolicyInputList.1", "IAM Policy", 1, 95, 2, 60}}, got.Matched); diff != "" {
		t.Error(diff)
	}
}

// organization lays service control policies on account one.
type organization struct{ scps [][]*engine.Policy }

func (o organization) Membership(account string) *gateway.Membership {
	if account != one {
		return nil
	}
	return &gateway.Membership{Organization: "o-test", SCPs: o.scps}
}

func policies(t *testing.T, document string) [][]*engine.Policy {
	t.Helper()
	p, err := engine.ParsePolicy("scp", []byte(document))
	if err != nil {
		t.Fatal(err)
	}
	return [][]*engine.Policy{{p}}
}

// TestSimulatedPrincipal: a user is judged by own policies, those of groups, the boundary and the organization.
func TestSimulatedPrincipal(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	allow := func(action, resource string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"` + resource + `"}]}`
	}
	w.user(one, "ann")
	w.do(one, "PutUserPolicy", "UserName", "ann", "PolicyName", "own", "PolicyDocument", allow("s3:GetObject", "arn:aws:s3:::b/${aws:username}/*"))
	w.do(one, "CreateGroup", "GroupName", "dev")
	w.do(one, "AddUserToGroup", "GroupName", "dev", "UserName", "ann")
	w.do(one, "PutGroupPolicy", "GroupName", "dev", "PolicyName", "team", "PolicyDocument", allow("s3:*", "arn:aws:s3:::team/*"))
	bound := between(w.do(one, "CreatePolicy", "PolicyName", "bound", "PolicyDocument", allow("s3:Get*", "*")), "Arn")
	w.do(one, "PutUserPermissionsBoundary", "UserName", "ann", "PermissionsBoundary", bound)
	w.iam.SetOrganizations(organization{policies(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"s3:GetObjectAcl","Resource":"*"}]}`)})
	const user = "arn:aws:iam::111111111111:user/ann"
	for _, tc := range []struct{ action, resource, decision, policy, boundary, organizations string }{
		{"s3:GetObject", "arn:aws:s3:::b/ann/x", "allowed", "user_ann_own", "true", "true"},
		{"s3:GetObject", "arn:aws:s3:::b/bob/x", "implicitDeny", "", "true", "true"},
		{"s3:GetObject", "arn:aws:s3:::team/x", "allowed", "group_dev_team", "true", "true"},
		{"s3:PutObject", "arn:aws:s3:::team/x", "implicitDeny", "", "false", "true"},
		{"s3:GetObjectAcl", "arn:aws:s3:::team/x", "explicitDeny", "", "true", "false"},
	} {
		got := w.simulate("SimulatePrincipalPolicy", "PolicySourceArn", user, "ActionNames.member.1", tc.action, "ResourceArns.member.1", tc.resource).Results[0]
		policy := ""
		for _, m := range got.Matched {
			if m.Policy != "bound" {
				policy = m.Policy
			}
		}
		if got.Decision != tc.decision || policy != tc.policy || got.Boundary != tc.boundary || got.Organizations != tc.organizations || got.Resource != tc.resource {
			t.Errorf("%s on %s: %+v", tc.action, tc.resource, got)
		}
		if len(got.Specific) != 1 || got.Specific[0].Decision != tc.decision {
			t.Errorf("%s on %s: %+v", tc.action, tc.resource, got.Specific)
		}
		// The simulation says what the local AWS does.
		if set := w.policiesOf("ann"); set.Allowed(&engine.Request{Principal: engine.Principal{ARN: user, Account: one}, Action: tc.action, Resource: tc.resource,
			Account: one, Context: engine.NewContext(map[string][]string{"aws:username": {"ann"}})}) != (tc.decision == "allowed") {
			t.Errorf("%s on %s is judged otherwise when it is asked for", tc.action, tc.resource)
		}
	}
	got := w.simulate("SimulatePrincipalPolicy", "PolicySourceArn", user, "ActionNames.member.1", "s3:PutObject", "ResourceArns.member.1", "arn:aws:s3:::team/x",
		"PermissionsBoundaryPolicyInputList.member.1", allow("*", "*")).Results[0]
	if got.Decision != "allowed" || got.Boundary != "true" {
		t.Errorf("with another boundary: %+v", got)
	}
	got = w.simulate("SimulatePrincipalPolicy", "PolicySourceArn", "arn:aws:iam::111111111111:group/dev", "ActionNames.member.1", "s3:PutObject",
		"ResourceArns.member.1", "arn:aws:s3:::team/x", "ResourceArns.member.2", "arn:aws:s3:::other/x").Results[0]
	if got.Decision != "implicitDeny" || got.Resource != "arn:aws:s3:::${BucketName}/${ObjectName}" || len(got.Specific) != 2 ||
		got.Specific[0].Decision != "allowed" || got.Specific[1].Decision != "implicitDeny" || len(got.Matched) != 0 {
		t.Errorf("two resources: %+v", got)
	}
}

// policiesOf gives what the gateway is told about a user's first key.
func (w *world) policiesOf(user string) *engine.PolicySet {
	w.t.Helper()
	id := between(w.do(one, "ListAccessKeys", "UserName", user), "AccessKeyId")
	cred, _, err := w.iam.Credential(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	cred.Caller.AccessKeyID = id
	set, err := w.iam.Policies(w.t.Context(), cred.Caller)
	if err != nil {
		w.t.Fatal(err)
	}
	return set
}

// TestSimulatedContext: context keys that are read and not given are told, in every form in which a policy reads them.
func TestSimulatedContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const document = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/Team, 'none'}/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}},
		{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":"${aws:PrincipalTag/Home}"},"Null":{"AWS:securetransport":"false"}}},
		{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"ec2:Region":"eu-west-1"}}}]}`
	keys := between(w.do(one, "GetContextKeysForCustomPolicy", "PolicyInputList.member.1", document), "ContextKeyNames")
	const want = "<member>aws:PrincipalTag/Team</member><member>aws:SecureTransport</member><member>aws:RequestedRegion</member><member>aws:PrincipalTag/Home</member><member>ec2:Region</member>"
	if keys != want {
		t.Errorf("keys %s", keys)
	}
	w.user(one, "ann")
	w.do(one, "PutUserPolicy", "UserName", "ann", "PolicyName", "own", "PolicyDocument", document)
	if keys := between(w.do(one, "GetContextKeysForPrincipalPolicy", "PolicySourceArn", "arn:aws:iam::111111111111:user/ann"), "ContextKeyNames"); keys != want {
		t.Errorf("keys of ann %s", keys)
	}
	entry := func(i int, name, kind, value string) []string {
		at := fmt.Sprintf("ContextEntries.member.%d.", i)
		return []string{at + "ContextKeyName", name, at + "ContextKeyType", kind, at + "ContextKeyValues.member.1", value}
	}
	ask := []string{"PolicyInputList.member.1", document, "ActionNames.member.1", "s3:GetObject", "ResourceArns.member.1", "arn:aws:s3:::b/red/x"}
	got := w.simulate("SimulateCustomPolicy", ask...).Results[0]
	if diff := cmp.Diff([]string{"aws:PrincipalTag/Team", "aws:SecureTransport", "aws:RequestedRegion", "aws:PrincipalTag/Home"}, got.Missing); diff != "" {
		t.Error(diff)
	}
	ask = append(ask, entry(1, "AWS:PrincipalTag/Team", "string", "red")...)
	ask = append(ask, entry(2, "aws:SecureTransport", "boolean", "true")...)
	ask = append(ask, entry(3, "aws:RequestedRegion", "string", "eu-west-1")...)
	got = w.simulate("SimulateCustomPolicy", append(ask, entry(4, "aws:PrincipalTag/Home", "string", "eu-west-1")...)...).Results[0]
	if got.Decision != "allowed" || len(got.Missing) != 0 {
		t.Errorf("with everything: %+v", got)
	}
	got = w.simulate("SimulateCustomPolicy", append(ask, entry(4, "aws:PrincipalTag/Home", "string", "us-east-1")...)...).Results[0]
	if got.Decision != "explicitDeny" || len(got.Matched) != 1 {
		t.Errorf("at home elsewhere: %+v", got)
	}
}

// TestSimulatedAcrossAccounts: a resource policy of another account must allow as well, and says so.
func TestSimulatedAcrossAccounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const own = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`
	bucket := func(effect string) string {
		return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Principal":{"AWS":"arn:aws:iam::111111111111:user/ann"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}}`
	}
	for _, tc := range []struct {
		name     string
		args     []string
		decision string
		details  int
	}{
		{"no resource policy", nil, "allowed", 0},
		{"of the same account", []string{"ResourcePolicy", bucket("Deny"), "CallerArn", "arn:aws:iam::111111111111:user/ann"}, "explicitDeny", 0},
		{"of another account, silent", []string{"ResourcePolicy", bucket("Allow"), "CallerArn", "arn:aws:iam::111111111111:user/bob", "ResourceOwner", "arn:aws:iam::222222222222:root"}, "implicitDeny", 2},
		{"of another account", []string{"ResourcePolicy", bucket("Allow"), "CallerArn", "arn:aws:iam::111111111111:user/ann", "ResourceOwner", "arn:aws:iam::222222222222:root"}, "allowed", 2},
	} {
		args := append([]string{"PolicyInputList.member.1", own, "ActionNames.member.1", "s3:GetObject", "ResourceArns.member.1", "arn:aws:s3:::b/x"}, tc.args...)
		got := w.simulate("SimulateCustomPolicy", args...).Results[0]
		if got.Decision != tc.decision || len(got.Details) != tc.details {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestSimulationRefuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := []string{"PolicyInputList.member.1", read, "ActionNames.member.1", "ssm:SendCommand"}
	with := func(more ...string) []string { return append(append([]string{}, own...), more...) }
	w.walk([]step{
		{action: "SimulateCustomPolicy", args: own},
		{action: "SimulateCustomPolicy", args: []string{"ActionNames.member.1", "ssm:SendCommand"}, code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: []string{"PolicyInputList.member.1", read}, code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("PolicyInputList.member.2", "{"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("PolicyInputList.member.2", trust), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ActionNames.member.2", "ssm:*"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ActionNames.member.2", "SendCommand"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ResourceArns.member.1", "bucket"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("CallerArn", "arn:aws:iam::111111111111:role/r"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ResourcePolicy", trust), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ResourceOwner", "somebody"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ResourceHandlingOption", "EC2-VPC-EBS"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("PermissionsBoundaryPolicyInputList.member.1", read, "PermissionsBoundaryPolicyInputList.member.2", read), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ContextEntries.member.1.ContextKeyName", "aws:x", "ContextEntries.member.1.ContextKeyType", "text"), code: "ValidationError"},
		{action: "SimulateCustomPolicy", args: with("ContextEntries.member.1.ContextKeyName", "aws:x", "ContextEntries.member.1.ContextKeyType", "numeric", "ContextEntries.member.1.ContextKeyValues.member.1", "one"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("ContextEntries.member.1.ContextKeyName", "aws:x", "ContextEntries.member.1.ContextKeyType", "string",
			"ContextEntries.member.1.ContextKeyValues.member.1", "a", "ContextEntries.member.1.ContextKeyValues.member.2", "b"), code: "InvalidInput"},
		{action: "SimulateCustomPolicy", args: with("MaxItems", "0"), code: "ValidationError"},
		{action: "SimulatePrincipalPolicy", args: []string{"PolicySourceArn", "arn:aws:iam::111111111111:role/none", "ActionNames.member.1", "ssm:SendCommand"}, code: "NoSuchEntity"},
		{action: "SimulatePrincipalPolicy", args: []string{"PolicySourceArn", "arn:aws:iam::222222222222:user/administrator", "ActionNames.member.1", "ssm:SendCommand"}, code: "AccessDenied"},
		{action: "SimulatePrincipalPolicy", args: []string{"PolicySourceArn", "ann", "ActionNames.member.1", "ssm:SendCommand"}, code: "InvalidInput"},
		{action: "GetContextKeysForPrincipalPolicy", args: []string{"PolicySourceArn", "arn:aws:iam::222222222222:user/administrator"}, code: "AccessDenied"},
		{action: "GetContextKeysForCustomPolicy", args: []string{"PolicyInputList.member.1", "{"}, code: "InvalidInput"},
	})
	first := w.simulate("SimulateCustomPolicy", with("ActionNames.member.2", "ssm:GetCommandInvocation", "MaxItems", "1")...)
	second := w.simulate("SimulateCustomPolicy", with("ActionNames.member.2", "ssm:GetCommandInvocation", "Marker", first.Marker)...)
	if !first.Truncated || second.Truncated || len(second.Results) != 1 || second.Results[0].Decision != "allowed" {
		t.Errorf("pages: %+v, %+v", first, second)
	}
	keys := w.user(one, "ann")
	if status, code := w.ask(keys, "SimulateCustomPolicy", own...); status != 403 {
		t.Errorf("without permission: %d %s", status, code)
	}
}

package organizations_test

import (
	"fmt"
	"strings"
	"testing"
)

const (
	denyUsers = `{"Version":"2012-10-17","Statement":[{"Sid":"NoUsers","Effect":"Deny","Action":"iam:ListUsers","Resource":"*"}]}`
	allowIAM  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}`
	denySend  = `{"Version":"2012-10-17","Statement":[{"Sid":"NoSend","Effect":"Deny","Principal":"*","Action":"sqs:SendMessage","Resource":"*"}]}`
	scp       = "SERVICE_CONTROL_POLICY"
	rcp       = "RESOURCE_CONTROL_POLICY"
)

// TestLifeOfAnOrganization: every operation, with what it answers and what it refuses.
func TestLifeOfAnOrganization(t *testing.T) {
	t.Parallel()
	w, root, unit := organized(t)
	policy := at(t, w.do(boss, "CreatePolicy", args{"Name": "no-users", "Description": "d", "Type": scp, "Content": denyUsers}), "Policy", "PolicySummary", "Id")
	created := w.do(boss, "CreateAccount", args{"Email": "dev@example.com", "AccountName": "dev"})
	request := at(t, created, "CreateAccountStatus", "Id")
	dev := at(t, created, "CreateAccountStatus", "AccountId")
	inner := at(t, w.do(boss, "CreateOrganizationalUnit", args{"ParentId": unit, "Name": "inner"}), "OrganizationalUnit", "Id")
	const noAccount, noUnit, noPolicy = "333333333333", "ou-aaaa-bbbbbbbb", "p-nosuchpolicy"
	for _, st := range []struct {
		account, operation string
		in                 args
		code, has          string
	}{
		{boss, "CreateOrganization", args{}, "AlreadyInOrganizationException", ""},
		{two, "CreateOrganization", args{"FeatureSet": "CONSOLIDATED_BILLING"}, "InvalidInputException", ""},
		{boss, "DescribeOrganization", args{}, "", `"MasterAccountId":"999999999999"`},
		{one, "DescribeOrganization", args{}, "", `"MasterAccountId":"999999999999"`},
		{two, "DescribeOrganization", args{}, "AWSOrganizationsNotInUseException", ""},
		{one, "ListAccounts", args{}, "AccessDeniedException", ""},
		{two, "ListAccounts", args{}, "AWSOrganizationsNotInUseException", ""},
		{boss, "DeleteOrganization", args{}, "OrganizationNotEmptyException", ""},

		{boss, "ListRoots", args{}, "", `"PolicyTypes":[{"Type":"SERVICE_CONTROL_POLICY","Status":"ENABLED"}]`},
		{boss, "EnablePolicyType", args{"RootId": root, "PolicyType": scp}, "PolicyTypeAlreadyEnabledException", ""},
		{boss, "EnablePolicyType", args{"RootId": root, "PolicyType": "TAG_POLICY"}, "InvalidInputException", ""},
		{boss, "EnablePolicyType", args{"RootId": "r-none", "PolicyType": rcp}, "RootNotFoundException", ""},
		{boss, "DisablePolicyType", args{"RootId": root, "PolicyType": rcp}, "PolicyTypeNotEnabledException", ""},

		{boss, "CreateOrganizationalUnit", args{"ParentId": root, "Name": "work"}, "DuplicateOrganizationalUnitException", ""},
		{boss, "CreateOrganizationalUnit", args{"ParentId": noUnit, "Name": "x"}, "ParentNotFoundException", ""},
		{boss, "CreateOrganizationalUnit", args{"ParentId": "x", "Name": "x"}, "InvalidInputException", ""},
		{boss, "DescribeOrganizationalUnit", args{"OrganizationalUnitId": unit}, "", `"Name":"work"`},
		{boss, "DescribeOrganizationalUnit", args{"OrganizationalUnitId": noUnit}, "OrganizationalUnitNotFoundException", ""},
		{boss, "UpdateOrganizationalUnit", args{"OrganizationalUnitId": unit, "Name": "office"}, "", `"Name":"office"`},
		{boss, "UpdateOrganizationalUnit", args{"OrganizationalUnitId": noUnit, "Name": "office"}, "OrganizationalUnitNotFoundException", ""},
		{boss, "ListOrganizationalUnitsForParent", args{"ParentId": root}, "", unit},
		{boss, "ListOrganizationalUnitsForParent", args{"ParentId": noUnit}, "ParentNotFoundException", ""},
		{boss, "ListParents", args{"ChildId": one}, "", `{"Id":"` + unit + `","Type":"ORGANIZATIONAL_UNIT"}`},
		{boss, "ListParents", args{"ChildId": unit}, "", `{"Id":"` + root + `","Type":"ROOT"}`},
		{boss, "ListParents", args{"ChildId": noAccount}, "ChildNotFoundException", ""},
		{boss, "ListChildren", args{"ParentId": unit, "ChildType": "ACCOUNT"}, "", one},
		{boss, "ListChildren", args{"ParentId": unit, "ChildType": "ORGANIZATIONAL_UNIT"}, "", inner},
		{boss, "ListChildren", args{"ParentId": unit, "ChildType": "ROOT"}, "InvalidInputException", ""},
		{boss, "ListChildren", args{"ParentId": noUnit, "ChildType": "ACCOUNT"}, "ParentNotFoundException", ""},
		{boss, "DeleteOrganizationalUnit", args{"OrganizationalUnitId": unit}, "OrganizationalUnitNotEmptyException", ""},
		{boss, "DeleteOrganizationalUnit", args{"OrganizationalUnitId": noUnit}, "OrganizationalUnitNotFoundException", ""},

		{boss, "ListAccounts", args{}, "", `"Name":"dev"`},
		{boss, "ListAccounts", args{"MaxResults": 1}, "", `"NextToken"`},
		{boss, "ListAccounts", args{"MaxResults": 21}, "InvalidInputException", ""},
		{boss, "ListAccountsForParent", args{"ParentId": unit}, "", one},
		{boss, "ListAccountsForParent", args{"ParentId": noUnit}, "ParentNotFoundException", ""},
		{boss, "DescribeAccount", args{"AccountId": dev}, "", `"JoinedMethod":"CREATED"`},
		{boss, "DescribeAccount", args{"AccountId": noAccount}, "AccountNotFoundException", ""},
		{boss, "DescribeCreateAccountStatus", args{"CreateAccountRequestId": request}, "", `"State":"SUCCEEDED"`},
		{boss, "DescribeCreateAccountStatus", args{"CreateAccountRequestId": "car-00000000"}, "CreateAccountStatusNotFoundException", ""},
		{boss, "CreateAccount", args{"Email": "dev@example.com", "AccountName": "twin"}, "", `"FailureReason":"EMAIL_ALREADY_EXISTS"`},
		{boss, "CreateAccount", args{"Email": "nobody", "AccountName": "x"}, "InvalidInputException", ""},
		{boss, "ListCreateAccountStatus", args{"States": []string{"FAILED"}}, "", `"AccountName":"twin"`},
		{boss, "MoveAccount", args{"AccountId": noAccount, "SourceParentId": root, "DestinationParentId": unit}, "AccountNotFoundException", ""},
		{boss, "MoveAccount", args{"AccountId": one, "SourceParentId": root, "DestinationParentId": unit}, "SourceParentNotFoundException", ""},
		{boss, "MoveAccount", args{"AccountId": one, "SourceParentId": unit, "DestinationParentId": noUnit}, "DestinationParentNotFoundException", ""},
		{boss, "MoveAccount", args{"AccountId": one, "SourceParentId": unit, "DestinationParentId": unit}, "DuplicateAccountException", ""},
		{boss, "RemoveAccountFromOrganization", args{"AccountId": boss}, "MasterCannotLeaveOrganizationException", ""},
		{boss, "RemoveAccountFromOrganization", args{"AccountId": dev}, "ConstraintViolationException", ""},
		{two, "LeaveOrganization", args{}, "AWSOrganizationsNotInUseException", ""},

		{boss, "CreatePolicy", args{"Name": "no-users", "Description": "", "Type": scp, "Content": denyUsers}, "DuplicatePolicyException", ""},
		{boss, "CreatePolicy", args{"Name": "x", "Description": "", "Type": scp, "Content": "{"}, "MalformedPolicyDocumentException", ""},
		{boss, "CreatePolicy", args{"Name": "x", "Description": "", "Type": scp, "Content": denySend}, "MalformedPolicyDocumentException", ""},
		{boss, "CreatePolicy", args{"Name": "x", "Description": "", "Type": rcp, "Content": denyUsers}, "MalformedPolicyDocumentException", ""},
		{boss, "CreatePolicy", args{"Name": "x", "Description": "", "Type": "BACKUP_POLICY", "Content": "{}"}, "InvalidInputException", ""},
		{boss, "CreatePolicy", args{"Name": "x", "Description": "", "Type": scp, "Content": denyUsers + strings.Repeat(" ", 10240)}, "ConstraintViolationException", ""},
		{boss, "DescribePolicy", args{"PolicyId": policy}, "", "NoUsers"},
		{boss, "DescribePolicy", args{"PolicyId": "p-FullAWSAccess"}, "", `"AwsManaged":true`},
		{boss, "DescribePolicy", args{"PolicyId": noPolicy}, "PolicyNotFoundException", ""},
		{boss, "UpdatePolicy", args{"PolicyId": policy, "Description": "new"}, "", `"Description":"new"`},
		{boss, "UpdatePolicy", args{"PolicyId": policy, "Content": "{"}, "MalformedPolicyDocumentException", ""},
		{boss, "UpdatePolicy", args{"PolicyId": "p-FullAWSAccess", "Name": "x"}, "InvalidInputException", ""},
		{boss, "UpdatePolicy", args{"PolicyId": noPolicy, "Name": "x"}, "PolicyNotFoundException", ""},
		{boss, "ListPolicies", args{"Filter": scp}, "", "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"},
		{boss, "ListPolicies", args{"Filter": "TAG_POLICY"}, "InvalidInputException", ""},
		{boss, "AttachPolicy", args{"PolicyId": policy, "TargetId": one}, "", "{}"},
		{boss, "AttachPolicy", args{"PolicyId": policy, "TargetId": one}, "DuplicatePolicyAttachmentException", ""},
		{boss, "AttachPolicy", args{"PolicyId": policy, "TargetId": noAccount}, "TargetNotFoundException", ""},
		{boss, "AttachPolicy", args{"PolicyId": noPolicy, "TargetId": one}, "PolicyNotFoundException", ""},
		{boss, "AttachPolicy", args{"PolicyId": "p-RCPFullAWSAccess", "TargetId": one}, "PolicyTypeNotEnabledException", ""},
		{boss, "ListTargetsForPolicy", args{"PolicyId": policy}, "", `"Type":"ACCOUNT"`},
		{boss, "ListTargetsForPolicy", args{"PolicyId": noPolicy}, "PolicyNotFoundException", ""},
		{boss, "ListPoliciesForTarget", args{"TargetId": one, "Filter": scp}, "", policy},
		{boss, "ListPoliciesForTarget", args{"TargetId": noUnit, "Filter": scp}, "TargetNotFoundException", ""},
		{boss, "DeletePolicy", args{"PolicyId": policy}, "PolicyInUseException", ""},
		{boss, "DetachPolicy", args{"PolicyId": policy, "TargetId": root}, "PolicyNotAttachedException", ""},
		{boss, "DetachPolicy", args{"PolicyId": policy, "TargetId": one}, "", "{}"},
		{boss, "DetachPolicy", args{"PolicyId": "p-FullAWSAccess", "TargetId": one}, "ConstraintViolationException", ""},
		{boss, "DeletePolicy", args{"PolicyId": policy}, "", "{}"},
		{boss, "DeletePolicy", args{"PolicyId": policy}, "PolicyNotFoundException", ""},
		{boss, "DeleteOrganizationalUnit", args{"OrganizationalUnitId": inner}, "", "{}"},
		{one, "LeaveOrganization", args{}, "", "{}"},
		{one, "DescribeOrganization", args{}, "AWSOrganizationsNotInUseException", ""},
	} {
		code, body := w.ask(st.account, st.operation, st.in)
		if code != st.code || !strings.Contains(body, st.has) {
			t.Errorf("%s %v by %s: %q %s; want %q, %s", st.operation, st.in, st.account, code, body, st.code, st.has)
		}
	}
}

// TestInvitations: who may do what to a handshake.
func TestInvitations(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do(boss, "CreateOrganization", args{})
	invite := func() string {
		return at(t, w.do(boss, "InviteAccountToOrganization", args{"Target": args{"Id": one, "Type": "ACCOUNT"}, "Notes": "come"}), "Handshake", "Id")
	}
	first := invite()
	for _, st := range []struct{ account, operation, code string }{
		{two, "DescribeHandshake", "HandshakeNotFoundException"},
		{two, "AcceptHandshake", "HandshakeNotFoundException"},
		{boss, "AcceptHandshake", "AccessDeniedException"},
		{one, "CancelHandshake", "AccessDeniedException"},
		{one, "DescribeHandshake", ""},
		{boss, "CancelHandshake", ""},
		{boss, "CancelHandshake", "HandshakeAlreadyInStateException"},
		{one, "AcceptHandshake", "InvalidHandshakeTransitionException"},
	} {
		if code, body := w.ask(st.account, st.operation, args{"HandshakeId": first}); code != st.code {
			t.Errorf("%s by %s: %s", st.operation, st.account, body)
		}
	}
	second := invite()
	if code, _ := w.ask(boss, "InviteAccountToOrganization", args{"Target": args{"Id": one, "Type": "ACCOUNT"}}); code != "DuplicateHandshakeException" {
		t.Errorf("invited twice: %q", code)
	}
	if got := at(t, w.do(one, "ListHandshakesForAccount", args{}), "Handshakes", "*", "Action"); got != "INVITE" {
		t.Errorf("invitations %s", got)
	}
	w.do(one, "DeclineHandshake", args{"HandshakeId": second})
	if code, _ := w.ask(one, "DescribeOrganization", args{}); code != "AWSOrganizationsNotInUseException" {
		t.Errorf("a member without having accepted: %q", code)
	}
	w.do(one, "AcceptHandshake", args{"HandshakeId": invite()})
	w.do(one, "DescribeOrganization", args{})
	if code, body := w.ask(one, "DescribeHandshake", args{"HandshakeId": "x"}); code != "InvalidInputException" {
		t.Errorf("a bad id: %s", body)
	}
}

// TestServiceControlPolicies: what is attached to the root, a unit or an account limits its accounts, at once, and the
// management account never.
func TestServiceControlPolicies(t *testing.T) {
	t.Parallel()
	w, root, unit := organized(t)
	deny := at(t, w.do(boss, "CreatePolicy", args{"Name": "no-users", "Description": "", "Type": scp, "Content": denyUsers}), "Policy", "PolicySummary", "Id")
	narrow := at(t, w.do(boss, "CreatePolicy", args{"Name": "roles", "Description": "", "Type": scp, "Content": allowIAM}), "Policy", "PolicySummary", "Id")
	can := func(when, account, action, want string) {
		t.Helper()
		code, body := w.identity(account, action)
		if want == "" && code != "" || want != "" && !strings.Contains(body, want) {
			t.Errorf("%s: %s %s: %q %s", when, account, action, code, body)
		}
	}
	const explicit = "with an explicit deny in a service control policy"
	const implicit = "because no service control policy allows the iam:ListUsers action"
	can("at first", one, "ListUsers", "")
	for _, target := range []string{root, unit, one} {
		w.do(boss, "AttachPolicy", args{"PolicyId": deny, "TargetId": target})
		can("denied on "+target, one, "ListUsers", explicit)
		can("denied on "+target, one, "ListRoles", "")
		can("denied on "+target, boss, "ListUsers", "")
		can("denied on "+target, two, "ListUsers", "")
		w.do(boss, "DetachPolicy", args{"PolicyId": deny, "TargetId": target})
		can("no longer on "+target, one, "ListUsers", "")
	}
	w.do(boss, "AttachPolicy", args{"PolicyId": narrow, "TargetId": unit})
	can("beside FullAWSAccess", one, "ListUsers", "")
	w.do(boss, "DetachPolicy", args{"PolicyId": "p-FullAWSAccess", "TargetId": unit})
	can("in place of FullAWSAccess", one, "ListUsers", implicit)
	can("in place of FullAWSAccess", one, "ListRoles", "")
	w.do(boss, "MoveAccount", args{"AccountId": one, "SourceParentId": unit, "DestinationParentId": root})
	can("moved out of the unit", one, "ListUsers", "")
	w.do(boss, "MoveAccount", args{"AccountId": one, "SourceParentId": root, "DestinationParentId": unit})
	can("moved back", one, "ListUsers", implicit)
	w.do(boss, "DisablePolicyType", args{"RootId": root, "PolicyType": scp})
	can("with the type disabled", one, "ListUsers", "")
	w.do(boss, "EnablePolicyType", args{"RootId": root, "PolicyType": scp})
	can("enabled anew, with FullAWSAccess only", one, "ListUsers", "")
	w.do(boss, "AttachPolicy", args{"PolicyId": deny, "TargetId": one})
	w.do(boss, "UpdatePolicy", args{"PolicyId": deny, "Content": strings.Replace(denyUsers, "ListUsers", "ListGroups", 1)})
	can("another document", one, "ListUsers", "")
	can("another document", one, "ListGroups", explicit)
	w.do(one, "LeaveOrganization", args{})
	can("outside", one, "ListGroups", "")
}

// TestResourceControlPolicies: they limit what anybody does with the resources of an account.
func TestResourceControlPolicies(t *testing.T) {
	t.Parallel()
	w, root, _ := organized(t)
	send := func(when, account, want string) {
		t.Helper()
		code, body := w.ask(account, "AmazonSQS.SendMessage", args{})
		if want == "" && code != "" || want != "" && !strings.Contains(body, want) {
			t.Errorf("%s by %s: %q %s", when, account, code, body)
		}
	}
	send("at first", one, "")
	w.do(boss, "EnablePolicyType", args{"RootId": root, "PolicyType": rcp})
	send("with RCPFullAWSAccess", one, "")
	deny := at(t, w.do(boss, "CreatePolicy", args{"Name": "no-send", "Description": "", "Type": rcp, "Content": denySend}), "Policy", "PolicySummary", "Id")
	w.do(boss, "AttachPolicy", args{"PolicyId": deny, "TargetId": one})
	send("denied", one, "with an explicit deny in a resource control policy")
	if code, _ := w.ask(boss, "DetachPolicy", args{"PolicyId": "p-RCPFullAWSAccess", "TargetId": one}); code != "ConstraintViolationException" {
		t.Errorf("RCPFullAWSAccess detached: %q", code)
	}
	w.do(boss, "DetachPolicy", args{"PolicyId": deny, "TargetId": one})
	send("allowed again", one, "")
}

// TestConditionKeys: aws:PrincipalOrgID, aws:PrincipalOrgPaths and aws:ResourceOrgID are what the organization says.
func TestConditionKeys(t *testing.T) {
	t.Parallel()
	w, root, unit := organized(t)
	id := at(t, w.do(boss, "DescribeOrganization", args{}), "Organization", "Id")
	for i, tc := range []struct{ condition, yes, no string }{
		{`{"StringEquals":{"aws:PrincipalOrgID":"` + id + `"}}`, one, two},
		{`{"ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"` + id + `/` + root + `/` + unit + `/*"}}`, one, boss},
		{`{"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":"` + id + `/` + root + `/"}}`, boss, one},
		{`{"StringEquals":{"aws:ResourceOrgID":"${aws:PrincipalOrgID}"}}`, one, two},
	} {
		for account, want := range map[string]string{tc.yes: "", tc.no: "AccessDenied"} {
			name := fmt.Sprint("u", i)
			admin := w.admin[account]
			w.identity(account, "CreateUser", "UserName", name)
			w.identity(account, "PutUserPolicy", "UserName", name, "PolicyName", "p", "PolicyDocument",
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:ListUsers","Resource":"*","Condition":`+tc.condition+`}}`)
			_, body := w.identity(account, "CreateAccessKey", "UserName", name)
			w.admin[account] = keysOf(body)
			if code, body := w.identity(account, "ListUsers"); code != want {
				t.Errorf("%s in %s: %q %s", tc.condition, account, code, body)
			}
			w.admin[account] = admin
		}
	}
}

// TestOperationsNeedPermission: the management account's users need the operation's permission on what it touches.
func TestOperationsNeedPermission(t *testing.T) {
	t.Parallel()
	w, _, unit := organized(t)
	deny := at(t, w.do(boss, "CreatePolicy", args{"Name": "no-users", "Description": "", "Type": scp, "Content": denyUsers}), "Policy", "PolicySummary", "Arn")
	id := deny[strings.LastIndexByte(deny, '/')+1:]
	account := at(t, w.do(boss, "DescribeAccount", args{"AccountId": one}), "Account", "Arn")
	_, _ = w.identity(boss, "CreateUser", "UserName", "clerk")
	_, body := w.identity(boss, "CreateAccessKey", "UserName", "clerk")
	allow := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"organizations:AttachPolicy","Resource":["` + deny + `","` + account + `"],"Condition":{"StringEquals":{"organizations:PolicyType":"` + scp + `"}}}}`
	_, _ = w.identity(boss, "PutUserPolicy", "UserName", "clerk", "PolicyName", "p", "PolicyDocument", allow)
	w.admin[boss] = keysOf(body)
	if code, body := w.ask(boss, "AttachPolicy", args{"PolicyId": id, "TargetId": unit}); code != "AccessDeniedException" {
		t.Errorf("to a unit beyond the policy: %s", body)
	}
	if code, body := w.ask(boss, "AttachPolicy", args{"PolicyId": id, "TargetId": one}); code != "" {
		t.Errorf("to the account in the policy: %s", body)
	}
	if code, _ := w.ask(boss, "DetachPolicy", args{"PolicyId": id, "TargetId": one}); code != "AccessDeniedException" {
		t.Errorf("detached: %q", code)
	}
}

// TestTags: what is made with tags or tagged later has them until they are taken away or it is gone.
func TestTags(t *testing.T) {
	t.Parallel()
	w, root, unit := organized(t)
	team := []args{{"Key": "Team", "Value": "a"}}
	made := at(t, w.do(boss, "CreateOrganizationalUnit", args{"ParentId": root, "Name": "tagged", "Tags": team}), "OrganizationalUnit", "Id")
	policy := at(t, w.do(boss, "CreatePolicy", args{"Name": "no-users", "Description": "", "Type": scp, "Content": denyUsers, "Tags": team}), "Policy", "PolicySummary", "Id")
	dev := at(t, w.do(boss, "CreateAccount", args{"Email": "dev@example.com", "AccountName": "dev", "Tags": team}), "CreateAccountStatus", "AccountId")
	for _, id := range []string{made, policy, dev} {
		if got := at(t, w.do(boss, "ListTagsForResource", args{"ResourceId": id}), "Tags", "*", "Key"); got != "Team" {
			t.Errorf("%s: %s", id, got)
		}
	}
	for _, st := range []struct {
		operation string
		in        args
		code, has string
	}{
		{"TagResource", args{"ResourceId": unit, "Tags": team}, "", ""},
		{"TagResource", args{"ResourceId": unit, "Tags": []args{{"Key": "Team", "Value": "b"}}}, "", ""},
		{"ListTagsForResource", args{"ResourceId": unit}, "", `{"Tags":[{"Key":"Team","Value":"b"}]}`},
		{"UntagResource", args{"ResourceId": unit, "TagKeys": []string{"Team"}}, "", ""},
		{"ListTagsForResource", args{"ResourceId": unit}, "", `{"Tags":[]}`},
		{"TagResource", args{"ResourceId": unit, "Tags": []args{{"Key": "aws:x", "Value": ""}}}, "InvalidInputException", ""},
		{"TagResource", args{"ResourceId": unit, "Tags": append(team, team...)}, "InvalidInputException", ""},
		{"TagResource", args{"ResourceId": "ou-aaaa-bbbbbbbb", "Tags": team}, "TargetNotFoundException", ""},
		{"TagResource", args{"ResourceId": "p-FullAWSAccess", "Tags": team}, "TargetNotFoundException", ""},
		{"UntagResource", args{"ResourceId": "x", "TagKeys": []string{"Team"}}, "InvalidInputException", ""},
		{"ListTagsForResource", args{"ResourceId": "p-nosuchpolicy"}, "TargetNotFoundException", ""},
		{"CreatePolicy", args{"Name": "x", "Description": "", "Type": scp, "Content": denyUsers, "Tags": []args{{"Key": "", "Value": ""}}}, "InvalidInputException", ""},
	} {
		if code, body := w.ask(boss, st.operation, st.in); code != st.code || !strings.Contains(body, st.has) {
			t.Errorf("%s %v: %q %s", st.operation, st.in, code, body)
		}
	}
	if code, _ := w.ask(one, "ListTagsForResource", args{"ResourceId": unit}); code != "AccessDeniedException" {
		t.Errorf("a member lists tags: %q", code)
	}
}

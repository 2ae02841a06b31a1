package localaws_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const (
	managementAccount = "999999999999"
	noStop            = `{"Version":"2012-10-17","Statement":[{"Sid":"NoStop","Effect":"Deny","Action":"ec2:StopInstances","Resource":"*"}]}`
)

// TestOrganizedAccounts: what seeds put on an account limits every service there, also the sessions of its roles; and the
// management account enters an account that it has made.
func TestOrganizedAccounts(t *testing.T) {
	t.Parallel()
	aws := served(t, t.TempDir())
	if err := aws.AttachSCP(t.Context(), account, "no-stop", []byte(noStop)); err == nil {
		t.Error("attached outside of an organization")
	}
	if err := aws.Organize(t.Context(), managementAccount, account); err != nil {
		t.Fatal(err)
	}
	member, boss := callerOf(t, aws, account, "eu-west-1"), callerOf(t, aws, managementAccount, "eu-west-1")
	stop := form("InstanceId.1", "i-00000000000000001", "DryRun", "true")
	if got := member.ask(t, "ec2", "StopInstances", stop); strings.Contains(got.body, "service control policy") {
		t.Errorf("before: %s", got.body)
	}
	if err := aws.AttachSCP(t.Context(), account, "no-stop", []byte(noStop)); err != nil {
		t.Fatal(err)
	}
	if got := member.ask(t, "ec2", "StopInstances", stop); got.code != "UnauthorizedOperation" || !strings.Contains(got.body, "with an explicit deny in a service control policy") {
		t.Errorf("after: %s", got.body)
	}
	made := decode[struct {
		CreateAccountStatus struct{ AccountId, State string }
	}](t,
		boss.must(t, "organizations", "CreateAccount", object("Email", "new@example.com", "AccountName", "new"))).CreateAccountStatus
	if made.State != "SUCCEEDED" {
		t.Fatalf("%+v", made)
	}
	session := boss.must(t, "sts", "AssumeRole", form("RoleArn", "arn:aws:iam::"+made.AccountId+":role/OrganizationAccountAccessRole", "RoleSessionName", "boss"))
	inside := boss
	inside.cred = sigv4.Credentials{AccessKeyID: between(t, session, "<AccessKeyId>", "<"), SecretAccessKey: between(t, session, "<SecretAccessKey>", "<"),
		SessionToken: between(t, session, "<SessionToken>", "<")}
	inside.must(t, "iam", "ListUsers", "")
	if err := aws.AttachSCP(t.Context(), made.AccountId, "no-users", []byte(strings.Replace(noStop, "ec2:StopInstances", "iam:ListUsers", 1))); err != nil {
		t.Fatal(err)
	}
	if got := inside.ask(t, "iam", "ListUsers", ""); !strings.Contains(got.body, "with an explicit deny in a service control policy") {
		t.Errorf("a session of a role of the account: %s", got.body)
	}
}

// TestResourceControlOfSTS: a resource control policy keeps even the management account from the roles of an account.
func TestResourceControlOfSTS(t *testing.T) {
	t.Parallel()
	aws := served(t, t.TempDir())
	if err := aws.Organize(t.Context(), managementAccount, account); err != nil {
		t.Fatal(err)
	}
	boss, member := callerOf(t, aws, managementAccount, "eu-west-1"), callerOf(t, aws, account, "eu-west-1")
	trust := strings.Replace(accountTrust, victimAccount, managementAccount, 1)
	member.must(t, "iam", "CreateRole", form("RoleName", "open", "AssumeRolePolicyDocument", trust))
	assume := form("RoleArn", "arn:aws:iam::"+account+":role/open", "RoleSessionName", "boss")
	boss.must(t, "sts", "AssumeRole", assume)
	root := decode[struct{ Roots []struct{ Id string } }](t, boss.must(t, "organizations", "ListRoots", "{}")).Roots[0].Id
	boss.must(t, "organizations", "EnablePolicyType", object("RootId", root, "PolicyType", "RESOURCE_CONTROL_POLICY"))
	boss.must(t, "sts", "AssumeRole", assume)
	policy := decode[struct {
		Policy struct{ PolicySummary struct{ Id string } }
	}](t, boss.must(t, "organizations", "CreatePolicy", object("Name", "perimeter", "Description", "", "Type", "RESOURCE_CONTROL_POLICY", "Content",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"`+account+`"}}}]}`)))
	boss.must(t, "organizations", "AttachPolicy", object("PolicyId", policy.Policy.PolicySummary.Id, "TargetId", account))
	if got := boss.ask(t, "sts", "AssumeRole", assume); !strings.Contains(got.body, "with an explicit deny in a resource control policy") {
		t.Errorf("through the perimeter: %s", got.body)
	}
}

// TestCLIPolicies asks for simulations, for all of an account and for reports, and attaches a policy, with the AWS CLI.
func TestCLIPolicies(t *testing.T) {
	t.Parallel()
	aws := served(t, t.TempDir())
	cli := newCLI(t, aws)
	var simulated struct {
		EvaluationResults []struct {
			EvalDecision      string
			MatchedStatements []struct {
				SourcePolicyId string
				StartPosition  struct{ Line, Column int }
			}
		}
	}
	out := cli.run(t, "iam", "simulate-custom-policy", "--policy-input-list", noStop, "--action-names", "ec2:StopInstances", "ec2:StartInstances")
	if err := json.Unmarshal([]byte(out), &simulated); err != nil {
		t.Fatal(err)
	}
	first := simulated.EvaluationResults[0]
	if len(simulated.EvaluationResults) != 2 || first.EvalDecision != "explicitDeny" || first.MatchedStatements[0].SourcePolicyId != "PolicyInputList.1" ||
		first.MatchedStatements[0].StartPosition.Column != 38 || simulated.EvaluationResults[1].EvalDecision != "implicitDeny" {
		t.Errorf("simulated: %s", out)
	}
	if got := cli.run(t, "iam", "simulate-principal-policy", "--policy-source-arn", "arn:aws:iam::"+account+":role/node", "--action-names", "ssmmessages:OpenDataChannel",
		"--query", "EvaluationResults[0].[EvalDecision,MatchedStatements[0].SourcePolicyId]", "--output", "text"); got != "allowed\trole_node_node" {
		t.Errorf("the node's role: %q", got)
	}
	if got := cli.run(t, "iam", "get-account-authorization-details", "--filter", "Role", "--query", "RoleDetailList[].[RoleName,InstanceProfileList[0].InstanceProfileName]", "--output", "text"); got != "node\tnode" {
		t.Errorf("all of the account: %q", got)
	}
	job := cli.run(t, "iam", "generate-service-last-accessed-details", "--arn", "arn:aws:iam::"+account+":user/administrator", "--query", "JobId", "--output", "text")
	if got := cli.run(t, "iam", "get-service-last-accessed-details", "--job-id", job, "--max-items", "1000", "--query", "ServicesLastAccessed[?ServiceNamespace=='iam'].TotalAuthenticatedEntities", "--output", "text"); got != "1" {
		t.Errorf("last accessed: %q", got)
	}
	cli.run(t, "iam", "update-role", "--role-name", "node", "--description", "of nodes")
	if err := aws.Organize(t.Context(), managementAccount, account); err != nil {
		t.Fatal(err)
	}
	keys, err := aws.EnsureAccount(t.Context(), managementAccount)
	if err != nil {
		t.Fatal(err)
	}
	boss := cli
	boss.env = append([]string{"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey}, cli.env[2:]...)
	c := callerOf(t, aws, managementAccount, "eu-west-1")
	root := decode[struct{ Roots []struct{ Id string } }](t, c.must(t, "organizations", "ListRoots", "{}")).Roots[0].Id
	c.must(t, "organizations", "EnablePolicyType", object("RootId", root, "PolicyType", "SERVICE_CONTROL_POLICY"))
	policy := boss.run(t, "organizations", "create-policy", "--name", "no-roles", "--description", "d", "--type", "SERVICE_CONTROL_POLICY",
		"--content", strings.Replace(noStop, "ec2:StopInstances", "iam:ListRoles", 1), "--query", "Policy.PolicySummary.Id", "--output", "text")
	boss.run(t, "organizations", "attach-policy", "--policy-id", policy, "--target-id", account)
	if out, err := cli.try(t, "iam", "list-roles"); err == nil || !strings.Contains(out, "with an explicit deny in a service control policy") {
		t.Errorf("denied by the organization: %s", out)
	}
}

package escalation_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
)

// TestR116EdgesBetweenTwo: each technique finds its edge in a world of two, and none without its calls.
func TestR116EdgesBetweenTwo(t *testing.T) {
	t.Parallel()
	const (
		group = "arn:aws:iam::" + account + ":group/admins"
		saml  = "arn:aws:iam::" + account + ":saml-provider/corp"
		deny  = " (if the policy denied something)"
	)
	trusted := `{"Effect": "Allow", "Action": "sts:AssumeRoleWithSAML", "Principal": {"Federated": "` + saml + `"},
		"Condition": {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}}`
	ann := func() escalation.Principal {
		p := userOf(t, "Ann", allow("s3:GetObject", "*"))
		p.Groups = []string{group}
		return p
	}
	roleFor := func(s string) func() escalation.Principal {
		return func() escalation.Principal { return roleOf(t, "Admin", service(s)) }
	}
	tests := map[string]struct {
		other   func() escalation.Principal
		actions string
		want    string
	}{
		"detach a user's policy": {ann, "iam:DetachUserPolicy", "iam:DetachUserPolicy → Ann" + deny},
		"delete a user's policy": {ann, "iam:DeleteUserPolicy", "iam:DeleteUserPolicy → Ann" + deny},
		"detach a group's":       {ann, "iam:DetachGroupPolicy", "iam:DetachGroupPolicy on " + group + " → Ann" + deny},
		"delete a group's":       {ann, "iam:DeleteGroupPolicy", "iam:DeleteGroupPolicy on " + group + " → Ann" + deny},
		"remove from a group":    {ann, "iam:RemoveUserFromGroup", "iam:RemoveUserFromGroup on " + group + " → Ann (if a policy of the group denied something)"},
		"a batch of builds":      {roleFor("codebuild.amazonaws.com"), "codebuild:StartBuildBatch", "codebuild:StartBuildBatch → Admin (if a project has the role)"},
		"a function's layers":    {roleFor("lambda.amazonaws.com"), "lambda:UpdateFunctionConfiguration", "lambda:UpdateFunctionConfiguration → Admin (if a function has the role)"},
		"an endpoint's keys":     {roleFor("glue.amazonaws.com"), "glue:UpdateDevEndpoint", "glue:UpdateDevEndpoint → Admin (if an endpoint has the role)"},
		"a runbook's own role": {roleFor("ssm.amazonaws.com"), "ssm:StartAutomationExecution",
			"ssm:StartAutomationExecution → Admin (if a runbook has the role and does what the caller asks for)"},
		"a launch template": {roleFor("ec2.amazonaws.com"), "ec2:CreateLaunchTemplateVersion",
			"ec2:CreateLaunchTemplateVersion → Admin (if instances with the role are launched from a template's latest version)"},
		"a SAML provider": {func() escalation.Principal {
			p := roleOf(t, "Admin", "")
			p.Trust = policy(t, trusted)
			return p
		}, "iam:UpdateSAMLProvider", "iam:UpdateSAMLProvider on " + saml + " → Admin"},
		"an OIDC provider": {func() escalation.Principal { return roleOf(t, "Admin", "") }, "iam:UpdateAssumeRolePolicy iam:CreateOpenIDConnectProvider",
			"iam:UpdateAssumeRolePolicy + iam:CreateOpenIDConnectProvider → Admin"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			statements := []string{allow(test.actions, "*")}
			if name == "an OIDC provider" {
				statements = append(statements, `{"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}`)
			}
			expect(t, &escalation.World{Principals: []escalation.Principal{roleOf(t, "Deploy", "", statements...), test.other()}}, []string{test.want})
			expect(t, &escalation.World{Principals: []escalation.Principal{roleOf(t, "Deploy", "", allow("s3:*", "*")), test.other()}}, nil)
		})
	}
}

// TestR116AUserIsPutIntoAGroup: by another, who then acts as that user.
func TestR116AUserIsPutIntoAGroup(t *testing.T) {
	t.Parallel()
	const group = "arn:aws:iam::" + account + ":group/admins"
	ann, bob := userOf(t, "Ann"), userOf(t, "Bob")
	ann.Groups = []string{group}
	deploy := roleOf(t, "Deploy", "", allow("iam:AddUserToGroup", group))
	expect(t, &escalation.World{Principals: []escalation.Principal{deploy, ann, bob}},
		[]string{"iam:AddUserToGroup on " + group + " → Bob, up to what the group's policies allow"})
}

func TestR116DocumentsAndAssociationsOfNodes(t *testing.T) {
	t.Parallel()
	const own = "arn:aws:ssm:us-east-1:" + account + ":document/own"
	doc := func(name string) string { return "arn:aws:ssm:*:*:document/" + name }
	tests := map[string]struct {
		statements []string
		want       []string
	}{
		"a document's default version": {[]string{allow("ssm:UpdateDocument ssm:UpdateDocumentDefaultVersion", doc("x"))},
			[]string{"ssm:UpdateDocument + ssm:UpdateDocumentDefaultVersion on node i-0123456789abcdef0 → Node (if it runs the document)"}},
		"versions of different documents": {[]string{allow("ssm:UpdateDocument", doc("x")), allow("ssm:UpdateDocumentDefaultVersion", doc("y"))},
			[]string{"ssm:UpdateDocument on node i-0123456789abcdef0 → Node (if it runs the document's latest version)"}},
		"the default version alone": {[]string{allow("ssm:UpdateDocumentDefaultVersion", doc("x"))}, nil},
		"its own document":          {[]string{allow("ssm:UpdateDocument", own)}, nil},
		"an association": {[]string{allow("ssm:UpdateAssociation ssm:DescribeAssociation", "*")},
			[]string{"ssm:UpdateAssociation + ssm:DescribeAssociation on node i-0123456789abcdef0 → Node (if there is such an association)"}},
		"an association that it cannot read":       {[]string{allow("ssm:UpdateAssociation", "*")}, nil},
		"a session on a tag that the node has not": {[]string{allow("ssm:StartSession", "*", `"StringEquals": {"ssm:resourceTag/App": "shop"}`)}, nil},
		"a session by tag": {[]string{allow("ssm:StartSession", "*", `"StringEquals": {"aws:ResourceTag/App": "web"}`)},
			[]string{"ssm:StartSession on node i-0123456789abcdef0 → Node"}},
		"a command with no document": {[]string{allow("ssm:SendCommand", "*:instance/*")}, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deploy := roleOf(t, "Deploy", "", test.statements...)
			deploy.Documents = []string{own}
			expect(t, &escalation.World{
				Principals: []escalation.Principal{deploy, roleOf(t, "Node", service("ec2.amazonaws.com"))},
				Nodes:      []escalation.Node{{ARN: node, Role: roleARN("Node"), Tags: map[string]string{"App": "web"}}},
			}, test.want)
		})
	}
}

// TestR116NoPathTwice: whatever a policy allows, each line is told once.
func TestR116NoPathTwice(t *testing.T) {
	t.Parallel()
	for name, statements := range map[string][]string{
		"sessions": {allow("ssm:StartSession", "*"), allow("ssm:SendCommand", "arn:aws:ec2:eu-west-1:"+account+":instance/*")},
		"all":      {allow("*", "*"), allow("ssm:SendCommand", "arn:aws:ec2:eu-west-1:"+account+":instance/*")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := escalation.Find(&escalation.World{
				Principals: []escalation.Principal{roleOf(t, "Deploy", "", statements...), roleOf(t, "Admin", trustsAccount), userOf(t, "Ann")}, Outside: true,
			})
			if err != nil {
				t.Fatal(err)
			}
			type pair struct {
				from, to string
				changes  bool
			}
			lines, pairs := map[string]bool{}, map[pair]bool{}
			for _, p := range g.Paths() {
				key := pair{p.From, p.To, p.Changes()}
				if lines[p.Text] || pairs[key] {
					t.Errorf("again: %s", p.Text)
				}
				lines[p.Text], pairs[key] = true, true
			}
			if len(lines) < 2 {
				t.Errorf("only %v", lines)
			}
		})
	}
}

// TestR116DifferentTargetsAreAllTold: those of the same words, too.
func TestR116DifferentTargetsAreAllTold(t *testing.T) {
	t.Parallel()
	const prefix = "arn:aws:iam::" + account + ":policy/"
	deploy := roleOf(t, "Deploy", "", allow("iam:CreatePolicyVersion", prefix+"a"), allow("iam:CreatePolicyVersion", prefix+"b"))
	expect(t, &escalation.World{Principals: []escalation.Principal{deploy}, Outside: true}, []string{
		"iam:CreatePolicyVersion on " + prefix + "a → whoever has it", "iam:CreatePolicyVersion on " + prefix + "b → whoever has it",
	})
}

// TestR116EverythingTellsTheCallsOfBoth: the edge holds what both the change and the use take.
func TestR116EverythingTellsTheCallsOfBoth(t *testing.T) {
	t.Parallel()
	g, err := escalation.Find(&escalation.World{Principals: []escalation.Principal{
		{ARN: roleARN("Deploy"), Policies: &iam.PolicySet{Identity: []*iam.Policy{policy(t, allow("iam:PutUserPolicy iam:CreateAccessKey", "*"))}}}, userOf(t, "Ann"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range g.Edges {
		if e.Technique == "put-user-policy+create-access-key" {
			for _, c := range e.Calls {
				got = append(got, c.Action+" on "+c.Resource)
			}
		}
	}
	ann := "arn:aws:iam::" + account + ":user/Ann"
	if diff := cmp.Diff([]string{"iam:PutUserPolicy on " + ann, "iam:CreateAccessKey on " + ann}, got); diff != "" {
		t.Error(diff)
	}
}

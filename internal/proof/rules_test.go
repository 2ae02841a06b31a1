package proof

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/release"
)

const (
	getInvocation = "live/-/Deploy/ssm:GetCommandInvocation"
	sendToTrap    = "live/compose/Deploy/ssm:SendCommand"
	sendToWeb     = "dev/release/Deploy/ssm:SendCommand"
)

// deployWith are D0's complete roles, with statements added to the deploy role's policy.
func deployWith(t *testing.T, statements string) []Role {
	t.Helper()
	roles := trapRoles(t, "policy-full.json")
	extra := document(t, "policy-extra.json", `{"Version": "2012-10-17", "Statement": [`+statements+`]}`)
	roles[0].Policies = append(roles[0].Policies, extra)
	return roles
}

// replaceIn changes every text of a role's policies: its resources.
func replaceIn(role Role, action, from, to string) {
	for _, d := range role.Policies {
		for i := range d.Statements {
			st := &d.Statements[i]
			for j, r := range st.Resources {
				if slices.Contains(st.Actions, action) {
					st.Resources[j] = strings.Replace(r, from, to, 1)
				}
			}
		}
	}
}

func TestR001SendCommandOnAnythingElseIsNoSendCommand(t *testing.T) {
	t.Parallel()
	tests := map[string][2]string{
		"another document":                        {"AWS-RunShellScript", "AWS-RunPowerShellScript"},
		"another instance":                        {"i-1234567890abcdef0", "i-0fedcba0987654321"},
		"another region":                          {"us-east-1", "us-east-2"},
		"another account":                         {trapAccount, "210987654321"},
		"R7: an account in an AWS document's ARN": {"us-east-1::document", "us-east-1:123456789012:document"},
		"R8: the instance as one of ssm":          {"arn:aws:ec2", "arn:aws:ssm"},
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := trapRoles(t, "policy-full.json")
			replaceIn(roles[0], "ssm:SendCommand", change[0], change[1])
			r := prove(t, trapPlan(t), roles)
			c := resultOf(t, r, sendToTrap)
			if c.Verdict != Refuted || len(c.Nearest) == 0 || !strings.Contains(c.Nearest[0], "QueueDeployCommand in policy-full.json:4:5") {
				t.Errorf("got %+v", c)
			}
			if len(r.Roles) != 1 || len(r.Roles[0].Add) != 1 || !strings.Contains(r.Roles[0].Add[0].JSON, `"QueueDeployCommand2"`) {
				t.Errorf("the statement to add must not repeat a Sid of the policy: %+v", r.Roles)
			}
		})
	}
}

func TestR002GetCommandInvocationIsGrantedOnStarOnly(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		resource string
		want     Verdict
		warned   bool
	}{
		"star":                     {"*", Proved, false},
		"all stars":                {"arn:*:*:*:*:*", Proved, true},
		"what denials name":        {"arn:aws:ssm:us-east-1:123456789012:*", Proved, true},
		"another account's":        {"arn:aws:ssm:us-east-1:210987654321:*", Refuted, false},
		"an instance":              {"arn:aws:ec2:us-east-1:123456789012:instance/i-1234567890abcdef0", Refuted, false},
		"all instances":            {"arn:aws:ec2:us-east-1:123456789012:instance/*", Refuted, false},
		"a document":               {"arn:aws:ssm:us-east-1::document/AWS-RunShellScript", Refuted, false},
		"all documents":            {"arn:aws:ssm:us-east-1:123456789012:document/*", Refuted, false},
		"all documents everywhere": {"arn:aws:ssm:*:*:document/*", Refuted, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := trapRoles(t, "policy-full.json")
			st := &roles[0].Policies[0].Statements[1]
			st.Actions = slices.DeleteFunc(st.Actions, func(a string) bool { return a == "ssm:GetCommandInvocation" })
			extra := `{"Version": "2012-10-17", "Statement": {"Sid": "PollDeployStatus", "Effect": "Allow",
				"Action": "ssm:GetCommandInvocation", "Resource": "` + test.resource + `"}}`
			roles[0].Policies = append(roles[0].Policies, document(t, "policy-poll.json", extra))
			r := prove(t, trapPlan(t), roles)
			c := resultOf(t, r, getInvocation)
			if c.Verdict != test.want || (len(c.Warnings) > 0) != test.warned {
				t.Errorf("got %+v", c)
			}
			if test.want == Refuted && !strings.Contains(c.Why, "IAM only supports * here") {
				t.Errorf("the reason is not told: %s", c.Why)
			}
			if test.warned != strings.Contains(r.Text(), "warning: ") {
				t.Errorf("the warning is not in the text, or wrongly:\n%s", r.Text())
			}
		})
	}
}

func TestR005WhatTheRoleLacksIsToldWithTheStatement(t *testing.T) {
	t.Parallel()
	r := prove(t, trapPlan(t), trapRoles(t, "policy-incomplete.json"))
	if len(r.Roles) != 1 {
		t.Fatalf("got %+v", r.Roles)
	}
	want := []string{"ec2:DescribeInstances", "ssm:DescribeInstanceInformation", "ssm:GetCommandInvocation",
		"ssm:ListCommandInvocations", "ssm:ListCommands", "ssm:CancelCommand"}
	if diff := cmp.Diff(want, r.Roles[0].Lacks); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(append(slices.Clone(want[:5]), "ssm:SendCommand", "ssm:CancelCommand"), r.Roles[0].Needs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	poll := r.Roles[0].Add[0]
	var st struct{ Sid, Effect, Action, Resource string }
	if err := json.Unmarshal([]byte(poll.JSON), &st); err != nil {
		t.Fatal(err)
	}
	if st.Sid != "PollDeployStatus" || st.Effect != "Allow" || st.Action != "ssm:GetCommandInvocation" || st.Resource != "*" {
		t.Errorf("got %s", poll.JSON)
	}
	if !strings.Contains(poll.Star, "no resource type") || poll.Why == "" {
		t.Errorf("got %+v", poll)
	}
	for _, principal := range []string{
		"arn:aws:iam::123456789012:role/slipway/synap-live-Deploy", "arn:aws:sts::123456789012:assumed-role/synap-live-Deploy/run-7",
	} {
		if got := r.Statements(principal, "ssm:GetCommandInvocation"); !strings.HasPrefix(got, poll.JSON+",\n") || strings.Count(got, `"Sid"`) != len(r.Roles[0].Add) {
			t.Errorf("Statements(%s) = %s", principal, got)
		}
	}
	if got := r.Statements("arn:aws:sts::123456789012:assumed-role/other/x", "ssm:GetCommandInvocation"); got != "" {
		t.Errorf("a role outside the plan: got %s", got)
	}
}

func TestR006GrantingOneNeverGrantsTheOther(t *testing.T) {
	t.Parallel()
	p := trapPlan(t)
	for _, test := range []struct{ granted, lacking, id string }{
		{"ssm:SendCommand", "ssm:GetCommandInvocation", getInvocation},
		{"ssm:GetCommandInvocation", "ssm:SendCommand", sendToTrap},
	} {
		roles := trapRoles(t, "policy-full.json")
		roles[0].Policies = []*iam.Document{document(t, "policy-one.json",
			`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "`+test.granted+`", "Resource": "*"}}`)}
		c := resultOf(t, prove(t, p, roles), test.id)
		if c.Verdict != Refuted || len(c.Nearest) == 0 || !strings.HasSuffix(c.Nearest[0], "allows "+test.granted+", but not "+
			test.lacking+": granting one never grants the other") {
			t.Errorf("%s granted: got %+v", test.granted, c)
		}
	}
}

func TestR016NeitherHalfOfASplitStageCanDoTheOther(t *testing.T) {
	t.Parallel()
	p := webPlan(t, split)
	roles := granted(t, p)
	for i := range roles {
		if !strings.HasSuffix(roles[i].Name, "Trigger") {
			continue
		}
		for j := range roles {
			if strings.HasSuffix(roles[j].Name, "Verify") {
				roles[i].Policies, roles[j].Policies = roles[j].Policies, roles[i].Policies
			}
		}
	}
	r := prove(t, p, roles)
	for _, c := range r.Calls {
		half := strings.HasSuffix(c.Role, "Trigger") || strings.HasSuffix(c.Role, "Verify")
		own := !strings.HasPrefix(c.Action, "sts:")
		if want := half && own; want != (c.Verdict == Refuted) {
			t.Errorf("%s: %s", c.ID, c.Verdict)
		}
	}
}

func TestR021TheNodeRoleMustTrustEC2(t *testing.T) {
	t.Parallel()
	managed := func(r *release.Release) { r.Stages[0].Targets.Instances = []string{"mi-1234567890abcdef0"} }
	tests := map[string]struct {
		trust   string
		managed bool
		want    Verdict
	}{
		"ec2":              {`"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"`, false, Proved},
		"ssm for managed":  {`"Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"`, true, Proved},
		"ec2 for managed":  {`"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"`, true, Refuted},
		"another service":  {`"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"`, false, Refuted},
		"an account":       {`"Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"`, false, Refuted},
		"another action":   {`"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:TagSession"`, false, Refuted},
		"a source account": {`"Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"aws:SourceAccount": "123456789012"}}`, false, Undecided},
		"no trust policy":  {"", false, Refuted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, id := trapPlan(t), "live/-/EC2/sts:AssumeRole"
			if test.managed {
				p, id = trapPlan(t, managed), "live/-/SSM/sts:AssumeRole"
			}
			roles := trapRoles(t, "policy-full.json")
			roles[1].Trust = nil
			if test.trust != "" {
				roles[1].Trust = document(t, "trust.json", `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", `+test.trust+`}}`)
			}
			r := prove(t, p, roles)
			c := resultOf(t, r, id)
			if c.Verdict != test.want {
				t.Errorf("got %+v", c)
			}
			if test.want != Refuted {
				return
			}
			i := slices.IndexFunc(r.Roles, func(l Lack) bool { return strings.HasSuffix(l.Role, "Node") })
			if i < 0 || len(r.Roles[i].Trust) != 1 || !strings.Contains(r.Roles[i].Trust[0].JSON, `"sts:AssumeRole"`) {
				t.Errorf("no statement to add to the trust policy: %+v", r.Roles)
			}
		})
	}
}

func TestR019OnlyThisRepositorysTokensEnter(t *testing.T) {
	t.Parallel()
	const issuer = "token.actions.githubusercontent.com:"
	tests := map[string]struct {
		condition string
		want      Verdict
	}{
		"the subject":          {`"StringEquals": {"` + issuer + `sub": "repo:acme/synap:environment:live"}`, Proved},
		"a pattern":            {`"StringLike": {"` + issuer + `sub": "repo:acme/synap:*"}`, Proved},
		"claims":               {`"StringEquals": {"` + issuer + `repository": "acme/synap", "` + issuer + `environment": "live"}`, Proved},
		"another repository":   {`"StringEquals": {"` + issuer + `sub": "repo:acme/other:environment:live"}`, Refuted},
		"another environment":  {`"StringEquals": {"` + issuer + `sub": "repo:acme/synap:environment:dev"}`, Refuted},
		"R106: immutable form": {`"StringEquals": {"` + issuer + `sub": "repo:acme@1/synap@2:environment:live"}`, Refuted},
		"a branch":             {`"StringEquals": {"` + issuer + `sub": "repo:acme/synap:ref:refs/heads/main"}`, Refuted},
		"another audience":     {`"StringEquals": {"` + issuer + `aud": "https://github.com/acme"}`, Refuted},
		"who pushed":           {`"StringEquals": {"` + issuer + `actor": "octocat"}`, Undecided},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			roles := trapRoles(t, "policy-full.json")
			roles[0].Trust = document(t, "trust.json", `{"Version": "2012-10-17", "Statement": {"Sid": "GitHubActions", "Effect": "Allow",
				"Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"},
				"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {`+test.condition+`}}}`)
			r := prove(t, trapPlan(t), roles)
			c := resultOf(t, r, "live/-/GitHub/sts:AssumeRoleWithWebIdentity")
			if c.Verdict != test.want {
				t.Errorf("got %+v", c)
			}
			if test.want == Refuted && !strings.Contains(c.Why, "tokens of repo:acme/synap:environment:live") {
				t.Errorf("the token is not told: %s", c.Why)
			}
		})
	}
}

func TestAMissingRoleIsRefutedAsMissing(t *testing.T) {
	t.Parallel()
	roles := trapRoles(t, "policy-full.json")
	r := prove(t, trapPlan(t), roles[:1])
	for _, c := range r.Calls {
		node := strings.HasSuffix(c.Role, "Node")
		if node != (c.Verdict == Refuted) || node && c.Why != "role synap-live-Node is missing in account "+trapAccount {
			t.Errorf("%s: %s %s", c.ID, c.Verdict, c.Why)
		}
	}
	if len(r.Roles) != 1 || !r.Roles[0].Missing || !strings.Contains(r.Text(), "The role synap-live-Node is missing.") ||
		!strings.Contains(r.Text(), "slipway roles render --format json --out DIR,") {
		t.Errorf("got:\n%s", r.Text())
	}
	elsewhere := trapRoles(t, "policy-full.json")
	elsewhere[0].Account = "210987654321"
	if c := resultOf(t, prove(t, trapPlan(t), elsewhere), getInvocation); c.Verdict != Refuted {
		t.Errorf("a role of the same name in another account counts: %+v", c)
	}
}

func TestADenialIsPointedAtAndNoStatementIsOffered(t *testing.T) {
	t.Parallel()
	roles := deployWith(t, `{"Sid": "NoReading", "Effect": "Deny", "Action": "ssm:Get*", "Resource": "*"}`)
	r := prove(t, trapPlan(t), roles)
	c := resultOf(t, r, getInvocation)
	if c.Verdict != Refuted || !c.Blocked || !strings.HasPrefix(c.Why, "statement NoReading in policy-extra.json:1:41 denies it") {
		t.Errorf("got %+v", c)
	}
	if len(r.Roles) != 1 || len(r.Roles[0].Add) != 0 {
		t.Errorf("a statement is offered that cannot help: %+v", r.Roles)
	}
}

func TestABoundaryIsPointedAt(t *testing.T) {
	t.Parallel()
	roles := trapRoles(t, "policy-full.json")
	roles[0].Boundary = document(t, "boundary.json",
		`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["ssm:Send*", "ssm:List*", "ssm:Cancel*", "*:Describe*"], "Resource": "*"}}`)
	r := prove(t, trapPlan(t), roles)
	c := resultOf(t, r, getInvocation)
	if c.Verdict != Refuted || !c.Blocked || !strings.Contains(c.Why, "permissions boundary does not allow it") || len(r.Roles[0].Add) != 0 {
		t.Errorf("got %+v, %+v", c, r.Roles)
	}
	if c := resultOf(t, r, sendToTrap); c.Verdict != Proved {
		t.Errorf("inside the boundary: got %+v", c)
	}
	roles[0].Policies = nil
	c = resultOf(t, prove(t, trapPlan(t), roles), getInvocation)
	if !strings.Contains(c.Why, "no policy of the role allows it; the role's permissions boundary") {
		t.Errorf("both missing: got %s", c.Why)
	}
}

func TestTheResultAsJSON(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(prove(t, trapPlan(t), trapRoles(t, "policy-incomplete.json")))
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Verdict string
		Calls   []struct{ ID, Verdict, Principal, Action, Why string }
		Roles   []struct {
			Role string
			Add  []struct{ JSON, Star string }
		}
	}
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	refuted := 0
	for _, c := range got.Calls {
		if c.Verdict == "refuted" && c.ID != "" && c.Principal != "" && c.Action != "" && c.Why != "" {
			refuted++
		}
	}
	if got.Verdict != "refuted" || refuted != 11 || len(got.Roles) != 1 || len(got.Roles[0].Add) != 5 {
		t.Errorf("got %s", out)
	}
	for _, key := range []string{`"verdict":`, `"principal":`, `"nearest":`, `"star":`} {
		if !strings.Contains(string(out), key) {
			t.Errorf("no %s in %s", key, out)
		}
	}
}

func TestProveRefusesPoliciesThatCannotExist(t *testing.T) {
	t.Parallel()
	roles := trapRoles(t, "policy-full.json")
	roles[0].Policies[0].Statements[0].Conditions = []iam.Condition{{Operator: "StringIs", Key: "aws:x", Values: []string{"y"}}}
	if _, err := Prove(trapPlan(t), roles); err == nil || !strings.Contains(err.Error(), "StringIs") {
		t.Errorf("got %v", err)
	}
	twice := trapRoles(t, "policy-full.json")
	if _, err := Prove(trapPlan(t), append(twice, twice[0])); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("got %v", err)
	}
}

func BenchmarkProve(b *testing.B) {
	t := &testing.T{}
	p, roles := trapPlan(t), trapRoles(t, "policy-incomplete.json")
	for b.Loop() {
		if _, err := Prove(p, roles); err != nil {
			b.Fatal(err)
		}
	}
}

package policies

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

// codesOf lints one trust policy, and gives the codes of what was found.
func codesOf(t *testing.T, statement string) []string {
	t.Helper()
	var codes []string
	for _, f := range File("trust.json", []byte(`{"Version": "2012-10-17", "Statement": [`+statement+`]}`)) {
		codes = append(codes, string(f.Code))
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

func github(conditions string) string {
	return `{"Effect": "Allow", "Principal": {"Federated": "arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com"},
		"Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"token.actions.githubusercontent.com:aud": "sts.amazonaws.com"}` + conditions + `}}`
}

func service(name, conditions string) string {
	if conditions != "" {
		conditions = `, "Condition": {` + conditions + `}`
	}
	return `{"Effect": "Allow", "Principal": {"Service": "` + name + `"}, "Action": "sts:AssumeRole"` + conditions + `}`
}

const (
	ownAccount = `"StringEquals": {"aws:SourceAccount": "111111111111"}`
	executions = ownAccount + `, "ArnLike": {"aws:SourceArn": "arn:aws:ssm:*:111111111111:automation-execution/*"}`
)

// TestTrustCarriesTheRightFindings: for each rule what has it, next to what has nothing at all.
func TestTrustCarriesTheRightFindings(t *testing.T) {
	t.Parallel()
	like := func(sub string) string {
		return github(`, "StringLike": {"token.actions.githubusercontent.com:sub": "` + sub + `"}`)
	}
	for name, tt := range map[string]struct {
		statement string
		want      string
	}{
		"R19 any repository":              {github(""), "SLW019"},
		"R19 every repository of org":     {like("repo:acme/*"), "SLW240"},
		"R19 star":                        {like("*"), "SLW019"},
		"R19 repo star":                   {like("repo:*"), "SLW019"},
		"R19 a name that others can have": {like("repo:acm*/shop:environment:prod"), "SLW019"},
		"R19 every ref":                   {like("repo:acme/shop:*"), "SLW242"},
		"R19 one environment":             {like("repo:acme/shop:environment:prod"), ""},
		"R19 tags":                        {like("repo:acme/shop:ref:refs/tags/v*"), ""},
		"R19 ids":                         {like("repo:acme@123/shop@456:environment:prod"), ""},
		"R19 any id":                      {like("repo:acme@*/shop@*:environment:prod"), ""},
		"R106 one id":                     {like("repo:acme@123/shop:environment:prod"), "SLW244"},
		"R44 R45 R46 an automation":       {service("ssm.amazonaws.com", executions), ""},
		"R44 the account too":             {service("ssm.amazonaws.com", executions) + `,{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ops"}, "Action": "sts:AssumeRole"}`, "SLW044"},
		"R45 any account":                 {service("ssm.amazonaws.com", ""), "SLW045"},
		"R46 a document":                  {service("ssm.amazonaws.com", ownAccount+`, "ArnEquals": {"aws:SourceArn": "arn:aws:ssm:eu-west-1:111111111111:document/Restart"}`), "SLW046"},
		"R44 R64 both services":           {service("ssm.amazonaws.com", executions) + "," + service("cloudformation.amazonaws.com", ownAccount) + `,{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:role/ops"}, "Action": "sts:AssumeRole"}`, "SLW057 SLW064"},
		"R44 the whole account":           {service("ssm.amazonaws.com", executions) + `,{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole"}`, "SLW044"},
		"R44 everybody":                   {service("ssm.amazonaws.com", executions) + `,{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}`, "SLW083"},
		"R21 R22 an instance":             {service("ec2.amazonaws.com", ""), ""},
		"R42 both":                        {service("ec2.amazonaws.com", "") + "," + service("ssm.amazonaws.com", executions), "SLW250"},
		"R42 hybrid":                      {service("ec2.amazonaws.com", "") + "," + service("ssm.amazonaws.com", ownAccount+`, "ArnLike": {"aws:SourceArn": "arn:aws:ssm:*:111111111111:*"}`), ""},
		"R57 two services":                {service("ec2.amazonaws.com", "") + "," + service("lambda.amazonaws.com", ""), "SLW057"},
		"R64 an execution role":           {service("cloudformation.amazonaws.com", ownAccount), ""},
		"R64 CI too":                      {service("cloudformation.amazonaws.com", ownAccount) + `,{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/ci"}, "Action": "sts:AssumeRole"}`, "SLW064"},
		"R64 for any account":             {service("cloudformation.amazonaws.com", ""), "SLW249"},
		"R83 everybody":                   {`{"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}`, "SLW083"},
		"R83 an account":                  {`{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:root"}, "Action": "sts:AssumeRole"}`, "SLW248"},
		"R83 the pipeline":                {`{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/shop-CodeBuildRole"}, "Action": "sts:AssumeRole"}`, ""},
		"R88 no tags":                     {`{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:user/shop-GitHubActionsUser"}, "Action": "sts:AssumeRole"}`, "SLW088"},
		"R88 tags":                        {`{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:user/shop-GitHubActionsUser"}, "Action": ["sts:AssumeRole", "sts:TagSession"]}`, ""},
	} {
		if got := strings.Join(codesOf(t, tt.statement), " "); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// TestR019PullRequestsThatDeploy: whether a role that pull requests may assume can deploy is told by its policies.
func TestR019PullRequestsThatDeploy(t *testing.T) {
	t.Parallel()
	trust := `{"Version": "2012-10-17", "Statement": [` + github(`, "StringLike": {"token.actions.githubusercontent.com:sub": "repo:acme/shop:pull_request"}`) + `]}`
	for action, want := range map[string]bool{"ssm:SendCommand": true, "ssm:*": true, "ssm:GetCommandInvocation": false} {
		h := &holder{role: "shop"}
		for name, text := range map[string]string{
			"trust.json": trust, "policy.json": `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "` + action + `", "Resource": "*"}}`,
		} {
			d, _ := read(name, []byte(text))
			h.policies = append(h.policies, &policy{document: d, file: name, kind: kindOf(name, d), holder: h})
		}
		l := &linter{}
		l.open(h)
		l.holder(h)
		got := slices.ContainsFunc(l.found, func(f finding.Finding) bool { return f.Code == "SLW243" })
		if got != want {
			t.Errorf("%s: found %t", action, got)
		}
	}
}

// TestR019RepositoriesOfAnOwner: into a role that deploys none but its own repository is let in; one that reads may be for all.
func TestR019RepositoriesOfAnOwner(t *testing.T) {
	t.Parallel()
	for _, claim := range []string{`"token.actions.githubusercontent.com:sub": "repo:acme/*"`, `"token.actions.githubusercontent.com:repository_owner": "acme"`} {
		trust := policyOf(github(`, "StringLike": {` + claim + `}`))
		for action, want := range map[string]finding.Severity{"ssm:SendCommand": finding.Error, "ecr:BatchGetImage": finding.Warning} {
			found := folder(map[string]string{"ship/trust": trust, "ship/policy-x": policyOf(allow(action, "*"))})
			if f := find(t, "SLW240", found); f.Severity != want {
				t.Errorf("%s, %s: %s", claim, action, f.Severity)
			}
		}
		if f := find(t, "SLW240", File("trust.json", []byte(trust))); f.Severity != finding.Warning {
			t.Errorf("a policy alone: %s", f.Severity)
		}
	}
}

// TestR083TheOwnAccount: whom an account's own administrators let in is worth a look; another account is too much.
func TestR083TheOwnAccount(t *testing.T) {
	t.Parallel()
	for root, want := range map[string]finding.Severity{"arn:aws:iam::" + account + ":root": finding.Info, "arn:aws:iam::444455556666:root": finding.Warning} {
		if f := find(t, "SLW248", folder(map[string]string{"ops/trust": trustIn("", root)})); f.Severity != want {
			t.Errorf("%s: %s", root, f.Severity)
		}
	}
}

// FuzzTrust: no policy makes the linter fail.
func FuzzTrust(f *testing.F) {
	f.Add(github(`, "ForAllValues:StringLike": {"token.actions.githubusercontent.com:sub": ["repo:*", "repo:a/b:*", ":"]}`))
	f.Add(service("ssm.amazonaws.com", executions))
	f.Add(`{"Effect": "Allow", "Principal": {"Federated": {"Ref": "P"}}, "Action": "*", "Condition": {"Ref": "C"}}`)
	f.Fuzz(func(t *testing.T, statement string) {
		for _, found := range File("trust.json", []byte(`{"Version": "2012-10-17", "Statement": [`+statement+`]}`)) {
			if found.Line < 1 || found.Column < 1 || found.Message == "" {
				t.Errorf("%+v", found)
			}
		}
	})
}

// TestR106ASubjectHasBothIDsOrNone: of a repository with immutable subjects both parts have an id.
func TestR106ASubjectHasBothIDsOrNone(t *testing.T) {
	t.Parallel()
	for sub, want := range map[string]string{
		"repo:acme/shop:environment:prod": "", "repo:acme@1/shop@2:environment:prod": "",
		"repo:acme@1/shop:environment:prod": "SLW244", "repo:acme/shop@2:ref:refs/heads/main": "SLW244",
	} {
		got := codesOf(t, github(`, "StringLike": {"token.actions.githubusercontent.com:sub": "`+sub+`"}`))
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %q", sub, got, want)
		}
	}
}

// TestR106TheFormOfTheRelease: where the release says which form its tokens have, a trust policy of the other form is found.
func TestR106TheFormOfTheRelease(t *testing.T) {
	t.Parallel()
	const names, ids = "repo:acme/shop:environment:prod", "repo:acme@1/shop@2:environment:prod"
	for _, tt := range []struct {
		trusted, release string
		want             int
	}{{names, names, 0}, {ids, ids, 0}, {names, ids, 1}, {ids, names, 1}, {"repo:acme/other:environment:prod", ids, 0}} {
		trust := `{"Version": "2012-10-17", "Statement": [` + github(`, "StringLike": {"token.actions.githubusercontent.com:sub": "`+tt.trusted+`"}`) + `]}`
		if got := Subjects("trust.json", []byte(trust), []string{tt.release}); len(got) != tt.want {
			t.Errorf("%s with a release of %s: %v", tt.trusted, tt.release, got)
		}
	}
}

// TestR057SeveralServicesWorkWithOneRole: a function at the edge is the documented exception, and a region makes no other service.
func TestR057SeveralServicesWorkWithOneRole(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		services []string
		want     string
	}{
		{[]string{"ec2.amazonaws.com", "lambda.amazonaws.com"}, "SLW057"},
		{[]string{"lambda.amazonaws.com", "edgelambda.amazonaws.com"}, ""},
		{[]string{"logs.amazonaws.com", "logs.eu-west-1.amazonaws.com"}, ""},
		{[]string{"ec2.amazonaws.com"}, ""},
	} {
		var statements []string
		for _, s := range tt.services {
			statements = append(statements, service(s, ""))
		}
		if got := strings.Join(codesOf(t, strings.Join(statements, ",")), " "); got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.services, got, tt.want)
		}
	}
}

// TestR064OnlyCloudFormationEntersItsExecutionRole.
func TestR064OnlyCloudFormationEntersItsExecutionRole(t *testing.T) {
	t.Parallel()
	ci := `,{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::222222222222:role/ci"}, "Action": "sts:AssumeRole"}`
	for statement, want := range map[string]string{
		service("cloudformation.amazonaws.com", ownAccount): "", service("cloudformation.amazonaws.com", ownAccount) + ci: "SLW064",
		service("cloudformation.amazonaws.com", ""): "SLW249",
	} {
		if got := strings.Join(codesOf(t, statement), " "); got != want {
			t.Errorf("%s: got %q, want %q", statement, got, want)
		}
	}
}

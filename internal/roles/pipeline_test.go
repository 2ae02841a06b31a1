package roles

import (
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

const tools = "999999999999"

// withCI is a release of three stages in two accounts that this pipeline ships.
func withCI(t *testing.T, ci release.CI) (*plan.Plan, *Set) {
	t.Helper()
	r := &release.Release{File: "slipway.yaml", App: "web", Region: region, CI: ci}
	for _, s := range [][2]string{{"dev", account}, {"staging", account}, {"prod", "222222222222"}} {
		r.Stages = append(r.Stages, release.Stage{
			Name: s[0], AccountID: s[1], Region: region,
			Targets: release.Targets{AutoScalingGroup: "web", Min: 1},
			Steps: []release.Step{{Command: &release.Command{
				Name: "release", Script: &release.Script{Path: "release.sh", Content: "true\n"},
			}}},
		})
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	set, err := Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return p, set
}

var (
	builds = release.CI{CodeBuild: &release.CodeBuild{Project: "web-deploy", Account: "tools", AccountID: tools}}
	keys   = release.CI{Users: &release.Users{Account: "tools", AccountID: tools}}
)

// deployRoles are the ARNs of the roles that the pipeline enters.
var deployRoles = []string{
	"arn:aws:iam::" + account + ":role/slipway/web-dev-Deploy", "arn:aws:iam::" + account + ":role/slipway/web-staging-Deploy",
	"arn:aws:iam::222222222222:role/slipway/web-prod-Deploy",
}

// TestR084TheBuildRoleAssumesExactlyTheStagesRoles: one role in the tools account, whatever the number of stages. Besides it has
// what CodeBuild itself does with it: a build whose log cannot be written ends before its first command.
func TestR084TheBuildRoleAssumesExactlyTheStagesRoles(t *testing.T) {
	t.Parallel()
	_, set := withCI(t, builds)
	role := set.role(t, plan.KindCodeBuild)
	if role.Account != tools || role.Name != "web-CodeBuildRole" {
		t.Fatalf("the role is %s in %s", role.Name, role.Account)
	}
	want := []iam.Statement{
		{
			Sid: "WriteBuildLog", Effect: iam.Allow, Actions: []string{"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []string{"arn:aws:logs:" + region + ":" + tools + ":log-group:/aws/codebuild/web-deploy:*"},
		},
		{Sid: "AssumeDeployRoles", Effect: iam.Allow, Actions: []string{"sts:AssumeRole"}, Resources: deployRoles},
	}
	if diff := cmp.Diff(want, role.Policies[0].Document.Statements); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	count := 0
	for _, r := range set.Roles {
		if r.Kind == plan.KindCodeBuild {
			count++
		}
	}
	if count != 1 {
		t.Errorf("%d roles of CodeBuild", count)
	}
}

// TestR085CodeBuildEntersForThisProjectOnly.
func TestR085CodeBuildEntersForThisProjectOnly(t *testing.T) {
	t.Parallel()
	_, set := withCI(t, builds)
	role := set.role(t, plan.KindCodeBuild)
	source := func(account, arn string) map[string][]string {
		return map[string][]string{"aws:SourceAccount": {account}, "aws:SourceArn": {arn}}
	}
	project := "arn:aws:codebuild:" + region + ":" + tools + ":project/web-deploy"
	for _, tt := range []struct {
		name, service string
		context       map[string][]string
		want          bool
	}{
		{"the project", "codebuild.amazonaws.com", source(tools, project), true},
		{"another project", "codebuild.amazonaws.com", source(tools, project+"2"), false},
		{"another account", "codebuild.amazonaws.com", source(account, project), false},
		{"nobody's", "codebuild.amazonaws.com", nil, false},
		{"another service", "codepipeline.amazonaws.com", source(tools, project), false},
	} {
		p := iam.Principal{Kind: iam.PrincipalService, ARN: tt.service}
		if got := role.enters(t, p, "sts:AssumeRole", tt.context); got != tt.want {
			t.Errorf("%s enters: %t", tt.name, got)
		}
	}
}

// TestR083OnlyThePipelinesPrincipalEnters: neither the tools account nor anybody else in it.
func TestR083OnlyThePipelinesPrincipalEnters(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ci  release.CI
		arn string
	}{
		"codebuild": {builds, "arn:aws:iam::" + tools + ":role/slipway/web-CodeBuildRole"},
		"users":     {keys, "arn:aws:iam::" + tools + ":user/slipway/web-GitHubActionsUser"},
	} {
		_, set := withCI(t, tt.ci)
		for _, r := range set.Roles {
			if r.Kind != plan.KindDeploy {
				continue
			}
			var trusted []string
			for _, st := range r.Trust.Statements {
				for _, p := range st.Principals {
					trusted = append(trusted, p.Values...)
				}
			}
			if diff := cmp.Diff([]string{tt.arn}, trusted); diff != "" {
				t.Errorf("%s: %s trusts (-want +got):\n%s", name, r.Name, diff)
			}
		}
	}
}

// TestR086TheUserIsInTheToolsAccountOnly, and there is one.
func TestR086TheUserIsInTheToolsAccountOnly(t *testing.T) {
	t.Parallel()
	_, set := withCI(t, keys)
	if len(set.Users) != 1 || set.Users[0].Account != tools || set.Users[0].Name != "web-GitHubActionsUser" {
		t.Fatalf("users: %+v", set.Users)
	}
	if len(set.Users[0].Policies) != 0 {
		t.Error("the user has inline policies")
	}
	if text := Text(set); !strings.Contains(text, "user /slipway/web-GitHubActionsUser in account "+tools) {
		t.Errorf("the text does not tell the user:\n%s", text)
	}
}

// TestR087TheUsersPolicyIsManaged: a policy by itself, below /managed/, which the files keep.
func TestR087TheUsersPolicyIsManaged(t *testing.T) {
	t.Parallel()
	_, set := withCI(t, keys)
	const arn = "arn:aws:iam::" + tools + ":policy/managed/web-GithubActionsCrossAccountPolicy"
	files := fstest.MapFS{}
	for name, content := range Write(set) {
		files[name] = &fstest.MapFile{Data: content}
	}
	read, err := Read(files)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Set{set, read} {
		a := s.Users[0].Attached
		if len(a) != 1 || a[0].ARN != arn || a[0].Document == nil {
			t.Fatalf("attached: %+v", a)
		}
		if diff := cmp.Diff(string(set.Users[0].Attached[0].Document.JSON()), string(a[0].Document.JSON())); diff != "" {
			t.Error(diff)
		}
	}
}

// TestR088SessionsMayBeTagged: on exactly the stages' roles, by both halves.
func TestR088SessionsMayBeTagged(t *testing.T) {
	t.Parallel()
	_, set := withCI(t, keys)
	st := set.Users[0].Attached[0].Document.Statements
	want := []iam.Statement{{
		Sid: "AssumeDeployRoles", Effect: iam.Allow, Actions: []string{"sts:AssumeRole", "sts:TagSession"}, Resources: deployRoles,
	}}
	if diff := cmp.Diff(want, st); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for _, r := range set.Roles {
		if r.Kind == plan.KindDeploy && !slices.Contains(r.Trust.Statements[0].Actions, "sts:TagSession") {
			t.Errorf("%s does not let its sessions be tagged", r.Name)
		}
	}
}

// TestR095StagesDifferInNothingButNamesAndIDs: the same role of two stages is the same text, but for the stage and the account.
func TestR095StagesDifferInNothingButNamesAndIDs(t *testing.T) {
	t.Parallel()
	for name, ci := range map[string]release.CI{
		"codebuild": builds, "users": keys, "none": {}, "github": {GitHub: &release.GitHub{Repository: "acme/web", Environments: true}},
	} {
		_, set := withCI(t, ci)
		neutral := map[plan.RoleKind]string{}
		for _, r := range set.Roles {
			text := string(r.Trust.JSON())
			for _, p := range r.Policies {
				text += string(p.Document.JSON())
			}
			for _, stage := range []string{"dev", "staging", "prod"} {
				text = strings.NewReplacer("web-"+stage+"-", "web-STAGE-", "environment:"+stage, "environment:STAGE").Replace(text)
			}
			text = strings.ReplaceAll(text, r.Account, "ACCOUNT")
			if first := neutral[r.Kind]; first != "" && first != text {
				t.Errorf("%s: %s: -first +this\n%s", name, r.Name, cmp.Diff(first, text))
			}
			neutral[r.Kind] = text
		}
	}
}

// TestR127OneCommandRendersAllAccounts: the roles of every stage's account and of the pipeline's own are in one set of files.
func TestR127OneCommandRendersAllAccounts(t *testing.T) {
	t.Parallel()
	_, set := withCI(t, builds)
	accounts := map[string]bool{}
	for name := range Write(set) {
		account, _, _ := strings.Cut(name, "/")
		accounts[account] = true
	}
	if diff := cmp.Diff(map[string]bool{account: true, "222222222222": true, tools: true}, accounts); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestR019EveryWayOfGitHubAndGitLab: tokens of the branch, tag, environment or workflow that deploys enter, and no others.
func TestR019EveryWayOfGitHubAndGitLab(t *testing.T) {
	t.Parallel()
	const shared = "acme/ci/.github/workflows/deploy.yml@refs/tags/v*"
	hub := func(g release.GitHub) release.CI { g.Repository = "acme/web"; return release.CI{GitHub: &g} }
	lab := func(g release.GitLab) release.CI {
		g.Project, g.Host = "acme/platform/web", "gitlab.com"
		return release.CI{GitLab: &g}
	}
	token := func(issuer, aud, sub string, more ...string) map[string][]string {
		context := map[string][]string{issuer + ":aud": {aud}, issuer + ":sub": {sub}}
		if len(more) > 0 {
			context[issuer+":job_workflow_ref"] = more
		}
		return context
	}
	gh := func(sub string, more ...string) map[string][]string {
		return token(plan.Issuer, plan.Audience, sub, more...)
	}
	gl := func(sub string) map[string][]string { return token("gitlab.com", "https://gitlab.com", sub) }
	for name, tt := range map[string]struct {
		ci      release.CI
		in, out []map[string][]string
	}{
		"branch": {hub(release.GitHub{Branch: "main"}),
			[]map[string][]string{gh("repo:acme/web:ref:refs/heads/main")},
			[]map[string][]string{gh("repo:acme/web:ref:refs/heads/main2"), gh("repo:acme/web:ref:refs/tags/main"), gh("repo:acme/web:pull_request"), gh("repo:acme/web:environment:dev")}},
		"tags": {hub(release.GitHub{Tags: "v*"}),
			[]map[string][]string{gh("repo:acme/web:ref:refs/tags/v1.2.3")},
			[]map[string][]string{gh("repo:acme/web:ref:refs/tags/w1"), gh("repo:acme/web:ref:refs/heads/v1"), gh("repo:acme/web2:ref:refs/tags/v1")}},
		"branch and tags": {hub(release.GitHub{Branch: "main", Tags: "v*"}),
			[]map[string][]string{gh("repo:acme/web:ref:refs/tags/v1"), gh("repo:acme/web:ref:refs/heads/main")},
			[]map[string][]string{gh("repo:acme/web:ref:refs/heads/mainly")}},
		"immutable": {hub(release.GitHub{Environments: true, OwnerID: "1", RepositoryID: "2"}),
			[]map[string][]string{gh("repo:acme@1/web@2:environment:dev")},
			[]map[string][]string{gh("repo:acme/web:environment:dev"), gh("repo:acme@1/web@3:environment:dev")}},
		"workflow": {hub(release.GitHub{Environments: true, Workflow: shared}),
			[]map[string][]string{gh("repo:acme/web:environment:dev", "acme/ci/.github/workflows/deploy.yml@refs/tags/v7")},
			[]map[string][]string{
				gh("repo:acme/web:environment:dev"), gh("repo:acme/web:environment:dev", "acme/web/.github/workflows/deploy.yml@refs/tags/v7"),
				gh("repo:acme/web2:environment:dev", "acme/ci/.github/workflows/deploy.yml@refs/tags/v7"),
			}},
		"gitlab": {lab(release.GitLab{Branch: "main"}),
			[]map[string][]string{gl("project_path:acme/platform/web:ref_type:branch:ref:main")},
			[]map[string][]string{
				gl("project_path:acme/platform/web:ref_type:tag:ref:main"), gl("project_path:acme/web:ref_type:branch:ref:main"),
				token("gitlab.com", "sts.amazonaws.com", "project_path:acme/platform/web:ref_type:branch:ref:main"),
			}},
		"gitlab tags": {lab(release.GitLab{Tags: "v*"}),
			[]map[string][]string{gl("project_path:acme/platform/web:ref_type:tag:ref:v2")},
			[]map[string][]string{gl("project_path:acme/platform/web:ref_type:branch:ref:v2")}},
	} {
		p, set := withCI(t, tt.ci)
		r := set.role(t, plan.KindDeploy)
		role, _ := p.Stages[0].Role(plan.KindDeploy)
		caller := iam.Principal{Kind: iam.PrincipalFederated, ARN: role.Provider(), Account: account}
		for _, context := range tt.in {
			if !r.enters(t, caller, "sts:AssumeRoleWithWebIdentity", context) {
				t.Errorf("%s: %v does not enter", name, context)
			}
		}
		for _, context := range tt.out {
			if r.enters(t, caller, "sts:AssumeRoleWithWebIdentity", context) {
				t.Errorf("%s: %v enters", name, context)
			}
		}
	}
}

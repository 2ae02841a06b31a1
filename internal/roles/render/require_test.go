package render_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/render"
)

// R3, R4: each statement of what is rendered stands under its reason, and each star under why it is one.
func TestR003R004ReasonsStandAboveStatements(t *testing.T) {
	t.Parallel()
	checked := 0
	for name, set := range sets(t) {
		if name == "full" {
			continue // its statements have no reasons
		}
		for format, write := range formats {
			lines := strings.Split(rendered(t, write, name, set), "\n")
			for i, line := range lines {
				sid := sidLine.FindStringSubmatch(line)
				if sid == nil {
					continue
				}
				checked++
				reason := commentAbove(lines[:i])
				if reason == "" {
					t.Errorf("%s of %s: %s has no comment", format, name, sid[1])
				}
				if star := starOnly(lines[i:]); star && !strings.Contains(reason, "Why *: ") {
					t.Errorf("%s of %s: %s is about * and does not say why: %s", format, name, sid[1], reason)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d statements were looked at", checked)
	}
}

var sidLine = regexp.MustCompile(`^\s*(?:- Sid: |Sid +=) *"?([A-Za-z0-9]+)"?$`)

// commentAbove is the comment that ends just before; an opening brace may stand between.
func commentAbove(lines []string) string {
	if n := len(lines); n > 0 && strings.TrimSpace(lines[n-1]) == "{" {
		lines = lines[:n-1]
	}
	var out []string
	for _, line := range slices.Backward(lines) {
		text, is := strings.CutPrefix(strings.TrimSpace(line), "# ")
		if !is {
			break
		}
		out = append([]string{text}, out...)
	}
	return strings.Join(out, " ")
}

var resourceLine = regexp.MustCompile(`^\s*Resource *[:=] *['"]\*['"]$`)

// starOnly says whether the statement that begins here is about every resource.
func starOnly(lines []string) bool {
	for i, line := range lines {
		if i > 0 && sidLine.MatchString(line) {
			return false
		}
		if resourceLine.MatchString(line) {
			return true
		}
	}
	return false
}

func parsed(t *testing.T, text string) *roles.Set {
	t.Helper()
	files := fstest.MapFS{"release.sh": &fstest.MapFile{Data: []byte("set -eu\ntrue\n")}}
	r, err := release.Parse("slipway.yaml", []byte(text), release.Options{Files: files})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	set, err := roles.Render(p)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const stageText = `
  - name: NAME
    account: NAME
    targets: {tags: {App: shop, Environment: NAME}}
    steps: [{command: {name: release, script: release.sh, timeout: 1m}}]`

// R95: the roles of two accounts are the same from one source: their templates differ by ids and names of stages only.
func TestR095AccountsDifferByIdsOnly(t *testing.T) {
	t.Parallel()
	set := parsed(t, `app: shop
region: eu-west-1
ci: {github: {repository: acme/shop, environments: true}}
accounts: {one: "111111111111", two: "222222222222"}
stages:`+strings.ReplaceAll(stageText, "NAME", "one")+strings.ReplaceAll(stageText, "NAME", "two"))
	for format, write := range formats {
		files, err := write(set, render.Options{App: "shop"})
		if err != nil || len(files) != 2 {
			t.Fatalf("%d files: %v", len(files), err)
		}
		var same []string
		for file, content := range files {
			stage := map[bool][2]string{true: {"111111111111", "one"}, false: {"222222222222", "two"}}[strings.HasPrefix(file, "1")]
			text := strings.NewReplacer(stage[0], "ACCOUNT", "shop-"+stage[1], "shop-STAGE", "shop_"+stage[1], "shop_STAGE",
				"Shop"+strings.ToUpper(stage[1][:1])+stage[1][1:], "ShopSTAGE", "environment:"+stage[1], "environment:STAGE",
				"Environment: "+stage[1], "Environment: STAGE", `Environment" = "`+stage[1], `Environment" = "STAGE`).Replace(string(content))
			same = append(same, text)
		}
		if diff := cmp.Diff(same[0], same[1]); diff != "" {
			t.Errorf("%s:\n%s", format, diff)
		}
	}
}

// R87: the policy of a pipeline's user is a managed one of that name and path in every format.
func TestR087UsersPolicyIsManaged(t *testing.T) {
	t.Parallel()
	set := parsed(t, `app: shop
region: eu-west-1
ci: {users: true}
accounts: {tools: "111111111111", two: "222222222222"}
stages:`+strings.ReplaceAll(stageText, "NAME", "two"))
	for format, want := range map[string][]string{
		"cloudformation": {"Type: AWS::IAM::User\n", "UserName: shop-GitHubActionsUser\n", "ManagedPolicyName: shop-GithubActionsCrossAccountPolicy\n      Path: /managed/\n"},
		"terraform": {`resource "aws_iam_user" "shop_githubactionsuser" {`, `name = "shop-GithubActionsCrossAccountPolicy"
  path = "/managed/"`, `resource "aws_iam_user_policy_attachment"`},
	} {
		got := rendered(t, formats[format], "shop", set.In("111111111111"))
		for _, text := range want {
			if !strings.Contains(got, text) {
				t.Errorf("%s lacks %q:\n%s", format, text, got)
			}
		}
		if elsewhere := rendered(t, formats[format], "shop", set.In("222222222222")); strings.Contains(elsewhere, "GithubActionsCrossAccountPolicy") {
			t.Errorf("%s: a target account has the user's policy", format)
		}
	}
}

// R18: the README and the page on roles lead with both permissions, and with what becomes of those who forget the second.
func TestR018DocumentsLeadWithBothPermissions(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"../../../README.md", "../../../docs/roles.md"} {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := string(content)
		send, read := strings.Index(text, "ssm:SendCommand"), strings.Index(text, "ssm:GetCommandInvocation")
		failure := strings.Index(text, "rolls back what")
		if failure < 0 {
			failure = strings.Index(text, "rolls back\nwhat")
		}
		if send < 0 || read < send || failure < read {
			t.Errorf("%s: SendCommand at %d, GetCommandInvocation at %d, what goes wrong at %d", file, send, read, failure)
		}
	}
}

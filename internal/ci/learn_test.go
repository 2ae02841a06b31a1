package ci

import (
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

const twoJobs = `on: push
env: {AWS_REGION: us-east-2, NODES: "i-0123456789abcdef0 i-0123456789abcdef1"}
jobs:
  build:
    runs-on: ubuntu-latest
    environment: prod
    steps: [{run: make}]
  a:
    runs-on: ubuntu-latest
    environment: {name: prod}
    steps:
      - uses: aws-actions/configure-aws-credentials@v4
        with: {role-to-assume: "arn:aws:iam::222222222222:role/x", aws-region: "${{ env.AWS_REGION }}"}
      - run: aws ssm send-command --instance-ids $NODES --document-name AWS-RunShellScript
  b:
    runs-on: ubuntu-latest
    environment: dev
    env: {AWS_REGION: "${{ vars.REGION }}"}
    steps:
      - run: |
          aws ssm send-command --region eu-west-1 \
            --targets "Key=tag:App,Values=shop,web" Key=tag:Environment,Values=dev Key=tag:X,Values=$Y --document-name d
`

func TestLearn(t *testing.T) {
	t.Parallel()
	got := Learn([]File{{"w.yml", twoJobs}, {"broken.yml", "on: ["}})
	want := Learned{
		Stages: []Stage{
			{Name: "prod", AccountID: "222222222222", Region: "us-east-2", Instances: []string{"i-0123456789abcdef0", "i-0123456789abcdef1"}},
			{Name: "dev", Region: "us-east-2", Tags: []Tag{{"App", []string{"shop", "web"}}, {"Environment", []string{"dev"}}}},
		},
		Notes: []string{
			"w.yml:2: region us-east-2", "w.yml:13: account 222222222222", "w.yml:14: instance i-0123456789abcdef0",
			"w.yml:14: instance i-0123456789abcdef1", "w.yml:10: environment prod",
			"w.yml:2: region us-east-2", "w.yml:20: tag App=shop,web", "w.yml:20: tag Environment=dev", "w.yml:17: environment dev",
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLearnTheTrap: what D0's workflow tells.
func TestLearnTheTrap(t *testing.T) {
	t.Parallel()
	content, err := os.ReadFile("../../examples/two-roles-trap/workflow.yml")
	if err != nil {
		t.Fatal(err)
	}
	want := []Stage{{Name: "live", AccountID: "123456789012", Region: "us-east-1", Instances: []string{"i-1234567890abcdef0"}}}
	if diff := cmp.Diff(want, Learn([]File{{"w.yml", string(content)}}).Stages); diff != "" {
		t.Error(diff)
	}
}

func TestRepository(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"git@github.com:acme/shop.git":                "acme/shop",
		"https://github.com/acme/shop":                "acme/shop",
		"https://user:secret@github.com/acme/shop/":   "acme/shop",
		"ssh://git@github.com/acme/shop.js.git":       "acme/shop.js",
		"https://gitlab.com/acme/shop":                "",
		"https://github.com.example.com/acme/shop":    "",
		"https://github.com/acme":                     "",
		"https://evil.example.com/github.com/a/b.git": "",
	} {
		config := "[core]\n\turl = https://github.com/not/this\n[remote \"origin\"]\n\turl = " + url + "\n"
		if got := Repository(config); got != want {
			t.Errorf("%s: got %q, want %q", url, got, want)
		}
	}
	fork := "[remote \"mine\"]\nurl = https://github.com/me/shop\n[remote \"origin\"]\nurl = https://github.com/acme/shop\n"
	if got := Repository(fork); got != "acme/shop" {
		t.Errorf("origin comes first: got %q", got)
	}
	if got := Repository(strings.Replace(fork, "github.com/acme", "gitlab.com/acme", 1)); got != "me/shop" {
		t.Errorf("another remote on GitHub: got %q", got)
	}
}

// TestScaffoldsLoad: whatever the answers, what is written is a release with a plan.
func TestScaffoldsLoad(t *testing.T) {
	t.Parallel()
	const id = "222222222222"
	for name, s := range map[string]Scaffold{
		"least": {App: "shop", Region: "eu-west-1", Stages: []Stage{{Name: "dev", Account: "dev", AccountID: PlaceholderAccount}}},
		"three": {App: "shop", Region: "eu-west-1", Repository: "acme/shop", Stages: []Stage{
			{Name: "dev", Account: "dev", AccountID: PlaceholderAccount},
			{Name: "staging", Account: "dev", AccountID: PlaceholderAccount, Tags: []Tag{{"a b:c", []string{"on", "1.0", "x y"}}}},
			{Name: "prod", Account: "prod", AccountID: id, Region: "us-east-1", Instances: []string{"i-0123456789abcdef0", "mi-0123456789abcdef0"}},
		}},
		"one node":        {App: "a1", Region: "eu-west-1", Stages: []Stage{{Name: "dev", Account: "x", AccountID: id, Instances: []string{"i-0123456789abcdef0"}}}},
		"the longest app": {App: "a" + strings.Repeat("b", 31), Region: "eu-west-1", Stages: []Stage{{Name: "dev", Account: "x", AccountID: id}}},
	} {
		files := fstest.MapFS{}
		for _, file := range s.Files() {
			files[file.Name] = &fstest.MapFile{Data: []byte(file.Content)}
		}
		r, err := release.Parse("slipway.yaml", files["slipway.yaml"].Data, release.Options{Files: files})
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, files["slipway.yaml"].Data)
			continue
		}
		if _, err := plan.New(r); err != nil || len(r.Stages) != len(s.Stages) {
			t.Errorf("%s: %d stages, %v", name, len(r.Stages), err)
		}
		for _, script := range []string{"deploy/release.sh", "deploy/healthy.sh"} {
			if len(programs(string(files[script].Data))) == 0 {
				t.Errorf("%s: no shell takes %s", name, script)
			}
		}
	}
}

func FuzzLearn(f *testing.F) {
	f.Add(twoJobs)
	f.Fuzz(func(t *testing.T, workflow string) {
		for _, stage := range Learn([]File{{"w.yml", workflow}}).Stages {
			if stage.Name != "" && !stageName.MatchString(stage.Name) || stage.Region != "" && !regionName.MatchString(stage.Region) {
				t.Errorf("not fit for a release file: %+v", stage)
			}
		}
	})
}

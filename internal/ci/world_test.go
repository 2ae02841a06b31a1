package ci

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

var update = flag.Bool("update", false, "write the golden files anew")

// planned reads a release file whose scripts are all there.
func planned(t *testing.T, source string, set map[string]string) (*release.Release, *plan.Plan) {
	t.Helper()
	script := &fstest.MapFile{Data: []byte("echo ok\n")}
	r, err := release.Parse("slipway.yaml", []byte(source), release.Options{
		Files: fstest.MapFS{"release.sh": script, "healthy.sh": script}, Set: set,
	})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

// golden compares with a file below testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

const oneStage = `app: shop
region: eu-west-1
ci: {github: {repository: acme/shop, environments: true}}
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    steps:
      - command: {name: release, script: release.sh, parameters: {Version: "${version}"}, timeout: 10m, validate: {script: healthy.sh, timeout: 1m}}
variables: {version: v1}
`

const threeStages = `app: shop
ci: {github: {repository: acme/shop, branch: release/1.x}}
accounts: {dev: "111111111111", prod: "222222222222"}
stages:
  - name: dev
    account: dev
    region: eu-west-1
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh}}]
  - name: staging
    account: dev
    region: us-east-1
    needs: [dev]
    targets: {instances: [i-0123456789abcdef0, i-0123456789abcdef1]}
    steps: [{command: {name: release, script: release.sh, timeout: 90s}}]
  - name: prod
    account: prod
    region: us-east-1
    needs: [dev, staging]
    targets: {tags: {App: shop}, min: 10}
    steps: [{command: {name: release, script: release.sh, max-concurrency: "25%", timeout: 2h}}]
`

const splitStage = `app: shop
region: eu-west-1
ci: {github: {repository: acme/shop, environments: true, owner-id: "1", repository-id: "2"}}
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    split: true
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh, parameters: {Version: "${version}", Colour: "${colour}"}}}]
  - name: prod
    account: dev
    needs: [dev]
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh}}]
variables: {version: v1, colour: red}
`

// splitRollout is split, and has a record: only dev can be sent by one job and watched by another.
const splitRollout = `app: shop
region: eu-west-1
ci: {github: {repository: acme/shop, environments: true}}
accounts: {dev: "111111111111"}
record: {bucket: shop-slipway}
stages:
  - name: dev
    account: dev
    split: true
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh}}]
  - name: prod
    account: dev
    split: true
    needs: [dev]
    targets: {tags: {App: shop}, min: 8}
    steps: [{command: {name: release, script: release.sh, rollout: {batches: [1, 25%, 100%], pause: 5m, validate: {script: healthy.sh, timeout: 2m}}}}]
`

// withKeys is the same with the access keys of a user.
var withKeys = strings.Replace(withoutGitHub, "accounts: {", "ci: {users: true}\naccounts: {tools: \"999999999999\", ", 1)

const withoutGitHub = `app: shop
region: eu-west-1
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh, parameters: {Version: "${version}", Colour: "${colour}"}}}]
  - name: prod
    account: dev
    needs: [dev]
    targets: {tags: {App: shop}}
    steps: [{command: {name: release, script: release.sh}}]
variables: {version: v1, colour: red}
`

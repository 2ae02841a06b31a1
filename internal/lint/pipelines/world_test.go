package pipelines

import (
	"slices"
	"testing"
	"testing/fstest"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// planned reads a release file whose scripts are all there.
func planned(t *testing.T, source string) *plan.Plan {
	t.Helper()
	script := &fstest.MapFile{Data: []byte("echo ok\n")}
	r, err := release.Parse("slipway.yaml", []byte(source), release.Options{Files: fstest.MapFS{"release.sh": script, "healthy.sh": script}})
	if err != nil {
		t.Fatal(err)
	}
	p, err := plan.New(r)
	if err != nil {
		t.Fatal(err)
	}
	return p
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

// codesOnly are the findings about GitHub's part of a workflow: those of slipway ci check.
func codesOnly(file string, content []byte, a Against) []finding.Finding {
	return slices.DeleteFunc(Check(file, content, a, nil), func(f finding.Finding) bool {
		return !slices.Contains([]finding.Code{"SLW100", "SLW109", "SLW110", "SLW121", "SLW127", "SLW128"}, f.Code)
	})
}

package pipelines

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// codesOf are the findings of a workflow, as line and code.
func codesOf(workflow string, a Against) []string {
	var got []string
	for _, f := range codesOnly("w.yml", []byte(workflow), a) {
		place, _, _ := strings.Cut(f.String(), " SLW")
		got = append(got, strings.TrimSuffix(strings.TrimPrefix(place, "w.yml:"), ":")+" "+string(f.Code))
	}
	return got
}

// TestSwallowedByAScript: a step must not succeed where the deploy in it does not.
func TestSwallowedByAScript(t *testing.T) {
	t.Parallel()
	for script, want := range map[string]bool{
		"slipway deploy":                                     false,
		"slipway deploy --stage dev || true":                 true,
		"slipway rollback || :":                              true,
		"slipway resume || echo failed >&2":                  true,
		"slipway deploy || { echo failed; true; }":           true,
		"slipway deploy || exit 0":                           true,
		"slipway deploy && echo fine || echo failed":         true,
		"aws ssm send-command --document-name x || true":     true,
		"slipway deploy || exit 1":                           false,
		"slipway deploy || { echo failed; exit 1; }":         false,
		"slipway deploy || { exit 1; true; }":                false,
		"slipway deploy || slipway resume":                   false,
		"slipway deploy || code=$?; exit $code":              false,
		"slipway deploy || echo failed=1 >>$GITHUB_OUTPUT":   false,
		"slipway deploy --local || true":                     false,
		"slipway status || true":                             false,
		"rm -f lock || true; slipway deploy":                 false,
		"slipway deploy; true":                               false, // bash -e
		"set +e; slipway deploy; true":                       true,
		"set +e; slipway deploy":                             false,
		"set +e; slipway deploy; code=$?; exit $code":        false,
		"set +e; date; set -e; slipway deploy; true":         false,
		"slipway deploy | tee log":                           true,
		"set -euo pipefail; slipway deploy | tee log":        false,
		"slipway deploy | tee log; exit ${PIPESTATUS[0]}":    false,
		"verdict=$(slipway deploy -o json | jq -r .verdict)": false,
		"! slipway deploy":                                   true,
		"if ! slipway deploy; then exit 1; fi":               false,
	} {
		got := codesOf(workflowOf(guarded+"    steps:\n      - run: '"+script+"'\n"), Against{})
		if hidden := len(got) == 1 && strings.HasPrefix(got[0], "8:") && strings.HasSuffix(got[0], " SLW128"); hidden != want || len(got) > 1 {
			t.Errorf("%s: got %v, want a finding: %v", script, got, want)
		}
	}
}

// TestSwallowedByAWorkflow: nor may GitHub go on as if nothing were.
func TestSwallowedByAWorkflow(t *testing.T) {
	t.Parallel()
	const soft = "    steps:\n      - id: ship\n        continue-on-error: true\n        run: slipway deploy\n"
	for name, tt := range map[string]struct {
		workflow string
		want     []string
	}{
		"step":                       {workflowOf(guarded + soft), []string{"9:28 SLW128"}},
		"job":                        {workflowOf(guarded + "    continue-on-error: true\n" + deploys), []string{"7:24 SLW128"}},
		"the action":                 {workflowOf(guarded + "    steps:\n      - uses: slipway-cd/slipway@v1\n        continue-on-error: true\n"), []string{"9:28 SLW128"}},
		"another step judges it":     {workflowOf(guarded + soft + "      - if: steps.ship.outcome == 'failure'\n        run: exit 1\n"), nil},
		"the only step that watches": {workflowOf("    concurrency: dev\n    steps:\n      - run: aws ssm send-command --document-name x\n      - continue-on-error: true\n        run: aws ssm wait command-executed\n"), []string{"8:28 SLW128"}},
		"one that only shows":        {workflowOf("    concurrency: dev\n    steps:\n      - run: aws ssm send-command --document-name x; aws ssm wait command-executed\n      - continue-on-error: true\n        run: aws ssm get-command-invocation\n"), nil},
		"nothing is shipped":         {workflowOf("    continue-on-error: true\n    steps:\n      - continue-on-error: true\n        run: date\n"), nil},
		"a shell without errexit":    {workflowOf(guarded + "    steps:\n      - shell: bash {0}\n        run: slipway deploy; true\n"), []string{"9:14 SLW128"}},
		"a shell of the job":         {workflowOf(guarded + "    defaults: {run: {shell: 'bash {0}'}}\n    steps:\n      - run: slipway deploy; true\n"), []string{"9:14 SLW128"}},
		"a shell with pipefail":      {workflowOf(guarded + "    steps:\n      - shell: bash\n        run: slipway deploy | tee log\n"), nil},
		"errexit of one's own":       {workflowOf(guarded + "    steps:\n      - shell: bash -eu {0}\n        run: slipway deploy; true\n"), nil},
	} {
		if diff := cmp.Diff(tt.want, codesOf(tt.workflow, Against{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestUsage: what a workflow names must be there, as far as its text tells.
func TestUsage(t *testing.T) {
	t.Parallel()
	p := planned(t, oneStage)
	a := Against{Plan: p, File: "slipway.yaml", Usage: func(arguments []string) error {
		if strings.Contains(strings.Join(arguments, " "), "--locl") {
			return errors.New("unknown flag --locl")
		}
		return nil
	}}
	run := func(script string) string { return workflowOf(guarded + "    steps:\n      - run: " + script + "\n") }
	uses := func(inputs string) string {
		return workflowOf(guarded + "    steps:\n      - uses: slipway-cd/slipway@v1\n        with: {" + inputs + "}\n")
	}
	for name, tt := range map[string]struct {
		workflow string
		want     []string
	}{
		"no such job":           {workflowOf("    needs: [nope, Ship2]\n    steps: [{run: date}]\n  ship2: {runs-on: x, steps: [{run: date}]}\n"), []string{"5:13 SLW100"}},
		"no such flag":          {run("slipway deploy --locl"), []string{"8:14 SLW127"}},
		"a word of the run":     {run("slipway deploy --locl $MORE"), nil},
		"no such stage":         {run("slipway deploy --stage qa"), []string{"8:14 SLW127"}},
		"no such stage, =":      {run("slipway status --stage=qa"), []string{"8:14 SLW127"}},
		"a stage of the run":    {run("slipway deploy --stage ${{ inputs.stage }}"), nil},
		"a stage of the shell":  {run("slipway deploy --stage \"$STAGE\""), nil},
		"another release":       {run("slipway deploy -f other/slipway.yaml --stage qa"), nil},
		"the same release":      {run("slipway deploy -f ./slipway.yaml --stage qa"), []string{"8:14 SLW127"}},
		"action, no such stage": {uses("stage: qa"), []string{"8:9 SLW127"}},
		"action, no such flag":  {uses("args: --locl"), []string{"8:9 SLW127"}},
		"action, an expression": {uses("args: '--locl ${{ inputs.more }}', stage: '${{ inputs.stage }}'"), nil},
		"nothing wrong":         {uses("stage: dev, args: --no-rollback"), nil},
	} {
		if diff := cmp.Diff(tt.want, codesOf(tt.workflow, a)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

package pipelines

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/slipway-cd/slipway/internal/finding"
)

// sequencesOf reads .github/workflows/deploy.yml of an archive, and tells every call of the AWS CLI, and what expressions
// are known as.
func sequencesOf(t *testing.T, archive string) []string {
	t.Helper()
	files := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(archive)).Files {
		files[f.Name] = &fstest.MapFile{Data: f.Data}
	}
	const name = ".github/workflows/deploy.yml"
	root, err := read(name, files[name].Data)
	if err != nil {
		t.Fatal(err)
	}
	r := newRepository(files)
	var lines []string
	for _, q := range r.readWorkflow(root, &scope{}, nil, 0).sequences(r) {
		for i := range q.program.Calls {
			if c := &q.program.Calls[i]; c.Service != "" {
				lines = append(lines, fmt.Sprintf("%s:%d:%d %s", strings.TrimPrefix(c.File, ".github/"), c.Line, c.Column, c.Operation))
			}
		}
		for _, s := range q.Scripts {
			for _, e := range slices.Sorted(maps.Keys(s.Aliases)) {
				lines = append(lines, e+" is "+s.Aliases[e])
			}
			if s.When != "" || s.Name != "" {
				lines = append(lines, fmt.Sprintf("%s runs %q", s.Name, s.When))
			}
		}
		for _, u := range q.Uses {
			lines = append(lines, "uses "+u)
		}
	}
	return lines
}

func TestReader(t *testing.T) {
	t.Parallel()
	const head = "-- .github/workflows/deploy.yml --\non: push\njobs:\n"
	const send = "aws ssm send-command --document-name d"
	for name, tt := range map[string]struct {
		archive string
		want    []string
	}{
		"a step": {head + "  ship:\n    runs-on: x\n    steps:\n      - run: |\n          date\n          id=$(" + send + ")\n",
			[]string{"workflows/deploy.yml:8:16 send-command"}},
		"a script in a folder": {head + "  ship:\n    runs-on: x\n    defaults: {run: {working-directory: ops}}\n    steps:\n      - run: ./send.sh\n-- ops/send.sh --\n#!/bin/bash\n" + send + "\n",
			[]string{"ops/send.sh:2:1 send-command"}},
		"jobs in the order of their needs": {head + `  read:
    needs: [send]
    if: always()
    steps: [{run: 'aws ssm wait command-executed --command-id "${{ needs.send.outputs.id }}"'}]
  send:
    outputs: {id: "${{ steps.send.outputs.id }}"}
    steps: [{id: Send, run: '` + send + `'}]
`, []string{
			"workflows/deploy.yml:9:30 send-command", "workflows/deploy.yml:6:20 wait",
			`send--send runs ""`, "needs.send.outputs.id is steps.send--send.outputs.id", ` runs "always"`,
		}},
		"an action of the repository": {head + `  ship:
    env: {TAG: "${{ github.sha }}"}
    steps:
      - id: send
        uses: ./.github/actions/send
        with: {document: shop-release}
      - run: aws ssm get-command-invocation --command-id ${{ steps.send.outputs.id }}
-- .github/actions/send/action.yml --
inputs:
  document: {}
  region: {default: eu-west-1}
outputs:
  id: {value: "${{ steps.one.outputs.command }}"}
runs:
  using: composite
  steps:
    - id: one
      shell: bash
      run: aws ssm send-command --document-name ${{ inputs.document }} --region ${{ inputs.region }}
`, []string{
			"actions/send/action.yml:11:12 send-command", "workflows/deploy.yml:9:14 get-command-invocation",
			"inputs.document is 'shop-release'", "inputs.region is 'eu-west-1'", `ship--send--one runs ""`,
			"steps.send.outputs.id is steps.ship--send--one.outputs.command",
		}},
		"a workflow of the repository": {head + `  ship:
    uses: ./.github/workflows/ship.yml
    with: {instance: i-1}
  verify:
    needs: ship
    steps: [{run: 'aws ssm wait command-executed --command-id ${{ needs.ship.outputs.command }}'}]
-- .github/workflows/ship.yml --
on:
  workflow_call:
    inputs: {instance: {type: string}}
    outputs: {command: {value: "${{ jobs.one.outputs.id }}"}}
jobs:
  one:
    outputs: {id: "${{ steps.send.outputs.id }}"}
    steps:
      - id: send
        run: aws ssm send-command --instance-ids ${{ inputs.instance }}
`, []string{
			"workflows/ship.yml:10:14 send-command", "workflows/deploy.yml:8:20 wait",
			"inputs.instance is 'i-1'", `ship--one--send runs ""`, "needs.ship.outputs.command is steps.ship--one--send.outputs.id",
		}},
		"two jobs that have nothing to do with each other": {head + "  a: {steps: [{run: '" + send + "'}]}\n  b: {steps: [{run: 'aws s3 ls', if: failure()}]}\n",
			[]string{"workflows/deploy.yml:3:22 send-command", "workflows/deploy.yml:4:22 ls", ` runs "failure"`, "uses failure()"}},
		"an action of somebody else reads": {head + "  a:\n    steps:\n      - {id: s, run: '" + send + "'}\n      - uses: a/b@v1\n        with: {id: '${{ steps.s.outputs.id }}'}\n      - if: steps.s.outputs.id != ''\n        run: date\n",
			[]string{"workflows/deploy.yml:5:23 send-command", `a--s runs ""`, ` runs "perhaps"`, "uses steps.a--s.outputs.id", "uses steps.a--s.outputs.id != ''"}},
		"another shell": {head + "  a:\n    steps:\n      - shell: python\n        run: aws ssm send-command\n", nil},
		"circles end":   {head + "  a: {uses: ./.github/workflows/deploy.yml, needs: [b]}\n  b: {needs: a, steps: [{uses: ./.github/actions/x}]}\n-- .github/actions/x/action.yml --\nruns: {using: composite, steps: [{uses: ./.github/actions/x}, {shell: bash, run: aws s3 ls}]}\n", nil},
	} {
		got := sequencesOf(t, tt.archive)
		if name == "circles end" {
			if len(got) == 0 {
				t.Errorf("%s: nothing is read", name)
			}
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestBuildspec: every command of every phase, in any style, at its place.
func TestBuildspec(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file string
		want []string
	}{
		"phases": {"version: 0.2\nphases:\n  build:\n    commands:\n      - ID=$(aws ssm send-command)\n      - |\n        date\n        aws ssm wait\n    finally: [aws s3 ls]\n  install:\n    commands: aws ecr get-login-password\n",
			[]string{"11:15 get-login-password in 0", "5:14 send-command in 0", "8:9 wait in 0", "9:15 ls in 0"}},
		"each in its own shell": {"version: 0.1\nphases:\n  build:\n    commands: [aws s3 ls, aws s3 ls]\n", []string{"4:16 ls in 0", "4:27 ls in 1"}},
		"PowerShell":            {"version: 0.2\nenv: {shell: powershell.exe}\nphases:\n  build:\n    commands: [aws s3 ls]\n", nil},
	} {
		root, err := read("buildspec.yml", []byte(tt.file))
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range readBuild(newRepository(nil), root).sequence.program.Calls {
			if c.Service != "" {
				got = append(got, fmt.Sprintf("%d:%d %s in %d", c.Line, c.Column, c.Operation, c.Script))
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// TestR098SecretsOfABuild: what comes from Secrets Manager must not go into the parameters of a command.
func TestR098SecretsOfABuild(t *testing.T) {
	t.Parallel()
	const file = "version: 0.2\nenv: {%s: {TOKEN: shop/token}}\nphases:\n  build:\n    commands:\n" +
		"      - aws ssm send-command --document-name shop-release --parameters \"Token=$TOKEN\"\n"
	for store, want := range map[string]bool{"secrets-manager": true, "variables": false} {
		found := slices.ContainsFunc(Build("buildspec.yml", []byte(fmt.Sprintf(file, store)), Against{}, nil), func(f finding.Finding) bool { return f.Code == "SLW108" && f.Line == 6 })
		if found != want {
			t.Errorf("%s: found %v, want %v", store, found, want)
		}
	}
}

func FuzzFiles(f *testing.F) {
	f.Add([]byte("on: push\njobs:\n  a: &a\n    steps: [{run: x}]\n  b: *a\n"))
	f.Add([]byte("version: 0.2\nphases: {build: {commands: [a, 'b']}}"))
	f.Add([]byte("runs: {using: composite, steps: [{uses: ./.github/actions/x}, {run: aws, shell: bash}]}"))
	f.Fuzz(func(t *testing.T, content []byte) {
		watched(t, string(content))
		files := fstest.MapFS{".github/actions/x/action.yml": &fstest.MapFile{Data: content}, "w.yml": &fstest.MapFile{Data: content}}
		for _, list := range [][]any{anys(Check("w.yml", content, Against{}, files)), anys(Action("w.yml", content, Against{}, files)), anys(Build("w.yml", content, Against{}, files))} {
			for _, f := range list {
				if fmt.Sprint(f) == "" {
					t.Error("a finding without words")
				}
			}
		}
	})
}

func anys[T any](list []T) []any {
	all := make([]any, len(list))
	for i := range list {
		all[i] = list[i]
	}
	return all
}

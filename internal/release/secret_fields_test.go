package release

import (
	"fmt"
	"strings"
	"testing"
)

// TestR119NoFieldTakesASecret: whatever travels to AWS, to the record or into a policy is refused where it holds a secret,
// and the refusal does not print it.
func TestR119NoFieldTakesASecret(t *testing.T) {
	t.Parallel()
	const template = `app: web
region: eu-west-1
accounts: {dev: "111111111111"}
%s
stages:
  - name: dev
    account: dev
    targets: {%s}
    permissions: [%s]
    steps: [{command: {name: release, %s}}]
`
	secret := "ghp_" + strings.Repeat("a1B2", 9)
	file := func(top, targets, permission, command string) string {
		or := func(s, otherwise string) string {
			if s == "" {
				return otherwise
			}
			return strings.ReplaceAll(s, "SECRET", secret)
		}
		return fmt.Sprintf(template, or(top, "record: {bucket: web-record}"), or(targets, "tags: {App: web}"),
			or(permission, "{actions: [ssm:GetParameter], resources: [parameter/x]}"), or(command, "script: release.sh"))
	}
	if _, err := Parse("slipway.yaml", []byte(file("", "", "", "")), Options{Files: scripts()}); err != nil {
		t.Fatal(err)
	}
	for name, src := range map[string]string{
		"parameter":         file("", "", "", "script: release.sh, parameters: {A: SECRET}"),
		"command":           file("", "", "", "document: AWS-RunShellScript, commands: [echo SECRET]"),
		"permission":        file("", "", "{actions: [ssm:GetParameter], resources: [parameter/SECRET]}", ""),
		"action":            file("", "", "{actions: [SECRET], resources: [parameter/x]}", ""),
		"record":            file("record: {bucket: SECRET}", "", "", ""),
		"record's account":  file("record: {bucket: web-record, account: SECRET}", "", "", ""),
		"record's region":   file("record: {bucket: web-record, region: SECRET}", "", "", ""),
		"variable":          file("variables: {v: SECRET}", "", "", ""),
		"group":             file("", "auto-scaling-group: SECRET", "", ""),
		"alarm":             file("", "", "", "script: release.sh, rollout: {batches: [1], alarm: SECRET}"),
		"batch":             file("", "", "", "script: release.sh, rollout: {batches: [SECRET]}"),
		"log group":         file("", "", "", "script: release.sh, output: {log-group: SECRET}"),
		"output's prefix":   file("", "", "", "script: release.sh, output: {bucket: web-logs, prefix: SECRET}"),
		"user":              file("", "", "", "script: release.sh, run-as: SECRET"),
		"working directory": file("", "", "", "script: release.sh, working-directory: /SECRET"),
		"key":               file("SECRET: x", "", "", ""),
	} {
		_, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts()})
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("%s: the error shows the secret: %v", name, err)
		}
	}
}

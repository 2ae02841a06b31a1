package documents

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestNearVariantsOfDocuments: what is written a little differently is found as well, and its near twin is not.
func TestNearVariantsOfDocuments(t *testing.T) {
	t.Parallel()
	session := func(kind, parameter, command string) string {
		return `{"schemaVersion": "1.0", "sessionType": "` + kind + `", "parameters": {"path": {"type": "String"` + parameter + `}}, "properties": {"linux": {"commands": "` + command + `", "runAsElevated": true}}}`
	}
	runbookOf := func(pattern string) string {
		return "schemaVersion: '0.3'\nparameters:\n  P: {type: String, allowedPattern: '" + pattern + "'}\nmainSteps: [{name: a, action: 'aws:sleep'}]\n"
	}
	command := func(parameter, line string) string {
		return "schemaVersion: '2.2'\nparameters:\n  P: {type: String" + parameter + "}\nmainSteps:\n  - {name: a, action: 'aws:runShellScript', inputs: {runCommand: [" + line + "]}}\n"
	}
	for name, tt := range map[string]struct {
		code      finding.Code
		bad, good string
	}{
		"R50 a session's command":       {"SLW310", session("InteractiveCommands", "", "tail -f {{ path }}"), session("InteractiveCommands", `, "allowedPattern": "^[a-zA-Z0-9_/-]+[.]log$"`, "tail -f {{ path }}")},
		"R29 a session of any command":  {"SLW311", session("NonInteractiveCommands", "", "{{ path }}"), session("NonInteractiveCommands", `, "allowedValues": ["uptime"]`, "{{ path }}")},
		"R29 a script by its name":      {"SLW311", command("", `'{{ P }}'`), command(", allowedPattern: '^(start|stop)$'", `'{{ P }}'`)},
		"R29 a script of any word":      {"SLW311", command(", allowedPattern: '^[a-z]+$'", `'{{ P }}'`), command(", allowedPattern: '^shop-[a-z]+$'", `'{{ P }}'`)},
		"R49 anything of some length":   {"SLW303", runbookOf("^.{1,100}$"), runbookOf("^[a-z]{1,100}$")},
		"R49 anything, lines too":       {"SLW303", runbookOf(`^[\s\S]*$`), runbookOf(`^[a-z\s]*$`)},
		"a secure parameter and blanks": {"SLW320", command("", `'x {{ ssm-secure:pw }}'`), command("", `'x {{ ssm:pw }}'`)},
		"R30 no steps":                  {"SLW300", "schemaVersion: '2.2'\ndescription: none\n", "schemaVersion: 2.0.0\ncommandTests: []\n"},
		"R30 no steps in a list":        {"SLW300", `{"schemaVersion": "0.3", "mainSteps": []}`, `{"schemaVersion": "2.0", "packages": {}}`},
		"R30 steps by another name":     {"SLW300", "schemaVersion: '2.2'\nmainStep: [{name: a, action: 'aws:runShellScript', inputs: {runCommand: [ls]}}]\n", command("", "ls")},
		"an old schema":                 {"SLW331", `{"schemaVersion": "1.2", "runtimeConfig": {"aws:runShellScript": {"properties": [{"id": "0", "runCommand": ["ls"]}]}}}`, `{"schemaVersion": "1.0.0", "name": "something else"}`},
	} {
		if found := Lint("doc.yaml", []byte(tt.bad)); !has(found, tt.code) {
			t.Errorf("%s: found %v", name, found)
		}
		if found := Lint("doc.yaml", []byte(tt.good)); has(found, tt.code) || has(found, "SLW300") {
			t.Errorf("%s: its twin has %v", name, found)
		}
	}
	for pattern, want := range map[string]finding.Severity{"^(?=a)b$": finding.Info, "^[a-z]{1,2048}$": "", "^a{2000}$": "", "[a-z]{1,2048}$": finding.Warning} {
		var got finding.Severity
		for _, f := range Lint("doc.yaml", []byte(runbookOf(pattern))) {
			got = f.Severity
		}
		if got != want {
			t.Errorf("%s: %q, want %q", pattern, got, want)
		}
	}
	for onFailure, want := range map[string]finding.Severity{"Continue": finding.Warning, "step:b": finding.Info} {
		found := Lint("doc.yaml", []byte("schemaVersion: '0.3'\nmainSteps:\n  - {name: a, action: 'aws:sleep', onFailure: '"+onFailure+"'}\n  - {name: b, action: 'aws:sleep'}\n"))
		if len(found) != 1 || found[0].Code != "SLW314" || found[0].Severity != want {
			t.Errorf("%s: %v", onFailure, found)
		}
	}
	for _, f := range Lint("doc.json", []byte(session("InteractiveCommands", "", "tail -f {{ path }}"))) {
		if strings.Contains(f.Fix, "ENV_VAR") {
			t.Errorf("sessions have no environment variables: %s", f.Fix)
		}
	}
}

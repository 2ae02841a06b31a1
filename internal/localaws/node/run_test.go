package node

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// fakeEnv is a machine whose scripts say with which code they end: "exit N". It runs nothing.
func fakeEnv(t *testing.T, ran *[]Script) Env {
	t.Helper()
	return Env{
		Dir: t.TempDir(), WorkDir: "/work", Platform: "Linux",
		Now: func() time.Time { return time.Unix(1700000000, 0).UTC() },
		Exec: func(ctx context.Context, s Script) Exit {
			if ran != nil {
				*ran = append(*ran, s)
			}
			b, err := os.ReadFile(s.Path)
			if err != nil {
				return Exit{Code: 1, Err: err}
			}
			code, _ := strings.CutPrefix(strings.TrimSpace(string(b)), "exit ")
			var n int
			if err := json.Unmarshal([]byte(code), &n); err != nil {
				n = 0
			}
			return Exit{Code: n}
		},
	}
}

func states(r Result) string {
	parts := []string{string(r.Status) + ":"}
	for _, s := range r.Steps {
		parts = append(parts, s.Name+"="+string(s.Status))
	}
	return strings.Join(parts, " ")
}

// steps builds schema 2.2 documents: name, exit code, and further inputs or a precondition.
func steps(version string, list ...map[string]any) json.RawMessage {
	for _, s := range list {
		if s["action"] == nil {
			s["action"] = runShellScript
		}
	}
	b, err := json.Marshal(map[string]any{"schemaVersion": version, "mainSteps": list})
	if err != nil {
		panic(err)
	}
	return b
}

func one(name, code string, inputs ...string) map[string]any {
	in := map[string]any{"runCommand": []string{"exit " + code}}
	for i := 0; i+1 < len(inputs); i += 2 {
		in[inputs[i]] = inputs[i+1]
	}
	return map[string]any{"name": name, "inputs": in}
}

func with(step map[string]any, key string, value any) map[string]any {
	step[key] = value
	return step
}

func TestRun(t *testing.T) {
	t.Parallel()
	windows := map[string][]string{"StringEquals": {"platformType", "Windows"}}
	linux := map[string][]string{"StringEquals": {"Linux", "platformType"}}
	tests := map[string]struct {
		doc  json.RawMessage
		want string
	}{
		"a failure does not stop the document": {
			steps("2.2", one("a", "1"), one("b", "0")), "Failed: a=Failed b=Success"},
		"onFailure exit": {
			steps("2.2", one("a", "1", "onFailure", "exit"), one("b", "0")), "Failed: a=Failed b=Skipped"},
		"onFailure exit after a timeout, which is no failure to the agent": {
			steps("2.2", one("a", "137", "onFailure", "exit"), one("b", "0")), "TimedOut: a=TimedOut b=Success"},
		"onFailure exit, no failure": {
			steps("2.2", one("a", "0", "onFailure", "exit"), one("b", "0")), "Success: a=Success b=Success"},
		"onFailure successAndExit": {
			steps("2.2", one("a", "1", "onFailure", "successAndExit"), one("b", "1")), "Success: a=Success b=Skipped"},
		"onSuccess exit": {
			steps("2.2", one("a", "0", "onSuccess", "exit"), one("b", "1")), "Success: a=Success b=Skipped"},
		"finallyStep runs after an exit": {
			steps("2.2", one("a", "1", "onFailure", "exit"), one("b", "0"), one("c", "0", "finallyStep", "true")),
			"Failed: a=Failed b=Skipped c=Success"},
		"R108: 168 skips the rest as a success": {
			steps("2.2", one("a", "168"), one("b", "1")), "Success: a=Success b=Skipped"},
		"R108: 169 skips the rest as a failure": {
			steps("2.2", one("a", "169"), one("b", "0")), "Failed: a=Failed b=Skipped"},
		"R108: 194 does not reboot": {
			steps("2.2", one("a", "194"), one("b", "0")), "Failed: a=Failed b=Skipped"},
		"R108: 137 is taken for a timeout": {
			steps("2.2", one("a", "137"), one("b", "0")), "TimedOut: a=TimedOut b=Success"},
		"another platform is skipped": {
			steps("2.2", with(one("a", "1"), "precondition", windows), one("b", "0")), "Success: a=Skipped b=Success"},
		"this platform": {
			steps("2.2", with(one("a", "1"), "precondition", linux)), "Failed: a=Failed"},
		"another plugin for another platform": {
			steps("2.2", with(with(one("a", "0"), "precondition", windows), "action", "aws:runPowerShellScript"), one("b", "0")),
			"Success: a=Skipped b=Success"},
		"another plugin": {
			steps("2.2", with(one("a", "0"), "action", "aws:configurePackage"), one("b", "0")), "Failed: a=Failed b=Success"},
		"an unknown precondition": {
			steps("2.2", with(one("a", "0"), "precondition", map[string][]string{"StringLike": {"platformType", "L*"}})), "Failed: a=Failed"},
		"precondition in schema 2.0": {
			steps("2.0", with(one("a", "0"), "precondition", linux)), "Failed: a=Failed"},
		"bad inputs fail their step only": {
			steps("2.2", with(one("a", "0"), "inputs", map[string]any{"runCommand": "exit 0"}), one("b", "0")), "Failed: a=Failed b=Success"},
		"Parameter Store": {
			steps("2.2", with(one("a", "0"), "inputs", map[string]any{"runCommand": []string{"echo {{ssm:token}}"}})), "Failed: a=Failed"},
		"finallyStep in the middle is no finallyStep": {
			steps("2.2", one("a", "168"), one("b", "0", "finallyStep", "true"), one("c", "0")), "Success: a=Success b=Skipped c=Skipped"},
		"a plugin of Windows": {
			steps("2.2", with(one("a", "0"), "action", "aws:psModule"), one("b", "0")), "Success: a=Skipped b=Success"},
		"a plugin of Windows in schema 2.0": {
			steps("2.0", with(one("a", "0"), "action", "aws:psModule"), one("b", "0")), "Failed: a=Failed b=Success"},
		"PowerShell without a PowerShell": {
			steps("2.2", with(one("a", "0"), "action", "aws:runPowerShellScript"), one("b", "0")), "Failed: a=Failed b=Success"},
		"a refused step with onFailure": {
			steps("2.0", with(one("a", "0", "onFailure", "exit"), "precondition", linux), one("b", "0")), "Failed: a=Failed b=Skipped"},
		"the same name twice": {steps("2.2", one("a", "0"), one("a", "0")), "Failed:"},
		"no steps":            {json.RawMessage(`{"schemaVersion":"2.2"}`), "Failed:"},
		"another schema":      {json.RawMessage(`{"schemaVersion":"0.3"}`), "Failed:"},
		"not JSON":            {json.RawMessage(`schemaVersion: "2.2"`), "Failed:"},
		"schema 1.2": {json.RawMessage(`{"schemaVersion":"1.2","runtimeConfig":{"aws:runShellScript":{"properties":[
			{"id":"0.aws:runShellScript","runCommand":["exit 0"]},{"id":"1.aws:runShellScript","runCommand":["exit 3"]}]}}}`),
			"Failed: aws:runShellScript=Failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var reported []StepResult
			got := Run(t.Context(), Job{CommandID: "c", Document: test.doc}, fakeEnv(t, nil), func(s StepResult) { reported = append(reported, s) })
			if states(got) != test.want {
				t.Errorf("got %s, want %s; trace %q", states(got), test.want, got.Trace)
			}
			if diff := cmp.Diff(got.Steps, reported); diff != "" {
				t.Errorf("reported steps differ: %s", diff)
			}
			if (got.Trace != "") != (len(got.Steps) == 0) {
				t.Errorf("trace %q with %d steps", got.Trace, len(got.Steps))
			}
		})
	}
}

func TestR108RebootIsExplained(t *testing.T) {
	t.Parallel()
	got := Run(t.Context(), Job{CommandID: "c", Document: steps("2.2", one("a", "194"))}, fakeEnv(t, nil), nil)
	if s := got.Steps[0]; s.Code != 194 || !strings.Contains(s.StandardError, "does not reboot the machine") {
		t.Errorf("got %+v", s)
	}
}

func TestRunPluginMessage(t *testing.T) {
	t.Parallel()
	doc := steps("2.2", with(one("a", "0"), "action", "aws:configurePackage"))
	got := Run(t.Context(), Job{CommandID: "c", Document: doc}, fakeEnv(t, nil), nil)
	const want = "plugin aws:configurePackage is not supported by the built-in node"
	if s := got.Steps[0]; s.StandardError != want || !strings.Contains(s.Output, want) || s.Code == 0 {
		t.Errorf("got %+v", s)
	}
}

func TestRunAWSRunShellScript(t *testing.T) {
	t.Parallel()
	doc := json.RawMessage(`{"schemaVersion":"1.2","parameters":{
		"commands":{"type":"StringList"},
		"workingDirectory":{"type":"String","default":""},
		"executionTimeout":{"type":"String","default":"3600"}},
		"runtimeConfig":{"aws:runShellScript":{"properties":[{"id":"0.aws:runShellScript","runCommand":"{{ commands }}",
		"workingDirectory":"{{ workingDirectory }}","timeoutSeconds":"{{ executionTimeout }}"}]}}}`)
	var ran []Script
	got := Run(t.Context(), Job{CommandID: "c-1", Document: doc, Parameters: map[string]any{
		"commands": []any{"echo a", "echo b"}, "workingDirectory": []any{"/opt/app"}, "executionTimeout": []any{"60"},
	}}, fakeEnv(t, &ran), nil)
	if states(got) != "Success: aws:runShellScript=Success" || len(ran) != 1 {
		t.Fatalf("got %s, %d scripts, %q", states(got), len(ran), got.Trace)
	}
	b, err := os.ReadFile(ran[0].Path)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"echo a\necho b\n", "/opt/app", "1m0s", "SSM_COMMAND_ID=c-1"}
	if diff := cmp.Diff(want, []string{string(b), ran[0].WorkDir, ran[0].Timeout.String(), strings.Join(ran[0].Env, " ")}); diff != "" {
		t.Error(diff)
	}
}

func TestRunWorkingDirectory(t *testing.T) {
	t.Parallel()
	env := fakeEnv(t, nil)
	if err := os.MkdirAll(env.Dir+"/downloads/here", 0o755); err != nil {
		t.Fatal(err)
	}
	r := runner{env: env}
	for named, want := range map[string]string{
		"/abs": "/abs", "": "/work", "here": env.Dir + "/downloads/here", "nowhere": "/work", "../downloads/here": "/work",
	} {
		if got := r.workDir(named); got != want {
			t.Errorf("workDir(%q) = %q, want %q", named, got, want)
		}
	}
}

func TestRunCancelledBefore(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var ran []Script
	got := Run(ctx, Job{CommandID: "c", Document: steps("2.2", one("a", "0"), one("b", "0"))}, fakeEnv(t, &ran), nil)
	if states(got) != "Cancelled: a=Cancelled b=Cancelled" || len(ran) != 0 {
		t.Errorf("got %s, %d scripts ran", states(got), len(ran))
	}
}

// TestTextsOfTheAgent: what a step's output says, word for word.
func TestTextsOfTheAgent(t *testing.T) {
	t.Parallel()
	parameters := `"parameters":{"Stage":{"type":"String","default":"prod"}}`
	precondition := func(pre string) json.RawMessage {
		return json.RawMessage(`{"schemaVersion":"2.2",` + parameters + `,"mainSteps":[{"action":"aws:runShellScript","name":"a","precondition":` + pre + `,"inputs":{"runCommand":["exit 0"]}}]}`)
	}
	const failed = "failed to run commands: exit status "
	tests := map[string]struct {
		doc                    json.RawMessage
		output, stdout, stderr string // of the last step
		code                   int
	}{
		"169":            {steps("2.2", one("a", "169")), errorTitle + failed + "169", textFailedSkip, failed + "169" + textFailedSkip, 169},
		"168":            {steps("2.2", one("a", "168")), "", textSuccessSkip, "", 168},
		"onFailure":      {steps("2.2", one("a", "3", "onFailure", "exit")), errorTitle + failed + "3", textOnFailure, failed + "3" + textOnFailure, 3},
		"successAndExit": {steps("2.2", one("a", "3", "onFailure", "successAndExit")), errorTitle + failed + "3", textOnFailure, failed + "3" + textOnFailure, 168},
		"after an exit": {steps("2.2", one("a", "168"), one("b", "0")),
			"Plugin with name aws:runShellScript and id b skipped due to prior step with an exit condition", "", "", 0},
		"platform": {precondition(`{"StringEquals":["platformType","Windows"]}`),
			`Step execution skipped due to unsatisfied preconditions: '"StringEquals": [platformType, Windows]'. Step name: a`, "", "", 0},
		"operator": {precondition(`{"StringLike":["platformType","L*"]}`),
			`Unrecognized precondition(s): 'unrecognized operator: "StringLike"', please update agent to latest version. Step name: a`, "", "", 1},
		"one argument": {precondition(`{"StringEquals":["platformType"]}`),
			`Unrecognized precondition(s): '"StringEquals": operator accepts exactly 2 arguments', please update agent to latest version. Step name: a`, "", "", 1},
		"no parameter": {precondition(`{"StringEquals":["a","b"]}`),
			`Unrecognized precondition(s): '"StringEquals": at least one of operator's arguments must contain a valid document parameter', please update agent to latest version. Step name: a`, "", "", 1},
		"identical": {precondition(`{"StringEquals":["{{Stage}}","{{Stage}}"]}`),
			`Unrecognized precondition(s): '"StringEquals": operator's arguments can't be identical', please update agent to latest version. Step name: a`, "", "", 1},
		"platform of a parameter": {precondition(`{"StringEquals":["platformType","{{Stage}}"]}`),
			`Unrecognized precondition(s): '"StringEquals": the second argument for the platformType variable can't contain document parameters', please update agent to latest version. Step name: a`, "", "", 1},
		"a parameter that differs": {precondition(`{"StringEquals":["{{ Stage }}","test"]}`),
			`Step execution skipped due to unsatisfied preconditions: '"StringEquals": [{{ Stage }}, test]'. Step name: a`, "", "", 0},
		"a parameter that fits": {precondition(`{"StringEquals":["{{ Stage }}","prod"]}`), "", "", "", 0},
		"2.0": {steps("2.0", with(one("a", "0"), "precondition", map[string][]string{"StringEquals": {"platformType", "Linux"}})),
			"Precondition is not supported for document schema version prior to 2.2. Step name: a", "", "", 1},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := Run(t.Context(), Job{CommandID: "c", Document: test.doc}, fakeEnv(t, nil), nil)
			if len(r.Steps) == 0 {
				t.Fatal(r.Trace)
			}
			s := r.Steps[len(r.Steps)-1]
			if s.Output != test.output || s.StandardOutput != test.stdout || s.StandardError != test.stderr || s.Code != test.code {
				t.Errorf("got code %d\n%q\n%q\n%q", s.Code, s.Output, s.StandardOutput, s.StandardError)
			}
		})
	}
}

// TestSeveralScripts: all of a plugin's scripts run; the first code counts, and the worst status.
func TestSeveralScripts(t *testing.T) {
	t.Parallel()
	doc := json.RawMessage(`{"schemaVersion":"1.2","runtimeConfig":{"aws:runShellScript":{"properties":[
		{"id":"0.aws:runShellScript","runCommand":["exit 3"],"onFailure":"successAndExit"},{"id":"1.aws:runShellScript","runCommand":["exit 137"]},
		{"id":"2.aws:runShellScript","runCommand":["exit 4"]}]}}}`)
	var ran []Script
	r := Run(t.Context(), Job{CommandID: "c", Document: doc}, fakeEnv(t, &ran), nil)
	s := r.Steps[0]
	const text = "failed to run commands: exit status "
	if len(ran) != 3 || s.Status != TimedOut || s.Code != 3 || s.StandardError != text+"3\n\n"+text+"4" {
		t.Errorf("%d scripts: got %+v", len(ran), s)
	}
}

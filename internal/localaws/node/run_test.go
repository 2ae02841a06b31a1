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
		"onFailure exit after a timeout": {
			steps("2.2", one("a", "137", "onFailure", "exit"), one("b", "0")), "TimedOut: a=TimedOut b=Skipped"},
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
		"finallyStep in the middle": {steps("2.2", one("a", "0", "finallyStep", "true"), one("b", "0")), "Failed:"},
		"the same name twice":       {steps("2.2", one("a", "0"), one("a", "0")), "Failed:"},
		"no steps":                  {json.RawMessage(`{"schemaVersion":"2.2"}`), "Failed:"},
		"another schema":            {json.RawMessage(`{"schemaVersion":"0.3"}`), "Failed:"},
		"not JSON":                  {json.RawMessage(`schemaVersion: "2.2"`), "Failed:"},
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

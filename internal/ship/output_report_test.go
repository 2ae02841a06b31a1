package ship

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/plan"
)

// TestUnderstand reads what the wrapper and the shells of nodes say of a script's end.
func TestUnderstand(t *testing.T) {
	t.Parallel()
	step := &plan.Step{Own: &plan.Document{Content: `{"mainSteps":[{"name":"release","inputs":{"timeoutSeconds":"600"}}]}`},
		ExecutionTimeout: 600, ScriptSteps: []string{"fetch-release", "release"}, Sources: []string{"deploy/r.sh", "deploy/r.sh"},
		Blobs: []plan.Blob{{Key: "web/scripts/x"}}}
	type want struct {
		Code, File string
		Line       int
		Tail, Why  string
	}
	for name, c := range map[string]struct {
		in   ScriptStepResult
		want want
	}{
		"succeeded": {ScriptStepResult{Name: "release", Status: "Success", Stderr: "slipway: at r.sh:3: exit code 1\n"}, want{}},
		"a line": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 7,
			Stderr: "slipway: at deploy/r.sh:12: exit code 7\nfailed to run commands: exit status 7"}, want{Code: CodeScriptFailed, File: "deploy/r.sh", Line: 12}},
		"the tail": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 1,
			Stderr: "slipway: at deploy/r.sh:2: exit code 1\nslipway: the last 14 bytes:\nslipway: at x:\n\nfailed to run commands"},
			want{Code: CodeScriptFailed, File: "deploy/r.sh", Line: 2, Tail: "slipway: at x:"}},
		"a tail that was cut": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 1,
			Stderr: "slipway: the last 7000 bytes:\nabc"}, want{Code: CodeScriptFailed, File: "deploy/r.sh", Tail: "abc"}},
		"bash's own words": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 1,
			Stdout: "one\n/tmp/slipway.aB3dE6gH/r.sh: line 4: HOST: unbound variable\n"}, want{Code: CodeScriptFailed, File: "deploy/r.sh", Line: 4}},
		"dash's own words": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 2,
			Stdout: "/tmp/slipway.aB3dE6gH/r.sh: 9: HOST: parameter not set\n"}, want{Code: CodeScriptFailed, File: "deploy/r.sh", Line: 9}},
		"no words of a shell": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 2,
			Stdout: "/srv/r.sh: line 9: a script of the user's own\n"}, want{Code: CodeScriptFailed, File: "deploy/r.sh"}},
		"killed": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 1,
			Stderr: "slipway: the script exited with 137 (killed, most often …); reported as 1\n"}, want{Code: CodeScriptKilled, File: "deploy/r.sh"}},
		"killed, as the agent has it": {ScriptStepResult{Name: "release", Status: "TimedOut", StatusDetails: "ExecutionTimedOut", ExitCode: 137,
			Elapsed: 4e9}, want{Code: CodeScriptKilled, File: "deploy/r.sh"}},
		"timed out": {ScriptStepResult{Name: "release", Status: "TimedOut", StatusDetails: "Execution Timed Out", ExitCode: 137, Elapsed: 600e9},
			want{Code: CodeScriptTimedOut, File: "deploy/r.sh"}},
		"cancelled": {ScriptStepResult{Name: "release", Status: "Cancelled"}, want{Code: CodeScriptCancelled}},
		"no user": {ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 1,
			Stderr: "slipway: USER_MISSING: there is no user app on this node (run-as)\n"},
			want{Code: CodeUserMissing, Why: "there is no user app on this node (run-as)"}},
		"not fetched": {ScriptStepResult{Name: "fetch-release", Status: "Failed", ExitCode: 1}, want{Code: CodeScriptMissing}},
	} {
		c.in.understand(step)
		got := want{Code: c.in.Code, File: c.in.File, Line: c.in.Line, Tail: c.in.Tail, Why: c.in.why}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

// logsStep is the fake's step with its output in a log group.
func logsStep(c *Config) {
	c.Plan.Stages[0].Steps[0].Output = plan.Output{LogGroup: "/web"}
}

// logEvent is a line as FilterLogEvents has it.
func logEvent(id, node, stream, message string, at int64) map[string]any {
	return map[string]any{"eventId": id, "logStreamName": testCommand + "/" + node + "/release/" + stream, "message": message, "timestamp": at}
}

// TestTheTailShowsEachLineOnce: over pages, overlapping looks and several nodes; without the report on stderr, and without
// what is another command's.
func TestTheTailShowsEachLineOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001", "i-00000002")
	f.invocations = func(n int) []inv {
		if n < 4 {
			return f.all("InProgress", "InProgress")
		}
		return f.all("Success", "Success")
	}
	at := f.clock.now().UnixMilli()
	one, two := logEvent("1", "i-00000001", "stdout", "one\n", at), logEvent("2", "i-00000002", "stdout", "two\nthree\n", at+5)
	var prefixes []any
	f.on["FilterLogEvents"] = func(n int, in map[string]any) (reply, bool) {
		prefixes = append(prefixes, in["logStreamNamePrefix"])
		switch {
		case n == 0:
			return fails("ResourceNotFoundException"), true // nobody has printed anything yet
		case n == 1:
			return reply{body: map[string]any{"events": []any{one}, "nextToken": "more"}}, true
		case in["nextToken"] == "more":
			return reply{body: map[string]any{"events": []any{two, logEvent("3", "i-00000001", "stderr", "slipway: …", at)}}}, true
		}
		return reply{body: map[string]any{"events": []any{one, two, logEvent("4", "i-00000001", "stdout", "four", at+9)}}}, true
	}
	want(t, f.deploy(logsStep), 0, Succeeded)
	var got []string
	for _, e := range f.eventsOf(EventOutput) {
		got = append(got, e.Instance+" "+e.Message)
	}
	if diff := cmp.Diff([]string{"i-00000001 one", "i-00000002 two\nthree", "i-00000001 four"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if prefixes[0] != testCommand+"/" {
		t.Errorf("prefix %v", prefixes[0])
	}
	if ticks, looks := f.count("ListCommandInvocations")-1, f.count("FilterLogEvents"); looks > ticks {
		t.Errorf("%d looks at the log in %d ticks", looks, ticks)
	}
}

// TestATailThatIsDeniedWarnsOnceAndEndsNothing: the verdict is that of the nodes.
func TestATailThatIsDeniedWarnsOnceAndEndsNothing(t *testing.T) {
	t.Parallel()
	f := newFake(t, "i-00000001")
	f.invocations = func(n int) []inv {
		if n < 3 {
			return f.all("InProgress", "InProgress")
		}
		return f.all("Success", "Success")
	}
	f.always("FilterLogEvents", deniedFor("logs:FilterLogEvents"))
	want(t, f.deploy(logsStep), 0, Succeeded)
	var warned int
	for _, e := range f.eventsOf(EventWarning) {
		if strings.Contains(e.Message, "logs:FilterLogEvents") {
			warned++
		}
	}
	if warned != 1 || f.count("FilterLogEvents") != 1 {
		t.Errorf("%d warnings, %d calls", warned, f.count("FilterLogEvents"))
	}
}

// TestOneGetForNodesWhoseOutputMatters: of a large fleet the list says what became of the scripts.
func TestOneGetForNodesWhoseOutputMatters(t *testing.T) {
	t.Parallel()
	f := newFake(t, names(60)...)
	f.invocations = func(int) []inv {
		all := f.all("Success", "Success")
		all[7].status, all[7].details = "Failed", "Failed"
		return all
	}
	f.details("release")
	res := f.deploy()
	want(t, res, 1, Failed)
	if got := f.count("GetCommandInvocation"); got != 3 { // the permission test, the first node, the one that failed
		t.Errorf("%d calls", got)
	}
	for _, n := range res.Steps[0].Nodes {
		if len(n.Steps) != 1 || (n.Verdict == Failed) != (n.Code == CodeScriptFailed) {
			t.Errorf("%+v", n)
		}
	}
}

// TestTheTailStandsOnce: the report repeats the end of stdout, and that is no output on stderr.
func TestTheTailStandsOnce(t *testing.T) {
	t.Parallel()
	s := ScriptStepResult{Name: "release", Status: "Failed", ExitCode: 1,
		Stderr: "slipway: at r.sh:2: exit code 1\nslipway: the last 4 bytes:\nend\n\nfailed to run commands: exit status 1"}
	s.understand(&plan.Step{ScriptSteps: []string{"release"}, Sources: []string{"r.sh"}})
	if s.Tail != "end" || s.Stderr != "slipway: at r.sh:2: exit code 1\nfailed to run commands: exit status 1" {
		t.Errorf("tail %q, stderr %q", s.Tail, s.Stderr)
	}
	s.understand(&plan.Step{ScriptSteps: []string{"release"}, Sources: []string{"r.sh"}})
	if s.Tail != "end" {
		t.Errorf("understood twice, the tail is %q", s.Tail)
	}
}

// TestTheListsMarksAreNoOutput: what the list cut is said to be cut, and half a report is not taken for the end.
func TestTheListsMarksAreNoOutput(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		in             string
		stdout, stderr string
		truncated      bool
	}{
		"whole":            {"one\n----------ERROR-------\nbad", "one", "bad", false},
		"stdout":           {"one\n---Output truncated---", "one", "", true},
		"both":             {"one\n---Output truncated---\n----------ERROR-------\nbad\n---Error truncated----", "one", "bad", true},
		"half of a report": {"one\n---Output truncated---\n----------ERROR-------\nslipway: the last 7000 bytes:\n4836\n4837\n---Error truncated----", "one", "", true},
	} {
		got := scriptsIn([]types.CommandPlugin{{Output: aws.String(c.in)}})[0]
		if got.Stdout != c.stdout || got.Stderr != c.stderr || got.Truncated != c.truncated {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

// TestAPhaseWhoseEndTheListHasNotIsReadItself: before the script that failed, of few nodes; of many the list must do.
func TestAPhaseWhoseEndTheListHasNotIsReadItself(t *testing.T) {
	t.Parallel()
	plugin := func(name, output string, status types.CommandPluginStatus) types.CommandPlugin {
		return types.CommandPlugin{Name: aws.String(name), Output: aws.String(output), Status: status, StatusDetails: aws.String(string(status))}
	}
	node := &NodeResult{plugins: []types.CommandPlugin{plugin("fetch", "short", "Success"), plugin("install", "one\n---Output truncated---", "Success"),
		plugin("start", "", "Failed")}}
	names := []string{"fetch", "install", "start"}
	if got := (&watch{step: &plan.Step{}, targets: fewNodes}).before(node, names); len(got) != 1 || got[0].Name != "fetch" {
		t.Errorf("of few nodes: %+v", got)
	}
	many := &watch{step: &plan.Step{}, targets: fewNodes + 1, sampled: true}
	if got := many.before(node, names); len(got) != 2 || !got[1].Truncated || got[1].Stdout != "one" {
		t.Errorf("of many: %+v", got)
	}
}

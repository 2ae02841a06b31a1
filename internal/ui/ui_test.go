package ui

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/ship"
)

func drawn(o Options) (*UI, *bytes.Buffer, *bytes.Buffer) {
	var out, err bytes.Buffer
	return New(&out, &err, o), &out, &err
}

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func failedNode() ship.NodeResult {
	return ship.NodeResult{InstanceID: "i-2", Verdict: ship.Failed, Status: "Failed", StatusDetails: "Failed", Why: "step validate: exit code 7",
		Steps: []ship.ScriptStepResult{{Name: "release", Stdout: "one\ntwo\n"}, {Name: "validate", ExitCode: 7, Stderr: "no answer\n\x1b[2Jboo\n", Truncated: true}}}
}

func TestEventLines(t *testing.T) {
	t.Parallel()
	u, out, errs := drawn(Options{})
	node := failedNode()
	for _, e := range []ship.Event{
		{Time: noon, Kind: ship.EventIdentity, Stage: "dev", Message: "arn:me"},
		{Time: noon, Kind: ship.EventSent, Stage: "dev", Step: "release", Message: "command c-1"},
		{Time: noon.Add(time.Second), Kind: ship.EventNode, Stage: "dev", Step: "release", Instance: "i-1", Message: "InProgress"},
		{Time: noon.Add(2 * time.Second), Kind: ship.EventNode, Stage: "dev", Step: "release", Instance: "i-2", Verdict: ship.Failed, Node: &node},
		{Time: noon.Add(3 * time.Second), Kind: ship.EventWarning, Stage: "dev", Message: "careful"},
		{Time: noon.Add(4 * time.Second), Kind: ship.EventStep, Stage: "dev", Step: "release", Verdict: ship.Failed},
	} {
		u.Event(e)
	}
	want := `12:00:00 dev  as arn:me
12:00:00 dev/release  command c-1
12:00:01 dev/release  i-1 InProgress
12:00:02 dev/release  i-2 failed: step validate: exit code 7
    release | one
    release | two
    validate (stderr) | no answer
    validate (stderr) | �[2Jboo
    validate: Run Command cut the output off at 24,000 characters (stderr at 8,000; of both at 2,500 in its lists): its end is missing
12:00:03 dev  warning: careful
12:00:04 dev/release  step failed
`
	if diff := cmp.Diff(want, errs.String()); diff != "" {
		t.Error(diff)
	}
	if out.Len() != 0 {
		t.Errorf("events on stdout: %s", out)
	}
}

func TestHeartbeatAtLeastEvery30Seconds(t *testing.T) {
	t.Parallel()
	u, _, errs := drawn(Options{})
	u.Event(ship.Event{Time: noon, Kind: ship.EventSent, Stage: "dev", Message: "command"})
	last := noon
	for now := noon; now.Before(noon.Add(5 * time.Minute)); now = now.Add(14 * time.Second) {
		before := errs.Len()
		u.Event(ship.Event{Time: now, Kind: ship.EventWaiting, Stage: "dev", Counts: map[string]int{"Success": 1, "InProgress": 2}})
		if errs.Len() > before {
			last = now
		}
		if silent := now.Sub(last); silent > 30*time.Second {
			t.Fatalf("silent for %s", silent)
		}
	}
	if n := strings.Count(errs.String(), "waiting for 2 InProgress, 1 Success"); n < 9 || n > 12 {
		t.Errorf("%d heartbeats in five minutes", n)
	}
}

func result() *ship.Result {
	return &ship.Result{Verdict: ship.Unknown, Stage: "dev", Steps: []ship.StepResult{{Name: "release", CommandID: "c-1", Verdict: ship.Unknown,
		Nodes: []ship.NodeResult{{InstanceID: "i-10", Verdict: ship.Succeeded, StatusDetails: "Success", Steps: []ship.ScriptStepResult{{}, {}}}, failedNode()}}},
		Problem: &ship.Problem{API: "ssm:ListCommandInvocations", Principal: "arn:me", Action: "ssm:ListCommandInvocations", Resource: "*",
			CommandID: "c-1", Message: "denied", Statement: "{\n  \"Effect\": \"Allow\"\n}", Hint: "add it"}}
}

func TestResult(t *testing.T) {
	t.Parallel()
	u, out, errs := drawn(Options{})
	u.Result(result())
	wantOut := `STEP     NODE  VERDICT    STATUS   EXIT  COMMAND
release  i-10  succeeded  Success  0,0   c-1
release  i-2   failed     Failed   0,7   c-1
`
	if diff := cmp.Diff(wantOut, out.String()); diff != "" {
		t.Error(diff)
	}
	wantErr := `i-2 failed: step validate: exit code 7
problem: denied
  api        ssm:ListCommandInvocations
  principal  arn:me
  action     ssm:ListCommandInvocations
  resource   *
  command    c-1
the statement to add to the principal's policies:
  {
    "Effect": "Allow"
  }
hint: add it
stage dev: unknown
`
	if diff := cmp.Diff(wantErr, errs.String()); diff != "" {
		t.Error(diff)
	}
}

// An unknown without a problem, as after DeliveryTimedOut, explains its nodes and says how to go on.
func TestResultOfAnUnknownWithoutAProblem(t *testing.T) {
	t.Parallel()
	unknown := func(change func(*ship.StepResult)) *ship.Result {
		s := ship.StepResult{Name: "release", CommandID: "c-1", Verdict: ship.Unknown, Nodes: []ship.NodeResult{
			{InstanceID: "i-1", Verdict: ship.Unknown, StatusDetails: "DeliveryTimedOut", Why: "the node did not answer"}}}
		change(&s)
		return &ship.Result{Verdict: ship.Unknown, Stage: "dev", Steps: []ship.StepResult{s}}
	}
	for _, tt := range []struct {
		result *ship.Result
		want   string
	}{
		{unknown(func(s *ship.StepResult) { s.Resume = "slipway resume c-1 --stage dev" }),
			"i-1 unknown: the node did not answer\nhint: command c-1, step release, is unknown: slipway resume c-1 --stage dev tells the truth later, without sending again\nstage dev: unknown\n"},
		{unknown(func(s *ship.StepResult) { s.CannotResume = "its outcome cannot be resumed" }),
			"i-1 unknown: the node did not answer\ncommand c-1, step release, is unknown: its outcome cannot be resumed\nstage dev: unknown\n"},
	} {
		u, _, errs := drawn(Options{})
		u.Result(tt.result)
		if diff := cmp.Diff(tt.want, errs.String()); diff != "" {
			t.Error(diff)
		}
	}
	// What the problem's hint says is not said twice.
	r := unknown(func(s *ship.StepResult) { s.Resume = "slipway resume c-1" })
	r.Problem = &ship.Problem{Message: "denied", Hint: "slipway resume c-1 tells"}
	u, _, errs := drawn(Options{})
	u.Result(r)
	if n := strings.Count(errs.String(), "slipway resume c-1"); n != 1 {
		t.Errorf("said %d times: %s", n, errs)
	}
}

// What is cut from a node's output is said to be.
func TestOutputThatIsCutSaysSo(t *testing.T) {
	t.Parallel()
	u, _, errs := drawn(Options{})
	node := ship.NodeResult{InstanceID: "i-1", Verdict: ship.Succeeded,
		Steps: []ship.ScriptStepResult{{Name: "release", Stdout: "1\n2\n3\n4\n" + strings.Repeat("x", 502) + "\n"}, {Name: "validate", Stdout: "a\nb\nc\n"}}}
	u.Event(ship.Event{Time: noon, Kind: ship.EventNode, Stage: "dev", Node: &node, Instance: "i-1", Verdict: ship.Succeeded})
	want := "12:00:00 dev  i-1 succeeded\n    release | … 2 lines before these\n    release | 3\n    release | 4\n    release | " +
		strings.Repeat("x", 500) + "… 2 more characters\n    validate | a\n    validate | b\n    validate | c\n"
	if diff := cmp.Diff(want, errs.String()); diff != "" {
		t.Error(diff)
	}
}

// A send that was lost is looked for and never tried again.
func TestLostIsNotTryingAgain(t *testing.T) {
	t.Parallel()
	u, _, errs := drawn(Options{})
	u.Event(ship.Event{Time: noon, Kind: ship.EventLost, Stage: "dev", Message: "the answer was lost"})
	if got := errs.String(); got != "12:00:00 dev  the answer was lost\n" {
		t.Errorf("got %q", got)
	}
}

func TestSeveralStatements(t *testing.T) {
	t.Parallel()
	u, _, errs := drawn(Options{})
	u.Result(&ship.Result{Stage: "dev", Verdict: ship.Refused, Problem: &ship.Problem{Statement: "{\"Effect\": \"Allow\"},\n{\"Effect\": \"Allow\"}"}})
	if !strings.Contains(errs.String(), "the statements to add") {
		t.Errorf("got %s", errs)
	}
}

func TestColorTakesNoColumns(t *testing.T) {
	t.Parallel()
	u, out, _ := drawn(Options{Color: true})
	u.Result(result())
	plain, plainOut, _ := drawn(Options{})
	plain.Result(result())
	if !strings.Contains(out.String(), "\x1b[32msucceeded\x1b[0m") {
		t.Errorf("no colour: %q", out)
	}
	stripped := out.String()
	for _, code := range []string{"0", "1", "31", "32", "33"} {
		stripped = strings.ReplaceAll(stripped, "\x1b["+code+"m", "")
	}
	if diff := cmp.Diff(plainOut.String(), stripped); diff != "" {
		t.Error(diff)
	}
}

func TestJSONIsOneDocumentALine(t *testing.T) {
	t.Parallel()
	u, out, errs := drawn(Options{JSON: true, Color: true})
	u.Event(ship.Event{Time: noon, Kind: ship.EventSent, Stage: "dev", Step: "release", CommandID: "c-1", Message: "command c-1"})
	u.Note("a %s", "note")
	u.Error(hinted{})
	u.Result(result())
	var types []string
	for line := range strings.Lines(out.String()) {
		var doc map[string]any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		types = append(types, fmt.Sprint(doc["type"]))
		switch doc["type"] {
		case "event":
			if doc["commandId"] != "c-1" || doc["kind"] != "sent" || doc["time"] != "2026-11-22T12:00:00Z" {
				t.Errorf("event = %v", doc)
			}
		case "result":
			if doc["exit"] != 3.0 || doc["verdict"] != "unknown" {
				t.Errorf("result = %v", doc)
			}
		case "error":
			if doc["message"] != "it broke" || doc["hint"] != "mend it" {
				t.Errorf("error = %v", doc)
			}
		}
	}
	if diff := cmp.Diff([]string{"event", "note", "error", "result"}, types); diff != "" {
		t.Error(diff)
	}
	if errs.Len() != 0 {
		t.Errorf("stderr: %s", errs)
	}
}

type hinted struct{}

func (hinted) Error() string { return "it broke" }
func (hinted) Hint() string  { return "mend it" }

func TestError(t *testing.T) {
	t.Parallel()
	u, out, errs := drawn(Options{})
	u.Error(fmt.Errorf("outer: %w", hinted{}))
	u.Error(nil)
	if got := errs.String(); got != "error: outer: it broke\nhint: mend it\n" || out.Len() != 0 {
		t.Errorf("got %q", got)
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	u, out, _ := drawn(Options{Width: 40})
	u.Table([]string{"A", "LONGER", "REASON"}, [][]string{{"größer", "b", "why\nnot and a lot of words that do not fit"}, {"x", "y"}, {"1", "2", "3", "left out"}})
	want := "A       LONGER  REASON\n" + "größer  b       why not and a lot of wo…\n" + "x       y\n" + "1       2       3\n"
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("pipe closed") }

func TestErrTellsThatWritingFailed(t *testing.T) {
	t.Parallel()
	u := New(broken{}, broken{}, Options{})
	if u.Err() != nil {
		t.Fatal("an error before anything was written")
	}
	u.Print("x")
	if err := u.Err(); err == nil || !strings.Contains(err.Error(), "pipe closed") {
		t.Errorf("err = %v", err)
	}
}

func FuzzClean(f *testing.F) {
	f.Add("a\x1b[31mb\r\nc\u0085")
	f.Fuzz(func(t *testing.T, text string) {
		for _, r := range clean(text) {
			if (r < ' ' && r != '\n' && r != '\t') || (r >= 0x7f && r < 0xa0) {
				t.Errorf("control character %U survives", r)
			}
		}
	})
}

// TestTheAgentsWordsAreNotTheScripts: what the agent adds to a failed script's output stands in every failure, and says nothing.
func TestTheAgentsWordsAreNotTheScripts(t *testing.T) {
	t.Parallel()
	const skipped = "\nStep was found to have onFailure property. Further document steps will be skipped."
	for in, want := range map[string]string{
		"bad\nfailed to run commands: exit status 3" + skipped: "bad",
		"failed to run commands: exit status 1" + skipped:      "",
		"one\ntwo\n" + skipped:                                 "one\ntwo\n",
		"we failed to run commands: exit status 3\n":           "we failed to run commands: exit status 3\n",
		"failed to run commands: no such file":                 "failed to run commands: no such file",
		"bad\nfailed to run commands: signal: killed":          "bad",
	} {
		if got := ownWords(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

// On 80 columns no row of the table at the end is broken: the command, which JSON has, goes. Colours stay on what they mean.
func TestTheTableAtTheEndFitsTheTerminal(t *testing.T) {
	t.Parallel()
	r := result()
	r.Steps[0].CommandID = "ebe76b7d-6cf5-49fe-895a-079f68423610"
	r.Steps[0].Nodes[0].InstanceID = nodeID(1)
	for width, has := range map[int]bool{0: true, 200: true, 80: false, 40: false} {
		u, out, _ := drawn(Options{Width: width, Color: true})
		u.Result(r)
		for line := range strings.Lines(stripped(out.String())) {
			if width == 80 && columns(strings.TrimSuffix(line, "\n")) > width {
				t.Errorf("wider than %d: %s", width, line)
			}
		}
		if strings.Contains(out.String(), r.Steps[0].CommandID) != has || !strings.Contains(out.String(), "\x1b[32msucceeded\x1b[0m") {
			t.Errorf("%d columns:\n%s", width, out)
		}
	}
}

package ui

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/ship"
)

// hostile is what a script may print to be taken for more than output.
var hostile = []string{
	"::error::planted", "  ::add-mask::planted", "\u00a0\u3000::set-output name=x::planted", "##[error]planted",
	"text before ##[add-mask]planted", "#\u00ad#[error]planted", "#\u200b#[error]planted", "::stop-commands::planted", "::endgroup::",
	"\r::error::planted", "x\r\n::error::planted", "\u2028::error::planted", "\x1b[0m::error::planted", "#\x1b[0m#[error]planted", "\x00::error::planted",
}

// commandsIn are the workflow commands that the runner finds in text, by its own rules: of each line, ended by CR or LF,
// what begins with :: after white space, and here after characters that take no room as well, else what follows ##[
// anywhere.
func commandsIn(text string) []string {
	invisible := strings.NewReplacer("\u200b", "", "\u00ad", "", "\x00", "", "\ufeff", "")
	var found []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\r' || r == '\n' }) {
		if m := v2Command.FindStringSubmatch(strings.TrimSpace(invisible.Replace(line))); m != nil {
			found = append(found, m[1])
		} else if m := v1Command.FindStringSubmatch(line); m != nil {
			found = append(found, "##["+m[1])
		}
	}
	return found
}

var (
	v2Command = regexp.MustCompile(`^::([a-zA-Z-]+)(?: [^:]*)?::`)
	v1Command = regexp.MustCompile(`##\[([a-zA-Z-]+)[^\]]*\]`)
)

// Whatever a node prints, and wherever slipway shows it, the runner finds no command in it.
func TestGitHubTakesNoOutputForACommand(t *testing.T) {
	t.Parallel()
	for _, text := range hostile {
		for _, json := range []bool{false, true} {
			got := shownOnGitHub(text, json)
			for _, command := range commandsIn(got) {
				if command != "group" && command != "endgroup" && command != "error" && command != "warning" {
					t.Errorf("%q, JSON %t: the runner finds %s in\n%s", text, json, command, got)
				}
			}
			for line := range strings.Lines(got) {
				if len(commandsIn(line)) > 0 && strings.HasPrefix(strings.TrimSpace(line), "::error::planted") {
					t.Errorf("%q: a planted error in\n%s", text, got)
				}
			}
		}
	}
	if len(commandsIn(strings.Join(hostile, "\n"))) < 10 { // the others become one when something is taken out of them
		t.Errorf("the check finds only %q", commandsIn(strings.Join(hostile, "\n")))
	}
}

func TestHarmless(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"::", ":", "#", "##[", "[", "]", "error", "add-mask", " ", "\n", "\r", "\t", "\u00ad", "\u200b", "x", "\x1b[0m"})).Draw(t, "parts")
		if found := commandsIn(harmless(clean(strings.Join(parts, "")))); len(found) > 0 {
			t.Fatalf("%q: the runner finds %q", parts, found)
		}
	})
}

// shownOnGitHub shows text as everything that comes from elsewhere.
func shownOnGitHub(text string, json bool) string {
	var both bytes.Buffer
	u := New(&both, &both, Options{JSON: json, GitHub: &GitHub{}})
	node := ship.NodeResult{InstanceID: "i-1", Verdict: ship.Failed, Why: text, Steps: []ship.ScriptStepResult{{Name: text, ExitCode: 1, Stdout: text + "\n" + text, Stderr: text}}}
	for _, e := range []ship.Event{
		{Kind: ship.EventSent, Step: "release", CommandID: "c-1", Message: text}, {Kind: ship.EventOutput, Step: "release", Instance: "i-1", Message: text},
		{Kind: ship.EventOutput, Step: "release", Instance: text, Message: text + "\n" + text},
		{Kind: ship.EventNode, Step: "release", Instance: "i-1", Verdict: ship.Failed, Node: &node},
		{Kind: ship.EventWarning, Message: text}, {Kind: ship.EventStep, Step: "release", Verdict: ship.Failed, Message: text},
		{Kind: ship.EventJoined, Message: text}, {Kind: ship.EventBatch, Step: text, Nodes: []string{text}, Batch: &ship.Batch{Number: 1}},
	} {
		e.Time, e.Stage = noon, "prod"
		u.Event(e)
	}
	u.Note("%s", text)
	u.Warn("%s", text)
	u.Error(fmt.Errorf("%s", text))
	u.Print(text)
	u.Result(&ship.Result{Stage: "prod", Verdict: ship.Failed, Steps: []ship.StepResult{{Name: "release", Why: text, Verdict: ship.Failed, Nodes: []ship.NodeResult{node}}},
		Problem: &ship.Problem{Message: text, Hint: text, Resource: text}})
	return both.String()
}

// onGitHub gives what a job's log, summary and outputs are.
func onGitHub(events []ship.Event, r *ship.Result) (log, summary, outputs string) {
	var out, errs, sum, set bytes.Buffer
	now := noon
	u := New(&out, &errs, Options{Now: func() time.Time { return now }, Every: func(time.Duration, func()) func() { return func() {} },
		GitHub: &GitHub{Folder: "services/shop", Summary: &sum, Outputs: &set}})
	end := u.Begin(Subject{App: "shop", Version: "v42"})
	for _, e := range events {
		e.Time, e.Stage = now, "prod"
		u.Event(e)
	}
	u.Result(r)
	end()
	return errs.String() + "── stdout\n" + out.String(), sum.String(), set.String()
}

func TestGitHubGroupsAnnotationsAndOutputs(t *testing.T) {
	t.Parallel()
	failed := func(id string) ship.NodeResult {
		n := failedNode()
		n.InstanceID, n.CommandID = id, "c-2"
		n.Steps[1].File, n.Steps[1].Line = "deploy/healthy.sh", 7
		return n
	}
	bad, worse := failed("i-2"), failed("i-3")
	good := ship.NodeResult{InstanceID: "i-1", Verdict: ship.Succeeded, Status: "Success", CommandID: "c-1", Steps: []ship.ScriptStepResult{{Name: "release", Stdout: "1\n2\n3\n4\n5\n"}}}
	log, summary, outputs := onGitHub([]ship.Event{
		{Kind: ship.EventTargets, Message: "3 nodes", Nodes: []string{"i-1", "i-2", "i-3"}},
		{Kind: ship.EventBatch, Step: "release", Batch: &ship.Batch{Number: 1, Of: 2, Total: 3}, Nodes: []string{"i-1"}},
		{Kind: ship.EventSent, Step: "release", CommandID: "c-1", Message: "command c-1"},
		{Kind: ship.EventNode, Step: "release", Instance: "i-1", Verdict: ship.Succeeded, Node: &good},
		{Kind: ship.EventPause, Step: "release", Message: "pause of 30s", Until: noon.Add(30 * time.Second)},
		{Kind: ship.EventBatch, Step: "release", Batch: &ship.Batch{Number: 2, Of: 2, Done: 1, Total: 3}, Nodes: []string{"i-2", "i-3"}},
		{Kind: ship.EventSent, Step: "release", CommandID: "c-2", Message: "command c-2"},
		{Kind: ship.EventWarning, Step: "release", Message: "100% of it: careful\nvery"},
		{Kind: ship.EventNode, Step: "release", Instance: "i-2", Verdict: ship.Failed, Node: &bad},
		{Kind: ship.EventNode, Step: "release", Instance: "i-3", Verdict: ship.Failed, Node: &worse},
		{Kind: ship.EventStep, Step: "release", Verdict: ship.Failed},
		{Kind: ship.EventJoined, Nodes: []string{"i-9"}, Message: "1 node joined meanwhile"},
	}, &ship.Result{Stage: "prod", Verdict: ship.Failed, Joined: []string{"i-9"}, Steps: []ship.StepResult{{Name: "release", CommandID: "c-1", Verdict: ship.Failed,
		Sends: []ship.SendResult{{CommandID: "c-1", Verdict: ship.Succeeded}, {CommandID: "c-2", Verdict: ship.Failed}}, Nodes: []ship.NodeResult{good, bad, worse}}}})
	golden(t, "testdata/github.txt", log+"── summary\n"+summary+"── outputs\n"+outputs)
}

// A file that is none of the repository's is no place for an annotation.
func TestAnnotationsStayInTheRepository(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		folder, file, want string
	}{
		{"", "deploy/run.sh", "deploy/run.sh"}, {"services/shop", "./deploy/run.sh", "services/shop/deploy/run.sh"}, {"services/shop", "../lib/run.sh", "services/lib/run.sh"},
		{"", "../run.sh", ""}, {"shop", "../../../etc/passwd", ""}, {"", "/etc/passwd", ""}, {"", "", ""},
	} {
		g := github{folder: tt.folder}
		if got, _ := g.failedAt(&ship.NodeResult{Steps: []ship.ScriptStepResult{{}, {File: tt.file, Line: 3}}}); got != tt.want {
			t.Errorf("%q in %q: %q, want %q", tt.file, tt.folder, got, tt.want)
		}
	}
}

// What stands in a summary is text, whatever it looks like.
func TestSummaryIsEscaped(t *testing.T) {
	t.Parallel()
	evil := "<img src=x onerror=alert(1)> | [link](http://x) `code` **bold** # head\n\n<script>"
	got := summary(&ship.Result{Stage: "prod", Verdict: ship.Failed, Problem: &ship.Problem{Message: evil, Hint: evil},
		Steps: []ship.StepResult{{Name: evil, Verdict: ship.Failed, Nodes: []ship.NodeResult{{InstanceID: evil, Verdict: ship.Failed, Why: evil,
			Steps: []ship.ScriptStepResult{{Stdout: evil + "\n\n</pre><script>\n"}}}}}}}, Subject{App: "shop", Version: evil})
	before, pre, _ := strings.Cut(got, "<pre>")
	pre, _, _ = strings.Cut(pre, "</pre>")
	if strings.ContainsAny(pre, "<\n") {
		t.Errorf("the output ends its block: %s", pre)
	}
	for _, not := range []string{"<img", "<script", "[link](", "`code`", "**bold**"} {
		if strings.Contains(before, not) {
			t.Errorf("%s is not escaped in\n%s", not, got)
		}
	}
	for line := range strings.Lines(got) {
		if cells := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|"); strings.HasPrefix(line, "|") && cells != 7 {
			t.Errorf("%d bars in a row: %s", cells, line)
		}
	}
}

// A summary of 500 nodes that all failed differently stays within what GitHub takes.
func TestSummaryStaysSmall(t *testing.T) {
	t.Parallel()
	s := ship.StepResult{Name: "release", Verdict: ship.Failed}
	for i := range 500 {
		s.Nodes = append(s.Nodes, ship.NodeResult{InstanceID: nodeID(i), Verdict: ship.Failed, Why: fmt.Sprint("exit code ", i),
			Steps: []ship.ScriptStepResult{{Stdout: strings.Repeat(strings.Repeat("<", 900)+"\n", 100)}}})
	}
	got := summary(&ship.Result{Stage: "prod", Verdict: ship.Failed, Steps: []ship.StepResult{s}}, Subject{})
	if len(got) > 1<<19 || !strings.Contains(got, "… 300 more") || !strings.Contains(got, "… and 490 more reasons") {
		t.Errorf("%d bytes:\n%.300s", len(got), got)
	}
}

func TestOutputsAreOneLineEach(t *testing.T) {
	t.Parallel()
	got := outputs(&ship.Result{Verdict: ship.Unknown, Record: &ship.Recorded{ID: "d-1"}, Rollback: &ship.Result{Steps: []ship.StepResult{{CommandID: "c"}}}, Steps: []ship.StepResult{{CommandID: "a", Verdict: ship.Succeeded}, {CommandID: "b", Verdict: ship.Unknown}}},
		Subject{Version: "v1\nverdict=succeeded"}, []string{"a", "b"})
	want := "verdict=unknown\nversion=v1 verdict=succeeded\ndeploy-id=d-1\ncommand-id=b\ncommand-ids=a b\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A line may end with a carriage return as well, for the runner that reads it.
func TestNoLineOfANoteIsACommand(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"one\r::add-mask::x", "one\r\n::add-mask::x", "\r ::add-mask::x"} {
		for _, line := range strings.FieldsFunc(harmless(text), func(r rune) bool { return r == '\r' || r == '\n' }) {
			if strings.HasPrefix(strings.TrimSpace(line), "::") {
				t.Errorf("%q: %q is a command", text, line)
			}
		}
	}
}

// A document on stdout may go into a file: a program must read in it what was meant.
func TestJSONStaysItselfInAJobsLog(t *testing.T) {
	t.Parallel()
	u, out, _ := drawn(Options{GitHub: &GitHub{}})
	const script = "echo '##[group]building'\n::debug::x\n"
	if err := u.JSON(map[string]string{"script": script}); err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["script"] != script || strings.Contains(out.String(), "##[") {
		t.Errorf("got %q, %v from %s", got["script"], err, out)
	}
}

// What fails alike in two batches is one annotation, which is the step's; what fails in one has that batch's name.
func TestEqualAnnotationsAreJoinedOverBatches(t *testing.T) {
	t.Parallel()
	failed := func(id string, line int) ship.Event {
		n := failedNode()
		n.InstanceID = id
		n.Steps[1].File, n.Steps[1].Line = "run.sh", line
		return ship.Event{Kind: ship.EventNode, Step: "release", Instance: id, Verdict: ship.Failed, Node: &n}
	}
	batch := func(n int, id ...string) ship.Event {
		return ship.Event{Kind: ship.EventBatch, Step: "release", Batch: &ship.Batch{Number: n, Of: 2, Total: 3}, Nodes: id}
	}
	log, _, _ := onGitHub([]ship.Event{batch(1, "i-1"), failed("i-1", 7), batch(2, "i-2", "i-3"), failed("i-2", 7), failed("i-3", 9),
		{Kind: ship.EventStep, Step: "release", Verdict: ship.Failed}}, &ship.Result{Stage: "prod", Verdict: ship.Failed})
	var got []string
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "::error") {
			got = append(got, line)
		}
	}
	want := []string{
		"::error file=services/shop/run.sh,line=7,title=prod/release::step validate: exit code 7 on i-1, i-2\n",
		"::error file=services/shop/run.sh,line=9,title=prod/release%3A batch 2/2%3A 2 nodes::step validate: exit code 7 on i-3\n",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s in\n%s", diff, log)
	}
}

// The result of a rollback says that it is one, and of what, on the page and in the log.
func TestARollbackSaysThatItIsOne(t *testing.T) {
	t.Parallel()
	r := &ship.Result{Stage: "prod", Verdict: ship.Succeeded, Record: &ship.Recorded{ID: "d-3", Kind: record.KindRollback, Version: "v1", Previous: "d-2", Target: "d-1"}}
	log, page, _ := onGitHub(nil, r)
	if want := "stage prod: rollback to v1 (deploy d-1): succeeded\n"; !strings.Contains(log, want) {
		t.Errorf("no %q in\n%s", want, log)
	}
	if want := "### ✅ shop/prod: rollback to v1 (deploy d-1): succeeded\n"; !strings.HasPrefix(page, want) {
		t.Errorf("no %q in\n%s", want, page)
	}
}

package ship

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-cd/slipway/internal/plan"
)

// What GetCommandInvocation gives at most; the rest is cut off at the end, where errors mostly stand.
const (
	stdoutLimit = 24000
	stderrLimit = 8000
	cutMark     = "--output truncated--"
)

const exitKilled = 137 // SIGKILL; the agent reports it as a timeout

// errNotDone is a script that Run Command does not yet call done although its node is.
var errNotDone = errors.New("the script is not reported as done")

// read fetches the result of every script of the document on one node. After a script that failed there is nothing
// more to read: documents stop there.
func (w *watch) read(ctx context.Context, node *NodeResult) ([]ScriptStepResult, error) {
	ended := normalise(shown(node.Status, node.StatusDetails))
	mustHaveRun := ended == "Success" || ended == "Failed" || ended == "ExecutionTimedOut"
	names := w.scriptsOf(node)
	steps := w.before(node, names)
	for _, name := range names[len(steps):] {
		in := &ssm.GetCommandInvocationInput{CommandId: aws.String(w.sent.id), InstanceId: aws.String(node.InstanceID)}
		if w.step.Own != nil || len(names) > 1 {
			in.PluginName = aws.String(name)
		}
		s, err := w.readOne(ctx, name, in, mustHaveRun)
		if err != nil {
			return steps, err
		}
		steps = append(steps, s)
		if ended != "Success" && normalise(s.Status) != "Success" {
			break
		}
	}
	return steps, nil
}

// scriptsOf are the scripts of the document on one node: the plan's, or of a command that another run sent those that
// Run Command names, for the release may have changed since. Where it names none, the plan's again.
func (w *watch) scriptsOf(node *NodeResult) []string {
	if !w.asksScripts || w.oneByOne { // one by one, every answer was checked to be of the plan's one script
		return w.step.ScriptSteps
	}
	if len(w.scripts) > 0 {
		return w.scripts
	}
	var names []string
	for _, p := range node.plugins {
		names = append(names, aws.ToString(p.Name))
	}
	if len(names) == 0 {
		return w.step.ScriptSteps
	}
	if normalise(shown(node.Status, node.StatusDetails)) == "Success" {
		w.scripts = names // a node that failed may not have come to all of them
	}
	return names
}

func (w *watch) readOne(ctx context.Context, name string, in *ssm.GetCommandInvocationInput, mustHaveRun bool) (ScriptStepResult, error) {
	var last *ssm.GetCommandInvocationOutput
	// A list can be ahead of a get. Where the script must have run that is waited for; otherwise it may never have.
	lags := func(err error) bool { return mustHaveRun && (errors.Is(err, errNotDone) || notThere(err)) }
	_, err := call(ctx, w.r, w.r.watcher, "ssm:GetCommandInvocation", lags, func(ctx context.Context) (*ssm.GetCommandInvocationOutput, error) {
		out, err := w.r.watcher.ssm.GetCommandInvocation(ctx, in)
		if err != nil {
			return nil, err
		}
		if err := w.checkOurs(out.Comment, out.DocumentName); err != nil {
			return nil, err
		}
		if last = out; judge(string(out.Status), aws.ToString(out.StatusDetails)).Wait {
			return nil, errNotDone
		}
		return out, nil
	})
	switch {
	case err != nil && notThere(err):
		return ScriptStepResult{Name: name, Status: "not there", ExitCode: -1}, nil
	case err != nil && !errors.Is(err, errNotDone):
		return ScriptStepResult{}, err
	}
	return scriptResult(name, last), nil
}

func scriptResult(name string, out *ssm.GetCommandInvocationOutput) ScriptStepResult {
	s := ScriptStepResult{Name: name, Status: string(out.Status), StatusDetails: aws.ToString(out.StatusDetails),
		ExitCode: int(out.ResponseCode), Elapsed: elapsed(aws.ToString(out.ExecutionElapsedTime)),
		Stdout: aws.ToString(out.StandardOutputContent), Stderr: aws.ToString(out.StandardErrorContent),
		began: aws.ToString(out.ExecutionStartDateTime) != ""}
	s.Truncated = truncated(s.Stdout, stdoutLimit) || truncated(s.Stderr, stderrLimit)
	return s
}

func truncated(text string, limit int) bool {
	return strings.HasSuffix(strings.TrimSpace(text), cutMark) || utf8.RuneCountInString(text) >= limit
}

// weigh compares what the scripts say with what the node says (R110): a node that succeeded without every script
// having run to its end is not a success.
func (w *watch) weigh(j judgement, node *NodeResult) (Verdict, string) {
	switch {
	case neverBegan(node):
		return NotStarted, "cancelled before it began on this node: still on the old version"
	case j.Verdict != Succeeded:
		return j.Verdict, w.failureWhy(j, node)
	case len(node.Steps) == 0:
		return Unknown, "the node is Success, but which scripts it had to run could not be read"
	}
	for _, s := range node.Steps {
		switch sj := judge(s.Status, s.StatusDetails); {
		case s.Status == "not there" || sj.Wait:
			return Unknown, fmt.Sprintf("the node is Success, but step %s is not reported as having run (%s)", s.Name, shown(s.Status, s.StatusDetails))
		case sj.Verdict != Succeeded:
			v := sj.Verdict
			if v == NotStarted {
				v = Failed
			}
			return v, fmt.Sprintf("the node is Success, but step %s is %s", s.Name, shown(s.Status, s.StatusDetails))
		case skipped(s):
			return Failed, fmt.Sprintf("the node is Success, but step %s was skipped: %s", s.Name, Tail(s.Stdout, 1))
		case s.ExitCode != 0:
			return Unknown, fmt.Sprintf("the node is Success, but step %s has exit code %d", s.Name, s.ExitCode)
		}
	}
	return Succeeded, ""
}

// neverBegan tells a node that the cancellation reached before the command did: it was waiting when last seen, and Run
// Command has neither a start nor an exit code nor any output of its first script.
func neverBegan(node *NodeResult) bool {
	waited := normalise(node.waited)
	if normalise(shown(node.Status, node.StatusDetails)) != "Cancelled" || (waited != "Pending" && waited != "Delayed") || len(node.Steps) != 1 {
		return false
	}
	s := node.Steps[0]
	return normalise(shown(s.Status, s.StatusDetails)) == "Cancelled" && s.ExitCode == -1 && !s.began && s.Stdout == "" && s.Stderr == ""
}

// skipped tells a step that the agent left out because of its precondition: it reports Success and says so in place
// of the output. uncertain: the agent's words are matched, for there is no field that says it.
func skipped(s ScriptStepResult) bool {
	return strings.HasPrefix(strings.TrimSpace(s.Stdout), "Step execution skipped due to ")
}

// failureWhy names the script that failed, and tells a timeout from a kill (fact: exit code 137 is reported as a
// timeout, whoever killed the script).
func (w *watch) failureWhy(j judgement, node *NodeResult) string {
	for _, s := range node.Steps {
		if normalise(s.Status) == "Success" {
			continue
		}
		limit := limitOf(w.step, s.Name)
		if normalise(shown(s.Status, s.StatusDetails)) == "ExecutionTimedOut" && limit > 0 && wasKilled(s, limit) {
			return fmt.Sprintf("step %s: reported as timed out, but it ended after %s of its %s: it was killed (exit code 137), "+
				"mostly because the node ran out of memory", s.Name, s.Elapsed, limit)
		}
		if s.Code == CodeScriptTimedOut {
			return fmt.Sprintf("step %s: the script ran longer than its timeout of %s and was killed", s.Name, limit)
		}
		if s.ExitCode < 0 && normalise(shown(node.Status, node.StatusDetails)) == "Failed" {
			return fmt.Sprintf("step %s: it did not end by itself (no exit code): the agent or the node went away, or it could not be begun", s.Name)
		}
		if s.why != "" {
			return fmt.Sprintf("step %s: %s", s.Name, s.why)
		}
		if s.ExitCode > 0 && s.Line > 0 {
			return fmt.Sprintf("step %s: %s at %s:%d (exit code %d)", s.Name, j.Why, s.File, s.Line, s.ExitCode)
		}
		if s.ExitCode > 0 {
			return fmt.Sprintf("step %s: %s (exit code %d)", s.Name, j.Why, s.ExitCode)
		}
		return fmt.Sprintf("step %s: %s", s.Name, j.Why)
	}
	return j.Why
}

// wasKilled tells a script that ended well before its limit.
func wasKilled(s ScriptStepResult, limit time.Duration) bool {
	if s.Elapsed == 0 {
		return s.ExitCode == exitKilled
	}
	return s.Elapsed < limit*9/10
}

// limitOf is the execution timeout of one script: from the document where it is our own, the step's otherwise.
func limitOf(step *plan.Step, name string) time.Duration {
	whole := time.Duration(step.ExecutionTimeout) * time.Second
	if step.Own == nil {
		return whole
	}
	var doc struct {
		MainSteps []struct {
			Name   string `json:"name"`
			Inputs struct {
				TimeoutSeconds string `json:"timeoutSeconds"`
			} `json:"inputs"`
		} `json:"mainSteps"`
	}
	if err := json.Unmarshal([]byte(step.Own.Content), &doc); err != nil {
		return whole // only an explanation depends on it
	}
	for _, s := range doc.MainSteps {
		if seconds, err := strconv.Atoi(s.Inputs.TimeoutSeconds); s.Name == name && err == nil {
			return time.Duration(seconds) * time.Second
		}
	}
	return whole
}

// elapsed reads Run Command's ISO 8601 duration (PT1H2M3.4S); 0 when there is none that can be read.
func elapsed(text string) time.Duration {
	rest, ok := strings.CutPrefix(text, "PT")
	if !ok {
		return 0
	}
	d, err := time.ParseDuration(strings.ToLower(rest))
	if err != nil || d < 0 {
		return 0
	}
	return d
}

// Tail gives the last lines of text, without the line breaks at its end; all of it when it has no more.
func Tail(text string, lines int) string {
	text = strings.TrimRight(text, "\r\n")
	if lines <= 0 {
		return ""
	}
	from := len(text)
	for range lines {
		from = strings.LastIndexByte(text[:from], '\n')
		if from < 0 {
			return text
		}
	}
	return text[from+1:]
}

package ship

import (
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// Verdict is what is known of a node, a step or a stage.
type Verdict string

// The verdicts. There is no fourth for something that was sent; the other two say that nothing was.
const (
	Succeeded Verdict = "succeeded"
	Failed    Verdict = "failed"
	// Unknown: something was sent, and its outcome could not be read.
	Unknown Verdict = "unknown"
	// Refused: nothing was sent. Of a stage and its steps only.
	Refused Verdict = "refused"
	// NotStarted: the node, or the step, was never reached and is as it was before.
	NotStarted Verdict = "not started"
)

// Exit codes of a Result.
const (
	exitSucceeded   = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnknown     = 3
	exitRefused     = 4
	exitInterrupted = 130
)

// Result is the truth about a stage, as far as it is known. Its JSON form is documented for users.
type Result struct {
	Verdict Verdict      `json:"verdict"`
	Stage   string       `json:"stage"`
	Steps   []StepResult `json:"steps,omitempty"`
	// Tests are programs that ran where slipway runs, and decide as steps do.
	Tests []TestResult `json:"tests,omitempty"`
	// Problem is the API call, or the check, that ended the deploy early; nil when it ran to its end.
	Problem *Problem `json:"problem,omitempty"`
	// UpToDate is true of a deploy to the nodes that are outdated which found none: nothing was sent.
	UpToDate bool `json:"upToDate,omitempty"`
	// Joined are nodes that the targets have now and had not when the deploy began: they run another version.
	Joined []string `json:"joined,omitempty"`
	// Interrupted is true when the deploy was told to stop. The verdict still says what is known.
	Interrupted bool `json:"interrupted,omitempty"`
	// Detached is true when the deploy only sent, and left the rest to a resume: the verdict is unknown, and was to be.
	Detached bool `json:"detached,omitempty"`
	// Record is where the deploy is written down; nil where there is no record.
	Record *Recorded `json:"record,omitempty"`
	// Rollback is the rollback that followed because the deploy failed; nil when there was none.
	Rollback *Result `json:"rollback,omitempty"`
}

// StepResult is a step's command, one SendCommand or those of all its batches, and what became of it.
type StepResult struct {
	Name string `json:"name"`
	// CommandID is empty when nothing was sent, and when the answer to SendCommand was lost and not found. Of several
	// it is the first whose outcome is not known, or the first.
	CommandID       string       `json:"commandId,omitempty"`
	DocumentVersion string       `json:"documentVersion,omitempty"`
	Verdict         Verdict      `json:"verdict"`
	Nodes           []NodeResult `json:"nodes,omitempty"`
	Why             string       `json:"why,omitempty"`
	// Resume is the command line that tells later what became of it, of steps that are unknown; CannotResume says why
	// there is none.
	Resume       string `json:"resume,omitempty"`
	CannotResume string `json:"cannotResume,omitempty"`
	// Sends are the single commands of a step that was shipped in batches, in their order.
	Sends []SendResult `json:"sends,omitempty"`
	// Batches is how many batches were begun.
	Batches int `json:"batches,omitempty"`
	// Stopped says why no more nodes were begun, of a rollout that ended early, and Code the same for programs.
	Stopped string `json:"stopped,omitempty"`
	Code    string `json:"code,omitempty"`

	// alarm is the name of the alarm that stopped the command, alarmUnread true where its state could not be read; unread is
	// true when reading the command's result failed.
	alarm       string
	alarmUnread bool
	unread      bool
}

// of is what became of one node; of one that the command was for and that is not listed it is not known.
func (s *StepResult) of(id string) NodeResult {
	for i := range s.Nodes {
		if s.Nodes[i].InstanceID == id {
			return s.Nodes[i]
		}
	}
	return NodeResult{InstanceID: id, Verdict: Unknown}
}

// SendResult is one SendCommand of a rollout.
type SendResult struct {
	CommandID string `json:"commandId,omitempty"`
	Batch     int    `json:"batch"`
	// Check is true of the validation after a batch's pause.
	Check   bool     `json:"check,omitempty"`
	Nodes   []string `json:"nodes,omitempty"`
	Verdict Verdict  `json:"verdict"`
	Why     string   `json:"why,omitempty"`
}

// NodeResult is what became of a step on one node.
type NodeResult struct {
	InstanceID string  `json:"instanceId"`
	Verdict    Verdict `json:"verdict"`
	// Status and StatusDetails are Run Command's own words, unchanged.
	Status        string             `json:"status,omitempty"`
	StatusDetails string             `json:"statusDetails,omitempty"`
	Steps         []ScriptStepResult `json:"steps,omitempty"`
	// CommandID is the command that reached it last, of a step that was several.
	CommandID string `json:"commandId,omitempty"`
	// Gone is true of a node that went away before anything ran on it, as EC2 says: it does not count against the step.
	Gone bool `json:"gone,omitempty"`
	// Why explains every verdict but succeeded.
	Why string `json:"why,omitempty"`

	// Code says for programs why it failed: that of the script that did. docs/error-codes.md lists them.
	Code string `json:"code,omitempty"`

	// plugins are its scripts as the list of invocations has them.
	plugins []types.CommandPlugin
	// since is when the node was first seen with this status; waited is the last status of those that are no end.
	since  time.Time
	waited string
}

// ScriptStepResult is one script of a document on one node, as GetCommandInvocation gives it.
type ScriptStepResult struct {
	Name string `json:"name"`
	// Status is Run Command's word; "not there" when it has no result for the script.
	Status        string `json:"status"`
	StatusDetails string `json:"statusDetails,omitempty"`
	// ExitCode is -1 when the script did not run.
	ExitCode int `json:"exitCode"`
	// Elapsed is how long it ran; 0 when Run Command does not say.
	Elapsed time.Duration `json:"elapsed,omitempty"`
	// Stdout is what the script printed, its errors in their places; of a shared document, without them. It is complete
	// unless Truncated. Stderr is what slipway itself says of the script's end; of a shared document, its errors.
	Stdout string `json:"stdout,omitempty"`
	Stderr string `json:"stderr,omitempty"`
	// Truncated is true when only the beginning is there of stdout (24,000 characters) or stderr (8,000), or of both
	// (2,500, of many nodes: of those that succeeded, and of the scripts before the one that failed).
	Truncated bool `json:"truncated,omitempty"`
	// Tail is the end of an output that was too long for Run Command: the last 7,000 bytes.
	Tail string `json:"tail,omitempty"`
	// Complete says where all of a cut output lies.
	Complete string `json:"complete,omitempty"`
	// Incomplete says why a cut output could not be read from there.
	Incomplete string `json:"incomplete,omitempty"`
	// Code says for programs why the script failed; docs/error-codes.md lists them.
	Code string `json:"code,omitempty"`
	// File of the release in which it failed, as far as that is known; with Line 0 where only the script is known.
	File string `json:"file,omitempty"`
	// Line of the file, counted from 1.
	Line int `json:"line,omitempty"`

	// why is the wrapper's own reason.
	why string

	// began is false when Run Command says that the script never started to run.
	began bool
}

// Problem says which call could not be made, or which check did not pass, and what would help.
type Problem struct {
	// Code is stable, for programs; docs/error-codes.md lists them.
	Code string `json:"code,omitempty"`
	// API is service:Operation; empty when the problem is not an API call.
	API string `json:"api,omitempty"`
	// Principal, Action and Resource are what AWS names in a denial, or what the plan says of the call.
	Principal string `json:"principal,omitempty"`
	Action    string `json:"action,omitempty"`
	Resource  string `json:"resource,omitempty"`
	CommandID string `json:"commandId,omitempty"`
	Message   string `json:"message"`
	// Statement is the policy statement to add, as JSON; only where a permission is missing.
	Statement string `json:"statement,omitempty"`
	Hint      string `json:"hint,omitempty"`
	// Denied is true when the principal lacks the permission.
	Denied bool `json:"denied,omitempty"`
}

// Exit gives the process exit code for the result.
func (r *Result) Exit() int {
	if r.Interrupted {
		return exitInterrupted
	}
	switch {
	case r.Detached:
		return exitSucceeded
	case r.Rollback != nil && r.Rollback.Verdict == Unknown:
		return exitUnknown
	}
	switch r.Verdict {
	case Succeeded:
		return exitSucceeded
	case Failed:
		return exitFailed
	case Refused:
		return exitRefused
	default:
		return exitUnknown
	}
}

// conclude gives the stage's verdict from its steps. Unknown outweighs failed: whoever acts on the result (a
// rollback, the next deploy) must first find out.
func (r *Result) conclude() {
	if r.Verdict == Refused {
		return
	}
	verdicts := make([]Verdict, len(r.Steps))
	for i, s := range r.Steps {
		verdicts[i] = s.Verdict
	}
	for _, t := range r.Tests {
		verdicts = append(verdicts, t.Verdict)
	}
	r.Verdict = together(verdicts)
}

// conclude gives the stage's verdict, and for every step that is unknown the way to the truth.
func (r *runner) conclude() {
	r.res.conclude()
	for i := range r.res.Steps {
		s := &r.res.Steps[i]
		if s.Verdict != Unknown || s.CommandID == "" || r.final {
			continue
		}
		if s.Resume = r.resumeCommand(s.CommandID); s.Resume == "" {
			s.CannotResume = cannotResume
		}
	}
}

// together joins the verdicts of parts into that of the whole. A part that was not started fails the whole, and a
// whole without parts is not known to have succeeded.
func together(parts []Verdict) Verdict {
	if len(parts) == 0 {
		return Unknown
	}
	whole := Succeeded
	for _, v := range parts {
		switch v {
		case Succeeded:
		case Failed, NotStarted:
			if whole == Succeeded {
				whole = Failed
			}
		default:
			whole = Unknown
		}
	}
	return whole
}

package node

import (
	"cmp"
	"fmt"
	"slices"
	"time"
	"unicode/utf8"
)

// Status is the state of a document or of one of its steps, in the agent's words.
type Status string

// The states. Skipped is a step's only.
const (
	InProgress Status = "InProgress"
	Success    Status = "Success"
	Failed     Status = "Failed"
	TimedOut   Status = "TimedOut"
	Cancelled  Status = "Cancelled"
	Skipped    Status = "Skipped"
)

// StepResult is what came of one step.
type StepResult struct {
	Name   string // the step's name; the plugin's in schema 1.2
	Action string // aws:runShellScript
	Status Status
	Code   int // exit code; 137 when the step was stopped
	// Output is stdout and stderr in at most 2,500 characters; the others have at most 24,000 each, of which Run Command
	// keeps the first 8,000 of StandardError.
	Output, StandardOutput, StandardError string
	Start, End                            time.Time
	// S3Bucket and S3Prefix are where the complete output was to go; empty where it was not.
	S3Bucket, S3Prefix string
}

// Result is what came of a document.
type Result struct {
	Status Status
	Trace  string // why the document failed as a whole, where that is so
	Steps  []StepResult
}

// Exit codes that the agent gives a meaning.
const (
	exitStopped     = 137 // killed by the agent, or by anybody else
	exitSuccessSkip = 168
	exitFailedSkip  = 169
	exitReboot      = 194
)

// Limits of a reply, in bytes, the marks of truncation included.
const (
	maxStdout = 24000
	maxStderr = 24000
	maxOutput = 2500

	cutMark       = "--output truncated--"
	cutMarkOutput = "\n---Output truncated---"
	cutMarkError  = "\n---Error truncated----"
	errorTitle    = "\n----------ERROR-------\n"
)

// rebootRefused explains why exit code 194 is a failure here.
const rebootRefused = "slipway: the script exited with 194, which asks for a reboot and to be run again; " +
	"a built-in node does not reboot the machine it runs on"

// What the agent adds to the output of a step that ends the document.
const (
	textSuccessSkip = "\nStep exited with code 168. Therefore, marking step as succeeded. Further document steps will be skipped."
	textFailedSkip  = "\nStep exited with code 169. Therefore, marking step as Failed. Further document steps will be skipped."
	textOnFailure   = "\nStep was found to have onFailure property. Further document steps will be skipped."
)

// statusOf maps the exit code of a script. 168 is a failure here, which the step then turns.
func statusOf(e Exit) Status {
	switch e.Code {
	case 0:
		return Success
	case exitStopped:
		if e.Cancelled {
			return Cancelled
		}
		return TimedOut // also a script that somebody else killed: the agent cannot tell
	}
	return Failed
}

// merge is the status of a plugin of several scripts, as in the agent: what is later in the list counts.
func merge(a, b Status) Status {
	order := []Status{"", Skipped, Success, InProgress, Failed, Cancelled, TimedOut}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}

// aggregate gives the document's status: Failed before TimedOut before Cancelled before Success.
func aggregate(steps []StepResult) Status {
	rank := map[Status]int{Failed: 3, TimedOut: 2, Cancelled: 1}
	worst := Success
	for _, s := range steps {
		if rank[s.Status] > rank[worst] {
			worst = s.Status
		}
	}
	return worst
}

// limit cuts what has size bytes or more to that many, the mark at its end included.
func limit(s string, size int) string {
	if len(s) < size {
		return s
	}
	return head(s, size-len(cutMark)) + cutMark
}

// mergeOutput puts stdout and stderr into one text of at most size bytes, as the agent does. Where both are long each
// gets half, else the shorter one stays whole.
func mergeOutput(stdout, stderr string, size int) string {
	title := ""
	if stderr != "" {
		title = errorTitle
	}
	room := size - len(title)
	switch {
	case len(stdout)+len(stderr) < room:
		return stdout + title + stderr
	case len(stdout) > room/2 && len(stderr) > room/2:
		half := (room - len(cutMarkOutput) - len(cutMarkError)) / 2
		return head(stdout, half) + cutMarkOutput + title + head(stderr, half) + cutMarkError
	case len(stdout) <= room/2:
		return stdout + title + head(stderr, room-len(cutMarkError)-len(stdout)) + cutMarkError
	}
	return head(stdout, room-len(cutMarkOutput)-len(stderr)) + cutMarkOutput + title + stderr
}

// head gives the first size bytes of s, less what would be half a character.
func head(s string, size int) string {
	if len(s) <= size {
		return s
	}
	size = max(size, 0)
	for size > 0 && !utf8.RuneStart(s[size]) {
		size--
	}
	return s[:size]
}

// failure is the line that the agent adds to the stderr of a script that failed.
func failure(e Exit) string {
	if e.Err != nil {
		return fmt.Sprintf("failed to run commands: %v", e.Err)
	}
	return "failed to run commands: " + cmp.Or(e.How, fmt.Sprintf("exit status %d", e.Code))
}

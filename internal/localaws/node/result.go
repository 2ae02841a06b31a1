package node

import (
	"fmt"
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
	// Output is stdout and stderr in at most 2,500 characters; StandardOutput has at most 24,000, StandardError 8,000.
	Output, StandardOutput, StandardError string
	Start, End                            time.Time
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
	maxStderr = 8000
	maxOutput = 2500

	cutMark       = "--output truncated--"
	cutMarkOutput = "\n---Output truncated---"
	cutMarkError  = "\n---Error truncated----"
	errorTitle    = "\n----------ERROR-------\n"
)

// rebootRefused explains why exit code 194 is a failure here.
const rebootRefused = "slipway: the script exited with 194, which asks for a reboot and to be run again; " +
	"a built-in node does not reboot the machine it runs on"

// statusOf maps the exit code of a script. skip says that the steps that follow are not run.
func statusOf(e Exit) (status Status, skip bool) {
	switch e.Code {
	case 0:
		return Success, false
	case exitSuccessSkip:
		return Success, true
	case exitFailedSkip:
		return Failed, true
	case exitReboot:
		return Failed, true
	case exitStopped:
		if e.Cancelled {
			return Cancelled, true
		}
		return TimedOut, false // also a script that somebody else killed: the agent cannot tell
	}
	return Failed, false
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

// limit cuts s to size bytes, the mark at its end included.
func limit(s string, size int) string {
	if len(s) <= size {
		return s
	}
	return head(s, size-len(cutMark)) + cutMark
}

// mergeOutput puts stdout and stderr into one text of at most size bytes. Where both are long each gets half, else
// the shorter one stays whole.
func mergeOutput(stdout, stderr string, size int) string {
	title := ""
	if stderr != "" {
		title = errorTitle
	}
	room := size - len(title)
	switch {
	case len(stdout)+len(stderr) <= room:
		return stdout + title + stderr
	case len(stdout) > room/2 && len(stderr) > room/2:
		half := (room - len(cutMarkOutput) - len(cutMarkError)) / 2
		return head(stdout, half) + cutMarkOutput + title + head(stderr, half) + cutMarkError
	case len(stderr) > room/2:
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
	return fmt.Sprintf("failed to run commands: exit status %d", e.Code)
}

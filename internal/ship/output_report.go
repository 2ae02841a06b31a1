package ship

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/plan"
)

// report is what the wrapper around a script says of its end, on the real stderr.
type report struct {
	file string
	line int
	// code and why are the wrapper's own reason not to run the script.
	code, why string
	killed    bool
	// tail is the end of the output, where it is longer than Run Command keeps.
	tail string
	// rest is the report without it.
	rest string
}

var (
	reportAt   = regexp.MustCompile(`(?m)^slipway: at (.+):(\d+): exit code \d+\r?$`)
	reportCode = regexp.MustCompile(`(?m)^slipway: ([A-Z]+(?:_[A-Z]+)+): (.*?)\r?$`)
	reportTail = regexp.MustCompile(`(?m)^slipway: the last (\d+) bytes:\r?\n`)
	reportKill = regexp.MustCompile(`(?m)^slipway: the script exited with 137 `)
	// shellAt is how shells themselves point at a line, of the script as it lay on the node: bash for what set -e does not
	// see (a variable that is not set, a syntax error), other shells for everything.
	shellAt = regexp.MustCompile(`(?m)^(?:\S*/)?slipway\.[A-Za-z0-9]{8}/(\S+?): (?:line )?(\d+): `)
)

// readReport finds the wrapper's words in a script's stderr. What the script itself prints is not there.
func readReport(stderr string) report {
	var r report
	if m := reportTail.FindStringSubmatchIndex(stderr); m != nil {
		size, _ := strconv.Atoi(stderr[m[2]:m[3]]) // digits, as the pattern has them
		end := min(m[1]+max(size, 0), len(stderr))
		r.tail, r.rest = stderr[m[1]:end], stderr[:m[0]]+strings.TrimLeft(stderr[end:], "\n")
		r.tail = strings.TrimSuffix(strings.ToValidUTF8(r.tail, ""), "\n")
		stderr = stderr[:m[0]]
	}
	if m := reportAt.FindStringSubmatch(stderr); m != nil {
		r.file = m[1]
		r.line, _ = strconv.Atoi(m[2])
	}
	if m := reportCode.FindStringSubmatch(stderr); m != nil {
		r.code, r.why = m[1], m[2]
	}
	r.killed = reportKill.MatchString(stderr)
	return r
}

// understand fills in what a script's result says between its lines: where it failed, why, and what it printed last.
func (s *ScriptStepResult) understand(step *plan.Step) {
	r := readReport(s.Stderr)
	s.File, s.Line = r.file, r.line
	if r.tail != "" { // it stands once: what the report repeats of stdout is no output of its own
		s.Tail, s.Stderr = r.tail, r.rest
	}
	s.Code, s.why = r.code, r.why
	if normalise(shown(s.Status, s.StatusDetails)) == "Success" || s.Status == "not there" {
		s.Code, s.why, s.File, s.Line = "", "", "", 0
		return
	}
	if s.File == "" {
		s.File, s.Line = s.shellLine(sourceOf(step, s.Name))
	}
	if s.Code == "" {
		s.Code = s.ownCode(r, step)
	}
	switch s.Code {
	case CodeScriptFailed, CodeScriptKilled, CodeScriptTimedOut:
		if s.File == "" { // it ended by an exit of its own, or from outside: no line, but this script
			s.File = sourceOf(step, s.Name)
		}
	}
}

// shellLine looks for the last line that the shell itself complained about.
func (s *ScriptStepResult) shellLine(source string) (string, int) {
	for _, text := range []string{s.Tail, s.Stdout} {
		all := shellAt.FindAllStringSubmatch(text, -1)
		if len(all) == 0 || source == "" {
			continue
		}
		line, err := strconv.Atoi(all[len(all)-1][2])
		if err == nil {
			return source, line
		}
	}
	return "", 0
}

// sourceOf is the file of the release that a script came from; empty where that is not known.
func sourceOf(step *plan.Step, name string) string {
	for i, n := range step.ScriptSteps {
		if n == name && i < len(step.Sources) {
			return step.Sources[i]
		}
	}
	return ""
}

// ownCode is the code of a script that the wrapper gave none.
func (s *ScriptStepResult) ownCode(r report, step *plan.Step) string {
	switch normalise(shown(s.Status, s.StatusDetails)) {
	case "ExecutionTimedOut", "TimedOut":
		if limit := limitOf(step, s.Name); limit > 0 && wasKilled(*s, limit) {
			return CodeScriptKilled
		}
		return CodeScriptTimedOut
	case "Cancelled", "Canceled":
		return CodeScriptCancelled
	case "Failed":
		switch {
		case r.killed:
			return CodeScriptKilled
		case strings.HasPrefix(s.Name, "fetch-") && len(step.Blobs) > 0:
			return CodeScriptMissing
		}
		return CodeScriptFailed
	}
	return ""
}

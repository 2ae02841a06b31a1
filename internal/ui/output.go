package ui

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/internal/ship"
)

const (
	// Lines of a script's output that are shown: what a node answered, and what it says when it failed.
	answerLines  = 3
	failureLines = 20
	groupLines   = 2000
	// shownAlike is of how many nodes that failed for the same reason the output is shown, in a large fleet.
	shownAlike = 5
	// longestLine is how much of one line of a script's output is shown.
	longestLine = 500
)

// output shows the end of what each script of a node wrote: more of it where something went wrong.
func (u *UI) output(n *ship.NodeResult) string {
	lines := answerLines
	switch few := !u.model.many() || u.model.failures[n.Why] <= shownAlike && n.Verdict != ship.Succeeded; {
	case u.o.GitHub != nil && few: // a group is folded: what is in it disturbs nobody
		lines = groupLines
	case n.Verdict != ship.Succeeded:
		lines = failureLines
	}
	var b strings.Builder
	for _, s := range n.Steps {
		b.WriteString(scriptOutput(s, lines, n.Verdict == ship.Succeeded))
	}
	return b.String()
}

// scriptOutput is the end of what a script wrote, and where the rest is.
func scriptOutput(s ship.ScriptStepResult, lines int, succeeded bool) string {
	var b strings.Builder
	for _, stream := range []struct{ name, text, before string }{{"", ownWords(cmp.Or(s.Tail, s.Stdout)), s.Tail}, {" (stderr)", ownWords(s.Stderr), ""}} {
		tail := ship.Tail(stream.text, lines)
		if strings.TrimSpace(tail) == "" || (stream.name != "" && succeeded) {
			continue
		}
		prefix := "    " + clean(s.Name) + stream.name + " | "
		if more := countLines(stream.text) - countLines(tail); stream.before != "" {
			b.WriteString(prefix + "… more before these\n")
		} else if more > 0 {
			b.WriteString(prefix + "… " + number(more, "line") + " before these\n")
		}
		b.WriteString(indent(prefix, shortLines(clean(tail))))
	}
	if succeeded {
		return b.String()
	}
	switch where := "    " + clean(s.Name) + ": "; {
	case s.Complete != "":
		b.WriteString(where + "all of its output: " + clean(s.Complete) + "\n")
	case s.Incomplete != "":
		b.WriteString(where + "all of its output could not be read: " + clean(s.Incomplete) + "\n")
	case s.Truncated && s.Tail == "":
		b.WriteString(where + "Run Command cut the output off at 24,000 characters (stderr at 8,000; of both at 2,500 in its lists): its end is missing\n")
	}
	return b.String()
}

// agentWords is what the agent itself adds to the output of a script that failed, in every version seen: the exit code,
// which the verdict tells, and that the document ends there.
var agentWords = regexp.MustCompile(`(?m)\n?^(failed to run commands: (exit status [0-9]+|signal: [a-z ]+)|Step was found to have onFailure property\. Further document steps will be skipped\.)$`)

// ownWords is what the script wrote, without what the agent added.
func ownWords(text string) string { return agentWords.ReplaceAllString(text, "") }

// countLines counts the lines of text as ship.Tail does.
func countLines(text string) int { return strings.Count(strings.TrimRight(text, "\r\n"), "\n") + 1 }

// shortLines bounds every line of text.
func shortLines(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if runes := []rune(line); len(runes) > longestLine {
			lines[i] = string(runes[:longestLine]) + "… " + number(len(runes)-longestLine, "more character")
		}
	}
	return strings.Join(lines, "\n")
}

func number(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

func (u *UI) verdict(v ship.Verdict) string {
	switch v {
	case ship.Succeeded:
		return u.paint(green, string(v))
	case ship.Failed, ship.Refused:
		return u.paint(red, string(v))
	}
	return u.paint(yellow, oneLine(string(v)))
}

// counts writes "1 Pending, 2 InProgress" in a stable order.
func counts(byStatus map[string]int) string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(byStatus)) {
		parts = append(parts, strconv.Itoa(byStatus[status])+" "+clean(status))
	}
	if len(parts) == 0 {
		return "the first node"
	}
	return strings.Join(parts, ", ")
}

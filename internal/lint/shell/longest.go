package shell

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultDelivery is how long SendCommand tries to reach a node where a send does not say, and maxDelivery the most that it
// takes (API_SendCommand, TimeoutSeconds).
const (
	defaultDelivery = time.Hour
	maxDelivery     = 2592000 // seconds
)

// The agent's limits of executionTimeout, in seconds: with any other an hour counts.
const (
	minExecution = 5
	maxExecution = 172800
)

// MayTake is how long a command that the AWS CLI sends may take for certain, from the send to its last node, by the words
// of --document-name, --timeout-seconds and --parameters, each empty where it is not given. What only a run knows counts
// nothing, and neither does the limit of a document that is not AWS's own, which stands in the document.
func MayTake(document, timeout, parameters Word) time.Duration {
	delivery, execution := defaultDelivery, time.Duration(0)
	if timeout.Written != "" {
		delivery, _ = secondsIn(timeout.Written, 1, maxDelivery)
	}
	given, ok := executionIn(parameters.Written)
	switch {
	case ok:
		execution = given
	case document.Whole && slices.Contains(shellDocuments, document.Text) && (parameters.Whole || parameters.Written == "" || onlyCommands.MatchString(parameters.Written)) && !strings.HasPrefix(parameters.Text, "file://"):
		execution = defaultExecution
	}
	return delivery + execution
}

// MayTake is how long what a send sends may take for certain; nothing where a file or a text in JSON says it all.
func (c *Call) MayTake() time.Duration {
	if c.Has("--cli-input-json") || c.Has("--cli-input-yaml") {
		return 0
	}
	word := func(name string) Word {
		w, _ := c.Flag(name)
		return w
	}
	return MayTake(word("--document-name"), word("--timeout-seconds"), word("--parameters"))
}

// mayTake is the same for a send of a run, which may know what was filled in, and what a file has.
func (e *event) mayTake() time.Duration {
	for _, all := range []string{"--cli-input-json", "--cli-input-yaml"} {
		if _, ok := e.flags[all]; ok {
			return 0
		}
	}
	return MayTake(e.flags["--document-name"].word(), e.flags["--timeout-seconds"].word(), e.parameters.word())
}

func (v value) word() Word { return Word{Text: v.s, Whole: v.known(), Written: v.s} }

// executionIn is the execution timeout that parameters name, if the agent goes by it.
func executionIn(parameters string) (time.Duration, bool) {
	m := executionTimeout.FindStringSubmatch(parameters)
	if m == nil {
		return 0, false
	}
	return secondsIn(m[1], minExecution, maxExecution)
}

// secondsIn reads a number of seconds in a range.
func secondsIn(text string, least, most int) (time.Duration, bool) {
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

// onlyCommands are parameters in which nothing but commands is written, whatever is filled into them.
var onlyCommands = regexp.MustCompile(`(?s)^\s*(?:commands=\[.*\]|\{\s*"commands"\s*:\s*\[.*\]\s*\})\s*$`)

// longest is the scenario in which every command takes as long as it may, and then succeeds.
var longest = &scenario{name: "longest", timed: true, longest: true}

// Durations are how long each script takes, where every command takes as long as it may: a list for each run, in the order of
// the scripts. Only what is waited for counts. Nil where that is not known.
func (p *Program) Durations() [][]time.Duration {
	if p.prober == nil {
		return nil
	}
	var all [][]time.Duration
	for _, w := range p.prober.runs(longest) {
		all = append(all, w.took)
	}
	return all
}

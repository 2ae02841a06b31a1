package shell

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// defaultDelivery is how long SendCommand tries to reach a node where a send does not say (API_SendCommand, TimeoutSeconds).
const defaultDelivery = time.Hour

// mayTake is how long a command may take for certain, from the send to its last node: what only a run knows counts nothing,
// and neither does the limit of a document that is not AWS's own, which stands in the document.
func (e *event) mayTake() time.Duration {
	delivery, execution := defaultDelivery, time.Duration(0)
	if t, ok := e.flags["--timeout-seconds"]; ok {
		n, _ := strconv.Atoi(t.s)
		delivery = time.Duration(n) * time.Second
	}
	m := executionTimeout.FindStringSubmatch(e.parameters.s)
	switch {
	case m != nil:
		execution = limitOf(e)
	case slices.Contains(shellDocuments, e.flags["--document-name"].s) && (e.parameters.known() || OnlyCommands(e.parameters.s)) && !strings.Contains(e.parameters.s, "file://"):
		execution = defaultExecution
	}
	return delivery + execution
}

var onlyCommands = regexp.MustCompile(`(?s)^\s*(?:commands=\[.*\]|\{\s*"commands"\s*:\s*\[.*\]\s*\})\s*$`)

// OnlyCommands says whether nothing but commands is written into parameters, whatever is filled into them.
func OnlyCommands(parameters string) bool { return onlyCommands.MatchString(parameters) }

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

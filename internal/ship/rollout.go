package ship

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// idsPerSend is how many InstanceIds SendCommand takes.
const idsPerSend = 50

// moveKind says what a rollout does next.
type moveKind uint8

const (
	moveSend  moveKind = iota // nodes are shipped to, as a batch or the rest of one
	moveCheck                 // the batch's nodes are validated once more, after the pause
	moveWatch                 // what is out has no verdict yet
	moveDone                  // every node has had its turn
	moveStop                  // no further node is begun
)

// move is what comes next in a step's rollout.
type move struct {
	kind moveKind
	// batch counts from 1; first is true where it begins, and not where the rest of it follows.
	batch int
	first bool
	// nodes to send to; empty where the targets themselves are sent to.
	nodes []string
	// maxErrors is SendCommand's, where it is not the step's own.
	maxErrors string
	// pause comes before it.
	pause time.Duration
	// code and why explain moveStop.
	code, why string
}

// next says what comes next in a step's rollout over nodes, of which there are all in the targets, after what was
// sent so far. It is a pure function of these, so that a deploy that was killed goes on as it would have.
func next(step *plan.Step, nodes []string, all int, sends []*send) move {
	sends = slices.DeleteFunc(slices.Clone(sends), func(s *send) bool { return s.void })
	if slices.ContainsFunc(sends, func(s *send) bool { return s.result == nil }) {
		return move{kind: moveWatch}
	}
	if !driven(step) && len(nodes) == 0 {
		return nextWhole(step, sends)
	}
	o := &rollout{step: step, nodes: nodes, all: max(all, len(nodes)), sends: sends}
	o.count()
	return o.next()
}

// nextWhole is next for a command that Run Command itself spreads over the targets.
func nextWhole(step *plan.Step, sends []*send) move {
	switch {
	case len(sends) == 0:
		return move{kind: moveSend, batch: 1, first: true, maxErrors: wholeMaxErrors(step)}
	case sends[0].result.alarm != "":
		return alarmed(sends[0])
	}
	return move{kind: moveDone}
}

// driven tells whether slipway itself must spread the step over the nodes, because SendCommand alone cannot say it.
func driven(step *plan.Step) bool {
	o := step.Rollout
	return step.Once || step.Check != nil || o.MinHealthy != "" || len(o.Batches) > 1 ||
		(len(o.Batches) == 1 && o.Batches[0] != "100%")
}

// wholeMaxErrors is SendCommand's MaxErrors for a step that is sent as a whole: max-failures says exactly the same.
func wholeMaxErrors(step *plan.Step) string {
	if step.Rollout.MaxFailures != "" {
		return step.Rollout.MaxFailures
	}
	return step.MaxErrors
}

// rollout is what is known of a step that slipway drives.
type rollout struct {
	step  *plan.Step
	nodes []string
	all   int
	sends []*send

	last      int             // the last batch that was begun
	sent      map[string]bool // nodes that were sent to
	inLast    []string        // those of the last batch
	failed    int             // nodes that failed or are unknown
	unreached int             // of these, the ones on which nothing was begun
	away      int             // nodes out of service: these, and those that went away
	beforeHas int             // of these, the ones of batches before the last
	checked   bool            // the last batch was validated
}

func (o *rollout) count() {
	o.sent = map[string]bool{}
	for _, s := range o.sends {
		o.last = max(o.last, s.batch)
	}
	lost := map[string]bool{}
	for _, s := range o.sends {
		if s.check {
			o.checked = o.checked || s.batch == o.last
		}
		for _, id := range s.nodes {
			if !s.check && !o.sent[id] {
				o.sent[id] = true
				if s.batch == o.last {
					o.inLast = append(o.inLast, id)
				}
			}
			if n := s.result.of(id); n.Verdict != Succeeded && !lost[id] {
				lost[id] = true
				o.away++
				if !n.Gone {
					o.failed++
					if n.Verdict == NotStarted {
						o.unreached++
					}
				}
				if s.batch < o.last {
					o.beforeHas++
				}
			}
		}
	}
}

func (o *rollout) next() move {
	if m, stopped := o.stopped(); stopped {
		return m
	}
	unsent := slices.DeleteFunc(slices.Clone(o.nodes), func(id string) bool { return o.sent[id] })
	if o.last > 0 {
		if rest := min(o.size(o.last, o.beforeHas)-len(o.inLast), len(unsent)); rest > 0 && !o.checked {
			return move{kind: moveSend, batch: o.last, nodes: unsent[:rest], maxErrors: o.maxErrors()}
		}
		if m, ok := o.check(); ok {
			return m
		}
	}
	if len(unsent) == 0 || (o.step.Once && o.last > 0) {
		return move{kind: moveDone}
	}
	size := min(o.size(o.last+1, o.away), len(unsent))
	if size <= 0 {
		return move{kind: moveStop, code: CodeHealth, why: o.noRoom()}
	}
	m := move{kind: moveSend, batch: o.last + 1, first: true, nodes: unsent[:size], maxErrors: o.maxErrors()}
	if o.last > 0 && !o.checked {
		m.pause = o.pause()
	}
	return m
}

// stopped tells whether what happened so far ends the rollout.
func (o *rollout) stopped() (move, bool) {
	for _, s := range o.sends {
		if s.result.alarm != "" {
			return alarmed(s), true
		}
		if s.result.unread {
			return move{kind: moveStop, code: CodeUnreadable, why: s.result.Why}, true
		}
		if s.check && s.result.Verdict != Succeeded {
			return move{kind: moveStop, code: CodeCheck, why: fmt.Sprintf("batch %d did not pass its validation", s.batch)}, true
		}
	}
	if o.failed > o.maxFailures() {
		return move{kind: moveStop, code: CodeMaxFailures, why: o.tooMany()}, true
	}
	return move{}, false
}

// tooMany says that more nodes did not succeed than may. Those that Run Command did not reach any more are counted where it
// takes them to be too many.
func (o *rollout) tooMany() string {
	failed := o.failed - o.unreached
	text := count(failed, "node") + " did not succeed"
	if failed <= o.maxFailures() {
		text = fmt.Sprintf("%s, and %d more could not be reached", text, o.unreached)
	}
	return fmt.Sprintf("%s, max-failures allows %d", text, o.maxFailures())
}

func alarmed(s *send) move {
	m := move{kind: moveStop, code: CodeAlarm, why: fmt.Sprintf("alarm %s went off while batch %d was shipped", s.result.alarm, max(s.batch, 1))}
	if s.result.alarmUnread {
		m.why = fmt.Sprintf("alarm %s could not be read while batch %d was shipped: it does not exist, or Systems Manager may not read it",
			s.result.alarm, max(s.batch, 1))
	}
	return m
}

// check is the validation of the last batch, of those nodes that the command succeeded on.
func (o *rollout) check() (move, bool) {
	if o.step.Check == nil || o.checked {
		return move{}, false
	}
	good := slices.DeleteFunc(slices.Clone(o.inLast), func(id string) bool {
		return slices.ContainsFunc(o.sends, func(s *send) bool { return slices.Contains(s.nodes, id) && s.result.of(id).Verdict != Succeeded })
	})
	if len(good) == 0 {
		return move{}, false
	}
	return move{kind: moveCheck, batch: o.last, first: true, nodes: good, maxErrors: "0", pause: o.pause()}, true
}

func (o *rollout) pause() time.Duration { return time.Duration(o.step.Rollout.Pause) * time.Second }

// size is how many nodes batch n has when so many nodes are out of service after the batches before it.
func (o *rollout) size(n, away int) int {
	size := len(o.nodes)
	switch sizes := o.step.Rollout.Batches; {
	case o.step.Once:
		size = 1
	case len(sizes) > 0:
		size = max(share(sizes[min(n, len(sizes))-1], o.all, false), 1)
	}
	if o.step.Rollout.MinHealthy != "" {
		size = min(size, o.all-o.minHealthy()-away)
	}
	return size
}

// maxErrors is what a batch may still lose.
func (o *rollout) maxErrors() string { return strconv.Itoa(max(o.maxFailures()-o.failed, 0)) }

func (o *rollout) maxFailures() int {
	text := o.step.Rollout.MaxFailures
	if text == "" {
		text = o.step.MaxErrors
	}
	return share(text, o.all, false)
}

func (o *rollout) minHealthy() int { return share(o.step.Rollout.MinHealthy, o.all, true) }

// noRoom says why min-healthy lets no node be taken out.
func (o *rollout) noRoom() string {
	why := fmt.Sprintf("min-healthy wants %d of %s in service", o.minHealthy(), count(o.all, "node"))
	if o.away > 0 {
		why += fmt.Sprintf(" and %d did not succeed", o.away)
	}
	return why + ": none may be taken out"
}

// share is a number of nodes, or a percentage of all of them: rounded down, or up. Text that is neither is 0.
func share(text string, all int, up bool) int {
	digits, percent := strings.CutSuffix(strings.TrimSpace(text), "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n < 0 {
		return 0
	}
	switch {
	case percent && up:
		return (all*n + 99) / 100
	case percent:
		return all * n / 100
	}
	return n
}

// batches is how many batches there will be when every node succeeds; 0 when they would never end.
func batches(step *plan.Step, nodes []string, all int) int {
	o := &rollout{step: step, nodes: nodes, all: max(all, len(nodes))}
	total := len(nodes)
	if step.Once {
		total = min(total, 1)
	}
	for n, done := 1, 0; ; n++ {
		size := o.size(n, 0)
		if size <= 0 {
			return 0
		}
		if done += size; done >= total {
			return n
		}
	}
}

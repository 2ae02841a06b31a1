package ui

import (
	"cmp"
	"slices"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

// Subject is what is being shipped, for headers: what no event says.
type Subject struct {
	App, Version string
	// Steps are the names of each stage's steps, in their order.
	Steps map[string][]string
	// Silent are the steps of each stage that have no log group: what they print is not known while they run.
	Silent map[string][]string
}

// phase is where a node is in the step that runs.
type phase int

// The phases, in the order in which a person wants to see the nodes.
const (
	phaseFailed phase = iota
	phaseUnknown
	phaseRunning
	phaseWaiting // sent to, and not begun: what a send allows at a time runs on others
	phaseSucceeded
	phaseNotStarted
	phases
)

// nodeState is a node in the step that runs.
type nodeState struct {
	id     string
	phase  phase
	status string // Run Command's word, or the verdict
	script string // the script that ran last, as far as it is known
	line   string // the last line of its output
	began  time.Time
	ended  time.Time // zero while it runs
	batch  int
	// told is true once its output was shown while step ran.
	told bool
	step string
}

// model is what is known of a deploy. It is made of events alone: the same events make the same model.
type model struct {
	subject Subject
	stage   string
	began   time.Time // when the stage's first event came
	heard   time.Time // when the last event came
	targets []string

	step      string
	stepBegan time.Time
	batch     *ship.Batch
	batchSize int
	command   string
	spoke     bool      // output came while the step ran
	until     time.Time // when a pause, or a wait for the lock, ends
	doing     string    // what happens now, in the event's words
	trying    string    // why a call is repeated; empty when none is
	verdict   ship.Verdict
	version   string // what is shipped, once the record says so: a resume and a rollback ship another than the release's
	rollback  bool   // what is shipped is an earlier deploy
	ended     bool   // the result is known: there is nothing more to watch
	// waiting are the statuses that the last look found, of which nothing was new.
	waiting map[string]int

	nodes  map[string]*nodeState
	counts [phases]int
	// failures counts the nodes of the step that failed for the same reason.
	failures map[string]int
}

// take makes an event part of the model.
func (m *model) take(e ship.Event) {
	if e.Stage != m.stage || m.began.IsZero() || m.ended {
		*m = model{subject: m.subject, stage: e.Stage, began: e.Time}
	}
	m.heard, m.version = e.Time, cmp.Or(e.Version, m.version)
	if e.Step != "" && e.Step != m.step {
		m.beginStep(e)
	}
	if e.Kind != ship.EventNotYet && e.Kind != ship.EventWaiting {
		m.trying = ""
	}
	switch e.Kind {
	case ship.EventTargets:
		m.takeTargets(e)
	case ship.EventBatch:
		m.takeBatch(e)
	case ship.EventNode:
		m.takeNode(e)
	case ship.EventOutput:
		m.takeOutput(e)
	case ship.EventSent:
		m.command, m.doing, m.until = e.CommandID, "", time.Time{}
	case ship.EventNotYet:
		m.trying = e.Message
	case ship.EventStep:
		m.verdict, m.doing, m.until = e.Verdict, "", time.Time{}
	case ship.EventWaiting:
		m.waiting = e.Counts
	case ship.EventRollback: // it ships steps of the same names
		m.step, m.doing, m.rollback = "", e.Message, true
	case ship.EventWarning, ship.EventJoined:
	default:
		m.doing, m.until = e.Message, e.Until
	}
}

func (m *model) beginStep(e ship.Event) {
	m.step, m.stepBegan, m.spoke = e.Step, e.Time, false
	m.batch, m.batchSize, m.command, m.verdict, m.doing, m.until, m.waiting = nil, 0, "", "", "", time.Time{}, nil
	m.nodes, m.counts, m.failures = make(map[string]*nodeState, len(m.targets)), [phases]int{}, map[string]int{}
	for _, id := range m.targets {
		m.node(id)
	}
}

func (m *model) takeTargets(e ship.Event) {
	m.doing = e.Message
	if len(e.Nodes) > 0 {
		m.targets = e.Nodes
	}
}

func (m *model) takeBatch(e ship.Event) {
	m.batch, m.batchSize, m.doing, m.until = e.Batch, len(e.Nodes), "", time.Time{}
	if m.batch == nil {
		return
	}
	if total := m.batch.Total; total > 0 && total < len(m.nodes) {
		m.leaveOut() // the step is for some of the targets: a migration, a rollback, nodes that are outdated
	}
	for _, id := range e.Nodes {
		n := m.node(id)
		n.batch = m.batch.Number
		n.began, n.ended = e.Time, time.Time{}
		m.move(n, phaseWaiting)
		n.status = "sending"
		if m.batch.Check {
			n.status = "checking"
		}
	}
}

// leaveOut forgets the nodes that the step has not reached: which of them it will is not known.
func (m *model) leaveOut() {
	for id, n := range m.nodes {
		if n.phase == phaseNotStarted {
			delete(m.nodes, id)
			m.counts[phaseNotStarted]--
		}
	}
}

func (m *model) takeNode(e ship.Event) {
	n := m.node(e.Instance)
	if e.Verdict == "" {
		n.status = cmp.Or(e.Status, e.Message)
		if to := phaseIn(n.status); n.phase != to {
			n.began, n.ended = e.Time, time.Time{}
			m.move(n, to)
		}
		return
	}
	if n.began.IsZero() {
		n.began = cmp.Or(m.stepBegan, e.Time)
	}
	n.status, n.ended = string(e.Verdict), e.Time
	m.move(n, phaseOf(e.Verdict))
	if e.Node != nil {
		if e.Verdict != ship.Succeeded && m.failures != nil {
			m.failures[e.Node.Why]++
		}
		n.script, n.line = lastWords(e.Node, n.script, n.line)
	}
}

// lastWords are the script that decided, and the last line that a person should see of it.
func lastWords(r *ship.NodeResult, script, line string) (string, string) {
	for _, s := range r.Steps {
		if s.Name != "" {
			script = s.Name
		}
		if l := lastLine(cmp.Or(s.Tail, s.Stdout)); l != "" {
			line = l
		}
		if s.ExitCode != 0 {
			break
		}
	}
	if r.Verdict != ship.Succeeded && r.Why != "" {
		line = oneLine(r.Why)
	}
	return script, line
}

func (m *model) takeOutput(e ship.Event) {
	n := m.node(e.Instance)
	n.told, n.step, m.spoke = true, e.Step, true
	if line := lastLine(e.Message); line != "" {
		n.line = line
	}
}

// phaseIn is the phase of a node without a verdict, by Run Command's words.
func phaseIn(status string) phase {
	switch status {
	case "Pending", "Delayed":
		return phaseWaiting
	}
	return phaseRunning
}

func phaseOf(v ship.Verdict) phase {
	switch v {
	case ship.Succeeded:
		return phaseSucceeded
	case ship.Failed:
		return phaseFailed
	case ship.NotStarted:
		return phaseNotStarted
	}
	return phaseUnknown
}

func (m *model) node(id string) *nodeState {
	if n := m.nodes[id]; n != nil {
		return n
	}
	if m.nodes == nil {
		m.nodes = map[string]*nodeState{}
	}
	n := &nodeState{id: id, phase: phaseNotStarted, status: string(ship.NotStarted)}
	m.nodes[id] = n
	m.counts[phaseNotStarted]++
	return n
}

func (m *model) move(n *nodeState, to phase) {
	m.counts[n.phase]--
	m.counts[to]++
	n.phase = to
}

// total is for how many nodes the step is, as far as that is known.
func (m *model) total() int {
	total := max(len(m.nodes), len(m.targets))
	if m.batch != nil && m.batch.Total > 0 { // a rollout says itself for how many nodes it is
		total = max(m.batch.Total, len(m.nodes)-m.counts[phaseNotStarted])
	}
	return total
}

// done counts the nodes that have a verdict in this step.
func (m *model) done() int {
	return m.counts[phaseFailed] + m.counts[phaseUnknown] + m.counts[phaseSucceeded]
}

// underWay counts the nodes that were sent to and have no verdict.
func (m *model) underWay() int { return m.counts[phaseRunning] + m.counts[phaseWaiting] }

// notStarted counts the nodes that the step has not reached.
func (m *model) notStarted() int { return max(0, m.total()-m.done()-m.underWay()) }

// many is true where a line a node would be too many lines.
func (m *model) many() bool { return m.total() > foldAbove }

// foldAbove is the number of nodes up to which each of them has lines of its own.
const foldAbove = 10

// stepNumber is which of the stage's steps runs, and how many there are; zeros when that is not known.
func (m *model) stepNumber() (number, of int) {
	steps := m.subject.Steps[m.stage]
	return slices.Index(steps, m.step) + 1, len(steps)
}

// progress is how much of the stage is done, from 0 to 1.
func (m *model) progress() float64 {
	number, of := m.stepNumber()
	if number == 0 || of == 0 {
		number, of = 1, 1
	}
	part := 0.0
	if total := m.total(); total > 0 && m.step != "" {
		part = min(1, float64(m.done())/float64(total))
	}
	return (float64(number-1) + part) / float64(of)
}

// shown gives at most room nodes, those first that a person wants to see: failed, unknown, running with output, running,
// waiting, and of each by their ids. Failed nodes leave a third of the room to running ones.
func (m *model) shown(room int) []*nodeState {
	if room <= 0 {
		return nil
	}
	all := len(m.nodes) <= room
	nodes := make([]*nodeState, 0, min(len(m.nodes), m.counts[phaseFailed]+m.counts[phaseUnknown]+m.underWay()+room))
	for _, n := range m.nodes {
		if all || n.phase <= phaseWaiting {
			nodes = append(nodes, n)
		}
	}
	slices.SortFunc(nodes, func(a, b *nodeState) int {
		return cmp.Or(cmp.Compare(a.phase, b.phase), cmp.Compare(a.mute(), b.mute()), cmp.Compare(a.id, b.id))
	})
	if len(nodes) <= room {
		return nodes
	}
	bad, running := m.counts[phaseFailed]+m.counts[phaseUnknown], m.underWay()
	kept := min(bad, max(room-running, room-room/3))
	return append(nodes[:kept:kept], nodes[bad:bad+room-kept]...)
}

// lineTitle is the header of the last lines. Where they come only with a node's result, it says so.
func (m *model) lineTitle() string {
	if !m.spoke && slices.Contains(m.subject.Silent[m.stage], m.step) {
		return "LAST LINE (at the end: no log-group)"
	}
	return "LAST LINE OF OUTPUT"
}

// mute is 1 of a node that runs and has not said anything, and 0 of all others.
func (n *nodeState) mute() int {
	if n.phase == phaseRunning && n.line == "" {
		return 1
	}
	return 0
}

package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-cd/slipway/internal/plan"
)

// askParentAfter is how long an empty list is taken for eventual consistency before the command itself is asked
// whether it reached anybody.
const askParentAfter = 5 * time.Second

// watch follows one command to its end.
type watch struct {
	r    *runner
	step *plan.Step
	sent sent
	// cancels is true for the deploy that sent the command: interrupted, it takes the command with it.
	cancels bool

	// targets is for how many nodes the command is, as far as that is known.
	targets int
	// expires is when Run Command gives the command up; zero when it was not asked.
	expires time.Time
	// guessed is true of a command that could not be looked up: every answer must show that it is the step's.
	guessed bool
	// foreign is set when it was not even the stage's.
	foreign *foreignError
	// asksScripts is true of a command of another run: which scripts it had, Run Command must say. scripts are those
	// that a node which succeeded has run.
	asksScripts bool
	scripts     []string

	// sampled is true once the output of a node that succeeded was read; completed counts those read as a whole, and
	// unreadable says why there will be no more. toldIncomplete is true once that was told.
	sampled, toldIncomplete bool
	completed               int
	unreadable              string
	// tail shows what the scripts print while they run; nil where that is not to be had.
	tail *tailer
	// tails is true where this tick reads it.
	tails bool

	// wanted are the nodes that it is for, as far as they are known by name.
	wanted   []string
	nodes    map[string]*NodeResult
	began    time.Time
	deadline time.Time
	tick     time.Duration
	// shortSince is when all nodes that are listed were first done while the command had more targets.
	shortSince time.Time
	// oneByOne is true once the role turned out not to be allowed to list.
	oneByOne bool
	// stuck remembers the nodes that were reported as longer Pending or InProgress than can be.
	stuck       map[string]bool
	interrupted bool
	// waiting counts the nodes that were not done at the last look; complete is true when all nodes were listed in it.
	waiting  int
	complete bool
	// alarm is the name of the alarm by which Run Command ended the command, alarmUnread true where it could not read it.
	alarm       string
	alarmUnread bool
	// done is the result, once there is nothing more to wait for.
	done *StepResult
	// askedTargets is true once the command was asked, at the deadline, how many targets it has.
	askedTargets bool
}

// newWatch watches a command for that many nodes; 0 when their number is not known.
func (r *runner) newWatch(step *plan.Step, s sent, targets int) *watch {
	w := &watch{r: r, step: step, sent: s, targets: targets, wanted: r.nodes, nodes: map[string]*NodeResult{}, stuck: map[string]bool{},
		began: r.cfg.Now(), tick: r.t.TickMin}
	w.tail = newTailer(w)
	return w
}

// run watches one command until every node is done, the time is over, or reading fails.
func (w *watch) run(ctx context.Context) StepResult {
	w.r.follow(ctx, []*watch{w})
	return *w.done
}

// look is one tick: what all nodes say now.
func (w *watch) look(ctx context.Context) error {
	w.r.deadline = w.deadline
	invocations, err := w.states(ctx)
	if err != nil {
		return err
	}
	if w.tails {
		w.tail.look(ctx) // before the results, so that what was printed comes in its order
	}
	waiting, err := w.take(ctx, invocations)
	if err != nil {
		return err
	}
	w.grow(len(w.nodes))
	w.waiting, w.complete = waiting, len(invocations) == len(w.nodes)
	return nil
}

// asksParent tells whether, after a look, the command itself has something to say: when nobody is listed for it, and
// when everybody who is listed is done.
func (w *watch) asksParent() bool {
	switch {
	case w.oneByOne:
		return false
	case len(w.nodes) == 0:
		return w.r.cfg.Now().Sub(w.began) >= min(askParentAfter, w.r.t.NotYet)
	}
	return w.waiting == 0 && w.complete
}

// settle ends the tick, with the command where it was asked for, and sets done when there is nothing to wait for.
func (w *watch) settle(ctx context.Context, parent *types.Command, asked bool) error {
	w.r.deadline = w.deadline
	var err error
	switch {
	case w.oneByOne && w.waiting == 0:
		w.done = w.allAsked()
	case asked && len(w.nodes) == 0:
		w.done, err = w.nobody(parent)
	case asked:
		w.done = w.allListed(parent)
	}
	if err == nil && w.done == nil && !w.r.cfg.Now().Before(w.deadline) && !w.forMore(ctx) {
		return w.overdue()
	}
	return err
}

// take notes what the nodes say, reads those that are done, and counts those that are not.
func (w *watch) take(ctx context.Context, invocations []types.CommandInvocation) (waiting int, err error) {
	for _, inv := range invocations {
		node := w.note(inv)
		j := judge(node.Status, node.StatusDetails)
		switch {
		case j.Wait:
			waiting++
			w.watchStuck(node)
		case node.Verdict == "":
			if err := w.finish(ctx, node, j); err != nil {
				return waiting, err
			}
		}
	}
	return waiting, nil
}

// note takes an invocation's status over and tells when it changed.
func (w *watch) note(inv types.CommandInvocation) *NodeResult {
	id := aws.ToString(inv.InstanceId)
	status, details := string(inv.Status), aws.ToString(inv.StatusDetails)
	node, known := w.nodes[id]
	if !known {
		node = &NodeResult{InstanceID: id}
		w.nodes[id] = node
	}
	node.plugins = inv.CommandPlugins
	if node.Verdict != "" || (known && node.Status == status && node.StatusDetails == details) {
		return node
	}
	node.Status, node.StatusDetails, node.since = status, details, w.r.cfg.Now()
	w.tick = w.r.t.TickMin // things are moving: look closely
	if judge(status, details).Wait {
		node.waited = shown(status, details)
		w.event(Event{Kind: EventNode, Instance: id, Status: shown(status, details), Message: shown(status, details)})
	}
	return node
}

// finish reads what a node that is done has to say, and gives it its verdict.
func (w *watch) finish(ctx context.Context, node *NodeResult, j judgement) error {
	why := j.Why
	if j.Ran {
		steps, err := w.readScripts(ctx, node)
		node.Steps = steps
		if err != nil {
			return err
		}
		j.Verdict, why = w.weigh(j, node)
	}
	node.Verdict, node.Why, node.plugins = j.Verdict, why, nil
	told := *node
	w.event(Event{Kind: EventNode, Instance: node.InstanceID, Status: shown(node.Status, node.StatusDetails),
		Verdict: node.Verdict, Message: node.Why, Node: &told})
	return nil
}

// nobody handles a command that no node is listed for: at first that means nothing, then the command is asked.
func (w *watch) nobody(c *types.Command) (*StepResult, error) {
	waited := w.r.cfg.Now().Sub(w.began)
	if c != nil {
		if j := judgeParent(string(c.Status), aws.ToString(c.StatusDetails), int(c.TargetCount)); j.Verdict == Failed {
			w.addUnlisted(NotStarted, "Run Command made no invocation for it: still on the old version")
			return w.result(Failed, j.Why), nil
		}
	}
	if waited >= w.r.t.NotYet {
		return nil, fmt.Errorf("no node is listed for command %s, %s after it was sent", w.sent.id, waited.Round(time.Second))
	}
	return nil, nil
}

// allListed checks, when every node that is listed is done, that these are all that the command was for (R99).
func (w *watch) allListed(c *types.Command) *StepResult {
	listed := len(w.nodes)
	if c != nil && int(c.TargetCount) == listed {
		w.addUnlisted(NotStarted, "Run Command made no invocation for it: still on the old version")
		return w.result("", "")
	}
	now := w.r.cfg.Now()
	if w.shortSince.IsZero() {
		w.shortSince = now
	}
	if c != nil && inFlight[normalise(string(c.Status))] && int(c.TargetCount) > listed {
		w.grow(int(c.TargetCount))
		return nil // the rest is still to come, until the deadline
	}
	if now.Sub(w.shortSince) < w.r.t.NotYet && now.Before(w.deadline) {
		return nil
	}
	w.addUnlisted(Unknown, "no invocation of it could be read")
	if c == nil {
		return w.result(Unknown, fmt.Sprintf("command %s is not in Run Command's list: whether these are all its nodes is not known", w.sent.id))
	}
	return w.result(Unknown, fmt.Sprintf("the command is for %s, Run Command lists %d of them",
		count(int(c.TargetCount), "node"), listed))
}

// addUnlisted adds the nodes that the targets were at the start and that Run Command lists no invocation of.
func (w *watch) addUnlisted(v Verdict, why string) {
	for _, id := range w.wanted {
		if _, ok := w.nodes[id]; !ok {
			w.nodes[id] = &NodeResult{InstanceID: id, Verdict: v, Why: why}
		}
	}
}

// interrupt cancels the command, and says why; it is watched on for a short time (R101).
func (w *watch) interrupt(ctx context.Context, why string) {
	w.interrupted, w.r.res.Interrupted = true, true
	w.tick = w.r.t.TickMin
	w.event(Event{Kind: EventCancel, Message: why + ": cancelling command " + w.sent.id})
	_, err := call(ctx, w.r, w.r.watcher, "ssm:CancelCommand", nil, func(ctx context.Context) (*ssm.CancelCommandOutput, error) {
		return w.r.watcher.ssm.CancelCommand(ctx, &ssm.CancelCommandInput{CommandId: aws.String(w.sent.id)})
	})
	if err != nil {
		p := w.r.problem(err, w.sent.id)
		w.event(Event{Kind: EventWarning, Message: "the command could not be cancelled and goes on: " + p.Message})
	}
}

// giveUp ends the watch: what was sent was sent, and what became of it where it was not read is unknown (R9, R10).
func (w *watch) giveUp(err error) {
	if errors.Is(err, context.Canceled) {
		err = errors.New("interrupted while waiting")
	}
	p := w.r.problem(err, w.sent.id)
	for _, id := range w.wanted {
		if _, ok := w.nodes[id]; !ok {
			w.nodes[id] = &NodeResult{InstanceID: id}
		}
	}
	for _, node := range w.nodes {
		if node.Verdict != "" {
			continue
		}
		node.Verdict = Unknown
		node.Why = "nothing was read of it"
		if node.Status != "" {
			node.Why = "last read: " + shown(node.Status, node.StatusDetails)
		}
	}
	w.done = w.result(Unknown, p.Message)
	w.done.unread = true
}

// result puts the step's result together; an empty verdict is made from the nodes'.
func (w *watch) result(v Verdict, why string) *StepResult {
	res := StepResult{Name: w.step.Name, CommandID: w.sent.id, DocumentVersion: w.sent.version, Verdict: v, Why: why, alarm: w.alarm, alarmUnread: w.alarmUnread}
	var verdicts []Verdict
	for _, id := range w.ids() {
		if n := w.nodes[id]; w.alarm != "" && n.Verdict == NotStarted && normalise(n.StatusDetails) == "Terminated" {
			n.Why = "Run Command stopped before it reached this node, because of alarm " + w.alarm + ": still on the old version"
		}
		res.Nodes = append(res.Nodes, *w.nodes[id])
		verdicts = append(verdicts, w.nodes[id].Verdict)
	}
	if v == "" {
		res.Verdict = together(verdicts)
	}
	return &res
}

func (w *watch) ids() []string {
	ids := make([]string, 0, len(w.nodes))
	for id := range w.nodes {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (w *watch) event(e Event) {
	if w.deadline.IsZero() {
		return // what an earlier run did is told once, as a whole
	}
	e.Step, e.CommandID = w.step.Name, w.sent.id
	w.r.event(e)
}

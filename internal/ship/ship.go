// Package ship carries a stage of a plan out: it checks, sends once, watches, and says what became of it.
//
// What it says is true or it says that it does not know. A verdict is made per node from the node's own invocation,
// never from the command's; an error while reading is never taken for "still running"; nothing is sent twice; and
// before anything is sent, the permission to read the result is tested. The calls it makes are those that package
// plan lists. It prints nothing: what happens goes out as events, the outcome as a [Result].
package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
)

// Deploy ships the stage. The error is for a Config that makes no sense; whatever AWS does ends in the Result.
// When ctx ends after something was sent, the command is cancelled and its end waited for.
func Deploy(ctx context.Context, cfg Config) (*Result, error) {
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	if err := checkRunID(cfg.RunID); err != nil {
		return nil, err
	}
	r.deploy(ctx, record.KindDeploy)
	return r.res, nil
}

func checkRunID(id string) error {
	if id == "" || len(id) > longestRunID || strings.ContainsAny(id, " \t\n") {
		return fmt.Errorf("deploy: a run id of 1 to %d characters without spaces is needed to find a send again", longestRunID)
	}
	return nil
}

// deploy is a whole deploy, from the lock to the end of the record.
func (r *runner) deploy(ctx context.Context, kind record.Kind) {
	err := r.prepare(ctx, kind)
	if errors.Is(err, errUpToDate) {
		r.res.Verdict, r.res.UpToDate = Succeeded, true
		r.closeRecord(ctx)
		return
	}
	if err != nil {
		r.refuse(ctx, err)
		r.res.limited(ctx)
		r.closeRecord(ctx)
		return
	}
	if r.cfg.Detach {
		r.sendAndLeave(ctx)
	} else {
		r.shipAll(ctx)
	}
	r.conclude()
	r.rollBack(ctx)
	r.res.limited(ctx)
	r.closeRecord(ctx)
}

// shipAll carries the steps out, going on after what an earlier process sent.
func (r *runner) shipAll(ctx context.Context) {
	whole := true
	for i := range r.stage.Steps {
		step := &r.stage.Steps[i]
		if whole = r.testsAfter(ctx, i); !whole {
			r.leaveOut("not sent: the test before it did not succeed")
			break
		}
		if ctx.Err() != nil {
			r.rememberStop(ctx)
			_, why := halted(ctx)
			r.leaveOut("not sent: " + why + " before it")
			break
		}
		if whole = r.ship(ctx, step, r.sendsOf(step)); !whole {
			r.leaveOut("not sent: the step before it did not succeed")
			break
		}
	}
	if whole && r.shipped() {
		r.testsAfter(ctx, len(r.stage.Steps))
	}
	r.leaveTestsOut()
	if ctx.Err() != nil && !r.allDone() {
		r.rememberStop(ctx)
		r.res.Interrupted = true
	}
	r.findJoined(ctx)
}

// sendsOf are the sends of the step, and of its validation, that an earlier process made.
func (r *runner) sendsOf(step *plan.Step) []*send {
	var mine []*send
	for _, s := range r.cfg.progress {
		if s.step == step || (step.Check != nil && s.step == step.Check) {
			mine = append(mine, s)
		}
	}
	return mine
}

// Resume tells the truth about a command that was sent before. It sends nothing and cancels nothing. A command that is
// not the stage's is refused. The error is a [UsageError] when commandID is no command id.
func Resume(ctx context.Context, cfg Config, commandID string) (*Result, error) {
	if err := CheckCommandID(commandID); err != nil {
		return nil, err
	}
	r, err := newRunner(cfg)
	if err != nil {
		return nil, err
	}
	r.resume(ctx, commandID)
	r.res.Interrupted = ctx.Err() != nil
	r.conclude()
	return r.res, nil
}

// runner carries one stage out.
type runner struct {
	cfg   Config
	t     Timing
	plan  *plan.Plan
	stage *plan.Stage
	// sender may send; watcher may read. One and the same unless the stage is split.
	sender, watcher *api
	res             *Result
	// nodes that the targets were when the deploy began; empty when that could not be found out.
	nodes []string
	// others are nodes of the targets that this deploy leaves out, because they have the version already.
	others []string
	// documents holds the version to send for each step that has its own document, by step name.
	documents map[string]string
	journal   journal
	limiter   *Limiter
	// ledger is the journal where there is a record; nil where there is none, or it is not open yet.
	ledger *ledger
	// reportOnly is true of a resume that sends nothing and cancels nothing.
	reportOnly bool
	// rollbackTo is the version or deploy that a rollback goes back to; empty for the last good one. cancelled are the
	// commands that a cancel has cancelled.
	rollbackTo string
	cancelled  map[string]bool
	// sends counts this run's, also those of an earlier process: a number is used once.
	sends int
	// outputKept is how much output was read as a whole, outputWaited how long was waited for the end of any.
	outputKept   int
	outputWaited time.Duration
	// tailAgain is when a log service that did not answer is asked again for what scripts print.
	tailAgain time.Time
	// tailTurn counts the commands whose turn it was.
	tailTurn int
	// final is true once it is known that asking for a command again would tell nothing.
	final bool
	// deadline ends every patience; zero before a command is sent.
	deadline time.Time
}

func newRunner(cfg Config) (*runner, error) {
	if cfg.Plan == nil {
		return nil, errors.New("ship: no plan")
	}
	stage := findStage(cfg.Plan, cfg.Stage)
	if stage == nil {
		return nil, fmt.Errorf("ship: the plan has no stage %q", cfg.Stage)
	}
	if len(stage.Steps) == 0 {
		return nil, fmt.Errorf("ship: stage %s has no steps", stage.Name)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Sleep == nil {
		cfg.Sleep = sleep
	}
	if cfg.Limiter == nil {
		cfg.Limiter = &Limiter{}
	}
	if cfg.Events == nil {
		cfg.Events = func(Event) {}
	}
	r := &runner{cfg: cfg, t: cfg.Timing.withDefaults(), plan: cfg.Plan, stage: stage,
		res: &Result{Stage: stage.Name}, documents: map[string]string{}, journal: cfg.journal, limiter: cfg.Limiter}
	if r.journal == nil {
		r.journal = noJournal{}
	}
	for _, s := range cfg.progress {
		r.sends = max(r.sends, numberOf(s.comment))
	}
	r.sender = newAPI(cfg.Send, stage.Region)
	r.watcher = r.sender
	if isSplit(stage) {
		r.watcher = newAPI(cfg.Watch, stage.Region)
	}
	return r, nil
}

func findStage(p *plan.Plan, name string) *plan.Stage {
	for i := range p.Stages {
		if p.Stages[i].Name == name {
			return &p.Stages[i]
		}
	}
	return nil
}

// isSplit tells whether sending and reading are two roles.
func isSplit(stage *plan.Stage) bool {
	for _, role := range stage.Roles {
		if role.Kind == plan.KindTrigger {
			return true
		}
	}
	return false
}

// aliveEvery is the longest wait without telling the journal that the deploy lives.
const aliveEvery = 15 * time.Second

// sleep waits, in slices between which the journal hears that the deploy lives.
func (r *runner) sleep(ctx context.Context, d time.Duration) error {
	for {
		r.journal.alive(ctx)
		part := min(d, aliveEvery)
		if r.ledger != nil { // a short lease must be renewed more often
			part = min(part, max(r.leaseTime()/3, time.Millisecond))
		}
		if err := r.cfg.Sleep(ctx, part); err != nil {
			return err
		}
		if d -= part; d <= 0 {
			return nil
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// prepare does everything that comes before the first send. Its errors refuse the deploy.
func (r *runner) prepare(ctx context.Context, kind record.Kind) error {
	if err := r.mayDetach(); err != nil {
		return err
	}
	if err := r.identify(ctx); err != nil {
		return err
	}
	if err := r.lockStage(ctx, kind); err != nil {
		return err
	}
	if kind == record.KindRollback {
		if err := r.aim(ctx); err != nil {
			return err
		}
	}
	if err := r.look(ctx, kind); err != nil {
		return err
	}
	r.leaveOutOnce()
	// All documents before the first send: a step whose document cannot be made must not leave the stage halfway.
	for _, step := range r.commands() {
		if err := r.publish(ctx, step); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.openRecord(ctx)
}

// look reads all that speaks against sending. A trigger that may read nothing leaves it to the one that verifies.
func (r *runner) look(ctx context.Context, kind record.Kind) error {
	if r.sendsOnly() {
		r.nodes = slices.Clone(r.stage.Targets.Instances)
		r.event(Event{Kind: EventWarning, Message: "nothing is read before the send: the trigger role may only send"})
		return nil
	}
	if err := r.resolve(ctx); err != nil {
		return err
	}
	if err := r.keepOutdated(ctx); err != nil {
		return err
	}
	if err := r.preflight(ctx); err != nil {
		return err
	}
	if err := r.checkRollouts(); err != nil {
		return err
	}
	if kind == record.KindRollback {
		return nil // what came before was settled before the rollback knew where to go
	}
	if err := r.checkEarlier(ctx); err != nil {
		return err
	}
	return r.settleRecord(ctx)
}

// leaveOut records the steps that were not reached.
func (r *runner) leaveOut(why string) {
	for _, s := range r.stage.Steps[len(r.res.Steps):] {
		v := NotStarted
		if r.res.Verdict == Refused {
			v = Refused
		}
		r.res.Steps = append(r.res.Steps, StepResult{Name: s.Name, Verdict: v, Why: why})
	}
}

func (r *runner) allDone() bool {
	for _, t := range r.res.Tests {
		if t.Verdict != Succeeded {
			return false
		}
	}
	return r.shipped()
}

// shipped says whether every step succeeded.
func (r *runner) shipped() bool {
	for _, s := range r.res.Steps {
		if s.Verdict != Succeeded {
			return false
		}
	}
	return len(r.res.Steps) == len(r.stage.Steps)
}

// event sends e out, with what all events have.
func (r *runner) event(e Event) {
	e.Time, e.Stage = r.cfg.Now(), r.stage.Name
	r.cfg.Events(e)
}

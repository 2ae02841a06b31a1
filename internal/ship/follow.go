package ship

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// follow watches the commands of one batch together until each is done, its time is over, or reading fails.
func (r *runner) follow(ctx context.Context, all []*watch) {
	for {
		r.lookAtAll(ctx, open(all))
		if len(open(all)) == 0 {
			return
		}
		err := ctx.Err()
		if err == nil {
			err = r.tick(ctx, all)
		}
		if err == nil {
			continue
		}
		ctx = r.interrupted(ctx, open(all), err)
	}
}

// open are the watches that are not done.
func open(all []*watch) []*watch {
	var left []*watch
	for _, w := range all {
		if w.done == nil {
			left = append(left, w)
		}
	}
	return left
}

// interrupted cancels the commands of a deploy, and goes on for a short time under a context of its own; what else
// ends a wait ends the watch.
func (r *runner) interrupted(ctx context.Context, all []*watch, err error) context.Context {
	after := context.WithoutCancel(ctx)
	_, why := halted(ctx)
	var cancelled []*watch
	if ctx.Err() != nil {
		r.rememberStop(ctx)
	}
	until := r.cfg.Now().Add(r.t.Grace) // of all together: where one cannot be cancelled, others mostly cannot either
	for _, w := range all {
		if ctx.Err() != nil && !w.interrupted && w.cancels {
			r.deadline = until
			w.interrupt(after, why)
			cancelled = append(cancelled, w)
		} else {
			w.giveUp(err)
		}
	}
	for _, w := range cancelled {
		w.setDeadline(r.cfg.Now().Add(r.t.Grace))
	}
	return after
}

// lookAtAll is one tick: every command's nodes, then the commands themselves where they have something to say.
func (r *runner) lookAtAll(ctx context.Context, all []*watch) {
	failed := func(w *watch, err error) {
		if err != nil && ctx.Err() == nil {
			w.giveUp(err)
		}
	}
	r.chooseTails(all)
	var asking, rest []*watch
	for _, w := range all {
		err := w.look(ctx)
		failed(w, err)
		switch {
		case err != nil:
		case w.asksParent():
			asking = append(asking, w)
		default:
			rest = append(rest, w)
		}
	}
	parents, err := r.parents(ctx, asking)
	for _, w := range asking {
		if err != nil {
			failed(w, err)
			continue
		}
		c := parents[w.sent.id]
		w.noteAlarm(c)
		failed(w, w.settle(ctx, c, true))
	}
	for _, w := range rest {
		failed(w, w.settle(ctx, nil, false))
	}
}

// tailsPerTick is of how many commands a tick reads what their scripts print: a large batch is many commands, and looking at
// it must not take many calls more than the lists do.
const tailsPerTick = 2

// chooseTails gives each of the commands its turn.
func (r *runner) chooseTails(all []*watch) {
	for i, w := range all {
		turn := (i - r.tailTurn%len(all) + len(all)) % len(all)
		w.tails = turn < tailsPerTick
	}
	r.tailTurn += tailsPerTick
}

// parents reads the commands themselves: one by its id, several with one list, so that the end of a large batch does
// not ask for each.
func (r *runner) parents(ctx context.Context, all []*watch) (map[string]*types.Command, error) {
	found := map[string]*types.Command{}
	if len(all) == 0 || ctx.Err() != nil {
		return found, ctx.Err()
	}
	if len(all) == 1 {
		c, err := r.command(ctx, all[0].sent.id)
		if c != nil {
			found[all[0].sent.id] = c
		}
		return found, err
	}
	q := query{document: documentName(all[0].step), after: all[0].sent.at}
	for _, w := range all {
		if documentName(w.step) != q.document {
			q.document = ""
		}
		if w.sent.at.Before(q.after) {
			q.after = w.sent.at
		}
	}
	q.after = q.after.Add(-skew)
	have := func(commands []types.Command) int {
		for i := range commands {
			for _, w := range all {
				if id := aws.ToString(commands[i].CommandId); id == w.sent.id {
					found[id] = &commands[i]
				}
			}
		}
		return len(found)
	}
	q.enough = func(commands []types.Command, _ int) bool { return have(commands) == len(all) }
	commands, err := r.listCommands(ctx, q)
	have(commands)
	return found, err
}

// noteAlarm takes over that an alarm ended the command.
func (w *watch) noteAlarm(c *types.Command) {
	if c == nil {
		return
	}
	for _, a := range c.TriggeredAlarms {
		w.alarm, w.alarmUnread = aws.ToString(a.Name), a.State == types.ExternalAlarmStateUnknown
	}
}

// tick waits until the next look. While nothing changes the ticks grow.
func (r *runner) tick(ctx context.Context, all []*watch) error {
	counts := map[string]int{}
	for _, w := range all {
		for _, n := range w.nodes {
			counts[shown(n.Status, n.StatusDetails)]++
		}
	}
	left := open(all)
	left[0].event(Event{Kind: EventWaiting, Counts: counts, Message: "waiting"})
	shortest := r.shortestTick(left)
	pause := r.t.TickMax
	for _, w := range left {
		pause = min(pause, max(w.tick, shortest))
		w.tick = min(max(w.tick, shortest)*3/2, max(w.longestTick(), shortest))
	}
	for _, w := range left {
		if until := w.deadline.Sub(r.cfg.Now()); until > 0 {
			pause = min(pause, until)
		}
	}
	return r.sleep(ctx, max(pause, time.Millisecond))
}

// pagesPerTick is how many pages a look may read before the ticks become longer than the shortest.
const pagesPerTick = 4

// shortestTick is how closely one may look: the more pages a look takes, the less often, or a large fleet in which
// something always moves would be asked without pause.
func (r *runner) shortestTick(open []*watch) time.Duration {
	pages := 0
	for _, w := range open {
		pages += max((max(w.targets, len(w.nodes))+pageSize-1)/pageSize, 1)
	}
	return min(r.t.TickMin*time.Duration((pages+pagesPerTick-1)/pagesPerTick), r.t.TickMax)
}

// looksAtLeast is how often a command is looked at, at the least, in the time that it may take.
const looksAtLeast = 20

// longestTick is how seldom one may look: a short command deserves a short wait.
func (w *watch) longestTick() time.Duration {
	limit := time.Duration(w.step.DeliveryTimeout+w.step.ExecutionTimeout) * time.Second
	if limit <= 0 {
		return w.r.t.TickMax
	}
	return min(max(limit/looksAtLeast, w.r.t.TickMin), w.r.t.TickMax)
}

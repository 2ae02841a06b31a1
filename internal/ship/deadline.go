package ship

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// setDeadline bounds the watch, and with it the patience of every call.
func (w *watch) setDeadline(t time.Time) { w.deadline, w.r.deadline = t, t }

// end is when the command must have ended by its own limits.
func (w *watch) end() time.Time {
	at := w.sent.at.Add(total(w.step, w.targets))
	if w.expires.After(at) {
		at = w.expires
	}
	return at.Add(w.r.t.Grace)
}

// grow takes over that the command is for more nodes than was known, which gives it more time.
func (w *watch) grow(targets int) {
	if targets <= w.targets || w.interrupted {
		return
	}
	w.targets = targets
	if end := w.end(); end.After(w.deadline) {
		w.setDeadline(end)
	}
}

// total is how long a command may take for that many nodes.
func total(step *plan.Step, nodes int) time.Duration {
	return time.Duration(waves(step.MaxConcurrency, nodes)) * time.Duration(step.DeliveryTimeout+step.ExecutionTimeout) * time.Second
}

// waves is how many groups of nodes follow each other when at most maxConcurrency run at once.
func waves(maxConcurrency string, nodes int) int {
	if nodes <= 1 {
		return 1
	}
	digits, percent := strings.CutSuffix(maxConcurrency, "%")
	n, err := strconv.Atoi(digits)
	if err != nil || n <= 0 {
		n, percent = 50, false // Run Command's own default
	}
	if percent {
		n = max(nodes*n/100, 1)
	}
	return (nodes + n - 1) / n
}

// forMore asks, before the watch ends as overdue, whether the command has more targets than were known, and so more
// time. A read that fails tells nothing new.
func (w *watch) forMore(ctx context.Context) bool {
	if w.interrupted || w.guessed || w.askedTargets {
		return false
	}
	w.askedTargets = true
	c, err := w.r.command(ctx, w.sent.id)
	if err != nil || c == nil {
		return false
	}
	w.grow(int(c.TargetCount))
	return w.r.cfg.Now().Before(w.deadline)
}

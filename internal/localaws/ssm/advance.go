package ssm

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// insertInvocations writes one row a node, with the message of those that begin. What begins on a node that has a
// channel is handed to it with the commit.
func (w *work) insertInvocations(ctx context.Context, cmd *command, nodes []chosen) error {
	for _, n := range nodes {
		status, details, due := "Pending", "Pending", int64(0)
		if n.at == phaseDone {
			// uncertain: under which Status AccessDenied and InvalidPlatform are shown.
			status, details = "Failed", n.refused
		} else if n.at != phaseWaiting {
			due = nanos(w.now.Add(cmd.limits.Delivery))
		}
		if _, err := w.ExecContext(ctx, `INSERT INTO ssm_invocation
			(command, account, region, instance, phase, status, details, due) VALUES (?,?,?,?,?,?,?,?)`,
			cmd.seq, cmd.account, cmd.region, n.id, n.at, status, details, due); err != nil {
			return fmt.Errorf("write invocation: %w", err)
		}
		if err := w.firstMessage(ctx, cmd, n); err != nil {
			return err
		}
	}
	return nil
}

// firstMessage queues the message of a node that begins, or hands it over.
func (w *work) firstMessage(ctx context.Context, cmd *command, n chosen) error {
	id := messageID(cmd.id, n.id)
	switch n.at {
	case phaseQueued:
		return w.queue(ctx, cmd, n.id, id, "")
	case phaseHanded:
		w.handed = append(w.handed, handover{nodeKey{cmd.account, cmd.region, n.id},
			Message{ID: id, Created: w.now, Topic: topicSend + cmd.region, Payload: cmd.payload}})
		return w.insertMessage(ctx, cmd, n.id, id, "", w.now.Add(pushVisibility))
	}
	return nil
}

// settle decides which nodes begin, and with that the status and the counts of a new command, before it is stored: what
// advance would do, without looking at each row again.
func (w *work) settle(c *command, nodes []chosen) {
	var t tally
	for _, n := range nodes {
		if n.refused == "" {
			t.waiting++
		} else {
			t.add(phaseDone, n.refused, 1)
		}
	}
	room := min(t.waiting, c.limits.window(t))
	if c.triggered != "" {
		room = 0
	}
	for i, n := range nodes {
		switch {
		case n.refused != "":
			nodes[i].at = phaseDone
		case room > 0:
			room--
			nodes[i].at = phaseQueued
			if w.hub.direct(nodeKey{c.account, c.region, n.id}) {
				nodes[i].at = phaseHanded
				t.handed++
			}
		}
	}
	c.status, c.details = t.parent(false, c.limits.Errors)
	c.completed, c.errors, c.undelivered = t.done(), t.errors(), t.deliveryTimedOut
}

// progress notes that a node has been given a message, or works on it: all that this changes of a command is that it
// is no longer Pending.
func (w *work) progress(ctx context.Context, command int64) error {
	_, err := w.ExecContext(ctx, `UPDATE ssm_command SET status = 'InProgress', details = 'InProgress'
		WHERE seq = ? AND status = 'Pending'`, command)
	return err
}

// advance does what follows from the state of a command's invocations: nodes are begun as MaxConcurrency allows,
// or not at all once MaxErrors is exceeded, and the command's own status and counts are computed.
func (w *work) advance(ctx context.Context, cmd *command) error {
	if w.later != nil {
		w.later[cmd.seq] = true
		return nil
	}
	t, err := w.tally(ctx, cmd.seq)
	if err != nil {
		return err
	}
	if t.waiting > 0 && (t.errors() > cmd.limits.Errors || cmd.triggered != "") {
		if _, err := w.ExecContext(ctx, `UPDATE ssm_invocation SET phase = ?, due = 0, status = ?, details = ?
			WHERE command = ? AND phase = ?`, phaseDone, "Cancelled", "Terminated", cmd.seq, phaseWaiting); err != nil {
			return err
		}
		t.terminated += t.waiting
		t.waiting = 0
	}
	if n := min(t.waiting, cmd.limits.window(t)-t.active); n > 0 {
		if err := w.begin(ctx, cmd, n); err != nil {
			return err
		}
		t.waiting -= n
		t.active += n
	}
	cmd.status, cmd.details = t.parent(cmd.cancelled, cmd.limits.Errors)
	cmd.completed, cmd.errors, cmd.undelivered = t.done(), t.errors(), t.deliveryTimedOut
	_, err = w.ExecContext(ctx, `UPDATE ssm_command SET status = ?, details = ?, completed = ?, errors = ?,
		undelivered = ?, cancelled = ? WHERE seq = ?`, cmd.status, cmd.details, cmd.completed, cmd.errors,
		cmd.undelivered, cmd.cancelled, cmd.seq)
	return err
}

// window is how many nodes may be at work now. The rollout begins with one node, then two, then doubles: each node that
// finishes makes room for one more than itself. One that was cancelled has not shown that it is safe to go on faster.
func (l limits) window(t tally) int {
	if !l.SlowStart {
		return l.Concurrency
	}
	return min(l.Concurrency, 1+t.done()-t.refused()-t.cancelled)
}

// begin queues the message of the next n nodes. The delivery timeout counts from here.
// uncertain: whether AWS counts it from SendCommand for nodes that MaxConcurrency holds back.
func (w *work) begin(ctx context.Context, cmd *command, n int) error {
	rows, err := w.QueryContext(ctx, `SELECT instance FROM ssm_invocation WHERE command = ? AND phase = 0
		ORDER BY seq LIMIT ?`, cmd.seq, n)
	if err != nil {
		return err
	}
	next, err := collect(rows, func(r *sql.Rows) (id string, err error) { return id, r.Scan(&id) })
	if err != nil {
		return err
	}
	for _, instance := range next {
		if _, err := w.ExecContext(ctx, `UPDATE ssm_invocation SET phase = ?, due = ? WHERE command = ? AND instance = ?`,
			phaseQueued, nanos(w.now.Add(cmd.limits.Delivery)), cmd.seq, instance); err != nil {
			return err
		}
		if err := w.queue(ctx, cmd, instance, messageID(cmd.id, instance), ""); err != nil {
			return err
		}
	}
	return nil
}

// queue writes a message for a node and has the node woken.
func (w *work) queue(ctx context.Context, cmd *command, instance, id, cancels string) error {
	w.wake = append(w.wake, nodeKey{cmd.account, cmd.region, instance})
	return w.insertMessage(ctx, cmd, instance, id, cancels, w.now)
}

func (w *work) insertMessage(ctx context.Context, cmd *command, instance, id, cancels string, visible time.Time) error {
	_, err := w.ExecContext(ctx, `INSERT INTO ssm_message (id, account, region, instance, command, cancels, created, visible)
		VALUES (?,?,?,?,?,?,?,?)`, id, cmd.account, cmd.region, instance, cmd.seq, cancels, nanos(w.now), nanos(visible))
	return err
}

// tally counts a command's invocations.
type tally struct {
	waiting, active, handed, delayed          int // active: queued or later; handed: given to the node
	success, failed, executionTimedOut        int
	cancelled, terminated, deliveryTimedOut   int
	accessDenied, undeliverable, wrongMachine int
	other                                     int
}

func (w *work) tally(ctx context.Context, command int64) (tally, error) {
	rows, err := w.QueryContext(ctx, `SELECT phase, details, count(*) FROM ssm_invocation WHERE command = ?
		GROUP BY phase, details`, command)
	if err != nil {
		return tally{}, err
	}
	var t tally
	_, err = collect(rows, func(r *sql.Rows) (struct{}, error) {
		var at phase
		var details string
		var n int
		err := r.Scan(&at, &details, &n)
		t.add(at, details, n)
		return struct{}{}, err
	})
	return t, err
}

func (t *tally) add(at phase, details string, n int) {
	switch {
	case at == phaseWaiting:
		t.waiting += n
		return
	case at < phaseDone:
		t.active += n
		if at > phaseQueued {
			t.handed += n
		} else if details == "Delayed" {
			t.delayed += n
		}
		return
	}
	counters := map[string]*int{
		"Success": &t.success, "Failed": &t.failed, "ExecutionTimedOut": &t.executionTimedOut,
		"Cancelled": &t.cancelled, "Terminated": &t.terminated, "DeliveryTimedOut": &t.deliveryTimedOut,
		"AccessDenied": &t.accessDenied, "Undeliverable": &t.undeliverable, "InvalidPlatform": &t.wrongMachine,
	}
	if counter, ok := counters[details]; ok {
		*counter += n
		return
	}
	t.other += n
}

// errors is what counts against MaxErrors.
func (t tally) errors() int { return t.failed + t.executionTimedOut }

// refused is what counts neither against MaxErrors nor for the command's success.
func (t tally) refused() int { return t.accessDenied + t.undeliverable + t.wrongMachine }

func (t tally) done() int {
	return t.success + t.errors() + t.cancelled + t.terminated + t.deliveryTimedOut + t.refused() + t.other
}

// parent is the command's Status and StatusDetails.
//
// Undeliverable, AccessDenied and InvalidPlatform do not contribute: four of them and one success are Success, and
// only when there is nothing else is the command Failed. uncertain: the Status that Incomplete is shown under, and whether
// more than MaxErrors invocations that were not delivered in time make the command DeliveryTimedOut among others that succeeded.
func (t tally) parent(cancelled bool, maxErrors int) (status, details string) {
	contributing := t.done() - t.refused()
	switch {
	case t.waiting+t.active > 0 && cancelled:
		return "Cancelling", "Cancelling"
	case t.waiting+t.active > 0 && t.handed+t.done() == 0 && t.delayed > 0:
		return "Pending", "Delayed" // uncertain: the Status, which cannot be Delayed for a command
	case t.waiting+t.active > 0 && t.handed+t.done() == 0:
		return "Pending", "Pending"
	case t.waiting+t.active > 0:
		return "InProgress", "InProgress"
	case t.done() == 0:
		return "Success", "NoInstancesInTag"
	case contributing == 0 && t.accessDenied == t.done():
		return "Failed", "AccessDenied"
	case contributing == 0:
		return "Failed", "Failed"
	case t.cancelled > 0:
		return "Cancelled", "Cancelled"
	case t.errors() > maxErrors && t.failed == 0:
		return "TimedOut", "ExecutionTimedOut"
	case t.errors() > maxErrors:
		return "Failed", "Failed"
	case t.success == contributing:
		return "Success", "Success"
	case t.deliveryTimedOut == contributing:
		return "TimedOut", "DeliveryTimedOut"
	default:
		return "Failed", "Incomplete"
	}
}

package ssm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Node names a managed node.
type Node struct{ Account, Region, Instance string }

func (n Node) key() nodeKey { return nodeKey{n.Account, n.Region, n.Instance} }

// Message is what a node is to do, in the shape that both message channels carry.
type Message struct {
	// ID is aws.ssm.<command>.<instance>; the agent reads the command id out of it.
	ID      string
	Created time.Time
	// Topic begins with aws.ssm.sendCommand or aws.ssm.cancelCommand.
	Topic string
	// Payload is JSON.
	Payload string
}

// payload is the text of a sendCommand message.
type payload struct {
	CommandID               string `json:"CommandId"`
	DocumentName            string
	DocumentContent         json.RawMessage
	Parameters              map[string]any
	OutputS3BucketName      string
	OutputS3KeyPrefix       string
	CloudWatchLogGroupName  string
	CloudWatchOutputEnabled string // "true" or "false"
}

// cancelPayload is the text of a cancelCommand message.
type cancelPayload struct{ CancelMessageID string }

// MarshalJSON writes the agent's spelling.
func (p cancelPayload) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{"CancelMessageId": p.CancelMessageID})
}

const topicSend = "aws.ssm.sendCommand."

func messageID(command, instance string) string { return "aws.ssm." + command + "." + instance }

// maxBatch is how many messages a node is given at once: its five workers and as many in its buffer.
const maxBatch = 10

// Receive gives the messages that wait for a node. When there are none it waits for one until hold has passed or
// ctx ends, and then gives none. A message that is not acknowledged within visibility is given again.
func (s *Service) Receive(ctx context.Context, n Node, visibility, hold time.Duration) ([]Message, error) {
	deadline := time.NewTimer(hold)
	defer deadline.Stop()
	s.hub.polled(n.key(), 1, s.now())
	defer func() { s.hub.polled(n.key(), -1, s.now()) }()
	for {
		woken := s.hub.wait(n.key())
		found, again, err := s.take(ctx, n, visibility)
		if err != nil || len(found) > 0 {
			return found, err
		}
		redeliver := time.NewTimer(again)
		select {
		case <-woken:
		case <-redeliver.C:
		case <-deadline.C:
			redeliver.Stop()
			return nil, nil
		case <-ctx.Done():
			redeliver.Stop()
			return nil, nil
		}
		redeliver.Stop()
	}
}

// take hands out what is visible, and says after which time something else becomes so.
func (s *Service) take(ctx context.Context, n Node, visibility time.Duration) (found []Message, again time.Duration, err error) {
	err = s.update(ctx, func(w *work) error {
		pending, err := w.pending(ctx, n)
		if err != nil {
			return err
		}
		again = time.Hour
		for _, p := range pending {
			if wait := p.visible.Sub(w.now); wait > 0 {
				again = min(again, wait)
				continue
			}
			if len(found) == maxBatch {
				break
			}
			m, err := w.hand(ctx, n, p, w.now.Add(visibility))
			if err != nil {
				return err
			}
			found = append(found, m)
		}
		return nil
	})
	return found, again, err
}

// queued is a row of ssm_message.
type queued struct {
	id, cancels, payload string
	command              int64
	created, visible     time.Time
}

func (w *work) pending(ctx context.Context, n Node) ([]queued, error) {
	rows, err := w.QueryContext(ctx, `SELECT m.id, m.cancels, m.command, m.created, m.visible, c.payload
		FROM ssm_message m JOIN ssm_command c ON c.seq = m.command
		WHERE m.account = ? AND m.region = ? AND m.instance = ? ORDER BY m.created, m.command`,
		n.Account, n.Region, n.Instance)
	if err != nil {
		return nil, err
	}
	return collect(rows, func(r *sql.Rows) (queued, error) {
		var q queued
		var created, visible int64
		err := r.Scan(&q.id, &q.cancels, &q.command, &created, &visible, &q.payload)
		q.created, q.visible = fromNanos(created), fromNanos(visible)
		return q, err
	})
}

// hand makes the message, hides it until it should be given again, and notes that the node has been given it.
func (w *work) hand(ctx context.Context, n Node, q queued, until time.Time) (Message, error) {
	if _, err := w.ExecContext(ctx, `UPDATE ssm_message SET visible = ? WHERE account = ? AND region = ?
		AND instance = ? AND id = ?`, nanos(until), n.Account, n.Region, n.Instance, q.id); err != nil {
		return Message{}, err
	}
	m := Message{ID: q.id, Created: q.created, Topic: topicSend + n.Region, Payload: q.payload}
	if q.cancels != "" {
		text, err := json.Marshal(cancelPayload{q.cancels})
		m.Topic, m.Payload = "aws.ssm.cancelCommand."+n.Region, string(text)
		return m, err
	}
	res, err := w.ExecContext(ctx, `UPDATE ssm_invocation SET phase = ? WHERE command = ? AND instance = ? AND phase = ?`,
		phaseHanded, q.command, n.Instance, phaseQueued)
	if err != nil {
		return Message{}, err
	}
	if first, err := res.RowsAffected(); err != nil || first == 0 {
		return m, err
	}
	return m, w.progress(ctx, q.command)
}

// ErrBadMessage says that a message id has not the form of one, or is another node's.
var ErrBadMessage = errors.New("invalid message id")

// commandOf reads the command id out of a message id, which must be this node's.
func commandOf(n Node, id string) (string, error) {
	rest, ok := strings.CutPrefix(id, "aws.ssm.")
	command, instance, _ := strings.Cut(rest, ".")
	if !ok || instance != n.Instance || !uuidForm.MatchString(command) {
		return "", fmt.Errorf("%w: %q", ErrBadMessage, id)
	}
	return command, nil
}

// Acknowledge notes that the node has taken a message: it is not given again, and the invocation is in progress.
// To acknowledge twice, or too late, changes nothing.
func (s *Service) Acknowledge(ctx context.Context, n Node, id string) error {
	return s.onMessage(ctx, n, id, func(w *work, cmd *command, inv *invocation) error {
		return w.accept(ctx, cmd, inv)
	})
}

// Remove takes a message out of the node's queue. The invocation then ends by its timeout.
func (s *Service) Remove(ctx context.Context, n Node, id string) error {
	return s.onMessage(ctx, n, id, func(*work, *command, *invocation) error { return nil })
}

// Fail notes that the node could not make sense of a message.
func (s *Service) Fail(ctx context.Context, n Node, id, reason string) error {
	return s.onMessage(ctx, n, id, func(w *work, cmd *command, inv *invocation) error {
		inv.status, inv.details, inv.trace = "Failed", "Failed", cut(reason, maxTrace)
		return w.finish(ctx, cmd, inv)
	})
}

// AcknowledgeSoon is [Service.Acknowledge] for a channel on which nobody is told that it was done: it is written a moment
// later, together with the reply if that comes at once. A process that is killed before has not heard it.
func (s *Service) AcknowledgeSoon(ctx context.Context, n Node, id string) error {
	change, err := s.messageChange(ctx, n, id, func(w *work, cmd *command, inv *invocation) error {
		return w.accept(ctx, cmd, inv)
	})
	if err == nil {
		s.soon(id, change)
	}
	return err
}

// onMessage deletes a message and then applies f to its invocation, unless that has ended. A cancel's id is of no
// command, so f is not called for one.
func (s *Service) onMessage(ctx context.Context, n Node, id string, f func(*work, *command, *invocation) error) error {
	change, err := s.messageChange(ctx, n, id, f)
	if err != nil {
		return err
	}
	return s.together(change)
}

func (s *Service) messageChange(ctx context.Context, n Node, id string, f func(*work, *command, *invocation) error) (func(*work) error, error) {
	command, err := commandOf(n, id)
	if err != nil {
		return nil, err
	}
	s.hub.settled(n.key(), id)
	return func(w *work) error {
		if err := w.withdraw(ctx, n, id); err != nil {
			return err
		}
		cmd, inv, err := w.live(ctx, n, command)
		if err != nil || inv == nil {
			return err
		}
		return f(w, cmd, inv)
	}, nil
}

// withdraw deletes a message.
func (w *work) withdraw(ctx context.Context, n Node, id string) error {
	_, err := w.ExecContext(ctx, `DELETE FROM ssm_message WHERE account = ? AND region = ? AND instance = ? AND id = ?`,
		n.Account, n.Region, n.Instance, id)
	return err
}

// live finds the invocation of a command on a node; nil when there is none or it has ended.
func (w *work) live(ctx context.Context, n Node, id string) (*command, *invocation, error) {
	cmd, inv, err := loadBoth(ctx, w, n, id)
	if errors.Is(err, sql.ErrNoRows) || (err == nil && inv.phase == phaseDone) {
		return nil, nil, nil
	}
	return cmd, inv, err
}

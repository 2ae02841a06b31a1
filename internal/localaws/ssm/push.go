package ssm

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pushVisibility is how long a message that was pushed stays hidden: if the node has not acknowledged it by then, it
// is pushed again.
const pushVisibility = 10 * time.Second

// How messages are brought to the channels: of so many nodes in one transaction, and so many to a node at once.
const (
	pushNodes    = 256
	pushMessages = 50
)

// channel is an open connection to a node.
type channel struct {
	key  nodeKey
	node Node
	push func([]Message)

	mu     sync.Mutex
	closed bool
	// unacked are the messages that were pushed and neither acknowledged nor refused.
	unacked map[string]bool
}

// hand pushes messages, and tells whether the channel was still open.
func (c *channel) hand(messages []Message) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	for _, m := range messages {
		c.unacked[m.ID] = true
	}
	c.push(messages)
	return true
}

func (c *channel) settled(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.unacked, id)
}

// close gives the messages that nobody has taken.
func (c *channel) close() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	ids := make([]string, 0, len(c.unacked))
	for id := range c.unacked {
		ids = append(ids, id)
	}
	c.unacked = nil
	return ids
}

// Connect makes an open connection the way to a node, in place of an earlier one: its messages are given to push,
// which must not block. What the node does with each goes to [Service.Acknowledge], [Service.Postpone] or
// [Service.Fail]. The function that Connect returns ends it: messages that were pushed and not acknowledged
// are free again at once, for a newer channel or for [Service.Receive].
func (s *Service) Connect(n Node, push func([]Message)) (disconnect func()) {
	c := &channel{key: n.key(), node: n, push: push, unacked: map[string]bool{}}
	before, begin := s.hub.connect(c)
	if begin {
		go s.bring()
	}
	if before != nil {
		s.free(before)
	}
	return sync.OnceFunc(func() {
		s.hub.disconnect(c)
		s.free(c)
	})
}

// Connected tells whether a node can be reached now: it has a channel open, or is asking for messages.
func (s *Service) Connected(n Node) bool { return s.hub.connected(n.key(), s.now()) }

// Settle waits until no message is on its way to a channel. It is for the end, when no channel is open any more.
func (s *Service) Settle() { s.hub.bringers.Wait() }

// free makes what was pushed over a closed channel visible again.
func (s *Service) free(c *channel) {
	ids := c.close()
	if len(ids) > 0 {
		err := s.together(func(w *work) error { return w.show(context.Background(), c.node, w.now, ids) })
		if err != nil {
			s.onError(fmt.Errorf("take messages of %s back: %w", c.node.Instance, err))
		}
	}
	s.notify(c.key)
}

// show sets from when on messages are visible.
func (w *work) show(ctx context.Context, n Node, from time.Time, ids []string) error {
	for _, id := range ids {
		if _, err := w.ExecContext(ctx, `UPDATE ssm_message SET visible = ? WHERE account = ? AND region = ?
			AND instance = ? AND id = ?`, nanos(from), n.Account, n.Region, n.Instance, id); err != nil {
			return err
		}
	}
	return nil
}

// notify wakes a node, by its channel or by its polls.
func (s *Service) notify(key nodeKey) {
	if s.hub.notify(key) {
		go s.bring()
	}
}

// bring pushes messages as long as any are due. One goroutine does it, and only while there are some.
func (s *Service) bring() {
	for {
		keys := s.hub.nextDue(pushNodes)
		if len(keys) == 0 {
			return
		}
		if err := s.pushTo(context.Background(), keys); err != nil {
			s.onError(fmt.Errorf("push messages: %w", err)) // they stay visible: redeliver finds them
		}
	}
}

// pushTo hands the nodes what is visible to them, in one transaction, and then gives it to their channels.
func (s *Service) pushTo(ctx context.Context, keys []nodeKey) error {
	var found map[nodeKey][]Message
	err := s.updateTogether(ctx, func(w *work) error {
		found = make(map[nodeKey][]Message, len(keys))
		payloads := map[int64]string{}
		for _, key := range keys {
			if s.hub.channel(key) == nil {
				continue
			}
			messages, err := w.handAll(ctx, key, payloads)
			if err != nil {
				return err
			}
			found[key] = messages
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, key := range keys {
		s.give(key, found[key])
	}
	return nil
}

// handover is a message on its way to a node's channel.
type handover struct {
	key     nodeKey
	message Message
}

// give puts messages that were handed out on the node's channel; without one they are free again.
func (s *Service) give(key nodeKey, messages []Message) {
	if len(messages) == 0 {
		return
	}
	c := s.hub.channel(key)
	if c == nil || !c.hand(messages) {
		lost := &channel{key: key, node: Node{key.account, key.region, key.instance}, unacked: map[string]bool{}}
		for _, m := range messages {
			lost.unacked[m.ID] = true
		}
		s.free(lost)
		return
	}
	if len(messages) == pushMessages {
		s.notify(key) // there may be more
	}
}

// handAll hands a node what is visible to it. The text of a command is read once, however many nodes get it.
func (w *work) handAll(ctx context.Context, key nodeKey, payloads map[int64]string) ([]Message, error) {
	rows, err := w.QueryContext(ctx, `SELECT id, cancels, command, created, visible FROM ssm_message
		WHERE account = ? AND region = ? AND instance = ? AND visible <= ? ORDER BY created, command LIMIT ?`,
		key.account, key.region, key.instance, nanos(w.now), pushMessages)
	if err != nil {
		return nil, err
	}
	waiting, err := collect(rows, func(r *sql.Rows) (queued, error) {
		var q queued
		var created, visible int64
		err := r.Scan(&q.id, &q.cancels, &q.command, &created, &visible)
		q.created, q.visible = fromNanos(created), fromNanos(visible)
		return q, err
	})
	if err != nil {
		return nil, err
	}
	messages := make([]Message, 0, len(waiting))
	for _, q := range waiting {
		if q.payload, err = w.payload(ctx, q, payloads); err != nil {
			return nil, err
		}
		m, err := w.hand(ctx, Node{key.account, key.region, key.instance}, q, w.now.Add(pushVisibility))
		if err != nil {
			return nil, err
		}
		messages = append(messages, m)
	}
	return messages, nil
}

// payload is the text of a command's message. A cancel's is not the command's.
func (w *work) payload(ctx context.Context, q queued, known map[int64]string) (string, error) {
	if text, ok := known[q.command]; ok || q.cancels != "" {
		return text, nil
	}
	var text string
	err := w.QueryRowContext(ctx, `SELECT payload FROM ssm_command WHERE seq = ?`, q.command).Scan(&text)
	known[q.command] = text
	return text, err
}

// redeliver has what is visible pushed to the nodes that have a channel: messages that were refused, or that nobody
// acknowledged.
func (s *Service) redeliver(ctx context.Context) error {
	if !s.hub.anyChannel() {
		return nil
	}
	rows, err := s.db.QueryContext(ctx, `SELECT DISTINCT account, region, instance FROM ssm_message WHERE visible <= ?`,
		nanos(s.now()))
	if err != nil {
		return fmt.Errorf("find messages: %w", err)
	}
	keys, err := collect(rows, func(r *sql.Rows) (k nodeKey, err error) {
		return k, r.Scan(&k.account, &k.region, &k.instance)
	})
	if err != nil {
		return fmt.Errorf("find messages: %w", err)
	}
	for _, key := range keys {
		if s.hub.channel(key) != nil {
			s.notify(key)
		}
	}
	return nil
}

// How long a refused message waits: as long as it has waited already, within these bounds, so that the pauses double.
const (
	shortestPause = time.Second
	longestPause  = 30 * time.Second
)

// Postpone notes that a node has no room for a message now (the agent's ProcessorBufferFull). It is given again after
// a pause. A command that is being cancelled is not: the node that refuses it cannot stop it, but has not begun it either.
func (s *Service) Postpone(ctx context.Context, n Node, id string) error {
	command, err := commandOf(n, id)
	if err != nil {
		return err
	}
	s.hub.settled(n.key(), id)
	return s.together(func(w *work) error {
		cmd, inv, err := w.live(ctx, n, command)
		if err != nil {
			return err
		}
		if inv != nil && inv.status == "Cancelling" && inv.phase == phaseHanded {
			inv.status, inv.details = "Cancelled", "Cancelled"
			return w.finish(ctx, cmd, inv)
		}
		return w.postpone(ctx, n, id)
	})
}

// postpone hides a message for a while.
func (w *work) postpone(ctx context.Context, n Node, id string) error {
	var created int64
	err := w.QueryRowContext(ctx, `SELECT created FROM ssm_message WHERE account = ? AND region = ? AND instance = ?
		AND id = ?`, n.Account, n.Region, n.Instance, id).Scan(&created)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // it was withdrawn meanwhile
	}
	if err != nil {
		return err
	}
	pause := min(max(w.now.Sub(fromNanos(created)), shortestPause), longestPause)
	return w.show(ctx, n, w.now.Add(pause), []string{id})
}

// settled notes that a pushed message was answered.
func (h *hub) settled(key nodeKey, id string) {
	if c := h.channel(key); c != nil {
		c.settled(id)
	}
}

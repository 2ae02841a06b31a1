package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// queue puts a reply into the journal, from where it is sent, now or later. newest is the step that no earlier reply has
// told of, if there is one.
func (n *Node) queue(messageID string, r reply, final bool, newest string) error {
	p, err := n.packShort(messageID, r, newest)
	if err != nil {
		return err
	}
	p.Final = final
	if err := n.journal.add(p); err != nil {
		return err
	}
	select {
	case n.wake <- struct{}{}:
	default: // it is awake
	}
	return nil
}

// packShort makes a reply that fits into a frame of the control channel: other replies wait for each to arrive. A long one
// tells of the newest step alone, and of as much of its output as there is room for.
func (n *Node) packShort(messageID string, r reply, newest string) (pending, error) {
	p, err := n.pack(messageID, r)
	if err != nil || len(p.Payload) <= maxChannelText {
		return p, err
	}
	step, told := r.RuntimeStatus[newest]
	for size := maxStdout; ; size /= 2 {
		r.RuntimeStatus = map[string]pluginStatus{}
		if told {
			step.StandardOutput, step.StandardError = limit(step.StandardOutput, size), limit(step.StandardError, size)
			r.RuntimeStatus[newest] = step
		}
		if p, err = n.pack(messageID, r); err != nil || len(p.Payload) <= maxChannelText || size <= len(cutMark) {
			return p, err
		}
	}
}

func (n *Node) pack(messageID string, r reply) (pending, error) {
	id, err := n.newID()
	if err != nil {
		return pending{}, err
	}
	payload, err := json.Marshal(r)
	if err != nil {
		return pending{}, fmt.Errorf("write the reply: %w", err)
	}
	return pending{MessageID: messageID, ReplyID: id, Payload: string(payload)}, nil
}

// send sends a reply over the control channel, or without one over ec2messages.
func (n *Node) send(ctx context.Context, p pending) error {
	if open, err := n.sendReply(ctx, p); open {
		return err
	}
	in := map[string]string{"MessageId": p.MessageID, "ReplyId": p.ReplyID, "Payload": p.Payload}
	return n.client.call(ctx, messagesAPI, "SendReply", callTimeout, in, nil)
}

// flushLoop sends queued replies as they come, and tries those that failed again.
func (n *Node) flushLoop(ctx context.Context) {
	ticker := time.NewTicker(flushInterval)
	defer ticker.Stop()
	pause := firstBackoff
	for {
		retry := (<-chan time.Time)(nil)
		if n.flush(ctx) {
			pause = firstBackoff
		} else {
			retry = time.After(pause)
			pause = min(2*pause, longestPause)
		}
		select {
		case <-ctx.Done():
			return
		case <-n.wake:
		case <-retry:
		case <-ticker.C:
		}
	}
}

// flush sends the queued replies in order and tells whether all are gone. One that is refused for good is dropped: it
// would hold up all others for ever.
func (n *Node) flush(ctx context.Context) bool {
	replies, err := n.journal.queued()
	if err != nil {
		n.log("send replies", err)
		return false
	}
	for _, p := range replies {
		err := n.send(ctx, p)
		var refusal *apiError
		if err != nil {
			n.log("reply to "+p.MessageID, err)
			if !errors.As(err, &refusal) || !refusal.final() {
				return false
			}
		}
		if err := n.journal.sent(p); err != nil {
			n.log("reply to "+p.MessageID, err)
			return false
		}
	}
	return true
}

package node

import (
	"context"
	"errors"
	"time"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
)

// courier is how a message came, and takes back what becomes of it.
type courier interface {
	// begun tells, before a command runs, that it is taken, and that it is in progress. After an error it must not run.
	begun(ctx context.Context, p pending) error
	// taken acknowledges a message of which nothing more is to be said: a cancel, or one that had been taken before.
	taken(ctx context.Context, running bool) error
	// full says that there is no room now: the message is to come again.
	full(ctx context.Context) error
	// senseless says that nobody could do what the message says.
	senseless(ctx context.Context) error
	// unreadable says that a command's text cannot be read; the reply follows.
	unreadable(ctx context.Context) error
}

// pollCourier is ec2messages. Its order is the agent's: reply InProgress, acknowledge, run.
type pollCourier struct {
	n *Node
	m message
}

func (c *pollCourier) begun(ctx context.Context, p pending) error {
	if err := c.n.call(ctx, "SendReply", map[string]string{"MessageId": p.MessageID, "ReplyId": p.ReplyID, "Payload": p.Payload}); err != nil {
		c.n.log("reply to "+p.MessageID, err)
	}
	return c.taken(ctx, false)
}

// taken tries a few times: a message whose acknowledgement got lost would never come again.
func (c *pollCourier) taken(ctx context.Context, _ bool) error {
	var err error
	for pause := firstBackoff; pause <= 4*firstBackoff; pause *= 2 {
		err = c.n.call(ctx, "AcknowledgeMessage", map[string]string{"MessageId": c.m.MessageID})
		var refusal *apiError
		if err == nil || errors.As(err, &refusal) || !sleep(ctx, pause) {
			break
		}
	}
	return err
}

// full: what is not acknowledged comes again when its time of visibility is over.
func (c *pollCourier) full(context.Context) error { return nil }

func (c *pollCourier) senseless(ctx context.Context) error {
	return c.n.call(ctx, "FailMessage", map[string]string{"MessageId": c.m.MessageID, "FailureType": "InternalHandlerException"})
}

// unreadable: the reply alone tells, as in the agent.
func (c *pollCourier) unreadable(context.Context) error { return nil }

// call makes a request to ec2messages.
func (n *Node) call(ctx context.Context, operation string, in map[string]string) error {
	return n.client.call(ctx, messagesAPI, operation, callTimeout, in, nil)
}

// channelCourier is the control channel.
type channelCourier struct {
	n      *Node
	socket *websocket.Conn
	frame  wire.Frame
	job    string
	closed bool // the node takes no more commands
}

// begun: an acknowledgement that gets lost keeps nothing from running; the message comes again, and is known then.
func (c *channelCourier) begun(ctx context.Context, p pending) error {
	if err := c.acknowledge(ctx, wire.StatusTaken, "Successful"); err != nil {
		c.n.log("acknowledge "+c.job, err)
	}
	if err := c.n.writeReply(ctx, c.socket, p); err != nil {
		c.n.log("reply to "+c.job, err)
	}
	return nil
}

func (c *channelCourier) taken(ctx context.Context, running bool) error {
	if running {
		return c.acknowledge(ctx, wire.StatusDuplicate, "DuplicateCommand")
	}
	return c.acknowledge(ctx, wire.StatusTaken, "Successful")
}

func (c *channelCourier) full(ctx context.Context) error {
	if c.closed {
		return c.acknowledge(ctx, "51401", "ClosedProcessor")
	}
	return c.acknowledge(ctx, wire.StatusFull, "ProcessorBufferFull")
}

// senseless: the channel has no FailMessage. What has the id of a command ends with a reply.
func (c *channelCourier) senseless(ctx context.Context) error {
	return c.acknowledge(ctx, "51403", "UnexpectedDocumentType")
}

func (c *channelCourier) unreadable(ctx context.Context) error {
	return c.acknowledge(ctx, wire.StatusUnread, "AgentJobMessageParseError")
}

func (c *channelCourier) acknowledge(ctx context.Context, status, text string) error {
	id, err := c.n.newID()
	if err != nil {
		return err
	}
	return c.n.writeFrame(ctx, c.socket, wire.TypeJobAck, id, wire.JobAck{JobID: c.job,
		AcknowledgedMessageID: c.frame.ID.String(), CreatedDate: c.frame.Created.Format(wire.TimeLayout),
		StatusCode: status, ErrorMessage: text})
}

// awaitTurn holds polling back while a control channel has been open for longer than the grace. It tells whether ctx is
// still on.
func (n *Node) awaitTurn(ctx context.Context) bool {
	for ctx.Err() == nil {
		socket, since, changed := n.link.state()
		if socket == nil || n.cfg.Now().Sub(since) < n.cfg.PollGrace {
			return true
		}
		select {
		case <-ctx.Done():
		case <-changed:
		case <-time.After(time.Hour): // a clock that was set back
		}
	}
	return false
}

package ssmmessages

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
)

// Limits of a connection. An agent's reply has at most 120,000 bytes of JSON, which are a string inside of a frame's.
const (
	maxFrame      = 256 << 10
	tokenPatience = 10 * time.Second
	writePatience = 10 * time.Second
	maxOutgoing   = 1000
)

// connection is the web socket of one node. One goroutine reads; another one writes while there is something to write.
type connection struct {
	s      *Service
	node   ssm.Node
	socket *websocket.Conn
	opened chan struct{} // closed when socket is there, or never will be
	last   atomic.Int64  // when the node was heard of, in Unix nanoseconds of the real clock

	mu      sync.Mutex
	out     []outgoing
	writing bool
	ended   bool
}

// outgoing is something to write: a message, or that a reply has arrived.
type outgoing struct {
	message ssm.Message
	ack     wire.ReplyAck
}

func (c *connection) heard() { c.last.Store(time.Now().UnixNano()) }

func (c *connection) silent() time.Duration { return time.Since(time.Unix(0, c.last.Load())) }

// pinged has the ping answered.
func (c *connection) pinged(context.Context, []byte) bool {
	c.heard()
	return true
}

// end breaks the connection off; serve then clears up. It does not wait.
func (c *connection) end(why error) {
	c.mu.Lock()
	ended := c.ended
	c.ended, c.out = true, nil
	c.mu.Unlock()
	if ended {
		return
	}
	c.s.running.Go(func() {
		<-c.opened
		if c.socket == nil {
			return
		}
		if errors.Is(why, errProtocol) {
			_ = c.socket.Close(websocket.StatusPolicyViolation, why.Error()) // the reason is a courtesy
		}
		_ = c.socket.CloseNow()
	})
}

// errProtocol says that the node does not keep to the protocol. Its text is sent to the node: it is short.
var errProtocol = errors.New("protocol")

// serve reads until the connection ends.
func (c *connection) serve() {
	defer c.s.running.Done()
	defer c.s.remove(c)
	defer func() { _ = c.socket.CloseNow() }()
	if err := c.token(); err != nil {
		c.fail(err)
		return
	}
	disconnect := c.s.queue.Connect(c.node, c.push)
	defer disconnect()
	if before := c.s.enter(c); before != nil {
		before.end(errReplaced)
	}
	for {
		kind, b, err := c.socket.Read(context.Background())
		if err != nil {
			return // the node is gone, or was sent away
		}
		c.heard()
		if kind != websocket.MessageBinary {
			c.fail(fmt.Errorf("%w: a text where a frame should be", errProtocol))
			return
		}
		if err := c.handle(b); err != nil {
			c.fail(err)
			return
		}
	}
}

var errReplaced = errors.New("the node has a newer channel")

// fail tells the node what is wrong, or us.
func (c *connection) fail(err error) {
	if !errors.Is(err, errProtocol) {
		c.s.cfg.OnError(fmt.Errorf("control channel of %s: %w", c.node.Instance, err))
		return
	}
	text := err.Error()
	_ = c.socket.Close(websocket.StatusPolicyViolation, text[:min(len(text), 120)]) // 123 bytes fit; the node may be gone
}

// token waits for the first message, which must show what CreateControlChannel gave.
func (c *connection) token() error {
	ctx, cancel := context.WithTimeout(context.Background(), tokenPatience)
	defer cancel()
	_, b, err := c.socket.Read(ctx)
	if err != nil {
		return fmt.Errorf("%w: no token came", errProtocol)
	}
	var in wire.OpenControlChannel
	if err := json.Unmarshal(b, &in); err != nil {
		return fmt.Errorf("%w: the first message is not JSON", errProtocol)
	}
	if !c.s.tokens.valid(c.node, in.TokenValue, c.s.cfg.Now()) {
		return fmt.Errorf("%w: the token is not valid", errProtocol)
	}
	c.heard()
	return nil
}

// handle does what a frame says. Kinds that are no command's (the agent has others) are passed over.
func (c *connection) handle(b []byte) error {
	f, err := wire.Decode(b)
	if err != nil {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	switch f.Type {
	case wire.TypeJobAck:
		return c.acknowledged(f)
	case wire.TypeReply:
		return c.replied(f)
	}
	return nil
}

// acknowledged: a job is taken, is there already, or must be given again.
func (c *connection) acknowledged(f wire.Frame) error {
	var ack wire.JobAck
	if err := json.Unmarshal(f.Payload, &ack); err != nil {
		return fmt.Errorf("%w: an acknowledgement is not JSON", errProtocol)
	}
	ctx := context.Background()
	var err error
	switch ack.StatusCode {
	case wire.StatusTaken, wire.StatusDuplicate:
		err = c.s.queue.AcknowledgeSoon(ctx, c.node, ack.JobID)
	default:
		// What the agent cannot read it also replies to, and with that reply the message is withdrawn.
		err = c.s.queue.Postpone(ctx, c.node, ack.JobID)
	}
	return c.judge(err)
}

func (c *connection) replied(f wire.Frame) error {
	var reply wire.Reply
	if err := json.Unmarshal(f.Payload, &reply); err != nil {
		return fmt.Errorf("%w: a reply is not JSON", errProtocol)
	}
	err := c.s.queue.Reply(context.Background(), c.node, reply.JobID, reply.Content)
	if err != nil {
		return c.judge(err) // without an acknowledgement it is sent again
	}
	return c.send(outgoing{ack: wire.ReplyAck{JobID: reply.JobID, AcknowledgedMessageID: f.ID.String()}})
}

// judge ends the connection over a message that is another node's. That a reply makes no sense, or that the state cannot
// be written, is no reason to: what is not confirmed the node says again, or gives up.
func (c *connection) judge(err error) error {
	if errors.Is(err, ssm.ErrBadMessage) {
		return fmt.Errorf("%w: %w", errProtocol, err)
	}
	if err != nil {
		c.s.cfg.OnError(fmt.Errorf("control channel of %s: %w", c.node.Instance, err))
	}
	return nil
}

// push sends messages, some time soon. A node that does not read them is sent away, and gets them again.
func (c *connection) push(messages []ssm.Message) {
	for _, m := range messages {
		if err := c.send(outgoing{message: m}); err != nil {
			c.end(err)
			return
		}
	}
}

var errSlow = fmt.Errorf("%w: the node does not read what it is sent", errProtocol)

// send puts something into the queue, and has it written.
func (c *connection) send(o outgoing) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return nil
	}
	if len(c.out) >= maxOutgoing {
		return errSlow
	}
	c.out = append(c.out, o)
	if !c.writing {
		c.writing = true
		c.s.running.Go(c.write)
	}
	return nil
}

// write writes what is in the queue until nothing is.
func (c *connection) write() {
	for {
		c.mu.Lock()
		next := c.out
		c.out = nil
		c.writing = len(next) > 0
		c.mu.Unlock()
		if len(next) == 0 {
			return
		}
		for _, o := range next {
			if err := c.writeOne(o); err != nil {
				c.end(err) // the reader ends the connection
				return
			}
		}
	}
}

func (c *connection) writeOne(o outgoing) error {
	c.s.writers <- struct{}{}
	defer func() { <-c.s.writers }()
	f, err := c.frame(o)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), writePatience)
	defer cancel()
	return c.socket.Write(ctx, websocket.MessageBinary, f.Encode())
}

// frame makes the frame of something to write.
func (c *connection) frame(o outgoing) (wire.Frame, error) {
	var id wire.ID
	c.s.tokens.mu.Lock()
	_, err := io.ReadFull(c.s.cfg.Rand, id[:])
	c.s.tokens.mu.Unlock()
	if err != nil {
		return wire.Frame{}, fmt.Errorf("make id: %w", err)
	}
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	kind, created, content := wire.TypeReplyAck, c.s.cfg.Now(), any(o.ack)
	if m := o.message; m.ID != "" {
		kind, created = wire.TypeJob, m.Created
		content = wire.Job{SchemaVersion: 1, JobId: m.ID, Topic: m.Topic, Content: m.Payload}
	}
	payload, err := json.Marshal(content)
	if err != nil {
		return wire.Frame{}, fmt.Errorf("write frame: %w", err)
	}
	return wire.New(kind, id, created, payload), nil
}

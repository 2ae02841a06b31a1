package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/dial"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
)

// The control channel's times, as in the agent, and its limits.
const (
	channelRetry   = 5 * time.Second
	longestRetry   = 40 * time.Minute
	pollGrace      = time.Minute // with a channel open the node still asks ec2messages for so long
	channelPing    = 54 * time.Second
	replyPatience  = 5 * time.Second // for the acknowledgement of a reply
	maxJob         = 1 << 20
	maxChannelText = 120000 // a longer reply does not fit into a frame; the agent drops it
)

// link is the node's control channel, open or not.
type link struct {
	mu      sync.Mutex
	socket  *websocket.Conn // nil while there is none
	since   time.Time
	changed chan struct{}            // closed when socket changes
	replies map[string]chan struct{} // closed when the reply of this id has been acknowledged
	name    string                   // what the node reports as its channel
	ended   bool
}

func newLink() *link { return &link{changed: make(chan struct{}), replies: map[string]chan struct{}{}} }

// set puts a socket in place, or takes it away with nil. After end there is none any more.
func (l *link) set(socket *websocket.Conn, name string, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if socket != nil && l.ended {
		return false
	}
	l.socket, l.since, l.name = socket, now, name
	close(l.changed)
	l.changed = make(chan struct{})
	return true
}

// end closes the channel for good.
func (l *link) end() {
	l.mu.Lock()
	l.ended = true
	socket := l.socket
	l.mu.Unlock()
	if socket != nil {
		_ = socket.Close(websocket.StatusNormalClosure, "the node stops") // the service may be gone
	}
}

// state gives the socket, since when there is one, and what is closed when that changes.
func (l *link) state() (socket *websocket.Conn, since time.Time, changed <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.socket, l.since, l.changed
}

func (l *link) channelName() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.name
}

// expect gives what is closed when a reply is acknowledged.
func (l *link) expect(id string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	ch := make(chan struct{})
	l.replies[id] = ch
	return ch
}

func (l *link) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.replies, id)
}

func (l *link) acknowledged(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ch := l.replies[id]; ch != nil {
		close(ch)
		delete(l.replies, id)
	}
}

// channelLoop keeps a control channel open until ctx is done, and calls tried after each attempt to open one. Commands
// that come over it run in work. What is open when ctx is done stays open for replies, until link.end.
func (n *Node) channelLoop(ctx, work context.Context, tried func()) {
	pause := n.cfg.ChannelRetry
	last := ""
	for ctx.Err() == nil {
		socket, err := n.openChannel(ctx)
		if err == nil && !n.link.set(socket, "ssmmessages", n.cfg.Now()) {
			_ = socket.CloseNow() // the node has stopped meanwhile
			return
		}
		if err == nil {
			tried()
			began := time.Now()
			n.serveChannel(ctx, work, socket)
			last = ""
			if time.Since(began) >= n.cfg.ChannelRetry {
				pause = n.cfg.ChannelRetry
				continue // at once; when that fails, with pauses
			}
			// Another agent of the same name may have taken the channel over, and will again.
			sleep(ctx, pause)
			pause = min(2*pause, longestRetry)
			continue
		}
		if ctx.Err() != nil {
			return
		}
		n.link.set(nil, "ec2messages", n.cfg.Now())
		tried()
		if text := err.Error(); text != last {
			n.log("open the control channel", err)
			last = text
		}
		sleep(ctx, pause)
		pause = min(2*pause, longestRetry)
	}
}

// openChannel tries once; refused credentials are renewed for the next time.
func (n *Node) openChannel(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	cred, err := n.client.credentials(ctx)
	if err != nil {
		return nil, err
	}
	id, err := n.newID()
	if err != nil {
		return nil, err
	}
	socket, err := dial.Open(ctx, dial.Config{
		HTTP: n.cfg.HTTP, Endpoint: n.cfg.Endpoint, Region: n.cfg.Region, Instance: n.cfg.InstanceID,
		Credentials:  sigv4.Credentials{AccessKeyID: cred.AccessKeyID, SecretAccessKey: cred.SecretAccessKey, SessionToken: cred.SessionToken},
		AgentVersion: agentVersion, UserAgent: userAgent, Now: n.cfg.Now, RequestID: id,
	})
	var refused *dial.Refused
	if errors.As(err, &refused) && refused.BadCredentials() {
		n.client.forget(cred)
	}
	if err == nil {
		socket.SetReadLimit(maxJob)
	}
	return socket, err
}

// serveChannel reads until the channel ends.
func (n *Node) serveChannel(ctx, work context.Context, socket *websocket.Conn) {
	pinging, stop := context.WithCancel(work)
	var pinger sync.WaitGroup
	pinger.Go(func() { keepOpen(pinging, socket) })
	defer pinger.Wait()
	defer stop()
	defer n.link.set(nil, "", n.cfg.Now())
	for {
		_, b, err := socket.Read(context.Background())
		if err == nil {
			err = n.received(ctx, work, socket, b)
		}
		if err != nil {
			if ctx.Err() == nil {
				n.log("the control channel ended", err)
			}
			_ = socket.CloseNow() // it may be closed already
			return
		}
	}
}

// keepOpen pings; without an answer the channel is closed.
func keepOpen(ctx context.Context, socket *websocket.Conn) {
	for sleep(ctx, channelPing) {
		answered, cancel := context.WithTimeout(ctx, callTimeout)
		err := socket.Ping(answered)
		cancel()
		if err != nil {
			_ = socket.CloseNow()
			return
		}
	}
}

// received deals with a frame.
func (n *Node) received(ctx, work context.Context, socket *websocket.Conn, b []byte) error {
	f, err := wire.Decode(b)
	if err != nil {
		return err
	}
	switch f.Type {
	case wire.TypeReplyAck:
		var ack wire.ReplyAck
		if err := json.Unmarshal(f.Payload, &ack); err != nil {
			return fmt.Errorf("read frame: %w", err)
		}
		n.link.acknowledged(ack.AcknowledgedMessageID)
	case wire.TypeJob:
		var job wire.Job
		if err := json.Unmarshal(f.Payload, &job); err != nil {
			return fmt.Errorf("read frame: %w", err)
		}
		c := &channelCourier{n: n, socket: socket, frame: f, job: job.JobId, closed: ctx.Err() != nil}
		if c.closed && strings.HasPrefix(job.Topic, topicSend) {
			return c.full(work)
		}
		n.handle(work, message{MessageID: job.JobId, Topic: job.Topic, Payload: job.Content}, c)
	}
	return nil
}

// writeFrame sends a frame.
func (n *Node) writeFrame(ctx context.Context, socket *websocket.Conn, kind, id string, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return fmt.Errorf("write frame: %w", err)
	}
	number, err := wire.ParseID(id)
	if err != nil {
		return err
	}
	f := wire.New(kind, number, n.cfg.Now(), text)
	// A write that is broken off ends the channel, so the end of ctx does not.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), callTimeout)
	defer cancel()
	return socket.Write(ctx, websocket.MessageBinary, f.Encode())
}

// sendReply sends a reply over the channel and waits until it has arrived. open is false where there is no channel, or
// the reply is too long for one.
func (n *Node) sendReply(ctx context.Context, p pending) (open bool, err error) {
	socket, _, changed := n.link.state()
	if socket == nil || len(p.Payload) > maxChannelText {
		return false, nil
	}
	arrived := n.link.expect(p.ReplyID)
	defer n.link.forget(p.ReplyID)
	if err := n.writeReply(ctx, socket, p); err != nil {
		return true, err
	}
	patience := time.NewTimer(replyPatience)
	defer patience.Stop()
	select {
	case <-arrived:
		return true, nil
	case <-changed:
		return true, errors.New("the control channel ended before the reply was acknowledged")
	case <-patience.C:
		return true, errors.New("the reply was not acknowledged")
	case <-ctx.Done():
		return true, ctx.Err()
	}
}

func (n *Node) writeReply(ctx context.Context, socket *websocket.Conn, p pending) error {
	return n.writeFrame(ctx, socket, wire.TypeReply, p.ReplyID,
		wire.Reply{SchemaVersion: 1, JobID: p.MessageID, Content: p.Payload, Topic: topicSend})
}

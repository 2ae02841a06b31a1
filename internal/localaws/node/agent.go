package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// What the node says it is.
const (
	agentName    = "amazon-ssm-agent"
	agentVersion = "3.3.3050.0"
)

// Intervals of the agent, and of its patience.
const (
	pingInterval  = 5 * time.Minute
	firstBackoff  = 250 * time.Millisecond
	longestPause  = 15 * time.Second
	quickAnswer   = 100 * time.Millisecond // an empty answer that came faster is not a long poll
	flushInterval = 15 * time.Second       // for replies that the service did not take; the agent waits 5 minutes
	lastFlush     = 5 * time.Second
	killed        = 15 * time.Second // for killed commands to end and their results to be written
)

// Run makes the node a managed one and runs commands until ctx is done. Then it takes no more messages, lets running
// commands end for as long as Config.Drain says, kills what is left, replies, and returns nil. An error means that
// the node's directory cannot be used. Run must not be called twice at a time.
func (n *Node) Run(ctx context.Context) error {
	if err := n.answerInterrupted(); err != nil {
		return err
	}
	if !n.register(ctx) {
		return nil
	}
	work, stop := context.WithCancelCause(context.WithoutCancel(ctx))
	defer stop(nil)
	flushing, endFlush := context.WithCancel(work)
	var loops, flusher sync.WaitGroup
	loops.Go(func() { n.pingLoop(ctx) })
	flusher.Go(func() { n.flushLoop(flushing) })
	tried := make(chan struct{})
	loops.Go(func() { n.channelLoop(ctx, work, sync.OnceFunc(func() { close(tried) })) })
	loops.Go(func() { n.reportChannel(ctx, tried) })
	n.pollLoop(ctx, work)
	if !n.jobs.wait(n.cfg.Drain) {
		stop(errStopped)
		if !n.jobs.wait(killed) {
			n.log("running commands do not end", errStopped)
		}
	}
	endFlush()
	flusher.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastFlush)
	defer cancel()
	n.flush(last)
	n.link.end()
	loops.Wait()
	return nil
}

// reportChannel reports once more when it is known which channel the node has, as the agent does.
func (n *Node) reportChannel(ctx context.Context, tried <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-tried:
		if err := n.ping(ctx); err != nil && ctx.Err() == nil {
			n.log("report", err)
		}
	}
}

// answerInterrupted queues an answer for each command that an earlier run of the node left.
func (n *Node) answerInterrupted() error {
	ids, err := n.journal.interrupted()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if err := n.queue(id, n.newReply(Failed, errStopped.Error(), nil), true, ""); err != nil {
			return err
		}
	}
	return nil
}

// register reports for the first time. Until that works the node takes no commands, as the agent does not.
func (n *Node) register(ctx context.Context) bool {
	for pause := firstBackoff; ; pause = min(2*pause, longestPause) {
		err := n.ping(ctx)
		if err == nil {
			return true
		}
		n.log("report", err)
		if !sleep(ctx, pause) {
			return false
		}
	}
}

func (n *Node) pingLoop(ctx context.Context) {
	for sleep(ctx, pingInterval) {
		if err := n.ping(ctx); err != nil {
			n.log("report", err)
		}
	}
}

func (n *Node) ping(ctx context.Context) error {
	in := map[string]string{
		"InstanceId":           n.cfg.InstanceID,
		"AgentName":            agentName,
		"AgentVersion":         agentVersion,
		"AgentStatus":          "Active",
		"PlatformType":         "Linux",
		"PlatformName":         n.cfg.PlatformName,
		"PlatformVersion":      n.cfg.PlatformVersion,
		"IPAddress":            n.cfg.IPAddress,
		"ComputerName":         n.cfg.ComputerName,
		"SSMConnectionChannel": n.link.channelName(),
	}
	return n.client.call(ctx, ssmAPI, "UpdateInstanceInformation", callTimeout, in, nil)
}

// pollLoop fetches messages until ctx is done; the commands run in work.
func (n *Node) pollLoop(ctx, work context.Context) {
	pause := firstBackoff
	for n.awaitTurn(ctx) {
		began := time.Now()
		messages, err := n.getMessages(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			n.log("fetch messages", err)
			sleep(ctx, pause)
			pause = min(2*pause, longestPause)
			continue
		case len(messages) == 0 && time.Since(began) < quickAnswer:
			sleep(ctx, firstBackoff)
		}
		pause = firstBackoff
		for _, m := range messages {
			n.handle(work, m, &pollCourier{n, m})
		}
	}
}

func (n *Node) getMessages(ctx context.Context) ([]message, error) {
	id, err := n.newID()
	if err != nil {
		return nil, err
	}
	in := map[string]any{"Destination": n.cfg.InstanceID, "MessagesRequestId": id, "VisibilityTimeoutInSeconds": 10}
	var out struct{ Messages []message }
	err = n.client.call(ctx, messagesAPI, "GetMessages", pollTimeout, in, &out)
	return out.Messages, err
}

// handle deals with one message. What goes wrong is logged; the service delivers what was not acknowledged again.
func (n *Node) handle(work context.Context, m message, c courier) {
	var err error
	switch {
	case strings.HasPrefix(m.Topic, topicSend):
		err = n.handleSend(work, m, c)
	case strings.HasPrefix(m.Topic, topicCancel):
		err = n.handleCancel(work, m, c)
	default:
		err = errors.Join(fmt.Errorf("topic %q is unknown", m.Topic), c.senseless(work))
	}
	if err != nil {
		n.log("message "+m.MessageID, err)
	}
}

func (n *Node) handleCancel(ctx context.Context, m message, c courier) error {
	target, err := parseCancel(m)
	if err != nil {
		return errors.Join(err, c.senseless(ctx))
	}
	if err := c.taken(ctx, false); err != nil {
		return err
	}
	n.taking.Lock() // the other channel may be about to begin it
	defer n.taking.Unlock()
	state, err := n.journal.state(target)
	if err != nil {
		return err
	}
	if state == "" && strings.HasSuffix(target, "."+n.cfg.InstanceID) {
		// There was no room for it, or it is still on its way: it is not to run when it comes.
		return n.queue(target, n.newReply(Cancelled, "", nil), true, "")
	}
	n.jobs.cancel(target)
	return nil
}

// handleSend begins a command, once, if there is room for it.
func (n *Node) handleSend(work context.Context, m message, c courier) error {
	p, parseErr := parseSend(m)
	if _, err := commandOf(m.MessageID); err != nil {
		return errors.Join(err, c.senseless(work))
	}
	n.taking.Lock() // both channels may bring the same message
	defer n.taking.Unlock()
	state, err := n.journal.state(m.MessageID)
	if err != nil {
		return err
	}
	if state != "" {
		return c.taken(work, state == stateRunning) // delivered again: it runs, or its result is on the way
	}
	if parseErr != nil {
		return errors.Join(parseErr, c.unreadable(work), n.queue(m.MessageID, n.newReply(Failed, parseErr.Error(), nil), true, ""))
	}
	if !n.jobs.reserve() {
		return c.full(work)
	}
	if err := n.begin(work, m, c); err != nil {
		n.jobs.release()
		return err
	}
	n.jobs.start(work, m.MessageID, func(ctx context.Context) { n.runCommand(ctx, m.MessageID, p) })
	return nil
}

// begin records a command and tells that it is taken.
func (n *Node) begin(ctx context.Context, m message, c courier) error {
	progress, err := n.pack(m.MessageID, n.newReply(InProgress, "", nil))
	if err != nil {
		return err
	}
	if err := n.journal.begin(m.MessageID); err != nil {
		return err
	}
	if err := c.begun(ctx, progress); err != nil {
		return errors.Join(err, n.journal.forget(m.MessageID))
	}
	return nil
}

// runCommand runs a command and replies after each step and at the end.
func (n *Node) runCommand(ctx context.Context, messageID string, p sendPayload) {
	var steps []StepResult
	d := n.destinationOf(p)
	result := n.runDocument(ctx, Job{CommandID: p.CommandID, Document: p.DocumentContent, Parameters: p.Parameters}, d.begin, func(s *StepResult) {
		if d.bucket != "" {
			s.S3Bucket, s.S3Prefix = d.bucket, d.replyPrefix(s.Action)
		}
		if errors.Is(context.Cause(ctx), errStopped) && s.Status == Cancelled {
			s.stopped()
		}
		steps = append(steps, *s)
		if err := n.queue(messageID, n.newReply(InProgress, "", steps), false, s.Name); err != nil {
			n.log("reply to "+messageID, err)
		}
	})
	if errors.Is(context.Cause(ctx), errStopped) && result.Status == Cancelled {
		// Nobody cancelled it: what became of it is a failure of this node.
		result.Status, result.Trace = Failed, errStopped.Error()
	}
	if err := n.queue(messageID, n.newReply(result.Status, result.Trace, steps), true, ""); err != nil {
		n.log("reply to "+messageID, err)
	}
}

// stopped makes a failure of a step that nobody has cancelled.
func (s *StepResult) stopped() {
	s.Status = Failed
	s.StandardError = limit(appendText(s.StandardError, errStopped.Error()), maxStderr)
	s.Output = mergeOutput(s.StandardOutput, s.StandardError, maxOutput)
}

// newID makes a random UUID, version 4.
func (n *Node) newID() (string, error) {
	var b [16]byte
	n.randMu.Lock()
	_, err := io.ReadFull(n.cfg.Rand, b[:])
	n.randMu.Unlock()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:]), nil
}

func (n *Node) log(what string, err error) {
	n.cfg.Logf("%s: %v", what, err)
}

// sleep waits for d and tells whether ctx is still on.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

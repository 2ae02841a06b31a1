// Package simulate is many nodes in one process, for measurements: each has a real control channel and its own
// credentials, takes every command and answers Success at once. Nothing is run.
package simulate

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/dial"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
)

// Config says where the nodes connect to.
type Config struct {
	Endpoint, Region string
	// Credentials gives those of a node's role.
	Credentials func(ctx context.Context, instance string) (sigv4.Credentials, error)
	// Parallel is how many nodes connect at once; 32 if zero.
	Parallel int
	// Reply is the payload of the one reply to each command; a plain Success if empty.
	Reply string
	// Answer gives the payload of the reply to one command, from the command's own payload; an empty one is never sent, as
	// by a node that falls silent. It may be called at the same time for several nodes. nil means Reply for all.
	Answer func(instance, payload string) string
	// Report has the nodes report with UpdateInstanceInformation before they connect.
	Report bool
	// Platform is what they report to be; Linux if empty.
	Platform string
	// Deaf tells of nodes that report and open no channel: they get no command. nil means none.
	Deaf func(instance string) bool
}

const (
	agentVersion = "3.3.3050.0"
	success      = `{"additionalInfo":{"agent":{"ver":"` + agentVersion + `"}},"documentStatus":"Success","documentTraceOutput":"","runtimeStatus":{` +
		`"aws:runShellScript":{"status":"Success","code":0,"name":"aws:runShellScript","output":"ok","standardOutput":"ok","standardError":"",` +
		`"startDateTime":"2026-11-22T04:30:00.000Z","endDateTime":"2026-11-22T04:30:01.250Z"}}}`
	pingInterval = 54 * time.Second
	maxFrame     = 1 << 20
)

// Fleet is the nodes that are connected.
type Fleet struct {
	cfg     Config
	http    *http.Client
	stop    context.CancelFunc
	ctx     context.Context
	running sync.WaitGroup
	taken   atomic.Int64
	replied atomic.Int64

	mu      sync.Mutex
	sockets []*websocket.Conn
	lost    error
}

// Connect opens the control channel of every instance, and returns when all are open. They must have reported with
// UpdateInstanceInformation to be sent commands: see [Config.Report].
func Connect(ctx context.Context, cfg Config, instances []string) (*Fleet, error) {
	if cfg.Parallel <= 0 {
		cfg.Parallel = 32
	}
	if cfg.Reply == "" {
		cfg.Reply = success
	}
	f := &Fleet{cfg: cfg, http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: cfg.Parallel,
		ReadBufferSize: 1 << 10, WriteBufferSize: 1 << 10}}}
	f.ctx, f.stop = context.WithCancel(context.WithoutCancel(ctx))
	var opening sync.WaitGroup
	slots, failed := make(chan struct{}, cfg.Parallel), make(chan error, len(instances))
	for _, id := range instances {
		slots <- struct{}{}
		opening.Go(func() {
			defer func() { <-slots }()
			if err := f.open(ctx, id); err != nil {
				failed <- fmt.Errorf("simulate %s: %w", id, err)
			}
		})
	}
	opening.Wait()
	f.running.Go(f.ping)
	select {
	case err := <-failed:
		f.Close()
		return nil, err
	default:
		return f, nil
	}
}

func (f *Fleet) open(ctx context.Context, id string) error {
	cred, err := f.cfg.Credentials(ctx, id)
	if err != nil {
		return err
	}
	if f.cfg.Report {
		if err := f.report(ctx, id, cred); err != nil {
			return err
		}
	}
	if f.cfg.Deaf != nil && f.cfg.Deaf(id) {
		return nil
	}
	var request wire.ID
	if _, err := rand.Read(request[:]); err != nil {
		return err
	}
	socket, err := dial.Open(ctx, dial.Config{HTTP: f.http, Endpoint: f.cfg.Endpoint, Region: f.cfg.Region, Instance: id,
		Credentials: cred, AgentVersion: agentVersion, UserAgent: "slipway simulated node", Now: time.Now, RequestID: request.String()})
	if err != nil {
		return err
	}
	socket.SetReadLimit(maxFrame)
	f.mu.Lock()
	f.sockets = append(f.sockets, socket)
	f.mu.Unlock()
	f.running.Go(func() { f.serve(socket, id) })
	return nil
}

// serve answers what comes until the channel ends.
func (f *Fleet) serve(socket *websocket.Conn, id string) {
	for {
		_, b, err := socket.Read(context.Background())
		if err == nil {
			err = f.answer(socket, id, b)
		}
		if err != nil {
			f.note(err)
			return
		}
	}
}

// note keeps the first error of a channel that was not closed by us.
func (f *Fleet) note(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ctx.Err() == nil && f.lost == nil {
		f.lost = err
	}
}

func (f *Fleet) answer(socket *websocket.Conn, id string, b []byte) error {
	frame, err := wire.Decode(b)
	if err != nil {
		return err
	}
	if frame.Type == wire.TypeReplyAck {
		f.replied.Add(1)
	}
	if frame.Type != wire.TypeJob {
		return nil
	}
	f.taken.Add(1)
	var job wire.Job
	if f.cfg.Answer == nil { // the content is not looked at: it can be large
		var head struct{ JobId, Topic string }
		if err := json.Unmarshal(frame.Payload, &head); err != nil {
			return err
		}
		job.JobId, job.Topic = head.JobId, head.Topic
	} else if err := json.Unmarshal(frame.Payload, &job); err != nil {
		return err
	}
	err = f.write(socket, wire.TypeJobAck, wire.JobAck{JobID: job.JobId, AcknowledgedMessageID: frame.ID.String(),
		CreatedDate: frame.Created.Format(wire.TimeLayout), StatusCode: wire.StatusTaken})
	if err != nil {
		return err
	}
	reply := f.cfg.Reply
	if f.cfg.Answer != nil {
		if reply = f.cfg.Answer(id, job.Content); reply == "" {
			return nil
		}
	}
	return f.write(socket, wire.TypeReply, wire.Reply{SchemaVersion: 1, JobID: job.JobId, Content: reply, Topic: job.Topic})
}

func (f *Fleet) write(socket *websocket.Conn, kind string, payload any) error {
	text, err := json.Marshal(payload)
	if err != nil {
		return err
	}
	var id wire.ID
	if _, err := rand.Read(id[:]); err != nil {
		return err
	}
	frame := wire.New(kind, id, time.Now(), text)
	return socket.Write(context.Background(), websocket.MessageBinary, frame.Encode())
}

// ping keeps the channels open, one after the other.
func (f *Fleet) ping() {
	ticker := time.NewTicker(pingInterval)
	defer ticker.Stop()
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-ticker.C:
		}
		f.mu.Lock()
		sockets := f.sockets
		f.mu.Unlock()
		for _, socket := range sockets {
			ctx, cancel := context.WithTimeout(f.ctx, 10*time.Second)
			_ = socket.Ping(ctx) // a lost channel is noted by its reader
			cancel()
		}
	}
}

// Taken is how many commands the nodes have taken, and Replied to how many of them the reply has been acknowledged.
func (f *Fleet) Taken() int64 { return f.taken.Load() }

// Replied is how many replies the service has acknowledged.
func (f *Fleet) Replied() int64 { return f.replied.Load() }

// Err is the first error with which a channel ended that was not closed by Close.
func (f *Fleet) Err() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.lost
}

// Close ends all channels and waits for that.
func (f *Fleet) Close() {
	f.stop()
	f.mu.Lock()
	sockets := f.sockets
	f.mu.Unlock()
	var errs []error
	for _, socket := range sockets {
		errs = append(errs, socket.CloseNow())
	}
	_ = errors.Join(errs...) // they are gone in any case
	f.running.Wait()
	f.http.CloseIdleConnections()
}

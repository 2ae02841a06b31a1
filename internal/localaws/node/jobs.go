package node

import (
	"context"
	"errors"
	"sync"
	"time"
)

// workers is how many commands run at once on a node, as in the agent (CommandWorkersLimit). As many more wait
// (CommandWorkerBufferLimit); the rest is refused.
const (
	workers = 5
	buffer  = 5
)

// Why a command was stopped.
var (
	errCancelled = errors.New("the command was cancelled")
	errStopped   = errors.New("the node was stopped while the command ran")
)

// jobs are the commands that run or wait.
type jobs struct {
	slots chan struct{}
	room  chan struct{}
	all   sync.WaitGroup

	mu      sync.Mutex
	cancels map[string]context.CancelCauseFunc // by message id
}

func newJobs() *jobs {
	return &jobs{
		slots:   make(chan struct{}, workers),
		room:    make(chan struct{}, workers+buffer),
		cancels: map[string]context.CancelCauseFunc{},
	}
}

// reserve takes room for a command, if there is any; start or release gives it back.
func (j *jobs) reserve() bool {
	select {
	case j.room <- struct{}{}:
		return true
	default:
		return false
	}
}

func (j *jobs) release() { <-j.room }

// start runs f when one of the workers is free, or at once, its context done, if the command is stopped before.
func (j *jobs) start(ctx context.Context, messageID string, f func(context.Context)) {
	ctx, cancel := context.WithCancelCause(ctx)
	j.mu.Lock()
	j.cancels[messageID] = cancel
	j.mu.Unlock()
	j.all.Go(func() {
		defer cancel(nil)
		defer j.release()
		defer j.remove(messageID)
		select {
		case j.slots <- struct{}{}:
			defer func() { <-j.slots }()
		case <-ctx.Done():
		}
		f(ctx)
	})
}

func (j *jobs) remove(messageID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.cancels, messageID)
}

// cancel stops a command; one that has ended is left alone.
func (j *jobs) cancel(messageID string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if cancel := j.cancels[messageID]; cancel != nil {
		cancel(errCancelled)
	}
}

// wait tells whether all commands ended within d.
func (j *jobs) wait(d time.Duration) bool {
	ended := make(chan struct{})
	go func() {
		j.all.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return true
	case <-time.After(max(d, 0)):
		return false
	}
}

package node

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Process is one that a node's commands left running: an application, as a rule.
type Process struct {
	PID        int
	InstanceID string
	Command    string   // its command line, in one text
	Listening  []string // host:port of its TCP sockets that listen
}

// ErrUnsupported says that this system cannot find the processes of a node.
var ErrUnsupported = errors.New("find the processes of nodes: not supported on this system")

// stopPoll is how often Stop looks whether processes are gone.
const stopPoll = 50 * time.Millisecond

// Stop ends all processes of the nodes with a marker: it asks them to terminate, gives them grace, and kills what is
// left then. It returns when none is left, or an error that names one that is.
func Stop(ctx context.Context, marker string, grace time.Duration) error {
	return stop(ctx, func() ([]Process, error) { return Processes(marker) }, grace)
}

// stop ends the processes that find finds.
func stop(ctx context.Context, find func() ([]Process, error), grace time.Duration) error {
	told := map[int]bool{}
	deadline := time.Now().Add(grace)
	giveUp := deadline.Add(killGrace)
	for {
		// Anew each time: a process may have started another one meanwhile.
		left, err := find()
		if err != nil || len(left) == 0 {
			return err
		}
		for _, p := range left {
			if err := signalOnce(p, told, time.Now().After(deadline)); err != nil {
				return err
			}
		}
		if time.Now().After(giveUp) {
			return fmt.Errorf("stop the processes of nodes: %d (%s) does not end", left[0].PID, left[0].Command)
		}
		if !sleep(ctx, stopPoll) {
			return fmt.Errorf("stop the processes of nodes: %w", ctx.Err())
		}
	}
}

// signalOnce terminates a process that was not told yet, or kills it.
func signalOnce(p Process, told map[int]bool, kill bool) error {
	if told[p.PID] && !kill {
		return nil
	}
	told[p.PID] = true
	if err := signal(p.PID, kill); err != nil {
		return fmt.Errorf("stop process %d (%s): %w", p.PID, p.Command, err)
	}
	return nil
}

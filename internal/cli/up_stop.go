package cli

import (
	"context"
	"errors"
	"fmt"
	"os/signal"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// finish lets running commands end and stops what they started. A signal meanwhile ends the waiting; another one after
// that ends the program, as the system does it.
func finish(ctx context.Context, process *Process, aws *localaws.AWS) error {
	ctx = context.WithoutCancel(ctx)
	// Not the default action, which would be enough in a terminal: a program that a script starts in the background has
	// interrupts ignored by default.
	patience, stop := signal.NotifyContext(ctx, endSignals...)
	defer stop()
	running, err := aws.Drain(ctx, 0)
	if err != nil {
		return errors.Join(err, aws.StopProcesses(ctx))
	}
	if running > 0 {
		_, _ = fmt.Fprintf(process.Stderr, "stopping: letting %s end, at most %s; Ctrl-C again stops now\n", commandCount(running, "running "), drainLimit)
		running, err = aws.Drain(patience, drainLimit)
	}
	if err == nil && running > 0 {
		err = unended(running, patience.Err() != nil)
	}
	_, _ = fmt.Fprintln(process.Stderr, "stopping what commands started")
	return errors.Join(err, aws.StopProcesses(ctx))
}

// unended says that commands were cut off.
func unended(running int, hurried bool) error {
	when, they := fmt.Sprintf("after %s", drainLimit), "they are"
	if hurried {
		when = "when it was told to stop now"
	}
	if running == 1 {
		they = "it is"
	}
	return fmt.Errorf("%s had not ended %s; %s answered as failed when it starts again", commandCount(running, ""), when, they)
}

func commandCount(n int, kind string) string {
	if n == 1 {
		return "1 " + kind + "command"
	}
	return fmt.Sprintf("%d %scommands", n, kind)
}

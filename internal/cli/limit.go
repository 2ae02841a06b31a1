package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

// limitFlags bound a deploy as a whole.
type limitFlags struct {
	Timeout limitFlag `placeholder:"DURATION" help:"End the deploy after so long as Ctrl-C does: what is out is cancelled, and what is known is told. Exit code 1 or 3; 4 where nothing was sent yet."`
}

// limitFlag is a duration that is more than nothing; 0 when the flag is not given.
type limitFlag time.Duration

// UnmarshalText reads the flag's value.
func (f *limitFlag) UnmarshalText(text []byte) error {
	d, err := time.ParseDuration(string(text))
	if err != nil || d <= 0 {
		return errors.New("a duration above 0 is needed, for example 20m")
	}
	*f = limitFlag(d)
	return nil
}

// limited is the context of what is shipped. Its end is a cancellation, not a deadline: a deadline is what a call without
// an answer has.
func (f limitFlags) limited(ctx context.Context) (context.Context, func()) {
	if f.Timeout == 0 {
		return ctx, func() {}
	}
	after := time.Duration(f.Timeout)
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(after, func() { cancel(&ship.TimeLimit{After: after}) })
	return ctx, func() {
		timer.Stop()
		cancel(nil)
	}
}

// limitError says of an error that the time limit brought about that it was that.
func limitError(ctx context.Context, err error) error {
	var limit *ship.TimeLimit
	if err != nil && errors.As(context.Cause(ctx), &limit) {
		return fmt.Errorf("%w (%w)", limit, err)
	}
	return err
}

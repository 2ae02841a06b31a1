package cli

import (
	"context"
	"errors"
	"io"
)

// interrupted is how a command ends that the user stopped.
func interrupted() error { return &failure{code: exitInterrupted, err: errors.New("interrupted")} }

// wrongInput is an error about what the user gave the command to read, unless the user stopped it.
func wrongInput(err error) error {
	var stopped *failure
	if errors.As(err, &stopped) && stopped.code == exitInterrupted {
		return err
	}
	return usage(err, "")
}

// until is the process with a standard input that ends with an interruption when ctx does.
func (p *Process) until(ctx context.Context) *Process {
	out := *p
	out.Stdin = interruptible{ctx, p.Stdin}
	return &out
}

// interruptible reads until its context is done. A read of standard input itself cannot be interrupted: it is left behind.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

// Read reads into memory of its own, since what is left behind must not write into p.
func (r interruptible) Read(p []byte) (int, error) {
	type result struct {
		text []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		text := make([]byte, len(p))
		n, err := r.in.Read(text)
		done <- result{text[:n], err}
	}()
	select {
	case <-r.ctx.Done():
		return 0, interrupted()
	case got := <-done:
		return copy(p, got.text), got.err
	}
}

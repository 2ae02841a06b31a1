package cli

import (
	"errors"
	"fmt"
	"strings"
)

// The exit codes, as DESIGN and `slipway --help` have them.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnknown     = 3
	exitRefused     = 4
	exitInterrupted = 130
)

// failure is an error with an exit code and, where there is one, a way out.
type failure struct {
	code int
	err  error
	hint string
}

func (f *failure) Error() string { return f.err.Error() }
func (f *failure) Unwrap() error { return f.err }
func (f *failure) ExitCode() int { return f.code }
func (f *failure) Hint() string  { return f.hint }

// advice is an error with a way out, whose exit code others give.
type advice struct {
	err  error
	hint string
}

func (a *advice) Error() string { return a.err.Error() }
func (a *advice) Unwrap() error { return a.err }
func (a *advice) Hint() string  { return a.hint }

// outcome is a command's exit code when everything there is to say has been printed already.
type outcome int

func (o outcome) Error() string { return fmt.Sprintf("exit code %d", int(o)) }
func (o outcome) ExitCode() int { return int(o) }

// ended turns an exit code into a command's result.
func ended(code int) error {
	if code == exitOK {
		return nil
	}
	return outcome(code)
}

// report prints what is to be said of err and gives the exit code. It is the only place that does either.
func report(process Process, err error) int {
	if err == nil {
		return exitOK
	}
	code := exitFailed
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		code = coded.ExitCode()
	}
	var done outcome
	if errors.As(err, &done) {
		return code
	}
	terminal := newUI(&process, outputFlag{}) // what an error quotes was written by others
	terminal.Note("slipway: %s", strings.TrimSpace(err.Error()))
	if hint := hintOf(err); hint != "" {
		terminal.Note("  hint: %s", hint)
	}
	return code
}

// hintOf is the first hint along the chain of causes: an error that only adds an exit code has none.
func hintOf(err error) string {
	for err != nil {
		if hinted, ok := err.(interface{ Hint() string }); ok && hinted.Hint() != "" {
			return hinted.Hint()
		}
		if joined, ok := err.(interface{ Unwrap() []error }); ok {
			for _, cause := range joined.Unwrap() {
				if hint := hintOf(cause); hint != "" {
					return hint
				}
			}
			return ""
		}
		err = errors.Unwrap(err)
	}
	return ""
}

// usage is an error about what the user wrote: exit code 2.
func usage(err error, hint string) error { return &failure{code: exitUsage, err: err, hint: hint} }

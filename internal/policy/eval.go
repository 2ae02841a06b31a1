package policy

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// maxLine bounds a line of eval's input: the largest policies that AWS takes fill a small part of it.
const maxLine = 4 << 20

// ReadError is a failure to read the input of [Eval].
type ReadError struct{ Err error }

// Error says that the input could not be read, and why.
func (e *ReadError) Error() string { return "read the requests: " + e.Err.Error() }

// Unwrap gives the cause.
func (e *ReadError) Unwrap() error { return e.Err }

// Eval reads requests from in, a JSON object a line, and writes an answer to each to out, in their order. What was
// answered is written whenever the input pauses, so that a program may write a line and wait for its answer.
// A line that is wrong or too long is answered with an error, and the run goes on. Eval returns at the end of the
// input; its errors are a [*ReadError] and those of out. A byte order mark before the first line is skipped.
func Eval(in io.Reader, out io.Writer) error {
	answers := &answers{out: out}
	lines := bufio.NewReaderSize(flushing{in, answers}, 1<<16)
	var evaluator Evaluator
	var long []byte // the beginning of a line that is longer than the reader's buffer
	for first := true; ; {
		text, err := lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			if len(long) <= maxLine {
				long = append(long, text...)
			}
			continue
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return errors.Join(inputError(err), answers.flush())
		}
		if len(long) > 0 {
			long = append(long, text...)
			text = long
		}
		if first {
			text, first = bytes.TrimPrefix(text, []byte(byteOrderMark)), false
		}
		if len(text) > 0 {
			answers.add(&evaluator, text)
		}
		if err != nil {
			return answers.flush()
		}
		long = long[:0]
	}
}

// byteOrderMark is what some editors and shells begin a file in UTF-8 with.
const byteOrderMark = "\uFEFF"

// inputError tells a failure to read from one to write, which [flushing] meets on the way.
func inputError(err error) error {
	var write *writeError
	if errors.As(err, &write) {
		return nil // flush says it again
	}
	return &ReadError{err}
}

// answers are those that are not yet written.
type answers struct {
	out     io.Writer
	pending []byte
	err     error
}

// maxPending bounds what waits to be written.
const maxPending = 1 << 16

func (a *answers) add(e *Evaluator, text []byte) {
	if text[len(text)-1] == '\n' {
		text = text[:len(text)-1]
	}
	if len(text) > maxLine {
		a.pending = appendError(a.pending, "", fmt.Errorf("a line longer than %d bytes", maxLine))
	} else {
		a.pending = e.Append(a.pending, text)
	}
	if len(a.pending) > maxPending {
		_ = a.flush() // the error stays, and ends the run before the next read
	}
}

// flush writes what is pending. After an error nothing is written any more.
func (a *answers) flush() error {
	if a.err == nil && len(a.pending) > 0 {
		if _, err := a.out.Write(a.pending); err != nil {
			a.err = &writeError{err}
		}
	}
	a.pending = a.pending[:0]
	return a.err
}

// writeError is a failure to write the answers.
type writeError struct{ err error }

func (e *writeError) Error() string { return "write the answers: " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// flushing writes what is pending before it reads: reading may wait for a program that waits for its answers.
type flushing struct {
	in      io.Reader
	answers *answers
}

func (f flushing) Read(p []byte) (int, error) {
	if err := f.answers.flush(); err != nil {
		return 0, err
	}
	return f.in.Read(p)
}

package ship

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// TimeLimit is the cause with which a deploy's context ends when the deploy as a whole has had its time. The deploy ends
// as an interrupt ends it; the result says what it was, and the exit code is that of the verdict.
type TimeLimit struct{ After time.Duration }

func (e *TimeLimit) Error() string { return fmt.Sprintf("--timeout %s was over", e.After) }

// timeLimit is the limit that ended ctx; nil when it was something else.
func timeLimit(ctx context.Context) *TimeLimit {
	var limit *TimeLimit
	if errors.As(context.Cause(ctx), &limit) {
		return limit
	}
	return nil
}

// halted says what told the deploy to stop, for programs and for people.
func halted(ctx context.Context) (code, why string) {
	if limit := timeLimit(ctx); limit != nil {
		return CodeTimeout, limit.Error()
	}
	return CodeCancelled, "interrupted"
}

// limited makes of an interruption that was a time limit what it was. It comes after everything that an interruption
// keeps from being done, as a rollback.
func (r *Result) limited(ctx context.Context) {
	limit := timeLimit(ctx)
	if limit == nil || r == nil {
		return
	}
	r.Rollback.limited(ctx)
	if !r.Interrupted {
		return
	}
	r.Interrupted = false
	if r.Verdict == Succeeded {
		return // the nodes were faster than the cancel
	}
	p := Problem{Code: CodeTimeout, Message: limit.Error() + ": what was sent was cancelled, and its end waited for"}
	if r.Verdict == Refused {
		p.Message = limit.Error() + " before anything was sent"
	}
	if had := r.Problem; had != nil {
		p.CommandID, p.Hint = had.CommandID, had.Hint
		if had.API != "" { // which call kept the truth from being read matters still
			p = *had
			p.Code, p.Message = CodeTimeout, limit.Error()+"; "+had.Message
		}
	}
	r.Problem = &p
}

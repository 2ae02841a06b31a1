package ship

import (
	"context"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// send is one SendCommand of a step's rollout: what is meant, and what Run Command answered.
type send struct {
	step *plan.Step
	// batch counts from 1 in its step; check is true of the validation after a batch's pause.
	batch int
	check bool
	// nodes it is for; empty where the stage's targets themselves are sent to.
	nodes   []string
	comment string
	// intended is when it was written down, before it was made.
	intended time.Time
	sent     sent
	verdict  Verdict
	// result is what became of it, once that was read; nil of a send that a resume has from the record.
	result *StepResult
	// void is true of a send that was looked for and never made. Its number is not used again.
	void bool
}

// journal keeps what must survive slipway itself, and tells whether it may go on.
type journal interface {
	// intend is called before every SendCommand. An error means that it must not be made: the lock was lost, somebody
	// asked to stop, or what is about to be done could not be written down.
	intend(ctx context.Context, s *send) error
	// holds is asked right before every attempt at it, which may come long after: an error means that it must not be made.
	holds(ctx context.Context) error
	// sentOff is called when Run Command has the command, and judged when it has a verdict. The command is out: an error
	// keeps the next one from being sent, and changes nothing about this one.
	sentOff(ctx context.Context, s *send) error
	judged(ctx context.Context, s *send, result *StepResult) error
	// alive is called at every tick and during every wait, at least each 15 s.
	alive(ctx context.Context)
}

// noJournal is the journal of a release without a record.
type noJournal struct{}

func (noJournal) intend(context.Context, *send) error              { return nil }
func (noJournal) holds(context.Context) error                      { return nil }
func (noJournal) sentOff(context.Context, *send) error             { return nil }
func (noJournal) judged(context.Context, *send, *StepResult) error { return nil }
func (noJournal) alive(context.Context)                            {}

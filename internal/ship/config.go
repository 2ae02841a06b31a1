package ship

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/slipway-cd/slipway/internal/plan"
)

// Config is everything that shipping a stage needs.
type Config struct {
	Plan  *plan.Plan
	Stage string
	// Send acts as the Deploy role, or the Trigger role of a split stage; Watch as the Verify role. Watch is used
	// only where the stage is split. The stage's region takes the place of theirs.
	Send, Watch aws.Config
	// RunID is unique to this run. It goes into the comment of every command, by which a send whose answer was lost
	// is found again.
	RunID string
	// Now and Sleep are the clock; nil means the real one. Sleep returns early, with the context's error, when the
	// context ends.
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
	// Events receives what happens, in order, from the calling goroutine; nil drops it.
	Events func(Event)
	// SkipPreflight leaves out the checks of the nodes and of the permission to read the result.
	SkipPreflight bool
	// AcceptUnknown is the id of an earlier command whose outcome may stay unknown.
	AcceptUnknown string
	// Explain gives the policy statement that would allow the call, as text to paste; nil, or an empty answer, and
	// a plain one is made here.
	Explain func(principal, action, resource string) string
	// ResumeCommand gives the command line that tells later what became of a command; nil means `slipway resume ID`.
	// An empty answer says that there will be none: the local AWS that was sent to ends with this deploy.
	ResumeCommand func(commandID string) string
	Timing        Timing
	// Limiter paces the calls; nil for one of this deploy's own. Deploys of one process share one.
	Limiter *Limiter
	// Durability is about what outlives this process.
	Durability
	// OnlyOutdated leaves out the nodes that run, by the record, what would be shipped already. Where that is all of them,
	// the deploy succeeds with nothing sent.
	OnlyOutdated bool
	// Nodes, where it is not empty, are shipped to in place of all that the targets are.
	Nodes []string

	// RunTest runs a program of the release with the credentials of the stage's Test role, shows what it prints, and gives an
	// error where it did not succeed. It must end soon after ctx does. Nil where nobody runs any.
	RunTest func(ctx context.Context, test plan.Test) error

	// journal keeps what must survive this process; nil for none.
	journal journal
	// progress is what an earlier process of the same run sent: its steps are the plan's, its results may be missing.
	progress []*send
}

// Timing bounds every wait. A zero field takes its default.
type Timing struct {
	TickMin time.Duration // first pause between two looks: 500 ms
	TickMax time.Duration // longest pause: 15 s
	NotYet  time.Duration // how long "nothing there yet", throttling and broken connections are borne: 60 s
	Grace   time.Duration // on top of a command's own limits, and for its end after an interrupt: 30 s
	PerCall time.Duration // one API call, in real time: 30 s
}

func (t Timing) withDefaults() Timing {
	defaults := []struct {
		field *time.Duration
		value time.Duration
	}{
		{&t.TickMin, 500 * time.Millisecond}, {&t.TickMax, 15 * time.Second}, {&t.NotYet, time.Minute},
		{&t.Grace, 30 * time.Second}, {&t.PerCall, 30 * time.Second},
	}
	for _, d := range defaults {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return t
}

package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

// acting is a command about what a stage's deploys have done: resume, rollback, cancel.
type acting struct {
	releaseFlags
	outputFlag
	placeFlags
	// name of the command; interrupt is what the first Ctrl-C brings about; watches is true where only what reads a
	// deploy's result is needed.
	name, interrupt string
	watches         bool
	about           aboutFlags
	skipProof       bool
	// ships is true where the stage's hooks are to run.
	ships bool
	limitFlags
}

// run enters the stage, does it, and tells the result.
func (a acting) run(ctx context.Context, process *Process, do func(context.Context, ship.Config) (*ship.Result, error)) error {
	if err := a.check(); err != nil {
		return err
	}
	if a.Local && a.Data == "" {
		return usage(errors.New("a local AWS without --data is gone when its deploy ends"), "name the --data DIR of the deploy")
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	if len(l.plan.Stages) != 1 {
		return usage(errors.New("the release has several stages"), "say which one is meant with --stage NAME")
	}
	set, err := l.rolesFor(a.Policies)
	if err != nil {
		return err
	}
	proved, err := l.prove(set)
	if err != nil {
		return err
	}
	terminal, end := shippingUI(ctx, process, a.outputFlag, l, a.interrupt)
	defer end()
	// Without --policies the roles of a local AWS stay as they are: what an operator added there counts.
	seed := func(ctx context.Context, aws *localaws.AWS) error {
		if a.Policies == "" {
			return nil
		}
		return rehearse.Roles(ctx, aws, set)
	}
	place, err := openPlace(ctx, process, a.placeFlags, l, true, seed)
	if err != nil {
		return &failure{code: exitUnknown, err: err}
	}
	config, err := shipConfig(ctx, terminal, place, l, &l.plan.Stages[0], proved)
	if err != nil {
		return errors.Join(err, place.close(ctx, terminal))
	}
	config.About = a.about.about(process, l)
	config.RunTest = place.tester(terminal, &l.plan.Stages[0], config)
	config.Prove = prover(set, a.skipProof)
	if a.watches {
		config.Bucket = recordBucket(l.plan, config.Watch)
	}
	code := exitUnknown
	result, err := a.between(ctx, terminal, place, config, do)
	if err == nil {
		code = result.Exit()
		terminal.Result(result)
		err = terminal.Err()
	}
	// Applications that the earlier deploy kept are not this command's to stop.
	if err := errors.Join(err, place.close(ctx, terminal)); err != nil {
		return &failure{code: max(code, exitFailed), err: fmt.Errorf("%s: %w", a.name, err)}
	}
	return ended(code)
}

// between does it, between the hooks where it may ship.
func (a acting) between(ctx context.Context, terminal *ui.UI, place *place, config ship.Config, do func(context.Context, ship.Config) (*ship.Result, error)) (*ship.Result, error) {
	ctx, stop := a.limited(ctx)
	defer stop()
	if !a.ships {
		return do(ctx, config)
	}
	l := place.loaded
	tellHooks(terminal, l.plan, place.local != nil)
	h := newHooks(terminal, l, &l.plan.Stages[0], place.local != nil, a.name, config)
	return h.around(ctx, func() (*ship.Result, error) { return do(ctx, config) })
}

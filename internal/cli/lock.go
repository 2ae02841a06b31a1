package cli

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/ship"
)

type lockCommand struct {
	Status  lockStatus  `cmd:"" help:"Who holds the lock of the stages, and until when."`
	Acquire lockAcquire `cmd:"" help:"Lock a stage, so that nothing is deployed to it."`
	Release lockRelease `cmd:"" help:"Give a stage's lock back, or take it from its holder."`
}

type lockStatus struct{ deskFlags }

// Help shows examples under `slipway lock status --help`.
func (lockStatus) Help() string {
	return `Exit codes: 0 no stage is locked; 4 one is: a deploy to it would be refused, or wait; 3 it could not be read.

Examples:
  slipway lock status
  slipway lock status --stage prod -o json`
}

// lockOutput is the JSON document of one stage's lock.
type lockOutput struct {
	App   string `json:"app"`
	Stage string `json:"stage"`
	record.LockView
	// Token lets its bearer release the lock, from wherever; only `lock acquire` tells it.
	Token string `json:"token,omitempty"`
}

// Run tells who holds the locks.
func (c *lockStatus) Run(ctx context.Context, process *Process) error {
	return c.at(ctx, process, func(d *desk) (int, error) {
		code, locks := exitOK, []lockOutput{}
		err := d.eachStage(func(stage *plan.Stage) error {
			book, err := d.book(ctx, stage, false)
			if err != nil {
				return err
			}
			status, err := book.Lock(ctx)
			if err != nil {
				return d.explained(book, stage, err)
			}
			view := status.View(time.Now())
			locks = append(locks, lockOutput{App: d.loaded.plan.App, Stage: stage.Name, LockView: view})
			if view.Held && !view.Expired {
				code = exitRefused
			}
			if !c.json() {
				d.terminal.Lock(stage.Name, view)
			}
			return nil
		})
		if c.json() {
			err = errors.Join(err, d.terminal.JSON(map[string]any{"locks": locks}))
		}
		return code, err
	})
}

type lockAcquire struct {
	deskFlags
	Reason string        `placeholder:"TEXT" help:"Why, for those whom it keeps waiting."`
	Actor  string        `placeholder:"NAME" help:"Who takes it (default: what CI says, or the user)."`
	Lease  time.Duration `default:"1h" placeholder:"DURATION" help:"How long it is held; nothing renews it (default: 1h)."`
	Wait   waitFlag      `placeholder:"DURATION" help:"Wait while somebody else holds it: without end, or with --wait=10m for so long."`
}

// Help shows examples under `slipway lock acquire --help`.
func (lockAcquire) Help() string {
	return `Takes the lock for a person. It expires after --lease. While it is held, deploys of the stage are refused, or wait with
--wait; resume and rollback as well.

Exit codes: 0 it is held; 4 somebody else holds it; 3 whether it is held is not known; 130 interrupted.

Examples:
  slipway lock acquire --stage prod --reason "the database is being moved"
  slipway lock acquire --stage prod --lease 8h --wait=10m`
}

// Run takes the lock.
func (c *lockAcquire) Run(ctx context.Context, process *Process) error {
	if c.Lease < record.MinLease {
		return usage(fmt.Errorf("--lease %s is too short: at least %s", c.Lease, record.MinLease), "")
	}
	return c.at(ctx, process, func(d *desk) (int, error) {
		stage, book, err := d.writable(ctx)
		if err != nil {
			return exitUnknown, err
		}
		about := aboutFlags{Reason: c.Reason, Actor: c.Actor}.about(process, d.loaded)
		owner := record.Owner{Actor: about.Actor, Host: about.Host, Reason: c.Reason}
		lease, err := book.Await(ctx, owner, c.Lease, waiting(time.Duration(c.Wait), d.waits))
		if err != nil {
			return exitRefused, d.heldBySomebody(book, stage, err, "lock acquire", " --wait` waits for it")
		}
		return exitOK, d.locked(stage, lease)
	})
}

// writable is the one stage that the command is about, with its record open for writing.
func (d *desk) writable(ctx context.Context) (*plan.Stage, *ship.Book, error) {
	stage, err := d.one()
	if err != nil {
		return nil, nil, err
	}
	book, err := d.book(ctx, stage, true)
	return stage, book, err
}

// waiting waits for so long, or without end where limit is less than 0.
func waiting(limit time.Duration, tell func(*record.HeldError)) record.Waiting {
	const withoutEnd = 100 * 365 * 24 * time.Hour
	if limit < 0 {
		limit = withoutEnd
	}
	return record.Waiting{Limit: limit, Sleep: sleepFor, Tell: seldom(time.Now, tell)}
}

// seldom tells once at first, and then every half minute: the lock is looked at far more often.
func seldom(now func() time.Time, tell func(*record.HeldError)) func(*record.HeldError) {
	const every = 30 * time.Second
	var told time.Time
	return func(held *record.HeldError) {
		if at := now(); told.IsZero() || at.Sub(told) >= every {
			told = at
			tell(held)
		}
	}
}

// sleepFor sleeps until the context ends.
func sleepFor(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func (d *desk) waits(held *record.HeldError) {
	if !d.flags.json() {
		d.terminal.Note("waiting: %v", held)
	}
}

// heldBySomebody says why the lock was not taken, or not given back, and which command would help how.
func (d *desk) heldBySomebody(book *ship.Book, stage *plan.Stage, err error, command, helps string) error {
	var held *record.HeldError
	if !errors.As(err, &held) {
		refused := book.Explain(err).Denied || errors.Is(err, record.ErrNoConditions)
		if err = d.explained(book, stage, err); refused { // it is known that nothing was written
			return &failure{code: exitRefused, err: err}
		}
		return err
	}
	hint := "`" + d.line(command, stage) + helps
	if held.Lock.Owner.Deploy != "" {
		hint += "; where its slipway was killed, `" + d.line("resume", stage) + "` ends its deploy"
	}
	return &failure{code: exitRefused, err: held, hint: hint}
}

// locked tells that the lock was taken.
func (d *desk) locked(stage *plan.Stage, lease *record.Lease) error {
	l := lease.Lock()
	owner := l.Owner
	owner.Token = ""
	view := record.LockView{Held: true, Owner: &owner, Since: l.Since.UTC(), Until: lease.FreeAt().UTC().Truncate(time.Second)}
	if d.flags.json() {
		return d.terminal.JSON(lockOutput{App: d.loaded.plan.App, Stage: stage.Name, LockView: view, Token: l.Owner.Token})
	}
	d.terminal.Lock(stage.Name, view)
	d.terminal.Note("give it back with: %s", d.line("lock release", stage))
	return nil
}

type lockRelease struct {
	deskFlags
	Force  bool   `help:"Take the lock away from whoever holds it. A deploy that holds it stops before its next batch."`
	Reason string `placeholder:"TEXT" help:"With --force: why, for whom it is taken from."`
	Actor  string `placeholder:"NAME" help:"Who releases it (default: what CI says, or the user)."`
	Token  string `placeholder:"TOKEN" help:"The token that lock acquire -o json told: releases that lock from wherever."`
}

// Help shows examples under `slipway lock release --help`.
func (lockRelease) Help() string {
	return `Gives back the lock that you hold: taken by the same user on the same machine, or with its token. Another's takes --force,
and says whose it was.

Exit codes: 0 it is released, or nobody held it; 4 somebody else holds it; 3 whether it is released is not known.

Examples:
  slipway lock release --stage prod
  slipway lock release --stage prod --force --reason "its runner is gone"`
}

// Run releases the lock.
func (c *lockRelease) Run(ctx context.Context, process *Process) error {
	if c.Reason != "" && !c.Force {
		return usage(errors.New("--reason is about --force, and --force is not given"), "leave it out, or add --force")
	}
	return c.at(ctx, process, func(d *desk) (int, error) {
		stage, book, err := d.writable(ctx)
		if err != nil {
			return exitUnknown, err
		}
		about := aboutFlags{Reason: c.Reason, Actor: c.Actor}.about(process, d.loaded)
		by := record.Owner{Token: c.Token, Actor: about.Actor, Host: about.Host, Reason: c.Reason}
		release := book.ReleaseOwn
		if c.Force {
			release = book.Break
		}
		was, err := release(ctx, by)
		switch {
		case errors.Is(err, record.ErrNotHeld):
			return exitOK, d.released(stage, nil)
		case err != nil:
			return exitRefused, d.heldBySomebody(book, stage, err, "lock release", " --force --reason TEXT` takes it away from its holder")
		}
		return exitOK, d.released(stage, &was)
	})
}

// released tells whose lock was released.
func (d *desk) released(stage *plan.Stage, was *record.Lock) error {
	if d.flags.json() {
		out := struct {
			lockOutput
			Was *record.Owner `json:"was,omitempty"`
		}{lockOutput: lockOutput{App: d.loaded.plan.App, Stage: stage.Name}}
		if was != nil {
			owner := was.Owner
			owner.Token = ""
			out.Was = &owner
		}
		return d.terminal.JSON(out)
	}
	if was == nil {
		d.terminal.Print("stage " + stage.Name + "  not locked: nobody held it")
		return nil
	}
	d.terminal.Print(fmt.Sprintf("stage %s  released; it was locked by %s since %s", stage.Name, was.Owner, was.Since.UTC().Format("2006-01-02 15:04:05 UTC")))
	return nil
}

package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

// deskFlags are those of the commands about a release's records and locks.
type deskFlags struct {
	releaseFlags
	outputFlag
	placeFlags
}

// desk is where the records of a release lie open.
type desk struct {
	flags    deskFlags
	process  *Process
	loaded   *loaded
	proved   *proof.Result
	place    *place
	terminal *ui.UI
}

// at opens the desk, does what is to be done at it, and closes it. do gives the exit code; its error is explained.
func (f deskFlags) at(ctx context.Context, process *Process, do func(*desk) (int, error)) error {
	d, err := f.open(ctx, process)
	if err != nil {
		return err
	}
	code, err := do(d)
	if err == nil {
		err = d.terminal.Err()
	}
	if err := errors.Join(err, d.close(ctx)); err != nil {
		return d.failed(ctx, code, err)
	}
	return ended(code)
}

func (d *desk) close(ctx context.Context) error {
	if d.place.local == nil {
		return nil
	}
	return d.place.local.Close(context.WithoutCancel(ctx))
}

func (f deskFlags) open(ctx context.Context, process *Process) (*desk, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	if f.Local && f.Data == "" {
		return nil, usage(errors.New("a local AWS without --data is gone when its deploy ends"), "name the --data DIR of the deploys")
	}
	l, err := f.load()
	if err != nil {
		return nil, err
	}
	if l.plan.Record == nil {
		return nil, usage(fmt.Errorf("%s keeps no record", f.File), "add `record: {bucket: NAME}` to it; docs/record.md says what that needs")
	}
	set, err := l.rolesFor(f.Policies)
	if err != nil {
		return nil, err
	}
	d := &desk{flags: f, process: process, loaded: l, terminal: newUI(process, f.outputFlag)}
	if d.proved, err = l.prove(set); err != nil {
		return nil, err
	}
	if d.place, err = f.openStill(ctx, process, l, set); err != nil {
		return nil, &failure{code: exitUnknown, err: err}
	}
	return d, nil
}

// openStill opens AWS, or a local AWS whose nodes do nothing: a command that only looks must not let them go on with
// what they were sent. A local AWS that is there stays as it is: what an operator changed in it counts.
func (f deskFlags) openStill(ctx context.Context, process *Process, l *loaded, set *roles.Set) (*place, error) {
	p := openAWS(process, f.placeFlags, l)
	if !f.Local {
		return p, nil
	}
	fresh := !inUse(f.Data)
	var err error
	if p.local, err = openLocal(ctx, process, localaws.Config{Dir: f.Data}); err != nil {
		return nil, runs(f.Data, err)
	}
	switch {
	case fresh:
		err = seedAll(l, set)(ctx, p.local)
	case f.Policies != "":
		err = rehearse.Roles(ctx, p.local, set)
	default:
		err = seedMissing(ctx, p.local, l, set)
	}
	if err == nil {
		err = p.local.Serve("127.0.0.1:0")
	}
	if err != nil {
		return nil, closeLocal(ctx, p.local, err)
	}
	return p, nil
}

// seedMissing puts those stages into a local AWS that were never deployed to: with --stage a deploy makes its own only.
func seedMissing(ctx context.Context, aws *localaws.AWS, l *loaded, set *roles.Set) error {
	for i := range l.plan.Stages {
		stage := &l.plan.Stages[i]
		_, watch := stage.Pipeline()
		role, _ := stage.Role(watch)
		there, err := aws.HasRole(ctx, role.Account, role.Name)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		only, err := l.plan.Only(stage.Name)
		if err != nil {
			return err
		}
		missing := &loaded{flags: l.flags, release: l.release, plan: only}
		if err := seedAll(missing, ofStage(set, stage))(ctx, aws); err != nil {
			return err
		}
	}
	return nil
}

// ofStage are a stage's roles of a set, with the policies of all its buckets.
func ofStage(set *roles.Set, stage *plan.Stage) *roles.Set {
	part := &roles.Set{Buckets: set.Buckets, Users: set.Users}
	for _, have := range set.Roles {
		for _, wanted := range stage.Roles {
			if have.Account == wanted.Account && have.Name == wanted.Name {
				part.Roles = append(part.Roles, have)
			}
		}
	}
	return part
}

// inUse tells that a data directory holds a local AWS already.
func inUse(dir string) bool {
	entries, err := os.ReadDir(dir)
	return err == nil && len(entries) > 0
}

// failed gives an error its exit code: what could not be found out is unknown.
func (d *desk) failed(ctx context.Context, code int, err error) error {
	if ctx.Err() != nil {
		return interrupted()
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return err
	}
	return &failure{code: max(code, exitUnknown), err: err}
}

// eachStage does something with every stage; one with which it cannot be done keeps none of the others from it.
func (d *desk) eachStage(do func(*plan.Stage) error) (failed error) {
	for i := range d.loaded.plan.Stages {
		failed = errors.Join(failed, do(&d.loaded.plan.Stages[i]))
	}
	return failed
}

// one is the stage that a command is about which is about one.
func (d *desk) one() (*plan.Stage, error) {
	if len(d.loaded.plan.Stages) != 1 {
		return nil, usage(errors.New("the release has several stages"), "say which one is meant with --stage NAME")
	}
	return &d.loaded.plan.Stages[0], nil
}

// book opens the record of a stage, with the role that sends where something is to be written.
func (d *desk) book(ctx context.Context, stage *plan.Stage, writes bool) (*ship.Book, error) {
	send, watch, err := d.place.entrances(ctx, stage)
	if err != nil {
		return nil, err
	}
	config := ship.Config{Plan: d.loaded.plan, Stage: stage.Name, Send: send, Watch: watch, Events: d.event,
		Explain: func(principal, action, _ string) string { return d.proved.Statements(principal, action) }}
	id := make([]byte, 6)
	if _, err := rand.Read(id); err != nil {
		return nil, err
	}
	config.RunID = hex.EncodeToString(id)
	config.Bucket = recordBucket(d.loaded.plan, watch)
	if writes {
		config.Bucket = recordBucket(d.loaded.plan, send)
	}
	if d.place.local != nil {
		config.Timing = localTiming
	}
	book, err := ship.OpenBook(ctx, config, writes)
	if err != nil && book != nil {
		return nil, d.explained(book, stage, err)
	}
	return book, err
}

// event tells what a person waits for, and no more: the answer is what the command is about.
func (d *desk) event(e ship.Event) {
	if (e.Kind == ship.EventNotYet || e.Kind == ship.EventWarning) && !d.flags.json() {
		d.terminal.Note("trying again: %s", e.Message)
	}
}

// explained is an error of a book's. What there is to say of a call is said at once; the error that remains is short.
func (d *desk) explained(book *ship.Book, stage *plan.Stage, err error) error {
	p := book.Explain(err)
	if p.API == "" {
		return &failure{code: exitUnknown, err: fmt.Errorf("stage %s: %s", stage.Name, p.Message), hint: p.Hint}
	}
	d.terminal.Problem(p)
	return &failure{code: exitUnknown, err: fmt.Errorf("stage %s: its record cannot be reached: %s", stage.Name, p.API)}
}

// line is a command line about the stage, for hints.
func (d *desk) line(command string, stage *plan.Stage) string {
	words := []string{"slipway", command}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellWord(value))
		}
	}
	if d.flags.File != defaultReleaseFile {
		add("-f", d.flags.File)
	}
	add("--stage", stage.Name)
	if d.flags.Local {
		words = append(words, "--local")
	}
	add("--data", d.flags.Data)
	add("--endpoint-url", d.flags.EndpointURL)
	add("--profile", d.flags.Profile)
	add("--assume-role-arn", d.flags.AssumeRole)
	return strings.Join(words, " ")
}

package cli

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

type deployCommand struct {
	releaseFlags
	outputFlag
	placeFlags
	aboutFlags
	reviewFlags
	limitFlags
	Keep            bool     `help:"With --local: let the applications that the scripts started go on."`
	SkipProof       bool     `help:"Send although the roles are not proved. Risk: the deploy ships and cannot be read. The preflight still refuses what it finds."`
	AcceptUndecided bool     `help:"Send although the proof could not decide every call."`
	SkipPreflight   bool     `help:"Send without reading anything first. Risk: nodes that are gone, results that cannot be read, and an earlier send that still runs are found too late."`
	AcceptUnknown   string   `placeholder:"ID" help:"Send although the outcome of this earlier command, or deploy, cannot be known."`
	Wait            waitFlag `placeholder:"DURATION" help:"Wait for a stage's lock, without end or for so long (--wait=10m), in place of refusing."`
	NoRollback      bool     `help:"Leave a deploy that failed as it is, whatever on-failure says."`
	OnlyOutdated    bool     `help:"Ship only to nodes that do not run this by the record: those that joined, or on which it failed. With none, nothing is sent."`
	Detach          bool     `help:"Send the stage's only command and end; slipway resume tells what became of it. Exit code 0 means sent."`
}

// Help shows examples under `slipway deploy --help`.
func (deployCommand) Help() string {
	return `Proves the roles, looks before it sends, sends once, watches every node, and gives a verdict per node.

Exit codes: 0 every node succeeded; 1 failed; 3 something was sent and its outcome is unknown; 4 nothing was sent; 130 interrupted.

Examples:
  slipway deploy --local -f examples/web/slipway.yaml
  slipway deploy --local --keep --set version=v2
  slipway deploy --stage prod
  slipway deploy --stage prod --only-outdated
  slipway deploy --plan plan.json --result result.json
  slipway deploy -o json | jq -r 'select(.type == "result").verdict'`
}

// Run deploys, and writes the result to a file where one is wanted.
func (c *deployCommand) Run(ctx context.Context, process *Process) error {
	return c.written(c.run(ctx, process))
}

// run deploys the stages one after the other and stops at the first that did not succeed.
func (c *deployCommand) run(ctx context.Context, process *Process) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Keep && !c.Local {
		return usage(errors.New("--keep is about a local AWS, and --local is not given"), "add --local")
	}
	l, err := c.load()
	if err != nil {
		return err
	}
	if err := c.same(l); err != nil {
		return err
	}
	if err := refuseAutomations(l.plan); err != nil {
		return errors.Join(err, c.keepNothing(ctx, process))
	}
	set, err := l.rolesFor(c.Policies)
	if err != nil {
		return err
	}
	terminal, end := shippingUI(ctx, process, c.outputFlag, l, "cancelling…")
	defer end()
	proved, err := l.prove(set)
	if err != nil {
		return err
	}
	l.warnOfScripts(terminal.Warn)
	if err := c.judge(process, terminal, proved); err != nil {
		annotate(terminal, l, proved)
		return errors.Join(err, c.keepNothing(ctx, process))
	}
	place, err := openPlace(ctx, process, c.placeFlags, l, c.Keep, seedAll(l, set))
	if err != nil {
		return nothingSent(err)
	}
	place.asked = c.Keep
	code, err := c.stages(ctx, process, terminal, place, l, set, proved)
	if err := errors.Join(err, place.close(ctx, terminal)); err != nil {
		return &failure{code: max(code, exitFailed), err: err}
	}
	return ended(code)
}

// nothingSent gives an error that came before anything could be sent its exit code.
func nothingSent(err error) error {
	if errors.Is(err, context.Canceled) {
		return &failure{code: exitInterrupted, err: errors.New("interrupted; nothing was sent")}
	}
	var coded interface{ ExitCode() int }
	if errors.As(err, &coded) {
		return err
	}
	return &failure{code: exitRefused, err: fmt.Errorf("%w; nothing was sent", err)}
}

// keepNothing leaves a local AWS in the data directory of a deploy that was refused: its event log shows that nothing
// was sent.
func (c *deployCommand) keepNothing(ctx context.Context, process *Process) error {
	if !c.Local || c.Data == "" {
		return nil
	}
	aws, err := openLocal(ctx, process, localaws.Config{Dir: c.Data})
	if err != nil {
		return err
	}
	return aws.Close(ctx)
}

// seedAll puts everything that a release needs into a local AWS.
func seedAll(l *loaded, set *roles.Set) func(context.Context, *localaws.AWS) error {
	return func(ctx context.Context, aws *localaws.AWS) error {
		if err := rehearse.Accounts(ctx, aws, l.plan); err != nil {
			return err
		}
		if err := rehearse.Roles(ctx, aws, set); err != nil {
			return err
		}
		if err := rehearse.Alarms(ctx, aws, l.plan); err != nil {
			return err
		}
		return rehearse.Nodes(ctx, aws, l.release, l.plan)
	}
}

// judge refuses to send when the proof is not green, unless the user takes the risk.
func (c *deployCommand) judge(process *Process, terminal *ui.UI, proved *proof.Result) error {
	code := proved.Exit()
	switch {
	case code == exitOK:
		terminal.Note("proved: the roles allow all %d calls of the plan", len(proved.Calls))
		return nil
	case c.SkipProof:
		terminal.Warn("--skip-proof: the roles are not proved; a command may be sent whose result nobody can read")
		return nil
	case code == exitUnknown && c.AcceptUndecided:
		terminal.Warn("--accept-undecided: not every call of the plan is proved")
		return nil
	}
	if _, err := io.WriteString(process.Stderr, proved.Text()); err != nil {
		return err
	}
	if code == exitUnknown {
		return &failure{
			code: exitRefused, err: errors.New("refused: it cannot be told whether the roles are enough; nothing was sent"),
			hint: "give what is missing, with --policies; to send all the same takes --accept-undecided",
		}
	}
	return &failure{
		code: exitRefused, err: errors.New("refused: the roles are not proved; nothing was sent"),
		hint: "add the statements above to the roles; to send all the same takes --skip-proof, and --skip-preflight where the preflight would be denied as well",
	}
}

// stages ships the stages in the order of the file; a stage comes after those that it needs.
func (c *deployCommand) stages(ctx context.Context, process *Process, terminal *ui.UI, place *place, l *loaded, set *roles.Set, proved *proof.Result) (int, error) {
	ctx, stop := c.limited(ctx)
	defer stop()
	tellHooks(terminal, l.plan, place.local != nil)
	limiter := &ship.Limiter{}
	reached := 0
	defer func() { c.leave(terminal, l.plan.Stages[reached:]) }()
	for i := range l.plan.Stages {
		stage := &l.plan.Stages[i]
		reached = i + 1
		config, err := shipConfig(ctx, terminal, place, l, stage, proved)
		err = limitError(ctx, err)
		if err != nil && i == 0 {
			return exitRefused, fmt.Errorf("stage %s: %w; nothing was sent", stage.Name, err)
		}
		if err != nil { // the stages before it were shipped
			return exitFailed, fmt.Errorf("stage %s: %w; nothing was sent to it", stage.Name, err)
		}
		config.SkipPreflight, config.AcceptUnknown = c.SkipPreflight, c.AcceptUnknown
		config.About, config.WaitForLock, config.Detach = c.about(process, l), time.Duration(c.Wait), c.Detach
		config.OnlyOutdated, config.Limiter = c.OnlyOutdated, limiter
		config.RunTest = place.tester(terminal, stage, config)
		config.NoRollback, config.Prove = c.NoRollback, prover(set, c.SkipProof)
		if c.SkipPreflight {
			terminal.Warn("--skip-preflight: nothing is read before the send; what is wrong shows only after it")
		}
		result, err := newHooks(terminal, l, stage, place.local != nil, "deploy", config).around(ctx, func() (*ship.Result, error) {
			return ship.Deploy(ctx, config)
		})
		if err != nil {
			return exitFailed, fmt.Errorf("stage %s: %w", stage.Name, err)
		}
		c.keep(result)
		terminal.Result(result)
		if err := terminal.Err(); err != nil {
			return max(result.Exit(), exitFailed), err
		}
		if result.Exit() != exitOK {
			return result.Exit(), nil
		}
	}
	return exitOK, nil
}

// leave tells which stages were not come to, because one before them did not succeed.
func (c *deployCommand) leave(terminal *ui.UI, stages []plan.Stage) {
	for i := range stages {
		c.notStarted = append(c.notStarted, stages[i].Name)
		terminal.NotReached(stages[i].Name)
	}
}

// shipConfig enters the stage's roles and puts together what ship needs.
func shipConfig(ctx context.Context, terminal *ui.UI, place *place, l *loaded, stage *plan.Stage, proved *proof.Result) (ship.Config, error) {
	send, watch, err := place.entrances(ctx, stage)
	if err != nil {
		return ship.Config{}, err
	}
	id := make([]byte, 6)
	if _, err := rand.Read(id); err != nil {
		return ship.Config{}, err
	}
	config := ship.Config{
		Plan: l.plan, Stage: stage.Name, Send: send, Watch: watch, RunID: hex.EncodeToString(id),
		Now: time.Now, Events: terminal.Event,
		Explain:       func(principal, action, _ string) string { return proved.Statements(principal, action) },
		ResumeCommand: func(id string) string { return resumeLine(l.flags, place.flags, stage.Name, id) },
	}
	config.Bucket = recordBucket(l.plan, send)
	config.Holds = func(deploy string, until time.Time) {
		place.process.leaving.holds(deploy, until, func() string { return config.ResumeCommand("") })
	}
	if place.local != nil {
		config.Timing, config.WaitEach = localTiming, time.Second
	}
	return config, nil
}

// resumeLine is the command line that resumes a command of this deploy; empty where none could: a local AWS that
// is not kept ends with its deploy.
func resumeLine(f releaseFlags, p placeFlags, stage, id string) string {
	if p.Local && p.Data == "" {
		return ""
	}
	words := []string{"slipway", "resume"}
	if id != "" {
		words = append(words, id)
	}
	add := func(flag, value string) {
		if value != "" {
			words = append(words, flag, shellWord(value))
		}
	}
	if f.File != defaultReleaseFile {
		add("-f", f.File)
	}
	for _, name := range slices.Sorted(maps.Keys(f.Set)) {
		add("--set", name+"="+f.Set[name])
	}
	add("--stage", stage)
	if p.Local {
		words = append(words, "--local")
	}
	add("--data", p.Data)
	add("--endpoint-url", p.EndpointURL)
	add("--profile", p.Profile)
	add("--assume-role-arn", p.AssumeRole)
	return strings.Join(words, " ")
}

// shellWord quotes what a shell would take apart.
func shellWord(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@+=,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// localTiming looks often: a local AWS has no quota.
var localTiming = ship.Timing{TickMin: 100 * time.Millisecond, TickMax: time.Second}

package cli

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

// hooks runs the hooks of one stage around a command that ships.
type hooks struct {
	terminal *ui.UI
	stage    *plan.Stage
	// folder is the release file's: hooks are found in it and start there.
	folder string
	// env are the variables that both hooks get, on top of slipway's own environment.
	env   []string
	limit time.Duration
}

// newHooks are the stage's hooks; none where the place is a local AWS. command is what the user called.
func newHooks(terminal *ui.UI, l *loaded, stage *plan.Stage, local bool, command string, config ship.Config) hooks {
	if local {
		stage = &plan.Stage{Name: stage.Name}
	}
	about := config.About
	if command != "deploy" { // what it ships is in the record, and not known before
		about.Version, about.Commit = "", ""
	}
	return hooks{
		terminal: terminal, stage: stage, folder: filepath.Dir(l.flags.File), limit: release.HookTimeout,
		env: []string{
			"SLIPWAY_COMMAND=" + command, "SLIPWAY_APP=" + l.plan.App, "SLIPWAY_STAGE=" + stage.Name,
			"SLIPWAY_VERSION=" + about.Version, "SLIPWAY_COMMIT=" + about.Commit, "SLIPWAY_ACTOR=" + about.Actor,
			"SLIPWAY_RUN_ID=" + config.RunID,
		},
	}
}

// tellHooks says once that the hooks of a release are not run on a local AWS.
func tellHooks(terminal *ui.UI, p *plan.Plan, local bool) {
	has := func(s plan.Stage) bool { return s.Hooks != plan.Hooks{} }
	if local && slices.ContainsFunc(p.Stages, has) {
		terminal.Note("hooks are not run with --local")
	}
}

// around ships between the hooks. The one before may refuse it; the one after changes nothing about the result.
func (h hooks) around(ctx context.Context, ship func() (*ship.Result, error)) (*ship.Result, error) {
	result := h.before(ctx)
	if result == nil {
		var err error
		if result, err = ship(); err != nil {
			return nil, err
		}
	}
	h.after(ctx, result)
	return result, nil
}

// before runs the first hook, and gives the refusal where it refuses; nil where it does not.
func (h hooks) before(ctx context.Context) *ship.Result {
	if h.stage.Hooks.Before == nil {
		return nil
	}
	err := h.run(ctx, "before", h.stage.Hooks.Before, nil)
	if err == nil && ctx.Err() == nil {
		return nil
	}
	refused := &ship.Result{Stage: h.stage.Name, Verdict: ship.Refused}
	var limit *ship.TimeLimit
	switch {
	case errors.As(context.Cause(ctx), &limit):
		refused.Problem = &ship.Problem{Code: ship.CodeTimeout, Message: limit.Error() + " before anything was sent"}
	case ctx.Err() != nil:
		refused.Interrupted = true
		refused.Problem = &ship.Problem{Code: ship.CodeCancelled, Message: "interrupted before anything was sent"}
	default:
		refused.Problem = &ship.Problem{Code: ship.CodeHook, Message: "the hook before the deploy refused it: " + err.Error()}
	}
	for _, step := range h.stage.Steps {
		refused.Steps = append(refused.Steps, ship.StepResult{Name: step.Name, Verdict: ship.Refused, Why: refused.Problem.Message})
	}
	return refused
}

// after runs the last hook, also when the deploy was interrupted: it is how others learn of that. The next Ctrl-C ends it.
func (h hooks) after(ctx context.Context, result *ship.Result) {
	if h.stage.Hooks.After == nil {
		return
	}
	ctx, stop := signal.NotifyContext(context.WithoutCancel(ctx), endSignals...)
	defer stop()
	if err := h.run(ctx, "after", h.stage.Hooks.After, told(result)); err != nil {
		h.terminal.Warn("the hook after the deploy: %s; the verdict stays", err)
	}
}

// told is what the hook after is told of the result, besides what both are. Of what an earlier deploy began, the record
// knows the version.
func told(result *ship.Result) []string {
	var commands, nodes []string
	for _, step := range result.Steps {
		for _, send := range step.Sends {
			commands = append(commands, send.CommandID)
		}
		commands = append(commands, step.CommandID)
		for _, node := range step.Nodes {
			nodes = append(nodes, node.InstanceID)
		}
	}
	env := []string{
		"SLIPWAY_VERDICT=" + string(result.Verdict), "SLIPWAY_COMMAND_IDS=" + each(commands),
		"SLIPWAY_NODES=" + strings.Join(slices.Compact(slices.Sorted(slices.Values(nodes))), " "),
	}
	id := ""
	if r := result.Record; r != nil {
		id = r.ID
		env = append(env, "SLIPWAY_VERSION="+r.Version)
	}
	return append(env, "SLIPWAY_DEPLOY="+id)
}

// each joins what is not empty, each once and in its order.
func each(list []string) string {
	var once []string
	for _, item := range list {
		if item != "" && !slices.Contains(once, item) {
			once = append(once, item)
		}
	}
	return strings.Join(once, " ")
}

// run runs one hook to its end. What it prints is told line by line; its end is told by the error.
func (h hooks) run(ctx context.Context, name string, hook *plan.Hook, env []string) error {
	h.terminal.Note("stage %s: hook %s: %s", h.stage.Name, name, hook.Path)
	return program{
		path: hook.Path, folder: h.folder, env: slices.Concat(os.Environ(), h.env, env), limit: h.limit,
		tell: func(line string) { h.terminal.Note("  %s | %s", name, line) },
	}.run(ctx)
}

// hookGrace is how long a hook that is told to end may take for it.
const hookGrace = 5 * time.Second

// longestHookLine is where a line is cut in two: a hook may print without end and without a line break.
const longestHookLine = 16 << 10

// hookOutput tells lines, without what is certainly a secret.
type hookOutput struct {
	tell func(line string)
	rest []byte
	keys release.LineRedactor
}

// Write takes the next part of the output.
func (o *hookOutput) Write(p []byte) (int, error) {
	o.rest = append(o.rest, p...)
	for {
		line, rest, whole := bytes.Cut(o.rest, []byte("\n"))
		if !whole {
			break
		}
		o.tell(o.keys.Redact(strings.TrimRight(string(line), "\r")))
		o.rest = rest
	}
	if len(o.rest) > longestHookLine {
		o.flush()
	}
	return len(p), nil
}

func (o *hookOutput) flush() {
	if len(o.rest) > 0 {
		o.tell(o.keys.Redact(string(o.rest)))
		o.rest = nil
	}
}

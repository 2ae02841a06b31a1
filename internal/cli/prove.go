package cli

import (
	"context"
	"io"
	"path/filepath"
	"slices"

	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/ui"
)

type proveCommand struct {
	releaseFlags
	outputFlag
	givenFlags
}

// Help shows examples under `slipway prove --help`.
func (proveCommand) Help() string {
	return `Needs no credentials and no network. A refuted call comes with the statement to add, ready to paste.
A role that can become, change or command what the plan does not give it is refuted too, with the path.

In a job of GitHub Actions every finding is an annotation of the release file, and what an operator must change is on the
job's page.

Exit codes: 0 proved; 1 refuted; 3 undecided, with what is missing; 2 a wrong file.

Examples:
  slipway prove
  slipway prove --policies roles
  slipway prove --policies roles.yaml --parameter AppId=shop
  slipway prove --policies 222222222222=dev.json --policies 333333333333=prod.json
  slipway prove -f examples/two-roles-trap/slipway.yaml --policies examples/two-roles-trap/policies
  slipway prove -o json | jq '.calls[] | select(.verdict != "proved")'`
}

// Run proves and prints the result.
func (c *proveCommand) Run(ctx context.Context, process *Process) error {
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.givenRoles(ctx, process, &c.givenFlags)
	if err != nil {
		return err
	}
	result, err := l.prove(set)
	if err != nil {
		return err
	}
	l.warnOfScripts(warnOnStderr(process))
	if c.json() {
		err = writeJSON(process.Stdout, result)
	} else {
		_, err = io.WriteString(process.Stdout, result.Text())
	}
	if err != nil {
		return err
	}
	if err := c.annotate(process, l, result); err != nil {
		return err
	}
	return ended(result.Exit())
}

// annotate puts the findings where a reviewer sees them, in a job of GitHub Actions.
func (c *proveCommand) annotate(process *Process, l *loaded, result *proof.Result) error {
	options := uiOptions(process, c.outputFlag)
	if options.GitHub == nil {
		return nil
	}
	options.GitHub.Folder = folderIn(process.Getenv("GITHUB_WORKSPACE"), filepath.Dir(l.flags.File))
	terminal := ui.New(process.Stdout, process.Stderr, options)
	annotate(terminal, l, result)
	for _, f := range shell.Scripts(l.release, l.plan) {
		if f.File == l.release.File { // named as on the command line, and not from its folder as scripts are
			f.File = filepath.Base(f.File)
		}
		terminal.Annotate(ui.Annotation{
			Warning: true, File: f.File, Line: f.Line, Column: f.Column, Title: string(f.Code), Message: f.Message + "; " + f.Fix,
		})
	}
	return terminal.Err()
}

// annotate tells GitHub what the roles lack, at the stage or step that needs it, and on the job's page.
func annotate(terminal *ui.UI, l *loaded, result *proof.Result) {
	for _, need := range result.Needs() {
		at := positionOf(l.release, need.Stage, need.Step)
		terminal.Annotate(ui.Annotation{
			Warning: need.Undecided, File: filepath.Base(l.flags.File), Line: at.Line, Column: at.Column, Title: need.Title, Message: need.Text,
		})
	}
	terminal.Summarize(result.Note())
}

// positionOf is where a release file has a stage, or a step of it; its beginning where it has neither.
func positionOf(r *release.Release, stage, step string) release.Position {
	at := slices.IndexFunc(r.Stages, func(s release.Stage) bool { return s.Name == stage })
	if at < 0 {
		return release.Position{Line: 1, Column: 1}
	}
	for _, s := range r.Stages[at].Steps {
		if s.Command != nil && s.Command.Name == step {
			return s.Pos
		}
	}
	return r.Stages[at].Pos
}

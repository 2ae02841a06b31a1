package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/ui"
)

type proveCommand struct {
	releaseFlags
	outputFlag
	givenFlags
	SCP   []string `name:"scp" sep:"none" placeholder:"FILE[,FILE]" help:"Service control policies of one level above the accounts: the organization's root first, then each organizational unit, the account last. Repeatable."`
	Exact bool     `help:"Fail where a role holds what no call needs."`
}

// Help shows examples under `slipway prove --help`.
func (proveCommand) Help() string {
	return `Needs no credentials and no network, except with --live. A refuted call comes with the statement to add, ready to paste.
A role that can become, change or command what the plan does not give it is refuted too, with the path.

In a job of GitHub Actions every finding is an annotation of the release file, and what an operator must change is on the
job's page.

What the given roles hold and no call needs is told by statement, as a warning; --exact fails there with 1.
Service control policies limit what roles may do: --scp gives them, once for each level, root first.

Exit codes: 0 proved; 1 refuted; 3 undecided, with what is missing, or with --live AWS did not answer; 2 wrong usage
or a wrong file.

Examples:
  slipway prove
  slipway prove --policies roles
  slipway prove --policies roles.yaml --parameter AppId=shop
  slipway prove --policies 222222222222=dev.json --policies 333333333333=prod.json
  slipway prove --live
  slipway prove -f examples/two-roles-trap/slipway.yaml --policies examples/two-roles-trap/policies
  slipway prove --policies roles --exact
  slipway prove --scp root.json --scp FullAWSAccess.json,regions.json
  slipway prove -o json | jq '.calls[] | select(.verdict != "proved")'`
}

// Run proves and prints the result.
func (c *proveCommand) Run(ctx context.Context, process *Process) error {
	if err := c.check(); err != nil {
		return err
	}
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.givenRoles(ctx, process, &c.givenFlags)
	if err != nil {
		return err
	}
	given := proofRoles(l.plan, set)
	if err := c.limit(process.until(ctx), given); err != nil {
		return err
	}
	result, err := l.proveRoles(set, given)
	if err != nil && c.any() {
		return usage(fmt.Errorf("policies: %w", err), "") // what is given does not compile, or is there twice
	}
	if err != nil {
		return err
	}
	if err := c.weigh(l, given, result); err != nil {
		return err
	}
	l.warnOfScripts(warnOnStderr(process))
	if c.json() {
		err = writeJSON(process.Stdout, result)
	} else {
		_, err = io.WriteString(process.Stdout, c.origin()+result.Text()+result.SurplusText(c.Exact))
	}
	if err != nil {
		return err
	}
	if err := c.annotate(process, l, result); err != nil {
		return err
	}
	if c.Exact {
		return ended(result.Exact())
	}
	return ended(result.Exit())
}

// limit puts the service control policies above every role.
func (c *proveCommand) limit(process *Process, given []proof.Role) error {
	var levels [][]*iam.Document
	for _, files := range c.SCP {
		var level []*iam.Document
		for _, file := range strings.Split(files, ",") {
			p, err := readPolicy(process, file)
			if err != nil {
				return usage(fmt.Errorf("service control policy: %w", err), "")
			}
			if errs := p.Document().Validate(iam.ServiceControlPolicy); len(errs) > 0 {
				return usage(fmt.Errorf("service control policy: %w", errs[0]), "")
			}
			level = append(level, p.Document())
		}
		levels = append(levels, level)
	}
	for i := range given {
		given[i].SCPs = slices.Concat(given[i].SCPs, levels) // those of a folder first
	}
	return nil
}

// weigh compares roles that were given with those that the whole release needs: a role of the pipeline serves every stage.
func (c *proveCommand) weigh(l *loaded, given []proof.Role, result *proof.Result) error {
	if !c.any() {
		return nil // what is rendered is just what is needed
	}
	whole, err := plan.New(l.release)
	if err != nil {
		return usage(err, "")
	}
	needed, err := roles.Render(whole)
	if err != nil {
		return fmt.Errorf("what the roles need cannot be rendered, so that nothing can be said of what they hold besides: %w", err)
	}
	return result.Weigh(l.plan, given, proofRoles(whole, needed))
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

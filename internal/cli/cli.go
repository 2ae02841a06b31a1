// Package cli is slipway's command line: one file a command.
//
// Commands read files and the environment, hand values to the packages that do the work, and give their results to
// ui. What a user sees of an error, and the exit code, is decided in one place, errors.go.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/alecthomas/kong"
)

// Process is what a run of the program gets from its surroundings.
type Process struct {
	Args           []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Getenv         func(string) string

	// leaving is what the command leaves open where it is ended at once; nil where nobody would say it.
	leaving *leaving
}

// commands is the command line's grammar.
type commands struct {
	Init     initCommand     `cmd:"" help:"Write a commented slipway.yaml that works in a local AWS at once."`
	Plan     planCommand     `cmd:"" help:"List every AWS call that a deploy makes, by principal, with its reason."`
	Roles    rolesCommand    `cmd:"" help:"The least-privilege roles that the plan needs."`
	Prove    proveCommand    `cmd:"" help:"Prove, without credentials or network, that the roles allow every call of the plan."`
	Lint     lintCommand     `cmd:"" help:"Find mistakes in pipelines, scripts, policies, roles and SSM documents."`
	Explain  explainCommand  `cmd:"" help:"What a finding means, and how it is mended."`
	Deploy   deployCommand   `cmd:"" help:"Ship the release, and tell truly what became of it."`
	Resume   resumeCommand   `cmd:"" help:"Pick up the deploy that was killed, or tell the truth about an earlier send."`
	Rollback rollbackCommand `cmd:"" help:"Ship again what an earlier good deploy shipped."`
	Cancel   cancelCommand   `cmd:"" help:"Stop the deploy that is in progress, and tell what it did."`
	Status   statusCommand   `cmd:"" help:"What every node runs, and who is deploying."`
	History  historyCommand  `cmd:"" help:"The deploys of the stages, the newest first; or one of them."`
	Lock     lockCommand     `cmd:"" help:"The lock of a stage: status, acquire, release."`
	Ci       ciCommand       `cmd:"" name:"ci" help:"The pipeline that runs all this: render, check."`
	Local    localCommand    `cmd:"" help:"An AWS in one process: up, env, events, snapshot, restore, reset, stop."`
	Policy   policyCommand   `cmd:"" help:"The policy engine by itself: eval, explain, fmt, compare."`
	Version  versionCommand  `cmd:"" help:"Print the version."`
}

const description = `slipway ships releases to EC2 and proves beforehand that the IAM roles allow exactly what they need.

Exit codes: 0 succeeded or proved; 1 failed, refuted; 2 wrong usage or a wrong file; 3 outcome unknown, undecided; 4 refused, nothing was sent; 130 interrupted.`

// stopped is how kong's --help ends a run without os.Exit.
type stopped struct{ code int }

// Main runs the program and returns its exit code.
func Main(ctx context.Context, process Process) (code int) {
	process.leaving = &leaving{}
	ctx, stop := untilSignal(ctx, process.leaving)
	defer stop()

	defer func() {
		if r := recover(); r != nil {
			s, ok := r.(stopped)
			if !ok {
				panic(r)
			}
			code = s.code
		}
	}()
	var grammar commands
	parser, err := kong.New(&grammar,
		kong.Name("slipway"), kong.Description(description),
		kong.Writers(process.Stdout, process.Stderr),
		kong.Exit(func(code int) { panic(stopped{code}) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&process),
	)
	if err != nil {
		return report(process, fmt.Errorf("command line: %w", err))
	}
	if len(process.Args) == 0 {
		return report(process, usage(errors.New("no command"), "slipway --help lists the commands"))
	}
	run, err := parser.Parse(process.Args)
	if err != nil {
		return report(process, errors.Join(waitHint(usageError(err), process.Args), mistakenEnv(process)))
	}
	return report(process, run.Run())
}

// mistakenEnv keeps a shell safe that evaluates what a `local env` with a mistake on its command line prints.
func mistakenEnv(process Process) error {
	if len(process.Args) < 2 || process.Args[0] != "local" || process.Args[1] != "env" {
		return nil
	}
	_, err := io.WriteString(process.Stdout, noExports)
	return err
}

// waitHint helps who wrote --wait 10m: the flag stands without a value, too.
func waitHint(err error, args []string) error {
	var wrong *failure
	at := slices.Index(args, "--wait")
	if at < 0 || at+1 == len(args) || !errors.As(err, &wrong) {
		return err
	}
	if _, no := time.ParseDuration(args[at+1]); no == nil {
		wrong.hint = "a duration follows an equals sign: --wait=" + args[at+1]
	}
	return err
}

// usageError gives a mistake on the command line its exit code and a way to help.
func usageError(err error) error {
	hint := "slipway --help lists the commands"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		hint = "slipway " + parse.Context.Selected().Path() + " --help shows examples"
	}
	return &failure{code: exitUsage, err: err, hint: hint}
}

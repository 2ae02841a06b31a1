package cli

import (
	"context"
	"errors"

	"github.com/slipway-cd/slipway/internal/policy"
)

type policyCommand struct {
	Eval       policyEvalCommand       `cmd:"" help:"Answer requests, a line of JSON each."`
	Explain    policyExplainCommand    `cmd:"" help:"Say why a request is allowed or denied, and what would allow it."`
	Fmt        policyFmtCommand        `cmd:"" help:"Print policies canonically, as JSON or YAML."`
	Compare    policyCompareCommand    `cmd:"" help:"Print what access a change of policies adds."`
	Escalation policyEscalationCommand `cmd:"" help:"Print by which ways roles and users of an account reach more than they hold."`
}

type policyEvalCommand struct{}

// Help shows examples under `slipway policy eval --help`.
func (policyEvalCommand) Help() string {
	return `Reads a JSON object a line from standard input, each with a request and all policies that apply to it, and answers
each with a line, in order and at once. A line that is wrong is answered with an error, and the run goes on.
docs/policy.md has the members.

Exit codes: 0 the input was read to its end; 2 it could not be read, or the answers could not be written.

Examples:
  slipway policy eval < requests.jsonl > answers.jsonl
  slipway policy eval < requests.jsonl | jq -r 'select(.decision == "Error")'`
}

// Run answers until the input ends or the user interrupts.
func (policyEvalCommand) Run(ctx context.Context, process *Process) error {
	done := make(chan error, 1)
	// A read of standard input cannot be interrupted: after a signal it is left behind.
	go func() { done <- policy.Eval(process.Stdin, process.Stdout) }()
	select {
	case <-ctx.Done():
		return &failure{code: exitInterrupted, err: errors.New("interrupted")}
	case err := <-done:
		if err != nil {
			return usage(err, "")
		}
		return nil
	}
}

package cli

import (
	"fmt"
	"io"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint"
)

type explainCommand struct {
	Code string `arg:"" optional:"" help:"A code such as SLW104, or a rule's name (default: list all)."`
	outputFlag
}

// Help shows examples under `slipway explain --help`.
func (explainCommand) Help() string {
	return `Tells what a finding of slipway lint means, why it matters, the page that says so, and how it is mended.

Examples:
  slipway explain SLW104
  slipway explain
  slipway explain -o json | jq -r '.[].code'`
}

// Run explains a rule, or lists all of them.
func (c *explainCommand) Run(process *Process) error {
	rules := lint.Rules()
	if c.Code != "" {
		rule, ok := lint.RuleOf(c.Code)
		if !ok {
			return usage(fmt.Errorf("there is no rule %q", c.Code), "slipway explain lists them")
		}
		rules = []finding.Rule{rule}
	}
	if c.json() {
		return writeJSON(process.Stdout, rules)
	}
	if c.Code != "" {
		_, err := io.WriteString(process.Stdout, rules[0].Explain())
		return err
	}
	for _, r := range rules {
		if _, err := fmt.Fprintf(process.Stdout, "%s  %-7s  %-12s  %s\n", r.Code, r.Severity, r.Subject, r.Title); err != nil {
			return err
		}
	}
	return nil
}

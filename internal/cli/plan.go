package cli

import (
	"encoding/json"
	"fmt"
	"io"
)

type planCommand struct {
	releaseFlags
	outputFlag
}

// Help shows examples under `slipway plan --help`.
func (planCommand) Help() string {
	return `The plan is what everything else is derived from: roles, proof, rehearsal and shipping.

Examples:
  slipway plan
  slipway plan -f examples/web/slipway.yaml --stage dev
  slipway plan -o json | jq '.stages[].calls[].action'`
}

// Run prints the plan.
func (c *planCommand) Run(process *Process) error {
	l, err := c.load()
	if err != nil {
		return err
	}
	l.warnOfScripts(warnOnStderr(process))
	if c.json() {
		return writeJSON(process.Stdout, l.plan)
	}
	_, err = io.WriteString(process.Stdout, l.plan.Text())
	return err
}

func writeJSON(w io.Writer, value any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(value); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	return nil
}

package cli

import "io"

type proveCommand struct {
	releaseFlags
	outputFlag
	Policies string `placeholder:"DIR" help:"Prove these roles, in the layout of roles render, in place of the rendered ones."`
}

// Help shows examples under `slipway prove --help`.
func (proveCommand) Help() string {
	return `Needs no credentials and no network. A refuted call comes with the statement to add, ready to paste.
A role that can become, change or command what the plan does not give it is refuted too, with the path.

Exit codes: 0 proved; 1 refuted; 3 undecided, with what is missing; 2 a wrong file.

Examples:
  slipway prove
  slipway prove --policies roles
  slipway prove -f examples/two-roles-trap/slipway.yaml --policies examples/two-roles-trap/policies
  slipway prove -o json | jq '.calls[] | select(.verdict != "proved")'`
}

// Run proves and prints the result.
func (c *proveCommand) Run(process *Process) error {
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.rolesFor(c.Policies)
	if err != nil {
		return err
	}
	result, err := l.prove(set)
	if err != nil {
		return err
	}
	if c.json() {
		err = writeJSON(process.Stdout, result)
	} else {
		_, err = io.WriteString(process.Stdout, result.Text())
	}
	if err != nil {
		return err
	}
	return ended(result.Exit())
}

package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

type policyCompareCommand struct {
	Old string `arg:"" help:"A policy file, or a folder with all policies of one principal."`
	New string `arg:"" help:"The same after the change."`
	outputFlag
	Steps     int  `placeholder:"N" help:"How much work the comparison may take; 5000000 if not set, about a second."`
	AnyAction bool `help:"Count actions that AWS does not have, too: what a pattern adds for the day they come."`
}

// Help shows examples under `slipway policy compare --help`.
func (policyCompareCommand) Help() string {
	return `Prints for a reviewer what access a change adds: statement by statement, with one concrete request each that the new
policies allow and the old ones do not; and likewise for every Deny statement that no longer denies. What cannot be told is listed with the reason, never guessed.

Exit codes: 0 no more permissive; 1 more permissive; 3 cannot tell; 2 wrong usage or a wrong file.

Examples:
  slipway policy compare deploy.json deploy-new.json
  slipway policy compare main/policies branch/policies
  slipway policy compare old.yaml new.json -o json | jq -r '.added[].request.action'`
}

// Run compares and prints.
func (c *policyCompareCommand) Run(ctx context.Context, process *Process) error {
	if c.Steps < 0 {
		return usage(fmt.Errorf("--steps %d: a number of steps cannot be negative", c.Steps), "")
	}
	input := process.until(ctx)
	old, err := readSide(input, c.Old)
	if err != nil {
		return wrongInput(err)
	}
	changed, err := readSide(input, c.New)
	if err != nil {
		return wrongInput(err)
	}
	if role := old.Trust != nil || old.Boundary != nil || changed.Trust != nil || changed.Boundary != nil; role && isFolder(c.Old) != isFolder(c.New) {
		return usage(errors.New("one is a file, and the other is a folder with a trust policy or a boundary"), "compare a file with the file of its kind")
	}
	found, err := policy.Compare(old, changed, policy.CompareOptions{AnyAction: c.AnyAction, Steps: c.Steps})
	if err != nil {
		return usage(err, "compare each kind by itself")
	}
	if c.json() {
		err = writeJSON(process.Stdout, found)
	} else {
		_, err = io.WriteString(process.Stdout, found.Text())
	}
	if err != nil {
		return err
	}
	return ended(found.Exit())
}

func isFolder(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// readSide reads a policy, or all of a folder, which must not be empty. In a folder trust and boundary are named as
// slipway roles render names them.
func readSide(process *Process, name string) (side policy.Side, err error) {
	if !isFolder(name) {
		side.Policies, err = readPolicies(process, []string{name})
		return side, err
	}
	entries, err := os.ReadDir(name)
	if err != nil {
		return side, err
	}
	for _, entry := range entries {
		extension := filepath.Ext(entry.Name())
		if entry.IsDir() || !slices.Contains([]string{".json", ".yaml", ".yml"}, strings.ToLower(extension)) {
			continue
		}
		p, err := readPolicy(process, filepath.Join(name, entry.Name()))
		if err != nil {
			return side, err
		}
		if err := put(&side, strings.TrimSuffix(entry.Name(), extension), p); err != nil {
			return side, err
		}
	}
	if len(side.Policies) == 0 && side.Trust == nil && side.Boundary == nil {
		return side, fmt.Errorf("%s: no policies: nothing in it ends in .json, .yaml or .yml", name)
	}
	return side, nil
}

// put adds a policy of a folder to where it belongs.
func put(side *policy.Side, name string, p *iam.Policy) error {
	switch name {
	case "trust":
		return putOne(&side.Trust, p)
	case "boundary":
		return putOne(&side.Boundary, p)
	}
	side.Policies = append(side.Policies, p)
	return nil
}

func putOne(to **iam.Policy, p *iam.Policy) error {
	if *to != nil {
		return fmt.Errorf("%s and %s: there can be only one", (*to).Name, p.Name)
	}
	*to = p
	return nil
}

package cli

import (
	"errors"
	"fmt"
	"os"

	"github.com/slipway-cd/slipway/internal/lint"
	"github.com/slipway-cd/slipway/internal/lint/needs"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// needsFlags are those of lint that are about what pipelines need of IAM.
type needsFlags struct {
	Needs    bool   `help:"Print the IAM policy that the pipelines need, and what is not known of it, in place of findings."`
	Policies string `placeholder:"PATH" help:"Hold pipelines against these roles: a folder in the layout of roles render, a template, a plan or an account dump."`
	Role     string `placeholder:"NAME" help:"With --policies: the role of jobs whose workflow does not tell it."`
}

// given reads the roles that pipelines are held against; nil where none are given.
func (f *needsFlags) given(process *Process) (*roles.Set, error) {
	switch {
	case f.Policies == "" && f.Role != "":
		return nil, usage(errors.New("--role names a role of --policies"), "give --policies too")
	case f.Policies == "":
		return nil, nil
	case isFolder(f.Policies):
		set, err := roles.Read(os.DirFS(f.Policies))
		if err != nil {
			return nil, usage(fmt.Errorf("policies in %s: %w", f.Policies, err), policiesLayout)
		}
		return set, nil
	}
	return readGiven(process, f.Policies, given.Options{}, false)
}

// printNeeds prints what each pipeline needs.
func (c *lintCommand) printNeeds(process *Process, in lint.Input) error {
	all := map[string]*needs.Needs{}
	for _, f := range in.Files {
		switch lint.KindOf(f) {
		case lint.KindWorkflow, lint.KindAction, lint.KindBuild:
		default:
			continue
		}
		n, err := needs.Of(f.Name, f.Content, in.Repository)
		if err != nil {
			return usage(err, "")
		}
		all[f.Name] = n
		if c.Output != "json" {
			if err := n.Write(process.Stdout); err != nil {
				return err
			}
		}
	}
	if len(all) == 0 {
		return usage(errors.New("no pipeline among the files"), "--needs takes GitHub workflows and actions, and buildspecs")
	}
	if c.Output == "json" {
		return writeJSON(process.Stdout, all)
	}
	return nil
}

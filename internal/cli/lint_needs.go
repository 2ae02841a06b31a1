package cli

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint"
	"github.com/slipway-cd/slipway/internal/lint/needs"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// needsFlags are those of lint that are about what pipelines need of IAM.
type needsFlags struct {
	Needs     bool              `help:"Print the IAM policy that the pipelines need, one for each role, in place of findings; which call needs what, and what is not known of it, on stderr."`
	Policies  []string          `sep:"none" placeholder:"[ACCOUNT=]PATH" help:"Hold pipelines against these roles: a folder in the layout of roles render, a CloudFormation template, a Terraform plan (terraform show -json), or the output of aws iam get-account-authorization-details. Repeatable."`
	Account   string            `placeholder:"ID" help:"With --policies: the account that templates and plans are for."`
	Parameter map[string]string `placeholder:"NAME=VALUE" help:"With --policies: the value of a template's parameter, where it is not the default; AWS::Region and the like, too. Repeatable."`
	Role      string            `placeholder:"NAME" help:"The role of jobs whose workflow does not tell it, with --policies; with --needs, print the policy of this role alone."`
}

// checkNeeds refuses what does not go together.
func (c *lintCommand) checkNeeds() error {
	switch {
	case c.Needs && c.Output != "text" && c.Output != "json":
		return usage(fmt.Errorf("--needs prints policies and no findings: there is no %s of them", c.Output), "-o text or -o json")
	case c.Needs && (c.Fix || c.Baseline != "" || c.WriteBaseline != ""):
		return usage(errors.New("--needs prints policies and no findings"), "leave out --fix, --baseline and --write-baseline")
	case c.Needs && len(c.Policies) > 0:
		return usage(errors.New("--needs says what pipelines need, and --policies what they have"), "leave one of them out: without --needs they are compared")
	case c.Needs && (c.Account != "" || len(c.Parameter) > 0 || c.Release != "" || len(c.Set) > 0 || c.Severity != finding.Info):
		return usage(errors.New("--needs is about pipelines alone, and prints no findings"), "leave out --account, --parameter, --release, --set and --severity")
	case !c.Needs && len(c.Policies) == 0 && (c.Role != "" || c.Account != "" || len(c.Parameter) > 0):
		return usage(errors.New("--role, --account and --parameter say more of --policies"), "give --policies too")
	}
	return nil
}

// given reads the roles that pipelines are held against; nil where none are given.
func (f *needsFlags) given(process *Process) (*roles.Set, error) {
	if len(f.Policies) == 0 {
		return nil, nil
	}
	set := &roles.Set{}
	flags := fileFlags{Account: f.Account, Parameter: f.Parameter}
	for _, source := range f.Policies {
		part, err := readSource(process, source, nil, "", &flags)
		if err != nil {
			return nil, err
		}
		set.Add(part)
	}
	if err := flags.unused(); err != nil {
		return nil, err
	}
	names := make([]string, len(set.Roles))
	for i := range set.Roles {
		names[i] = given.Shown(set.Roles[i].Name)
	}
	switch {
	case len(set.Roles) == 0 && len(set.Loose) > 0:
		return nil, usage(fmt.Errorf("%s is a policy and does not say whose", set.Loose[0].Place.File), policiesLayout)
	case len(set.Roles) == 0:
		return nil, usage(fmt.Errorf("no role in %s", strings.Join(f.Policies, ", ")), policiesLayout)
	case f.Role != "" && !slices.ContainsFunc(set.Roles, func(r roles.Role) bool { return given.Fits(r.Name, f.Role) }):
		return nil, noRole(f.Role, f.Policies, names)
	}
	return set, nil
}

// noRole is wrong usage: there is no role of a name among those that were found.
func noRole(name string, in, found []string) error {
	slices.Sort(found)
	return usage(fmt.Errorf("no role %s in %s", name, strings.Join(in, ", ")), "there are: "+strings.Join(slices.Compact(found), ", "))
}

// printNeeds prints what the pipelines need: the policies on stdout, and what each call needs on stderr.
func (c *lintCommand) printNeeds(process *Process, in lint.Input) error {
	all := map[string]*needs.Needs{}
	var list []*needs.Needs
	var names []string
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
		all[f.Name], list, names = n, append(list, n), append(names, f.Name)
	}
	if len(all) == 0 {
		return usage(errors.New("no pipeline among the files"), "--needs takes GitHub workflows and actions, and buildspecs")
	}
	if c.Output == "json" && c.Role == "" {
		return writeJSON(process.Stdout, all)
	}
	whole := needs.Join(list)
	if c.Role != "" {
		var found []string
		for _, role := range whole.Roles() {
			found = append(found, cmp.Or(pipelines.RoleName(role), "one that files do not tell"))
		}
		if whole = whole.As(c.Role); len(whole.Needs) == 0 {
			return noRole(c.Role, names, found)
		}
	}
	if c.Output == "json" {
		return writeJSON(process.Stdout, whole)
	}
	if err := whole.Write(process.Stderr); err != nil {
		return err
	}
	return printPolicies(process, whole)
}

// printPolicies prints a policy for each role, in the order in which they were told.
func printPolicies(process *Process, n *needs.Needs) error {
	policies := []*iam.Document{}
	for _, role := range n.Roles() {
		policies = append(policies, n.Policy(role))
	}
	for _, p := range policies {
		if _, err := fmt.Fprintf(process.Stdout, "%s", p.JSON()); err != nil {
			return err
		}
	}
	if len(policies) < 2 {
		return nil
	}
	_, err := fmt.Fprintf(process.Stderr, "%d policies, in this order; --role NAME prints that of one role alone\n", len(policies))
	return err
}

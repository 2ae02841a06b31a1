package cli

import (
	"context"
	"fmt"
	"io"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/difference"
	"github.com/slipway-cd/slipway/internal/roles/given"
	"github.com/slipway-cd/slipway/internal/roles/paths"
)

type policyEscalationCommand struct {
	Files []string `arg:"" name:"[ACCOUNT=]FILE" help:"The output of aws iam get-account-authorization-details, a CloudFormation template, a Terraform plan, or a folder in the layout of roles render."`
	outputFlag
	Account   string            `placeholder:"ID" help:"The account that templates and plans are for."`
	Region    string            `placeholder:"REGION" help:"The region that templates are for."`
	Parameter map[string]string `placeholder:"NAME=VALUE" help:"The value of a template's parameter, where it is not the default. Repeatable."`
	Nodes     []string          `sep:"none" placeholder:"FILE" help:"The instances that there are, as aws ec2 describe-instances prints them. Without, there is one for each role that instances carry, of whose tags nothing is known. Repeatable."`
}

// Help shows examples under `slipway policy escalation --help`.
func (policyEscalationCommand) Help() string {
	return `Finds the ways by which roles and users reach more than they hold: by handing a role to a service, by assuming it, by writing
policies and trust policies, and by nodes, since whoever may send a node a command holds the node's role. docs/escalation.md
tells how to read a path and how to mend it. Needs no credentials and no network.

Who may do everything anyway is named and has no paths. What is not said (a tag, a condition key) is taken to be so that the path
is there, with (if …).

Exit codes: 0 nobody reaches more; 1 somebody does; 3 it cannot be told of everybody, and why; 2 a wrong file.

Examples:
  aws iam get-account-authorization-details > account.json
  aws ec2 describe-instances > nodes.json
  slipway policy escalation account.json --nodes nodes.json
  slipway policy escalation --account 111122223333 template.yaml
  slipway policy escalation account.json -o json | jq -r '.paths[].text'`
}

// Run finds the paths and prints them.
func (c *policyEscalationCommand) Run(ctx context.Context, process *Process) error {
	input := process.until(ctx)
	set, err := c.roles(input)
	if err != nil {
		return err
	}
	nodes, err := c.nodes(input, set)
	if err != nil {
		return usage(err, "")
	}
	found, err := paths.Find(set, nodes)
	if err != nil {
		return usage(err, "")
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

func (c *policyEscalationCommand) roles(input *Process) (*roles.Set, error) {
	set := &roles.Set{Complete: true}
	flags := fileFlags{Account: c.Account, Parameter: c.Parameter}
	for _, source := range c.Files {
		part, err := readSource(input, source, nil, c.Region, &flags)
		if err != nil {
			return nil, err
		}
		for i := range part.Roles {
			if part.Roles[i].Account == "" {
				return nil, usage(fmt.Errorf("%s does not say which account it is for", source), "give --account ID, or ID="+source)
			}
		}
		set.Add(part)
	}
	if err := flags.unused(); err != nil {
		return nil, err
	}
	set.Join()
	if err := difference.Twice(set); err != nil {
		return nil, usage(err, "leave one of them out: which of them counts nobody can tell")
	}
	if len(set.Roles)+len(set.Users) == 0 {
		return nil, usage(fmt.Errorf("no role and no user in %s", c.Files[0]), "a policy alone does not say whose it is")
	}
	return set, nil
}

// nodes reads the instances; nil without files.
func (c *policyEscalationCommand) nodes(input *Process, set *roles.Set) (*paths.Listed, error) {
	if len(c.Nodes) == 0 {
		return nil, nil
	}
	listed := &paths.Listed{}
	for _, name := range c.Nodes {
		text, err := readInput(input, name, given.MaxFile)
		if err != nil {
			return nil, err
		}
		root, fault := iam.ReadTree(name, text, given.MaxFile)
		if fault != nil {
			return nil, fault
		}
		if err := given.Error(iam.Duplicates(name, root)); err != nil {
			return nil, err
		}
		if err := listed.Read(name, root, set); err != nil {
			return nil, err
		}
	}
	return listed, nil
}

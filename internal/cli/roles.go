package cli

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/render"
)

type rolesCommand struct {
	Render renderCommand    `cmd:"" help:"Write the roles: as text, policies, CloudFormation or Terraform."`
	Docs   rolesDocsCommand `cmd:"" help:"Write the table for reviewers, in Markdown."`
	Diff   rolesDiffCommand `cmd:"" help:"Print what roles that exist may do and the release's may not, and the other way round."`
}

type renderCommand struct {
	releaseFlags
	Format   string   `enum:"text,json,cloudformation,terraform" default:"text" help:"text (each statement with its reason), json, cloudformation or terraform (default: text)."`
	Out      string   `placeholder:"DIR" help:"Write files instead of printing them: DIR/<account>/<Role>/*.json, DIR/<account>.yaml or DIR/<account>/roles.tf."`
	Account  string   `placeholder:"ID" help:"Only what belongs to this account."`
	With     []string `enum:"oidc-provider,scp,monitoring" placeholder:"WHAT,..." help:"More on request: oidc-provider (an account has only one), scp (sample service control policies), monitoring (what watches the deploy roles)."`
	StackSet bool     `help:"With --format cloudformation: one template for a stack set, in which each account finds its own roles."`
	Admin    []string `sep:"none" placeholder:"ARN" help:"With --with scp: whom the policies leave alone, as ARN patterns of roles. Repeatable."`
}

// Help shows examples under `slipway roles render --help`.
func (renderCommand) Help() string {
	return `Every statement has a reason, and every Resource * says why AWS takes nothing else. JSON has no comments: there the
reasons are missing. docs/roles.md says how each format is deployed.

Examples:
  slipway roles render
  slipway roles render --format json --out roles
  slipway prove --policies roles
  slipway roles render --format cloudformation --account 111111111111 > roles.yaml
  slipway roles render --format cloudformation --stack-set > stackset.yaml
  slipway roles render --format cloudformation --with scp,monitoring --out stacks
  slipway roles render --format terraform --with oidc-provider --out infrastructure`
}

// Run renders the roles.
func (c *renderCommand) Run(process *Process) error {
	if err := c.check(); err != nil {
		return err
	}
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.rolesFor("")
	if err != nil {
		return err
	}
	if c.Account != "" {
		if set = set.In(c.Account); set == nil {
			return usage(fmt.Errorf("no role of the release is in account %s", c.Account), "slipway roles render names their accounts")
		}
	}
	if c.with("scp") {
		if set.SCPs, err = roles.ServiceControlPolicies(set, l.regions(), c.Admin); err != nil {
			return usage(err, "")
		}
	}
	if c.Format == "text" {
		_, err = io.WriteString(process.Stdout, roles.Text(set))
		return err
	}
	files, err := c.files(l, set)
	if err != nil {
		return err
	}
	if c.Out == "" {
		return c.print(process, files)
	}
	return writeFiles(files, func(name string, content []byte) error {
		path := filepath.Join(c.Out, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
		_, err := fmt.Fprintln(process.Stderr, "wrote", path)
		return err
	})
}

func (c *renderCommand) with(what string) bool { return slices.Contains(c.With, what) }

// check refuses what a format does not have, before anything is rendered.
func (c *renderCommand) check() error {
	for _, wrong := range []struct {
		is   bool
		what string
		hint string
	}{
		{c.Format == "text" && c.Out != "", "--out writes files, and the text rendering is none", "add --format json"},
		{c.StackSet && c.Format != "cloudformation", "--stack-set is a template", "add --format cloudformation"},
		{c.StackSet && c.Account != "", "--stack-set is for all accounts, and --account for one", ""},
		{c.with("oidc-provider") && c.Format != "cloudformation" && c.Format != "terraform",
			"--with oidc-provider is for cloudformation and terraform: " + c.Format + " has policies only", ""},
		{c.with("monitoring") && c.Format != "cloudformation", "--with monitoring is a template", "add --format cloudformation"},
		{c.with("scp") && c.Format == "terraform", "--with scp is for text, json and cloudformation", ""},
		{len(c.Admin) > 0 && !c.with("scp"), "--admin says whom service control policies leave alone, and none were asked for", "add --with scp"},
	} {
		if wrong.is {
			return usage(errors.New(wrong.what), wrong.hint)
		}
	}
	return nil
}

// regions are those that the release uses, sorted.
func (l *loaded) regions() []string {
	var out []string
	for i := range l.plan.Stages {
		out = append(out, l.plan.Stages[i].Region)
	}
	if l.plan.Record != nil {
		out = append(out, l.plan.Record.Region)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// files are the roles in the language that was asked for.
func (c *renderCommand) files(l *loaded, set *roles.Set) (map[string][]byte, error) {
	o := render.Options{App: l.release.App, Providers: c.with("oidc-provider")}
	write := []func(*roles.Set, render.Options) (map[string][]byte, error){render.CloudFormation}
	switch c.Format {
	case "json":
		return roles.Write(set), nil
	case "terraform":
		return render.Terraform(set, o)
	}
	if c.StackSet {
		write[0] = render.StackSet
	}
	if c.with("monitoring") {
		write = append(write, render.Monitoring)
	}
	if c.with("scp") {
		write = append(write, render.Organization)
	}
	files := map[string][]byte{}
	for _, w := range write {
		more, err := w(set, o)
		if err != nil {
			return nil, err
		}
		maps.Copy(files, more)
	}
	return files, nil
}

// print puts files on stdout. Templates of several accounts are not one template.
func (c *renderCommand) print(process *Process, files map[string][]byte) error {
	if c.Format == "json" {
		return writeFiles(files, func(name string, content []byte) error {
			_, err := fmt.Fprintf(process.Stdout, "%s\n%s", name, content)
			return err
		})
	}
	if len(files) != 1 {
		names := slices.Sorted(maps.Keys(files))
		return usage(fmt.Errorf("there are %d files: %s", len(files), strings.Join(names, ", ")), "write them with --out DIR, or print one with --account ID")
	}
	return writeFiles(files, func(_ string, content []byte) error {
		_, err := process.Stdout.Write(content)
		return err
	})
}

type rolesDocsCommand struct{ releaseFlags }

// Help shows examples under `slipway roles docs --help`.
func (rolesDocsCommand) Help() string {
	return `Per account and role: who may enter, what it may do, for which step and in which circumstances, and why each * is one. It
is the same each time, so that a pull request shows what changes.

Examples:
  slipway roles docs > roles-of-shop.md
  slipway roles docs --stage prod`
}

// Run writes the table.
func (c *rolesDocsCommand) Run(process *Process) error {
	l, err := c.load()
	if err != nil {
		return err
	}
	set, err := l.rolesFor("")
	if err != nil {
		return err
	}
	_, err = io.WriteString(process.Stdout, roles.Docs(l.release.App, set))
	return err
}

// writeFiles hands out files in the order of their names.
func writeFiles(files map[string][]byte, write func(name string, content []byte) error) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := write(name, files[name]); err != nil {
			return fmt.Errorf("write roles: %w", err)
		}
	}
	return nil
}

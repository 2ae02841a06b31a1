package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

type policyFmtCommand struct {
	Files   []string `arg:"" name:"file" help:"Policies, or templates of CloudFormation, in JSON or YAML; - is standard input."`
	To      string   `enum:"json,yaml,same" default:"same" help:"Print as json or yaml (default: as it is written)."`
	Lenient bool     `help:"Read what AWS would refuse, where it is clear what is meant."`
	Kind    string   `enum:"identity,managed,role,user,group,session,boundary,trust,scp,rcp,resource,bucket,vpce,any" default:"any" help:"Find what AWS refuses in this kind of policy, its length included: ${enum} (default: any, what it refuses in every kind). role, user and group are for inline policies; identity and resource are for all kinds of them, and know no length."`
	Write   bool     `short:"w" xor:"write,check" help:"Write the file in place of printing it; with --to another format, the file beside it with that extension."`
	Check   bool     `xor:"write,check" help:"Print nothing but the names of files that are not canonical."`
}

// Help shows examples under `slipway policy fmt --help`.
func (policyFmtCommand) Help() string {
	return `Prints policies canonically: elements in AWS's order, a list of one as a string. JSON and YAML turn into each other
without loss, intrinsic functions of CloudFormation included. Everything that is wrong with a policy is listed with line
and column on standard error. Comments are not printed: --write leaves files that have some alone, and --check passes over
them. Of a template, which turns as well, the keys keep their order, and its policies are as they are written.

Exit codes: 0 printed, with --lenient also in spite of what was listed; 1 with --check, a file is not canonical; 2 wrong
usage or a wrong file; 130 interrupted.

Examples:
  slipway policy fmt deploy.json
  slipway policy fmt --to yaml --write deploy.json
  slipway policy fmt --check --kind identity policies/*.json
  aws iam get-role --role-name Deploy --query Role.AssumeRolePolicyDocument | slipway policy fmt --kind trust -`
}

// Run formats every file, also after one that is wrong.
func (c *policyFmtCommand) Run(ctx context.Context, process *Process) error {
	process = process.until(ctx)
	code := exitOK
	for i, file := range c.Files {
		fileCode, err := c.one(process, file, i > 0)
		if err != nil {
			return wrongInput(err)
		}
		code = max(code, fileCode)
	}
	return ended(code)
}

// one formats one file and gives the exit code that it deserves.
func (c *policyFmtCommand) one(process *Process, file string, further bool) (int, error) {
	text, err := readInput(process, file, maxPolicyFile)
	if err != nil {
		return 0, err
	}
	formatted, err := policy.Fmt(file, text, c.options())
	if err != nil {
		return 0, err
	}
	if err := list(process.Stderr, formatted); err != nil {
		return 0, err
	}
	if formatted.Text == nil || len(formatted.Findings) > 0 && !c.Lenient {
		return exitUsage, nil
	}
	switch {
	case c.Check:
		if formatted.Canonical(text) {
			return exitOK, nil
		}
		_, err = fmt.Fprintln(process.Stdout, file)
		return exitFailed, err
	case c.Write:
		return exitOK, c.write(process, file, text, formatted)
	}
	if err := noteComments(process.Stderr, file, formatted); err != nil {
		return 0, err
	}
	if further && formatted.To == policy.YAML {
		formatted.Text = append([]byte("---\n"), formatted.Text...)
	}
	_, err = process.Stdout.Write(formatted.Text)
	return exitOK, err
}

// list prints what is wrong with a policy, and what is not but should be known.
func list(w io.Writer, formatted *policy.Formatted) error {
	for _, finding := range formatted.Findings {
		if _, err := fmt.Fprintf(w, "%s%s\n", finding, codeOf(finding)); err != nil {
			return err
		}
	}
	for _, advice := range formatted.Advice {
		if _, err := fmt.Fprintf(w, "note: %s\n", advice); err != nil {
			return err
		}
	}
	return nil
}

// noteComments says that comments are left out, where there are any.
func noteComments(w io.Writer, file string, formatted *policy.Formatted) error {
	if !formatted.Comments {
		return nil
	}
	_, err := fmt.Fprintf(w, "note: %s: its comments are not printed\n", file)
	return err
}

// codeOf is how a finding's code follows its message.
func codeOf(finding *iam.SyntaxError) string {
	if finding.Code == "" {
		return ""
	}
	return " [" + string(finding.Code) + "]"
}

func (c *policyFmtCommand) options() policy.FmtOptions {
	o := policy.FmtOptions{Lenient: c.Lenient}
	if c.To != "same" {
		o.To = policy.Format(c.To)
	}
	if kind, ok := policyKinds[c.Kind]; ok {
		o.Kind = &kind
	}
	return o
}

// policyKinds are the values of --kind, but for any.
var policyKinds = map[string]iam.PolicyKind{
	"identity": iam.IdentityPolicy, "managed": iam.ManagedPolicy, "role": iam.RolePolicy, "user": iam.UserPolicy,
	"group": iam.GroupPolicy, "session": iam.SessionPolicy, "trust": iam.TrustPolicy, "scp": iam.ServiceControlPolicy,
	"rcp": iam.ResourceControlPolicy, "resource": iam.ResourcePolicy, "bucket": iam.BucketPolicy, "vpce": iam.EndpointPolicy,
	"boundary": iam.ManagedPolicy, // a boundary is a managed policy
}

// write puts the policy into its file, or beside it where the format changes. It never overwrites another file, nor
// what the printed policy does not have: comments, and elements that a lenient reader passes over.
func (c *policyFmtCommand) write(process *Process, file string, text []byte, formatted *policy.Formatted) error {
	if file == "-" {
		return errors.New("--write: standard input cannot be written")
	}
	if dropped := formatted.Drops(); dropped != nil {
		return fmt.Errorf("%w: --write would lose it", dropped)
	}
	target := file
	if formatted.To != formatted.From {
		target = strings.TrimSuffix(file, filepath.Ext(file)) + "." + string(formatted.To)
	}
	if target == file && formatted.Canonical(text) {
		return nil
	}
	if target == file && formatted.Comments {
		return fmt.Errorf("%s: --write would lose its comments", file)
	}
	if target != file {
		if err := noteComments(process.Stderr, file, formatted); err != nil {
			return err
		}
	}
	if err := replaceFile(target, formatted.Text, target != file); err != nil {
		return err
	}
	_, err := fmt.Fprintln(process.Stderr, "wrote", target)
	return err
}

// replaceFile writes a file whole or not at all. A new one must not be there yet. Of a symbolic link, the file that it
// leads to is replaced, and the link stays.
func replaceFile(name string, text []byte, isNew bool) (err error) {
	mode := fs.FileMode(0o644)
	if isNew {
		if _, err := os.Lstat(name); err == nil {
			return fmt.Errorf("%s: %w", name, fs.ErrExist)
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	} else {
		if name, err = filepath.EvalSymlinks(name); err != nil {
			return err
		}
		info, err := os.Stat(name)
		if err != nil {
			return err
		}
		mode = info.Mode().Perm()
	}
	temporary, err := os.CreateTemp(filepath.Dir(name), "."+filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(temporary.Name())
		}
	}()
	_, err = temporary.Write(text)
	if err = errors.Join(err, temporary.Chmod(mode), temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}

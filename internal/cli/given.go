package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// givenFlags say which roles there are: from files, or from AWS itself.
type givenFlags struct {
	fileFlags
	liveFlags
}

// fileFlags say which files have roles.
type fileFlags struct {
	Policies  []string          `sep:"none" placeholder:"[ACCOUNT=]PATH" help:"Take these roles in place of the rendered ones: a folder in the layout of roles render, a CloudFormation template, a Terraform plan (terraform show -json), or the output of aws iam get-account-authorization-details. Repeatable."`
	Account   string            `placeholder:"ID" help:"The account that templates and plans are for, where the release has several."`
	Parameter map[string]string `placeholder:"NAME=VALUE" help:"The value of a template's parameter, where it is not the default; AWS::StackName and the like, too. Repeatable."`

	declared []string // the parameters of the templates that were read
}

// declare notes a parameter of a template.
func (f *fileFlags) declare(name string) {
	if !slices.Contains(f.declared, name) {
		f.declared = append(f.declared, name)
	}
}

// pseudo are the parameters that every template has (AWS CloudFormation user guide, "Pseudo parameters reference").
var pseudo = []string{"AWS::AccountId", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix"}

// unused finds a parameter that no template declares: it would silently not count.
func (f *fileFlags) unused() error {
	for _, name := range slices.Sorted(maps.Keys(f.Parameter)) {
		switch {
		case slices.Contains(f.declared, name) || slices.Contains(pseudo, name):
		case len(f.declared) == 0:
			return usage(fmt.Errorf("--parameter %s: nothing that is given declares parameters", name), "")
		default:
			slices.Sort(f.declared)
			return usage(fmt.Errorf("--parameter %s: no template declares it", name), "declared are "+strings.Join(f.declared, ", "))
		}
	}
	return nil
}

// any says whether roles are given at all.
func (f *givenFlags) any() bool { return len(f.Policies) > 0 || f.Live }

// check refuses what would silently not count: that roles were asked for from elsewhere, and the rendered ones were proved, must not
// be taken for an answer.
func (f *givenFlags) check() error {
	switch {
	case !f.Live && (f.Profile != "" || f.EndpointURL != ""):
		return usage(errors.New("--profile and --endpoint-url say more of --live, and without it AWS is not asked"), "add --live, or leave them out")
	case len(f.Policies) == 0 && (f.Account != "" || len(f.Parameter) > 0):
		return usage(errors.New("--account and --parameter say more of --policies, and nothing is given there"), "give --policies PATH, or leave them out")
	}
	return nil
}

// origin says whose roles a proof is about, as the line before it; nothing where they are the rendered ones.
func (f *givenFlags) origin() string {
	files := finding.Printable(strings.Join(f.Policies, ", "))
	switch {
	case f.Live && files != "":
		return "roles: those in " + files + ", and the others as AWS has them\n"
	case f.Live:
		return "roles: as AWS has them\n"
	case files != "":
		return "roles: those in " + files + "\n"
	}
	return ""
}

// names are what the roles were read from, for people.
func (f *givenFlags) names() string {
	names := slices.Clone(f.Policies)
	if f.Live {
		names = append(names, "AWS")
	}
	return strings.Join(names, ", ")
}

// givenRoles reads the roles that are given, or renders those of the plan.
func (l *loaded) givenRoles(ctx context.Context, process *Process, f *givenFlags) (*roles.Set, error) {
	if !f.any() {
		return roles.Render(l.plan)
	}
	set := &roles.Set{}
	accounts, region := l.places()
	for _, source := range f.Policies {
		part, err := readSource(process.until(ctx), source, accounts, region, &f.fileFlags)
		if err != nil {
			return nil, err
		}
		set.Add(part)
	}
	if err := f.unused(); err != nil {
		return nil, err
	}
	l.adopt(set)
	if err := l.adoptBoundary(set); err != nil {
		return nil, err
	}
	if f.Live {
		part, err := l.live(ctx, &f.liveFlags, set)
		if err != nil {
			return nil, err
		}
		set.Add(part)
	}
	set.Join()
	if len(set.Roles) == 0 && len(set.Loose) > 0 {
		return nil, usage(fmt.Errorf("%s is a policy and does not say whose", set.Loose[0].Place.File), policiesLayout)
	}
	return set, nil
}

var accountPrefix = regexp.MustCompile(`^([0-9]{12})=(.*)$`)

// splitAccount takes ACCOUNT=PATH apart.
func splitAccount(source string) (account, name string) {
	if m := accountPrefix.FindStringSubmatch(source); m != nil {
		return m[1], m[2]
	}
	return "", source
}

var accountID = regexp.MustCompile(`^[0-9]{12}$`)

// readSource reads one folder or file, for the release's accounts.
func readSource(process *Process, source string, accounts []string, region string, f *fileFlags) (*roles.Set, error) {
	account, name := splitAccount(source)
	if account = cmp.Or(account, f.Account); account == "" && len(accounts) == 1 {
		account = accounts[0]
	}
	if account != "" && !accountID.MatchString(account) {
		return nil, usage(fmt.Errorf("account %s: an account is 12 digits", account), "")
	}
	o := given.Options{Account: account, Region: region, Parameters: f.Parameter, Declared: f.declare}
	if isFolder(name) {
		return readFolder(process, name, o)
	}
	return readGiven(process, name, o, len(accounts) > 1)
}

var accountFile = regexp.MustCompile(`^([0-9]{12})\.(yaml|yml|json)$`)

// readFolder reads a folder of roles, or one of a file for each account, named by it.
func readFolder(process *Process, name string, o given.Options) (*roles.Set, error) {
	list, err := os.ReadDir(name)
	if err != nil {
		return nil, usage(fmt.Errorf("policies: %w", err), policiesLayout)
	}
	set := &roles.Set{}
	for _, e := range list {
		m := accountFile.FindStringSubmatch(e.Name())
		if m == nil || e.IsDir() {
			continue
		}
		o.Account = m[1]
		part, err := readGiven(process, filepath.Join(name, e.Name()), o, false)
		if err != nil {
			return nil, err
		}
		set.Add(part)
	}
	if len(set.Roles) > 0 {
		return set, nil
	}
	if hasTerraform(os.DirFS(name)) {
		return nil, usage(fmt.Errorf("policies in %s: Terraform's files have what only a plan tells", name),
			"give the plan: terraform plan -out plan && terraform show -json plan > plan.json, and --policies plan.json")
	}
	if set, err = roles.Read(os.DirFS(name)); err != nil {
		return nil, usage(fmt.Errorf("policies in %s: %w", name, err), policiesLayout)
	}
	return set, nil
}

// hasTerraform says whether a folder has Terraform's files, or folders of accounts with them, as roles render writes them.
func hasTerraform(folder fs.FS) bool {
	return slices.ContainsFunc([]string{"*.tf", "*/*.tf"}, func(pattern string) bool {
		found, err := fs.Glob(folder, pattern)
		return err == nil && len(found) > 0
	})
}

// readGiven reads one file. In a file that does not say of which account it is, many accounts are too many.
func readGiven(process *Process, name string, o given.Options, many bool) (*roles.Set, error) {
	text, err := readInput(process, name, given.MaxFile)
	if account, _, ok := strings.Cut(name, "="); errors.Is(err, fs.ErrNotExist) && ok && !strings.Contains(account, "/") {
		return nil, usage(fmt.Errorf("policies: %q before = is no account: an account is 12 digits", account), "[ACCOUNT=]PATH, for example 111111111111=roles.yaml")
	}
	if err != nil {
		return nil, usage(fmt.Errorf("policies: %w", err), "PATH is "+policiesKinds)
	}
	if isArchive(text) {
		return nil, usage(fmt.Errorf("policies: %s is %w", name, errArchive), "terraform show -json "+name+" > plan.json, and give that")
	}
	set, findings := given.Read(name, text, o)
	if err := given.Error(findings); err != nil {
		hint := ""
		if set == nil && findings[0].Line == 1 && findings[0].Column == 1 { // it is not even the beginning of something
			hint = "PATH is " + policiesKinds
		}
		return nil, usage(fmt.Errorf("policies: %w", err), hint)
	}
	if many && slices.ContainsFunc(set.Roles, func(r roles.Role) bool { return r.Account == "" }) {
		return nil, usage(fmt.Errorf("the release has several accounts, and %s does not say which it is for", name),
			"give --account ID, or --policies ID="+name)
	}
	return set, nil
}

// policiesKinds are what roles are read from.
const policiesKinds = "a folder in the layout of slipway roles render --format json --out DIR, a CloudFormation template, a Terraform plan " +
	"(terraform show -json), or the output of aws iam get-account-authorization-details"

// errArchive is what terraform plan -out writes: an archive, whose format is Terraform's own.
var errArchive = errors.New("an archive, as Terraform's binary plans are")

func isArchive(text []byte) bool { return bytes.HasPrefix(text, []byte("PK\x03\x04")) }

// places are the accounts of the plan, and its region if there is one only.
func (l *loaded) places() (accounts []string, region string) {
	regions := map[string]bool{}
	for i := range l.plan.Stages {
		s := &l.plan.Stages[i]
		if !slices.Contains(accounts, s.Account) {
			accounts = append(accounts, s.Account)
		}
		regions[s.Region] = true
		region = s.Region
	}
	if len(regions) != 1 {
		region = ""
	}
	return accounts, region
}

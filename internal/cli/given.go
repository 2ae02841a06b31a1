package cli

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// givenFlags say which roles there are.
type givenFlags struct {
	Policies  []string          `sep:"none" placeholder:"[ACCOUNT=]PATH" help:"Take these roles in place of the rendered ones: a folder in the layout of roles render, a CloudFormation template, a Terraform plan (terraform show -json), or the output of aws iam get-account-authorization-details. Repeatable."`
	Account   string            `placeholder:"ID" help:"The account that templates and plans are for, where the release has several."`
	Parameter map[string]string `placeholder:"NAME=VALUE" help:"The value of a template's parameter, where it is not the default; AWS::StackName and the like, too. Repeatable."`
	liveFlags

	declared []string // the parameters of the templates that were read
}

// declare notes a parameter of a template.
func (f *givenFlags) declare(name string) {
	if !slices.Contains(f.declared, name) {
		f.declared = append(f.declared, name)
	}
}

// pseudo are the parameters that every template has (AWS CloudFormation user guide, "Pseudo parameters reference").
var pseudo = []string{"AWS::AccountId", "AWS::NotificationARNs", "AWS::Partition", "AWS::Region", "AWS::StackId", "AWS::StackName", "AWS::URLSuffix"}

// unused finds a parameter that no template declares: it would silently not count.
func (f *givenFlags) unused() error {
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
		part, err := readSource(process.until(ctx), source, accounts, region, f)
		if err != nil {
			return nil, err
		}
		set.Add(part)
	}
	if err := f.unused(); err != nil {
		return nil, err
	}
	l.adoptPaths(set)
	if f.Live {
		part, err := l.live(ctx, &f.liveFlags, set)
		if err != nil {
			return nil, err
		}
		set.Add(part)
	}
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
func readSource(process *Process, source string, accounts []string, region string, f *givenFlags) (*roles.Set, error) {
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
	if set, err = roles.Read(os.DirFS(name)); err != nil {
		return nil, usage(fmt.Errorf("policies in %s: %w", name, err), policiesLayout)
	}
	return set, nil
}

// readGiven reads one file. In a file that does not say of which account it is, many accounts are too many.
func readGiven(process *Process, name string, o given.Options, many bool) (*roles.Set, error) {
	text, err := readInput(process, name, given.MaxFile)
	if err != nil {
		return nil, usage(fmt.Errorf("policies: %w", err), policiesLayout)
	}
	set, findings := given.Read(name, text, o)
	if err := given.Error(findings); err != nil {
		return nil, usage(fmt.Errorf("policies: %w", err), "")
	}
	if many && slices.ContainsFunc(set.Roles, func(r roles.Role) bool { return r.Account == "" }) {
		return nil, usage(fmt.Errorf("the release has several accounts, and %s does not say which it is for", name),
			"give --account ID, or --policies ID="+name)
	}
	return set, nil
}

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

// proofRoles are roles as the proof takes them. A role that the plan wants and nobody has by name may be one whose name only
// a deploy knows: it is there as one of which nothing is known.
func proofRoles(p *plan.Plan, set *roles.Set) []proof.Role {
	out := make([]proof.Role, 0, len(set.Roles))
	named := map[[2]string]bool{}
	var open []roles.Role
	for i := range set.Roles {
		r := &set.Roles[i]
		if _, marked := iam.IntrinsicJSON(r.Name); marked {
			open = append(open, *r)
			continue
		}
		named[[2]string{r.Account, r.Name}] = true
		out = append(out, proofRole(r))
	}
	for i := range set.Users {
		out = append(out, proofUser(&set.Users[i]))
	}
	for i := range p.Stages {
		for _, r := range p.Stages[i].Roles {
			key := [2]string{r.Account, r.Name}
			if stub, found := perhaps(r, open); found && !named[key] {
				named[key] = true
				out = append(out, stub)
			}
		}
	}
	if above := scps(set); above != nil {
		for i := range out {
			out[i].SCPs = above
		}
	}
	return out
}

// scps are the service control policies of the set, as one level beside FullAWSAccess; nil where there are none.
func scps(set *roles.Set) [][]*iam.Document {
	if len(set.SCPs) == 0 {
		return nil
	}
	level := []*iam.Document{{Name: "FullAWSAccess", Version: iam.Version2012,
		Statements: []iam.Statement{{Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"}}}}}
	for _, p := range set.SCPs {
		level = append(level, p.Document)
	}
	return [][]*iam.Document{level}
}

// perhaps is a planned role that may be one whose name only a deploy knows.
func perhaps(r plan.Role, open []roles.Role) (proof.Role, bool) {
	for i := range open {
		o := &open[i]
		if o.Account != r.Account || !given.Fits(o.Name, r.Name) {
			continue
		}
		stub := proof.Role{Account: r.Account, Name: r.Name, Path: r.Path}
		stub.Unknown = doubts([]string{fmt.Sprintf("it may be the role at %s, whose name is only known when that is deployed: %s",
			placeText(o.Place), given.Shown(o.Name))}, "give --parameter NAME=VALUE")
		return stub, true
	}
	return proof.Role{}, false
}

func placeText(p roles.Place) string {
	if p.Line == 0 {
		return p.File
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

func proofRole(r *roles.Role) proof.Role {
	h := held{r.Account, r.Name, r.Policies, r.Attached, r.Doubts}
	role := h.proof()
	role.Trust, role.Boundary = r.Trust, r.Boundary
	setPath(&role, r.Path)
	return role
}

func proofUser(u *roles.User) proof.Role {
	h := held{u.Account, "user-" + u.Name, u.Policies, u.Attached, u.Doubts}
	user := h.proof()
	user.User, user.Name, user.Boundary = true, u.Name, u.Boundary
	setPath(&user, u.Path)
	return user
}

// setPath says which path a role or a user has. One that only a deploy knows leaves everything open: it is part of the ARN.
func setPath(r *proof.Role, p string) {
	if _, marked := iam.IntrinsicJSON(p); !marked {
		r.Path = p
		return
	}
	r.Unknown = append(r.Unknown, doubts([]string{"its path, and with it its ARN, is only known when it is deployed: " + given.Shown(p)}, "give --parameter NAME=VALUE")...)
}

// proofBucket is the policy of a bucket as the proof takes it.
func proofBucket(b *roles.Bucket) proof.Bucket {
	out := proof.Bucket{Account: b.Account, Name: b.Name, Policy: b.Policy, Doubts: b.Doubts}
	if _, out.Open = iam.IntrinsicJSON(b.Name); out.Open {
		out.Name = iam.IntrinsicPattern(b.Name)
		out.Doubts = append([]string{fmt.Sprintf("the policy at %s is for %s", placeText(b.Place), given.Shown(b.Name))}, b.Doubts...)
	}
	return out
}

// held is what a role and a user hold alike. Folder is where the layout of roles render has it.
type held struct {
	account, folder string
	policies        []roles.Policy
	attached        []roles.Attached
	doubts          []string
}

func (h held) proof() proof.Role {
	role := proof.Role{Account: h.account, Name: h.folder}
	for _, p := range h.policies {
		role.Policies = append(role.Policies, p.Document)
	}
	for _, a := range h.attached {
		if a.Document != nil {
			role.Policies = append(role.Policies, a.Document)
			continue
		}
		role.Unknown = append(role.Unknown, proof.Unknown{
			What: "the attached policy " + given.Shown(a.ARN),
			Give: "give its text, as " + path.Join(cmp.Or(h.account, "ACCOUNT"), h.folder, "managed-NAME.json") + " or in an account dump",
		})
	}
	role.Unknown = append(role.Unknown, doubts(h.doubts, "")...)
	return role
}

// doubts are what is not known of a role, about what it may do and about who may be it.
func doubts(list []string, give string) (out []proof.Unknown) {
	for _, d := range list {
		layers := []iam.Layer{iam.LayerIdentity, iam.LayerTrust}
		if given.IsBoundaryDoubt(d) { // which gives nothing, and does not say who may enter
			layers = []iam.Layer{iam.LayerBoundary}
		}
		for _, layer := range layers {
			out = append(out, proof.Unknown{Why: d, Give: give, Layer: layer})
		}
	}
	return out
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/lint/shell"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/proof"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// releaseFlags say which release a command is about.
type releaseFlags struct {
	File  string            `short:"f" default:"slipway.yaml" placeholder:"FILE" help:"The release file (default: slipway.yaml)."`
	Set   map[string]string `placeholder:"NAME=VALUE" help:"Give a variable of the release file a value. Repeatable."`
	Stage string            `placeholder:"NAME" help:"Only this stage."`
}

// outputFlag chooses between text for people and JSON for scripts.
type outputFlag struct {
	Output string `short:"o" enum:"text,json" default:"text" help:"text or json (default: text)."`
}

func (o outputFlag) json() bool { return o.Output == "json" }

// loaded is a release file, read and planned.
type loaded struct {
	flags   releaseFlags
	release *release.Release
	plan    *plan.Plan
}

// maxReleaseFile is more than any release file needs; a larger one is not read into memory.
const maxReleaseFile = 1 << 20

// defaultReleaseFile is the release file where none is named.
const defaultReleaseFile = "slipway.yaml"

// load reads the release file and computes the plan. Every error is about what the user wrote: exit code 2.
func (f releaseFlags) load() (*loaded, error) {
	source, err := readBounded(f.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage(fmt.Errorf("no release file: %s does not exist", f.File), "name it with -f FILE")
	}
	if err != nil {
		return nil, usage(err, "")
	}
	// A root, not os.DirFS: a link among the scripts must not lead out of the folder.
	folder, err := os.OpenRoot(filepath.Dir(f.File))
	if err != nil {
		return nil, usage(err, "")
	}
	defer func() { _ = folder.Close() }()
	r, err := release.Parse(f.File, source, release.Options{Files: folder.FS(), Set: f.Set})
	if err != nil {
		return nil, usage(err, "")
	}
	p, err := plan.New(r)
	if err != nil {
		return nil, usage(err, "")
	}
	if f.Stage != "" {
		if p, err = p.Only(f.Stage); err != nil {
			return nil, usage(err, "")
		}
	}
	return &loaded{flags: f, release: r, plan: p}, nil
}

func readBounded(name string) ([]byte, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	source, err := io.ReadAll(io.LimitReader(file, maxReleaseFile+1))
	if err != nil {
		return nil, err
	}
	if len(source) > maxReleaseFile {
		return nil, fmt.Errorf("%s: larger than %d bytes: not a release file", name, maxReleaseFile)
	}
	return source, nil
}

// rolesFor gives the roles in policies, or those that the plan renders when policies is empty.
func (l *loaded) rolesFor(policies string) (*roles.Set, error) {
	if policies == "" {
		return roles.Render(l.plan)
	}
	info, err := os.Stat(policies)
	if err != nil {
		return nil, usage(fmt.Errorf("policies: %w", err), policiesLayout)
	}
	if !info.IsDir() {
		return nil, usage(fmt.Errorf("policies: %s is not a folder", policies), policiesLayout)
	}
	set, err := roles.Read(os.DirFS(policies))
	if err != nil {
		return nil, usage(fmt.Errorf("policies in %s: %w", policies, err), policiesLayout)
	}
	l.adopt(set)
	return set, nil
}

// adopt gives roles and users of folders the paths that the plan has for them: that layout does not hold any. Roles that the
// release adds to are known for what they are.
func (l *loaded) adopt(set *roles.Set) {
	for i := range l.plan.Stages {
		for _, planned := range l.plan.Stages[i].Roles {
			for j := range set.Roles {
				r := &set.Roles[j]
				if r.Account != planned.Account || r.Name != planned.Name {
					continue
				}
				if inFolder(r.Place) {
					r.Path = planned.Path
				}
				if planned.Exists() {
					r.Extends(planned)
				}
			}
			for j := range set.Users {
				if u := &set.Users[j]; inFolder(u.Place) && planned.Kind == plan.KindUser && u.Account == planned.Account && u.Name == planned.Name {
					u.Path = planned.Path
				}
			}
		}
	}
}

// adoptBoundary gives roles whose permissions boundary is the release's its text, where what was given only names it: the release
// has the text for that (roles.boundary.policy). AWS itself is asked for its own with --live.
func (l *loaded) adoptBoundary(set *roles.Set) error {
	b := l.release.Roles.Boundary
	if b == nil {
		return nil
	}
	text, err := iam.Parse(filepath.Join(filepath.Dir(l.flags.File), b.File), []byte(b.Content))
	if err != nil {
		return usage(fmt.Errorf("roles.boundary: %w", err), "")
	}
	for i := range set.Roles {
		given.TakeBoundary(&set.Roles[i], "arn:aws:iam::"+set.Roles[i].Account+":policy/"+b.Name, text)
	}
	return nil
}

// inFolder says whether something was read from a folder of its own: whatever else is read from files stands on a line.
func inFolder(p roles.Place) bool { return p.File != "" && p.Line == 0 }

const policiesLayout = "the layout is DIR/<12-digit account>/<RoleName>/{trust,policy-<name>,managed-<name>,attached,boundary}.json, DIR/<account>/user-<name>/ and DIR/<account>/bucket-<name>.json, as slipway roles render --format json --out DIR writes it"

// prove proves the plan against the roles, and that none of them reaches more than it holds.
func (l *loaded) prove(set *roles.Set) (*proof.Result, error) {
	return l.proveRoles(set, proofRoles(l.plan, set))
}

// proveRoles proves the plan against the roles of a set, as the proof takes them.
func (l *loaded) proveRoles(set *roles.Set, given []proof.Role) (*proof.Result, error) {
	result, err := proveGiven(l.plan, set, given)
	if err != nil {
		return nil, err
	}
	if err := result.Escalate(l.plan, given); err != nil {
		return nil, err
	}
	return result, nil
}

func proveCalls(p *plan.Plan, set *roles.Set) (*proof.Result, error) {
	return proveGiven(p, set, proofRoles(p, set))
}

func proveGiven(p *plan.Plan, set *roles.Set, given []proof.Role) (*proof.Result, error) {
	var buckets []proof.Bucket
	for _, b := range set.Buckets {
		buckets = append(buckets, proofBucket(&b))
	}
	return proof.Prove(p, given, buckets...)
}

// prover proves the calls of a rollback against the roles that the release itself was proved against.
func prover(set *roles.Set, skip bool) func(*plan.Plan) error {
	return func(p *plan.Plan) error {
		if skip {
			return nil
		}
		result, err := proveCalls(p, set)
		if err != nil {
			return err
		}
		if result.Exit() != exitOK {
			return errors.New(strings.TrimSpace(result.Text()))
		}
		return nil
	}
}

// warnOfScripts tells what the release's scripts will call AWS for without being allowed to. It decides nothing: a script
// may have other credentials than the node's.
func (l *loaded) warnOfScripts(warn func(format string, args ...any)) {
	for _, f := range shell.Scripts(l.release, l.plan) {
		warn("%s", f)
	}
}

// warnOnStderr writes a warning where no terminal is drawn.
func warnOnStderr(process *Process) func(format string, args ...any) {
	return func(format string, args ...any) {
		// A warning that cannot be written changes nothing about what is printed on stdout.
		_, _ = fmt.Fprintf(process.Stderr, "warning: "+format+"\n", args...)
	}
}

package roles

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// The layout: <12-digit account>/<RoleName>/{trust,policy-<name>,managed-<name>,attached,boundary}.json, the same without
// trust.json under <account>/user-<name>/, <account>/bucket-<name>.json, and scp-<name>.json.
const (
	trustName     = "trust.json"
	boundaryName  = "boundary.json"
	attachedName  = "attached.json"
	policyPrefix  = "policy-"
	managedPrefix = "managed-"
	bucketPrefix  = "bucket-"
	userPrefix    = "user-"
	scpPrefix     = "scp-"
	jsonSuffix    = ".json"
)

func trustFile(account, role string) string    { return path.Join(account, role, trustName) }
func boundaryFile(account, role string) string { return path.Join(account, role, boundaryName) }
func policyFile(account, role, name string) string {
	return path.Join(account, role, policyPrefix+name+jsonSuffix)
}

func managedFile(account, role, name string) string {
	return path.Join(account, role, managedPrefix+name+jsonSuffix)
}

func bucketFile(account, name string) string {
	return path.Join(account, bucketPrefix+name+jsonSuffix)
}

func scpFile(name string) string { return scpPrefix + name + jsonSuffix }

// Write gives the set as files: content by slash-separated relative path.
func Write(s *Set) map[string][]byte {
	files := map[string][]byte{}
	for _, r := range s.Roles {
		if r.Trust != nil {
			files[trustFile(r.Account, r.Name)] = r.Trust.JSON()
		}
		held{r.Policies, r.Attached, r.Boundary}.write(files, r.Account, r.Name)
	}
	for _, u := range s.Users {
		held{u.Policies, u.Attached, u.Boundary}.write(files, u.Account, userPrefix+u.Name)
	}
	for _, p := range s.SCPs {
		files[scpFile(p.Name)] = p.Document.JSON()
	}
	for _, b := range s.Buckets {
		files[bucketFile(b.Account, b.Name)] = b.Policy.JSON()
	}
	return files
}

var (
	accountPattern = regexp.MustCompile(`^[0-9]{12}$`)
	// What IAM takes as a name of a role, and of an inline policy.
	rolePattern   = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	policyPattern = regexp.MustCompile(`^[\w+=,.@-]{1,128}$`)
	scpPattern    = regexp.MustCompile(`^scp-([\w+=,.@-]{1,128})\.json$`)
	bucketPattern = regexp.MustCompile(`^bucket-([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])\.json$`)
)

// Read reads the layout that [Write] writes: every role that is there, sorted by account and name. A role may lack
// any of the files. A file that is not part of the layout is an error, since a policy in the wrong place would
// silently not count; only hidden files and README.md are passed over. All errors are reported together, and those
// in policies name file, line and column.
func Read(fsys fs.FS) (*Set, error) {
	accounts, err := entries(fsys, ".")
	if err != nil {
		return nil, err
	}
	set := &Set{}
	var errs []error
	for _, account := range accounts {
		if scp := scpPattern.FindStringSubmatch(account.Name()); scp != nil && !account.IsDir() {
			d, err := readDocument(fsys, account.Name())
			errs = append(errs, err)
			set.SCPs = append(set.SCPs, Policy{Name: scp[1], Document: d, Place: Place{File: account.Name()}})
			continue
		}
		if !account.IsDir() || !accountPattern.MatchString(account.Name()) {
			errs = append(errs, fmt.Errorf("%s: not a folder named by a 12-digit account", account.Name()))
			continue
		}
		errs = append(errs, set.readAccount(fsys, account.Name()))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return set, nil
}

func (s *Set) readAccount(fsys fs.FS, account string) error {
	list, err := entries(fsys, account)
	if err != nil {
		return err
	}
	var errs []error
	for _, e := range list {
		file := path.Join(account, e.Name())
		bucket := bucketPattern.FindStringSubmatch(e.Name())
		switch {
		case bucket != nil && !e.IsDir():
			d, err := readDocument(fsys, file)
			errs = append(errs, err)
			s.Buckets = append(s.Buckets, Bucket{Account: account, Name: bucket[1], Policy: d})
		case e.IsDir() && isUser(fsys, file):
			u, err := readUser(fsys, account, e.Name())
			errs = append(errs, err)
			s.Users = append(s.Users, u)
		case e.IsDir() && rolePattern.MatchString(e.Name()):
			r, err := readRole(fsys, account, e.Name())
			errs = append(errs, err)
			s.Roles = append(s.Roles, r)
		default:
			errs = append(errs, fmt.Errorf("%s: not a folder named by a role", file))
		}
	}
	return errors.Join(errs...)
}

func readRole(fsys fs.FS, account, name string) (Role, error) {
	r := Role{Account: account, Name: name, Path: plan.RolePath, Kind: KindOf(name), Place: Place{File: path.Join(account, name)}}
	r.InstanceProfile = r.Kind == plan.KindNode
	dir := path.Join(account, name)
	list, err := entries(fsys, dir)
	if err != nil {
		return r, err
	}
	if len(list) == 0 {
		return r, fmt.Errorf("%s: a role without any file", dir)
	}
	var h held
	var errs []error
	for _, e := range list {
		if e.Name() == trustName {
			r.Trust, err = readDocument(fsys, path.Join(dir, trustName))
			errs = append(errs, err)
			continue
		}
		errs = append(errs, h.read(fsys, path.Join(dir, e.Name())))
	}
	errs = append(errs, h.attach(fsys, account, dir))
	r.Policies, r.Attached, r.Boundary = h.policies, h.attached, h.boundary
	return r, errors.Join(errs...)
}

// maxPolicyFile bounds a policy file: far above IAM's quotas, so that white space does not count.
const maxPolicyFile = 1 << 20

func readDocument(fsys fs.FS, file string) (*iam.Document, error) {
	data, err := readText(fsys, file)
	if err != nil {
		return nil, err
	}
	return iam.Parse(file, data)
}

func readText(fsys fs.FS, file string) ([]byte, error) {
	info, err := fs.Stat(fsys, file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a file", file)
	}
	if info.Size() > maxPolicyFile {
		return nil, fmt.Errorf("%s: larger than %d bytes: not a policy", file, maxPolicyFile)
	}
	return fs.ReadFile(fsys, file)
}

// entries lists a folder without what is not meant for slipway.
func entries(fsys fs.FS, dir string) ([]fs.DirEntry, error) {
	list, err := fs.ReadDir(fsys, dir)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(list, func(e fs.DirEntry) bool {
		return strings.HasPrefix(e.Name(), ".") || e.Name() == "README.md"
	}), nil
}

// KindOf finds the kind at the end of a name such as web-dev-Deploy.
func KindOf(name string) plan.RoleKind {
	for _, k := range []plan.RoleKind{plan.KindDeploy, plan.KindTrigger, plan.KindVerify, plan.KindNode, plan.KindAutomation, plan.KindTest, plan.KindOperator, plan.KindCodeBuild} {
		if strings.HasSuffix(name, "-"+string(k)) {
			return k
		}
	}
	return ""
}

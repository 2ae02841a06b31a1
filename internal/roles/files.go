package roles

import (
	"cmp"
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

// The layout: <12-digit account>/<RoleName>/{trust,policy-<name>,boundary}.json, and <account>/bucket-<name>.json.
const (
	trustName    = "trust.json"
	boundaryName = "boundary.json"
	policyPrefix = "policy-"
	bucketPrefix = "bucket-"
	jsonSuffix   = ".json"
)

func trustFile(account, role string) string    { return path.Join(account, role, trustName) }
func boundaryFile(account, role string) string { return path.Join(account, role, boundaryName) }
func policyFile(account, role, name string) string {
	return path.Join(account, role, policyPrefix+name+jsonSuffix)
}

func bucketFile(account, name string) string {
	return path.Join(account, bucketPrefix+name+jsonSuffix)
}

// Write gives the set as files: content by slash-separated relative path.
func Write(s *Set) map[string][]byte {
	files := map[string][]byte{}
	for _, r := range s.Roles {
		if r.Trust != nil {
			files[trustFile(r.Account, r.Name)] = r.Trust.JSON()
		}
		for _, p := range r.Policies {
			files[policyFile(r.Account, r.Name, p.Name)] = p.Document.JSON()
		}
		if r.Boundary != nil {
			files[boundaryFile(r.Account, r.Name)] = r.Boundary.JSON()
		}
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
	r := Role{Account: account, Name: name, Path: plan.RolePath, Kind: kindOf(name)}
	r.InstanceProfile = r.Kind == plan.KindNode
	dir := path.Join(account, name)
	list, err := entries(fsys, dir)
	if err != nil {
		return r, err
	}
	if len(list) == 0 {
		return r, fmt.Errorf("%s: a role without any file", dir)
	}
	var errs []error
	for _, e := range list {
		errs = append(errs, r.readFile(fsys, path.Join(dir, e.Name())))
	}
	slices.SortFunc(r.Policies, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	return r, errors.Join(errs...)
}

func (r *Role) readFile(fsys fs.FS, file string) (err error) {
	base := path.Base(file)
	stem, isJSON := strings.CutSuffix(base, jsonSuffix)
	policy, isPolicy := strings.CutPrefix(stem, policyPrefix)
	switch {
	case base == trustName:
		r.Trust, err = readDocument(fsys, file)
	case base == boundaryName:
		r.Boundary, err = readDocument(fsys, file)
	case isJSON && isPolicy && policyPattern.MatchString(policy):
		var d *iam.Document
		d, err = readDocument(fsys, file)
		r.Policies = append(r.Policies, Policy{Name: policy, Document: d})
	default:
		err = fmt.Errorf("%s: expected %s, %s<name>%s or %s", file, trustName, policyPrefix, jsonSuffix, boundaryName)
	}
	return err
}

// maxPolicyFile bounds a policy file: far above IAM's quotas, so that white space does not count.
const maxPolicyFile = 1 << 20

func readDocument(fsys fs.FS, file string) (*iam.Document, error) {
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
	data, err := fs.ReadFile(fsys, file)
	if err != nil {
		return nil, err
	}
	return iam.Parse(file, data)
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

// kindOf finds the kind at the end of a name such as web-dev-Deploy.
func kindOf(name string) plan.RoleKind {
	for _, k := range []plan.RoleKind{plan.KindDeploy, plan.KindTrigger, plan.KindVerify, plan.KindNode} {
		if strings.HasSuffix(name, "-"+string(k)) {
			return k
		}
	}
	return ""
}

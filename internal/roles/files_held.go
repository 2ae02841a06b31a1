package roles

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/plan"
)

// held is what a role and a user hold alike.
type held struct {
	policies []Policy
	attached []Attached
	boundary *iam.Document
}

// write adds the files of a role's or user's folder. The texts of AWS's own managed policies are AWS's, and no files.
func (h held) write(files map[string][]byte, account, folder string) {
	for _, p := range h.policies {
		files[policyFile(account, folder, p.Name)] = p.Document.JSON()
	}
	if h.boundary != nil {
		files[boundaryFile(account, folder)] = h.boundary.JSON()
	}
	var arns []string
	for _, a := range h.attached {
		own := !ofAWS(a.ARN)
		if own && a.Document != nil {
			files[managedFile(account, folder, a.Name())] = a.Document.JSON()
		}
		if !own || a.Document == nil || a.ARN != policyARN(account, a.Name()) {
			arns = append(arns, a.ARN)
		}
	}
	if len(arns) > 0 {
		list, _ := json.MarshalIndent(arns, "", "  ") // strings cannot fail
		files[path.Join(account, folder, attachedName)] = append(list, '\n')
	}
}

// ofAWS says whether a managed policy is one of AWS's own, which nobody has to make.
func ofAWS(arn string) bool { return strings.HasPrefix(arn, managed.Prefix) }

// policyARN is that of a managed policy under slipway's path.
func policyARN(account, name string) string {
	return "arn:aws:iam::" + account + ":policy" + plan.RolePath + name
}

// Name is the last part of the policy's ARN, which is unique in its account.
func (a Attached) Name() string { return a.ARN[strings.LastIndexByte(a.ARN, '/')+1:] }

// isUser says whether a folder is a user's: user-<name>, unless a trust policy makes it a role of that name.
func isUser(fsys fs.FS, folder string) bool {
	name, ok := strings.CutPrefix(path.Base(folder), userPrefix)
	if !ok || !rolePattern.MatchString(name) { // IAM takes the same characters in both
		return false
	}
	_, err := fs.Stat(fsys, path.Join(folder, trustName))
	return errors.Is(err, fs.ErrNotExist)
}

func readUser(fsys fs.FS, account, folder string) (User, error) {
	dir := path.Join(account, folder)
	u := User{Account: account, Name: strings.TrimPrefix(folder, userPrefix), Path: plan.RolePath, Place: Place{File: dir}}
	list, err := entries(fsys, dir)
	if err != nil {
		return u, err
	}
	if len(list) == 0 {
		return u, fmt.Errorf("%s: a user without any file", dir)
	}
	var h held
	var errs []error
	for _, e := range list {
		errs = append(errs, h.read(fsys, path.Join(dir, e.Name())))
	}
	errs = append(errs, h.attach(fsys, account, dir))
	u.Policies, u.Attached, u.Boundary = h.policies, h.attached, h.boundary
	return u, errors.Join(errs...)
}

// read takes one file of the folder in; attach sees to attached.json afterwards.
func (h *held) read(fsys fs.FS, file string) (err error) {
	base := path.Base(file)
	stem, isJSON := strings.CutSuffix(base, jsonSuffix)
	policy, isPolicy := strings.CutPrefix(stem, policyPrefix)
	own, isManaged := strings.CutPrefix(stem, managedPrefix)
	var d *iam.Document
	switch {
	case base == boundaryName:
		h.boundary, err = readDocument(fsys, file)
	case base == attachedName:
	case isJSON && isPolicy && policyPattern.MatchString(policy):
		d, err = readDocument(fsys, file)
		h.policies = append(h.policies, Policy{Name: policy, Document: d})
	case isJSON && isManaged && policyPattern.MatchString(own):
		d, err = readDocument(fsys, file)
		account, _, _ := strings.Cut(file, "/")
		h.attached = append(h.attached, Attached{ARN: policyARN(account, own), Document: d, Place: Place{File: file}})
	default:
		err = fmt.Errorf("%s: expected %s, %s<name>%s, %s<name>%s, %s or %s", file, trustName, policyPrefix, jsonSuffix,
			managedPrefix, jsonSuffix, attachedName, boundaryName)
	}
	return err
}

var managedARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::(aws|[0-9]{12}):policy/([!-~]+/)?[\w+=,.@-]{1,128}$`)

// attach adds the policies that attached.json names: those of AWS with their texts where they are known, and the account's
// own with the text of managed-<name>.json, whose whole ARN this is then.
func (h *held) attach(fsys fs.FS, account, dir string) error {
	file := path.Join(dir, attachedName)
	text, err := readText(fsys, file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return h.sort(file)
	case err != nil:
		return err
	}
	var arns []string
	if err := json.Unmarshal(text, &arns); err != nil {
		return fmt.Errorf("%s: not a list of ARNs of managed policies: %w", file, err)
	}
	for _, arn := range arns {
		if !managedARN.MatchString(arn) {
			return fmt.Errorf("%s: %q is not the ARN of a managed policy", file, arn)
		}
		a := Attached{ARN: arn, Place: Place{File: file}}
		if p, ok := managed.Lookup(arn); ok {
			a.Document = p.Document()
		}
		i := slices.IndexFunc(h.attached, func(own Attached) bool { return own.ARN == policyARN(account, a.Name()) })
		if i >= 0 && strings.HasPrefix(arn, "arn:aws:iam::"+account+":") {
			h.attached[i].ARN = arn
			continue
		}
		h.attached = append(h.attached, a)
	}
	return h.sort(file)
}

func (h *held) sort(file string) error {
	slices.SortFunc(h.policies, func(a, b Policy) int { return cmp.Compare(a.Name, b.Name) })
	slices.SortFunc(h.attached, func(a, b Attached) int { return cmp.Compare(a.ARN, b.ARN) })
	for i := 1; i < len(h.attached); i++ {
		if h.attached[i].ARN == h.attached[i-1].ARN {
			return fmt.Errorf("%s: %s is attached twice", file, h.attached[i].ARN)
		}
	}
	return nil
}

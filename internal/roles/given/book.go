package given

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// book is what has been read of a file: who there is, and what they carry.
type book struct {
	file, account string
	intrinsics    bool // values may be functions of CloudFormation
	findings      []*iam.SyntaxError
	holders       []*holder
	byName        map[[2]string]*holder      // by kind and name
	byARN         map[string]*roles.Attached // the managed policies of the file
	carried       map[string]bool            // the ARNs of managed policies that somebody carries
	maybe         map[string][]string        // doubts about everybody of a kind
	joined        int                        // policies that users have from groups
}

func newBook(file, account string) *book {
	return &book{
		file: file, account: account, byName: map[[2]string]*holder{}, byARN: map[string]*roles.Attached{},
		carried: map[string]bool{}, maybe: map[string][]string{},
	}
}

func (b *book) report(pos iam.Position, code iam.Code, format string, args ...any) {
	const most = 100
	if len(b.findings) < most {
		b.findings = append(b.findings, at(b.file, pos, code, format, args...))
	}
}

// distinct sorts findings, and leaves each only once: what is attached to two roles is read twice.
func distinct(findings []*iam.SyntaxError) []*iam.SyntaxError {
	iam.SortFindings(findings)
	return slices.CompactFunc(findings, func(a, b *iam.SyntaxError) bool { return *a == *b })
}

// holder is what carries policies: a role, a user, or a group, whose policies are its users'.
type holder struct {
	kind     string
	name     string // text, or an [iam.Intrinsic]
	unnamed  bool
	path     string
	trust    *iam.Document
	policies []roles.Policy
	attached []roles.Attached
	boundary *iam.Document
	bound    string // the ARN of the boundary
	profile  bool
	adds     bool // only policies, to somebody who is made elsewhere
	profiles []string
	groups   []string
	doubts   []string
	place    roles.Place
}

func (b *book) keep(h *holder) {
	b.holders = append(b.holders, h)
	b.byName[[2]string{h.kind, h.name}] = h
	for _, a := range h.attached {
		b.carried[a.ARN] = true
	}
}

// policy finds a managed policy by its ARN: one of the file, one of AWS, or one that is not known here.
func (b *book) policy(arn string, pos iam.Position) roles.Attached {
	if a := b.byARN[arn]; a != nil {
		return *a
	}
	return roles.Attached{ARN: arn, Document: awsPolicy(arn), Place: place(b.file, pos)}
}

// unsure notes a doubt about everybody of a kind. A few are enough.
func (b *book) unsure(kind, doubt string) {
	const most = 3
	if list := b.maybe[kind]; len(list) < most && !slices.Contains(list, doubt) {
		b.maybe[kind] = append(list, doubt)
	}
}

// bind gives the permissions boundary that a has.
func (h *holder) bind(a roles.Attached) {
	if h.boundary, h.bound = a.Document, a.ARN; a.Document == nil {
		h.doubts = append(h.doubts, unknownBoundary(a.ARN))
	}
}

func unknownBoundary(arn string) string {
	return "the text of its permissions boundary " + Shown(arn) + " is not given"
}

// GiveBoundary says how to give the text of a permissions boundary.
const GiveBoundary = "an account dump has it (aws iam get-account-authorization-details), and so has AWS (--live); where the release " +
	"names that boundary under roles.boundary, its text is taken from there"

// TakeBoundary gives a role the text of its permissions boundary, where that is the managed policy of this ARN and nobody gave its
// text.
func TakeBoundary(r *roles.Role, arn string, text *iam.Document) {
	if r.Boundary != nil || r.BoundaryARN != arn {
		return
	}
	r.Boundary = text
	r.Doubts = slices.DeleteFunc(slices.Clone(r.Doubts), func(d string) bool { return d == unknownBoundary(arn) })
}

// IsBoundaryDoubt says whether a doubt is that of a permissions boundary whose text nobody gave.
func IsBoundaryDoubt(doubt string) bool { return strings.Contains(doubt, "its permissions boundary") }

// Fits says whether a name that only a deploy knows may become a given one.
func Fits(open, name string) bool {
	fits, err := path.Match(iam.IntrinsicPattern(open), name)
	return fits || err != nil // a pattern that cannot be read rules nothing out
}

// Shown prints a text that may be an [iam.Intrinsic].
func Shown(s string) string {
	if json, ok := iam.IntrinsicJSON(s); ok {
		return json
	}
	return s
}

// finish puts the roles and users into the set, in the order of the file.
func (b *book) finish(set *roles.Set) {
	for _, h := range b.holders {
		h.doubts = append(h.doubts, b.maybe[h.kind]...)
		slices.SortStableFunc(h.policies, func(a, b roles.Policy) int { return cmp.Compare(a.Name, b.Name) })
		switch h.kind {
		case typeRole:
			set.Roles = append(set.Roles, h.role(b.account))
		case typeUser:
			b.join(h)
			set.Users = append(set.Users, h.user(b.account))
		case typeGroup:
			set.Groups = append(set.Groups, h.group(b.account))
		}
	}
}

// maxJoined bounds what users have from groups, all together: far more than IAM takes, and far less than memory.
const maxJoined = 100_000

// join gives a user the policies of its groups.
func (b *book) join(h *holder) {
	for _, name := range h.groups {
		g := b.byName[[2]string{typeGroup, name}]
		if g == nil {
			h.doubts = append(h.doubts, "the policies of its group "+Shown(name)+" are not given")
			continue
		}
		if b.joined += len(g.policies) + len(g.attached) + len(g.doubts); b.joined > maxJoined {
			b.report(iam.Position{Line: h.place.Line, Column: h.place.Column}, CodeFile, "users have more than %d policies from groups", maxJoined)
			return
		}
		h.policies, h.attached = append(h.policies, g.policies...), append(h.attached, g.attached...)
		h.doubts = append(h.doubts, g.doubts...)
	}
}

func (h *holder) role(account string) roles.Role {
	return roles.Role{
		Account: account, Name: h.name, Path: h.path, Kind: roles.KindOf(h.name), Trust: h.trust, Policies: h.policies,
		Attached: h.attached, Boundary: h.boundary, BoundaryARN: h.bound, InstanceProfile: h.profile, Profiles: h.profiles, Doubts: h.doubts, Place: h.place,
		Unnamed: h.unnamed, Adds: h.adds,
	}
}

func (h *holder) group(account string) roles.Group {
	return roles.Group{
		Account: account, Name: h.name, Path: h.path, Policies: h.policies, Attached: h.attached, Doubts: h.doubts, Place: h.place,
	}
}

func (h *holder) user(account string) roles.User {
	return roles.User{
		Account: account, Name: h.name, Path: h.path, Policies: h.policies, Attached: h.attached, Boundary: h.boundary, BoundaryARN: h.bound,
		Groups: h.groups, Doubts: h.doubts, Place: h.place,
	}
}

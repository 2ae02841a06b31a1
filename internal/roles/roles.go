// Package roles derives least-privilege IAM roles from a plan: for each role, a trust policy from the calls by which
// it is entered, and permissions from the calls that it makes, each statement with its reason and each * with why
// AWS takes nothing else there.
//
// The same [Set] is read back from files that somebody wrote or changed ([Read]). The package is pure: plan in,
// values out; it reads only the file system that it is handed.
package roles

import (
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Set is roles, rendered from a plan or read from files.
type Set struct {
	Roles []Role
	// Buckets are policies of buckets that lie in another account than roles that use them.
	Buckets []Bucket
	// Users are those of IAM that work in a pipeline.
	Users []User
	// Groups of users. Those of slipway have none.
	Groups []Group
	// SCPs are service control policies that lie above all of the accounts, beside FullAWSAccess.
	SCPs []Policy
	// Loose are policies that nobody in the files carries: a file that is a policy and nothing else, a managed policy of a
	// template that is attached elsewhere.
	Loose []Policy
	// Complete says that the accounts have no other roles and users.
	Complete bool
}

// Add adds what another set has.
func (s *Set) Add(other *Set) {
	s.Roles, s.Buckets = append(s.Roles, other.Roles...), append(s.Buckets, other.Buckets...)
	s.Users, s.Loose = append(s.Users, other.Users...), append(s.Loose, other.Loose...)
	s.Groups = append(s.Groups, other.Groups...)
	s.Complete = s.Complete && other.Complete
	s.SCPs = append(s.SCPs, other.SCPs...)
}

// Place is where a file has something; zero where it was not read from a file.
type Place struct {
	File         string
	Line, Column int
}

// User is an IAM user, with what is attached to it.
type User struct {
	Account, Name, Path string
	Purpose             string
	Policies            []Policy
	Attached            []Attached
	Boundary            *iam.Document
	// BoundaryARN is as a role's.
	BoundaryARN string
	// Groups are the names of the user's groups, whose policies are among its own.
	Groups []string
	// Doubts are as a role's.
	Doubts []string
	Place  Place
}

// Group is a group of users, which may have no members. Its members have its policies among their own.
type Group struct {
	Account, Name, Path string
	Policies            []Policy
	Attached            []Attached
	// Doubts are as a role's.
	Doubts []string
	Place  Place
}

// Attached is a managed policy that is attached to a role or a user.
type Attached struct {
	// ARN, which in a template may be an [iam.Intrinsic].
	ARN string
	// Document is nil where nobody gave its text: what it allows is not known then.
	Document *iam.Document
	Notes    []Note
	Place    Place
}

// Bucket is the policy of a bucket.
type Bucket struct {
	// Account that owns the bucket.
	Account string
	// Name, which in a template may be an [iam.Intrinsic].
	Name string
	// Policy is nil where nobody gave its text.
	Policy *iam.Document
	// Doubts are as a role's.
	Doubts []string
	// Place is where it was read from.
	Place Place
	// Notes explain the statements, in their order; none when read from files.
	Notes []Note
}

// In gives what belongs to one account; nil where nothing does.
func (s *Set) In(account string) *Set {
	out := &Set{}
	for _, r := range s.Roles {
		if r.Account == account {
			out.Roles = append(out.Roles, r)
		}
	}
	for _, u := range s.Users {
		if u.Account == account {
			out.Users = append(out.Users, u)
		}
	}
	for _, b := range s.Buckets {
		if b.Account == account {
			out.Buckets = append(out.Buckets, b)
		}
	}
	if len(out.Roles)+len(out.Users)+len(out.Buckets) == 0 {
		return nil
	}
	return out
}

// Role is one role with its policies.
type Role struct {
	Account, Name string
	// Path and Kind are not part of the files: [Read] gives slipway's path, and the kind that the name ends with,
	// which is empty where it ends with none. Path is empty where a file does not say it, and may be an [iam.Intrinsic].
	Path string
	Kind plan.RoleKind
	// Purpose in one sentence; empty when read from files.
	Purpose string
	// Trust says who may assume the role; nil when its file is missing. Nobody can assume it then.
	Trust *iam.Document
	// TrustNotes explain the statements of Trust; none when read from files.
	TrustNotes []Note
	// Policies are the role's inline policies, sorted by name.
	Policies []Policy
	// Boundary is the permissions boundary; nil when there is none.
	Boundary *iam.Document
	// BoundaryARN names the managed policy that is the boundary, where it is one that is in the account already, or a file
	// names it; empty where it is made with the role. In a template it may be an [iam.Intrinsic].
	BoundaryARN string
	// InstanceProfile says that instances carry the role, by an instance profile of the same name and path.
	InstanceProfile bool
	// Profiles are the names of the instance profiles that have the role, where they were given.
	Profiles []string
	// Attached are managed policies, AWS's own among them.
	Attached []Attached
	// Unnamed says that whoever wrote the file left the name to CloudFormation or Terraform.
	Unnamed bool
	// Doubts say, as sentences, what about the role cannot be told from the files: it may be allowed more or less than
	// its policies say.
	Doubts []string
	// Adds says that this only adds policies to a role that is made elsewhere, of which nothing else is known: [OnlyAdds] is
	// among the doubts then.
	Adds bool
	// Place is where the role was read from.
	Place Place
}

// Policy is a named inline policy.
type Policy struct {
	Name     string
	Document *iam.Document
	// Notes explain the statements, in their order; none when read from files.
	Notes []Note
	Place Place
}

// Note tells a reviewer about one statement.
type Note struct {
	Sid string
	// Reason says what the statement is for, and what else it allows where that cannot be helped.
	Reason string
	// Star says why a wildcard in Resource is unavoidable; empty when there is none.
	Star string
	// When lists the circumstances in which a deploy makes the calls that need the statement.
	When []plan.When
	// Steps of the stage that make these calls; none where the whole stage does.
	Steps []string
}

// Render derives the roles of a plan, in the plan's order. It fails where the plan asks for what IAM cannot express
// or what least privilege forbids, and where a policy would be larger than AWS takes. What it returns has been
// printed, parsed again and found to be the same.
func Render(p *plan.Plan) (*Set, error) {
	set := &Set{}
	seen := map[string]bool{}
	errs := []error{set.pipeline(p)} // first: the trust policies of the others name it, and IAM wants it to be there
	for i := range p.Stages {
		stage := &p.Stages[i]
		for _, r := range stage.Roles {
			if r.Kind.Shared() {
				continue
			}
			if seen[r.ARN()] && !r.Exists() {
				errs = append(errs, fmt.Errorf("stage %s: role %s: another stage has a role of this name in account %s", stage.Name, r.Name, r.Account))
				continue
			}
			seen[r.ARN()] = true
			role, err := render(stage, r, p.Boundary)
			if err != nil {
				errs = append(errs, fmt.Errorf("stage %s: role %s: %w", stage.Name, r.Name, err))
				continue
			}
			set.Roles = append(set.Roles, role)
		}
	}
	set.Join() // stages whose nodes carry the same role
	var err error
	set.Buckets, err = buckets(p)
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	return set, nil
}

func render(stage *plan.Stage, r plan.Role, boundary string) (Role, error) {
	if r.Exists() {
		return extend(stage, r)
	}
	out := Role{
		Account: r.Account, Name: r.Name, Path: r.Path, Kind: r.Kind, Purpose: r.Purpose,
		InstanceProfile: r.Kind == plan.KindNode,
	}
	var err error
	if out.Trust, out.TrustNotes, err = trust(stage, r); err != nil {
		return Role{}, err
	}
	if r.Boundary != "" {
		out.BoundaryARN = r.Boundary
		if out.Boundary, err = iam.Parse(boundaryFile(r.Account, r.Name), []byte(boundary)); err != nil {
			return Role{}, fmt.Errorf("its permissions boundary: %w", err)
		}
		clearPlaces(out.Boundary)
	}
	policy, err := permissions(stage, r)
	if err != nil {
		return Role{}, err
	}
	if len(policy.Document.Statements) > 0 {
		out.Policies = []Policy{policy}
	}
	if err := out.fit(); err != nil {
		return Role{}, err
	}
	return out, check(&out)
}

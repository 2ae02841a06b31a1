package proof

import (
	"fmt"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

// subject is a given role, compiled.
type subject struct {
	role     Role
	trust    *iam.Policy
	policies []*iam.Policy
	boundary *iam.Policy
	scps     [][]*iam.Policy
	openings openings
}

type roleKey struct{ account, name string }

// keyOf is the key of a planned role, or user: they have names of their own.
func keyOf(r *plan.Role) roleKey {
	return roleKey{r.Account, keyName(r.Name, r.Kind == plan.KindUser)}
}

func keyName(name string, user bool) string {
	if user {
		return "user/" + name
	}
	return name
}

// compileRoles compiles every given role. A policy that does not compile is an error: it would not exist on AWS.
func compileRoles(given []Role) (map[roleKey]*subject, error) {
	subjects := make(map[roleKey]*subject, len(given))
	for _, r := range given {
		key := roleKey{r.Account, keyName(r.Name, r.User)}
		if subjects[key] != nil {
			return nil, fmt.Errorf("role %s in account %s is given twice", r.Name, r.Account)
		}
		s := &subject{role: r, openings: openings{}}
		for i, d := range r.Policies {
			p, err := s.openings.compile(d)
			if err != nil {
				return nil, err
			}
			s.policies = append(s.policies, p)
			if d.HasIntrinsics() {
				s.role.Policies = slices.Clone(s.role.Policies)
				s.role.Policies[i] = p.Document()
			}
		}
		var err error
		if s.trust, err = s.openings.compile(r.Trust); err != nil {
			return nil, err
		}
		if s.boundary, err = s.openings.compile(r.Boundary); err != nil {
			return nil, err
		}
		if s.scps, err = compileLevels(r.SCPs); err != nil {
			return nil, err
		}
		subjects[key] = s
	}
	return subjects, nil
}

// compileLevels compiles service control policies. Without any there is no level, and nothing that denies.
func compileLevels(given [][]*iam.Document) (levels [][]*iam.Policy, err error) {
	for _, level := range given {
		compiled := make([]*iam.Policy, len(level))
		for i, d := range level {
			if compiled[i], err = iam.Compile(d); err != nil {
				return nil, err
			}
		}
		levels = append(levels, compiled)
	}
	return levels, nil
}

// compileBuckets compiles the policies of buckets, by the bucket's ARN.
func compileBuckets(given []Bucket, o openings) (map[string]*iam.Policy, error) {
	policies := make(map[string]*iam.Policy, len(given))
	for _, b := range given {
		arn := s3Prefix + b.Name
		if policies[arn] != nil {
			return nil, fmt.Errorf("the policy of bucket %s is given twice", b.Name)
		}
		var err error
		if policies[arn], err = o.compile(b.Policy); err != nil {
			return nil, err
		}
	}
	return policies, nil
}

// elsewhere says why a given role is not the planned one: with another path it has another ARN, and a deploy calls it by that.
// Empty where it is, or where nobody said its path.
func (s *subject) elsewhere(role *plan.Role) string {
	if s == nil || s.role.Path == "" || s.role.Path == role.Path {
		return ""
	}
	there := *role
	there.Path = s.role.Path
	return fmt.Sprintf("%s has the path %s and should have %s: its ARN is %s, and a deploy asks for %s", role.Name, s.role.Path, role.Path, there.ARN(), role.ARN())
}

// own is the policy set for calls that the role makes.
func (s *subject) own() *iam.PolicySet {
	return &iam.PolicySet{Identity: s.policies, Boundary: s.boundary, SCPs: s.scps}
}

// entry is the policy set for calls that assume the role.
func (s *subject) entry() *iam.PolicySet { return &iam.PolicySet{Trust: s.trust} }

// principalOf is a session of a planned role, or a planned user.
func principalOf(r *plan.Role) iam.Principal {
	if r.Kind == plan.KindUser {
		return iam.Principal{Kind: iam.PrincipalAWS, Account: r.Account, ARN: r.ARN()}
	}
	return iam.Principal{
		Kind: iam.PrincipalAWS, Account: r.Account, RoleARN: r.ARN(),
		ARN: "arn:aws:sts::" + r.Account + ":assumed-role/" + r.Name + "/slipway",
	}
}

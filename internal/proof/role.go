package proof

import (
	"fmt"
	"path"
	"slices"
	"strings"

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

// bucketPolicy is the given policy of a bucket, compiled.
type bucketPolicy struct {
	policy *iam.Policy // nil where nobody gave its text
	doubts []Unknown
}

// buckets are policies of buckets.
type buckets struct {
	byARN    map[string]bucketPolicy // by the ARN of the bucket
	open     []Bucket                // those of which only a deploy knows the bucket
	openings openings
}

// compileBuckets compiles the policies of buckets.
func compileBuckets(given []Bucket) (*buckets, error) {
	out := &buckets{byARN: make(map[string]bucketPolicy, len(given)), openings: openings{}}
	for _, b := range given {
		if b.Open {
			out.open = append(out.open, b)
			continue
		}
		arn := s3Prefix + b.Name
		if _, twice := out.byARN[arn]; twice {
			return nil, fmt.Errorf("the policy of bucket %s is given twice", b.Name)
		}
		p, err := out.openings.compile(b.Policy)
		if err != nil {
			return nil, err
		}
		out.byARN[arn] = bucketPolicy{p, resourceDoubts(b)}
	}
	return out, nil
}

func resourceDoubts(b Bucket) (list []Unknown) {
	for _, d := range b.Doubts {
		list = append(list, Unknown{Why: "of the policy of bucket " + b.Name + ", " + d, Layer: iam.LayerResource})
	}
	return list
}

// of gives the policy of a bucket, and what is not known of it.
func (s *buckets) of(name string) bucketPolicy {
	found := s.byARN[s3Prefix+name]
	for _, b := range s.open {
		if fits, err := path.Match(b.Name, name); err == nil && !fits {
			continue
		}
		found.doubts = append(slices.Clone(found.doubts), Unknown{Layer: iam.LayerResource,
			Why: "which bucket a policy is for is only known when it is deployed, and it may be " + name + ": " + strings.Join(b.Doubts, "; ")})
	}
	return found
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

package policy

import (
	"errors"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// bundle is the policies of a line, compiled.
type bundle struct {
	err   error // then nothing else is set
	given iam.PolicySet
	// variants hold given as it applies to [a root user or not][an assumption of a role or not], made when needed.
	variants [2][2]*iam.PolicySet
}

// set gives the policies for a caller and a call.
//
// The root user "has full access to all of the resources in the account"
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_root-user.html): it has no identity policies, and is given one
// that allows everything. The resource policy of a role is its trust policy
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html).
func (b *bundle) set(root, assumes bool) (*iam.PolicySet, error) {
	if b.err != nil {
		return nil, b.err
	}
	variant := &b.variants[index(root)][index(assumes)]
	if *variant != nil {
		return *variant, nil
	}
	s := b.given
	if root {
		s.Identity = append(slices.Clone(s.Identity), rootAccess)
	}
	switch {
	case !assumes:
		s.Trust = nil
	case s.Trust != nil && s.Resource != nil:
		return nil, errors.New("policies: both trust and resource are given, and a role has one policy")
	case s.Resource != nil:
		s.Trust, s.Resource = s.Resource, nil
	case s.Trust == nil:
		s.Trust = nobody
	}
	*variant = &s
	return *variant, nil
}

// rootAccess is the policy of a root user; it is found under its name among the decisive statements.
var rootAccess = iam.AllowAll("root user")

// nobody is the trust policy of a role whose trust policy is not given: without one nobody can assume it. A document
// without statements compiles; were it not to, the engine would ask for a resource policy that allows the call.
var nobody, _ = iam.Compile(&iam.Document{Name: "trust", Version: iam.Version2012})

func index(b bool) int {
	if b {
		return 1
	}
	return 0
}

// assumesRole says whether the call is decided by a role's trust policy.
func assumesRole(action, resource string) bool {
	service, operation, _ := strings.Cut(action, ":")
	if !strings.EqualFold(service, "sts") || !isRole(resource) {
		return false
	}
	const assume = "AssumeRole"
	if len(operation) >= len(assume) && strings.EqualFold(operation[:len(assume)], assume) {
		return true
	}
	return slices.ContainsFunc(alongAssume[:], func(name string) bool { return strings.EqualFold(name, operation) })
}

// alongAssume are the actions that a trust policy allows along with sts:AssumeRole*.
var alongAssume = [...]string{"TagSession", "SetSourceIdentity", "SetContext"}

func isRole(arn string) bool {
	parts := strings.SplitN(arn, ":", 6)
	return len(parts) == 6 && parts[2] == "iam" && strings.HasPrefix(parts[5], "role/")
}

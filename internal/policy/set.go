package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
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
		s.Identity = append(slices.Clone(s.Identity), iam.AllowAll("root user"))
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

// compileBundle compiles the policies object of a line.
func compileBundle(text string) *bundle {
	b := &bundle{}
	seen := map[string]bool{}
	m := membersOf(text)
	for m.more() {
		if seen[m.name] {
			return &bundle{err: fmt.Errorf("policies: %q is given twice", m.name)}
		}
		seen[m.name] = true
		if m.value == "null" {
			continue // a program that writes null means none
		}
		if err := compileMember(&b.given, m.name, m.value); err != nil {
			return &bundle{err: fmt.Errorf("policies: %w", err)}
		}
	}
	if m.err != nil {
		return &bundle{err: fmt.Errorf("policies: %w", m.err)}
	}
	return b
}

func compileMember(s *iam.PolicySet, name, text string) (err error) {
	switch name {
	case "identity":
		s.Identity, err = compileList(name, text)
	case "session":
		if text[0] == '[' {
			s.Session, err = compileList(name, text)
			break
		}
		var p *iam.Policy
		p, err = compileEntry(name, text)
		s.Session = []*iam.Policy{p}
	case "boundary":
		s.Boundary, err = compileOne(name, text)
	case "vpce":
		s.Endpoint, err = compileOne(name, text)
	case "resource":
		s.Resource, err = compileEntry(name, text)
	case "trust":
		s.Trust, err = compileEntry(name, text)
	case "scp":
		s.SCPs, err = compileLevels(name, text)
	case "rcp":
		s.RCPs, err = compileLevels(name, text)
		s.RCPs = withFullAccess(s.RCPs)
	default:
		err = unknown(name, "identity, scp, rcp, boundary, session, resource, vpce, trust")
	}
	return err
}

// withFullAccess adds to every level the policy that AWS attaches there and nobody can detach: "RCPFullAWSAccess is
// automatically attached to the organization root, every OU and every account"
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html).
func withFullAccess(levels [][]*iam.Policy) [][]*iam.Policy {
	levels = slices.Clone(levels)
	for i, level := range levels {
		levels[i] = append(slices.Clip(level), iam.AllowEveryone("RCPFullAWSAccess"))
	}
	return levels
}

// compileLevels compiles a list of lists. Without levels none of these policies apply.
func compileLevels(name, text string) ([][]*iam.Policy, error) {
	texts, err := items(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w of levels, the root's first", name, err)
	}
	var levels [][]*iam.Policy
	for i, t := range texts {
		level, err := compileList(name+"["+strconv.Itoa(i)+"]", t)
		if err != nil {
			return nil, err
		}
		levels = append(levels, level)
	}
	return levels, nil
}

// compileOne compiles a list of at most one policy.
func compileOne(name, text string) (*iam.Policy, error) {
	list, err := compileList(name, text)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if len(list) > 1 {
		return nil, fmt.Errorf("%s has %d policies, and there can be only one", name, len(list))
	}
	return list[0], nil
}

func compileList(name, text string) ([]*iam.Policy, error) {
	texts, err := items(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	list := make([]*iam.Policy, 0, len(texts))
	for i, t := range texts {
		p, err := compileEntry(name+"["+strconv.Itoa(i)+"]", t)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// compileEntry compiles a policy, or {"name": …, "policy": …}. Without a name of its own the policy is called after
// its place.
func compileEntry(place, text string) (*iam.Policy, error) {
	name, document, err := readEntry(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	if name == "" {
		name = place
	}
	if document[0] != '{' {
		return nil, fmt.Errorf("%s %w", place, wrongType("a policy", document))
	}
	p, err := iam.ParsePolicy(name, []byte(document))
	if err != nil && name != place {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return p, err
}

// readEntry takes name and document apart. A document may be a string that holds it, as AWS's own answers have it.
func readEntry(text string) (name, document string, err error) {
	document = text
	if text[0] == '{' {
		if name, document, err = readNamed(text); err != nil {
			return "", "", err
		}
	}
	if document[0] != '"' {
		return name, document, nil
	}
	inner, err := unquote(document)
	if err != nil {
		return "", "", err
	}
	if inner = strings.TrimSpace(inner); inner == "" || inner[0] != '{' {
		return "", "", errors.New("the string holds no policy")
	}
	return name, inner, nil
}

func readNamed(text string) (name, document string, err error) {
	named := false
	other := ""
	m := membersOf(text)
	for m.more() {
		switch m.name {
		case "name":
			named = true
			name, err = unquote(m.value)
		case "policy":
			named = true
			err = keep(&document, &m)
		default:
			other = m.name
		}
		if err != nil {
			return "", "", fmt.Errorf("%s %w", m.name, err)
		}
	}
	switch {
	case m.err != nil:
		return "", "", m.err
	case !named:
		return "", text, nil
	case document == "":
		return "", "", errors.New("policy is missing")
	case other != "":
		return "", "", unknown(other, "name, policy")
	}
	return name, document, nil
}

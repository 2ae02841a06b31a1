package policy

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// assembler makes the policies of lines. Each policy is compiled once for each place that it is found in, so that lines
// that combine the same policies in new ways cost no more than putting them together.
type assembler struct {
	documents cache[documentKey, *document]
	weight    int // of the policies of the current line
}

// documentKey is a policy as it is written, and its place: one without a name is called after that.
type documentKey struct{ place, text string }

// document is a policy, compiled, or what is wrong with it.
type document struct {
	policy *iam.Policy
	err    error
	weight int
}

// bundle compiles the policies object of a line.
func (a *assembler) bundle(text string) *bundle {
	a.weight = 0
	b := &bundle{}
	var seen [iam.LayerEndpoint + 1]bool
	m := membersOf(text)
	for m.more() {
		layer := layerOf(m.name)
		switch {
		case layer == iam.LayerNone:
			err := unknown(m.name, "identity, scp, rcp, boundary, session, resource, vpce, trust")
			return &bundle{err: fmt.Errorf("policies: %w", err)}
		case seen[layer]:
			return &bundle{err: fmt.Errorf("policies: %q is given twice", m.name)}
		}
		seen[layer] = true
		if m.value == "null" {
			continue // a program that writes null means none
		}
		if err := a.member(&b.given, layer, m.value); err != nil {
			return &bundle{err: fmt.Errorf("policies: %w", err)}
		}
	}
	if m.err != nil {
		return &bundle{err: fmt.Errorf("policies: %w", m.err)}
	}
	return b
}

func (a *assembler) member(s *iam.PolicySet, layer iam.Layer, text string) (err error) {
	name := layer.String()
	switch layer {
	case iam.LayerIdentity:
		s.Identity, err = a.list(name, layer, text)
	case iam.LayerSession:
		if text[0] == '[' {
			s.Session, err = a.list(name, layer, text)
			break
		}
		var p *iam.Policy
		p, err = a.entry(name, layer, text)
		s.Session = []*iam.Policy{p}
	case iam.LayerBoundary:
		s.Boundary, err = a.one(name, layer, text)
	case iam.LayerEndpoint:
		s.Endpoint, err = a.one(name, layer, text)
	case iam.LayerResource:
		s.Resource, err = a.entry(name, layer, text)
	case iam.LayerTrust:
		s.Trust, err = a.entry(name, layer, text)
	case iam.LayerSCP:
		s.SCPs, err = a.levels(name, layer, text)
	case iam.LayerRCP:
		s.RCPs, err = a.levels(name, layer, text)
		s.RCPs = withFullAccess(s.RCPs)
	}
	return err
}

// withFullAccess adds to every level the policy that AWS attaches there and nobody can detach: "RCPFullAWSAccess is
// automatically attached to the organization root, every OU and every account"
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html).
func withFullAccess(levels [][]*iam.Policy) [][]*iam.Policy {
	levels = slices.Clone(levels)
	for i, level := range levels {
		levels[i] = append(slices.Clip(level), fullAccess)
	}
	return levels
}

var fullAccess = iam.AllowEveryone("RCPFullAWSAccess")

// levels compiles a list of lists. Without levels none of these policies apply.
func (a *assembler) levels(name string, layer iam.Layer, text string) ([][]*iam.Policy, error) {
	texts, err := items(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w of levels, the root's first", name, err)
	}
	var levels [][]*iam.Policy
	for i, t := range texts {
		level, err := a.list(name+"["+strconv.Itoa(i)+"]", layer, t)
		if err != nil {
			return nil, err
		}
		levels = append(levels, level)
	}
	return levels, nil
}

// one compiles a list of at most one policy.
func (a *assembler) one(name string, layer iam.Layer, text string) (*iam.Policy, error) {
	list, err := a.list(name, layer, text)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	if len(list) > 1 {
		return nil, fmt.Errorf("%s has %d policies, and there can be only one", name, len(list))
	}
	return list[0], nil
}

func (a *assembler) list(name string, layer iam.Layer, text string) ([]*iam.Policy, error) {
	texts, err := items(text)
	if err != nil {
		return nil, fmt.Errorf("%s %w", name, err)
	}
	list := make([]*iam.Policy, 0, len(texts))
	for i, t := range texts {
		p, err := a.entry(name+"["+strconv.Itoa(i)+"]", layer, t)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// entry finds or compiles a policy, or {"name": …, "policy": …}.
func (a *assembler) entry(place string, layer iam.Layer, text string) (*iam.Policy, error) {
	d, ok := a.documents.find(documentKey{place, text}, maxDocuments)
	if !ok {
		key := documentKey{place, strings.Clone(text)}
		d = &document{weight: weighText(text)}
		if d.policy, d.err = compileEntry(place, layer, key.text); d.err == nil {
			d.weight = weightOfKept + weigh(text, d.policy.Document())
		}
		a.documents.put(key, d, d.weight, maxDocuments)
	}
	a.weight += d.weight
	return d.policy, d.err
}

// compileEntry compiles an entry. Without a name of its own the policy is called after its place.
func compileEntry(place string, layer iam.Layer, text string) (*iam.Policy, error) {
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
	if err == nil {
		err = checkPrincipals(p, layer)
	}
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
	quoted, other := "", ""
	m := membersOf(text)
	for m.more() {
		switch m.name {
		case "name":
			named = true
			err = keep(&quoted, &m)
		case "policy":
			named = true
			err = keep(&document, &m)
		default:
			other = m.name
		}
		if err != nil {
			return "", "", err
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
	case quoted == "":
		return "", document, nil
	}
	if name, err = unquote(quoted); err != nil {
		return "", "", fmt.Errorf("name %w", err)
	}
	return name, document, nil
}

package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// pattern is an ARN in pieces: part by part where it has all of them.
type pattern struct {
	parts [6][]piece
	whole bool // it has all parts
	all   []piece
	// loose is a pattern of the catalog whose placeholders have no colons; open says that the account of a resource ends with
	// a star, which goes over colons then: AWS's own policies have arn:aws:secretsmanager:*:*:sqlworkbench!*.
	loose []piece
	open  bool
}

// resourcePattern is a resource of a policy.
func resourcePattern(t text) *pattern {
	p := &pattern{all: pieces(t)}
	parts, ok := t.arn()
	p.whole, p.open = ok, strings.HasSuffix(string(parts[arnAccount]), "*")
	for i := range parts {
		p.parts[i] = pieces(parts[i])
	}
	return p
}

// typePattern is an ARN pattern of the catalog.
func typePattern(arn string) *pattern {
	p := &pattern{all: template(arn), loose: withoutColons(arn)}
	parts, ok := text(arn).arn()
	p.whole = ok
	for i := range parts {
		p.parts[i] = template(string(parts[i]))
	}
	return p
}

// fits says whether a resource of a policy may be one of a type.
func (p *pattern) fits(of *pattern) bool {
	if !p.whole || !of.whole {
		return mayMeet(p.all, of.all)
	}
	for _, i := range [...]int{arnService, arnResource, arnAccount, arnRegion, arnPartition} {
		if !mayMeet(p.parts[i], of.parts[i]) {
			return p.open && mayMeet(p.all, of.loose)
		}
	}
	return true
}

// typed gives the pattern of a type, which is read once for a linter.
func (l *linter) typed(arn string) *pattern {
	if l.types == nil {
		l.types = map[string]*pattern{}
	}
	p := l.types[arn]
	if p == nil {
		p = typePattern(arn)
		l.types[arn] = p
	}
	return p
}

// takes says whether an action may be authorised on one of the statement's resources.
func (s *statement) takes(c catalog.Action) bool {
	return s.everything() || slices.Contains(halfKnown, c.Service) || slices.ContainsFunc(arnsOf(c), s.takesType)
}

// everything says that a resource stands for all there is, or for something that only CloudFormation knows.
func (s *statement) everything() bool {
	return slices.ContainsFunc(s.resources, func(t text) bool { return t == "*" || t.opaque() })
}

// takesType says whether one of the statement's resources may be of a type.
func (s *statement) takesType(arn string) bool {
	if takes, known := s.taken[arn]; known {
		return takes
	}
	if s.taken == nil {
		s.taken = map[string]bool{}
	}
	of := s.linter.typed(arn)
	takes := slices.ContainsFunc(s.shapes(), func(p *pattern) bool { return p.fits(of) })
	s.taken[arn] = takes
	return takes
}

// shapes are the statement's resources as patterns.
func (s *statement) shapes() []*pattern {
	if s.patterns == nil {
		for _, t := range s.resources {
			s.patterns = append(s.patterns, resourcePattern(t))
		}
	}
	return s.patterns
}

// typesOf are the ARN patterns of all actions that the statement stands for, each once; ok is false where that is not known.
func (s *statement) typesOf() (arns []string, ok bool) {
	seen := map[string]bool{}
	for _, a := range s.actions {
		if a.every || a.unknown || a.whole && len(a.list) == 0 {
			return nil, false
		}
		for _, c := range a.list {
			if slices.Contains(halfKnown, c.Service) {
				return nil, false
			}
			for _, arn := range arnsOf(c) {
				if !seen[arn] {
					seen[arn] = true
					arns = append(arns, arn)
				}
			}
		}
	}
	return arns, true
}

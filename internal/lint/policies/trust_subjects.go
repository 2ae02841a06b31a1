package policies

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
)

// Subjects holds a trust policy against the subjects that the tokens of a release's repository have: one of the same
// repository in the other form, with immutable ids or without, lets none of them in.
func Subjects(name string, content []byte, subjects []string) []finding.Finding {
	d, _ := read(name, content)
	if d == nil || kindOf(name, d) != iam.TrustPolicy {
		return nil
	}
	p := &policy{document: d, file: name, source: content, kind: iam.TrustPolicy, holder: &holder{}}
	l := &linter{}
	p.open(l)
	for _, s := range p.statements {
		if s.Effect == iam.Allow {
			s.forms(subjects)
		}
	}
	return l.found
}

// forms finds subjects of which a release's own differ in nothing but the ids.
func (s *statement) forms(subjects []string) {
	for _, t := range s.limitedBy() {
		if !strings.HasSuffix(t.key, ":sub") {
			continue
		}
		for _, v := range t.Values {
			got := string(textOf(v))
			for _, want := range subjects {
				if strings.HasPrefix(want, "repo:") && strings.Contains(got, "@") != strings.Contains(want, "@") && repositoryOf(got) == repositoryOf(want) {
					s.report(&formRule, t.Pos, want, "%s: the tokens of this release have the form %s", got, want)
					break
				}
			}
		}
	}
}

// repositoryOf is the repository in a subject, without ids.
func repositoryOf(subject string) string {
	rest, _ := strings.CutPrefix(subject, "repo:")
	name, _, _ := strings.Cut(rest, ":")
	owner, repository, _ := strings.Cut(name, "/")
	owner, _, _ = strings.Cut(owner, "@")
	repository, _, _ = strings.Cut(repository, "@")
	return owner + "/" + repository
}

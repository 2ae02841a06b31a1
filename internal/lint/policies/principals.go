package policies

import (
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

var principalRule = finding.Rule{
	Code: "SLW251", Name: "no-such-service-principal", Severity: finding.Error, Subject: finding.Trust,
	Title:  "AWS has no such service principal.",
	Why:    "IAM refuses a policy that names one, and a condition on one never holds, so the service that was meant does not get in.",
	Source: trustPage, Fix: "the service's name, as it writes it, and .amazonaws.com", Requirements: []string{"R21", "R44", "R64", "R85"},
}

// domains are those of service principals. Those in China have one of their own for some services; the partitions that are
// closed to the public have others.
var domains = []string{".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".aws.internal", ".ic.gov", ".sgov.gov"}

var regionLabel = regexp.MustCompile(`\.[a-z]{2}(-[a-z]+)+-[0-9]$`)

// meant is the principal that a misspelt one was meant to be; empty where nothing is known to be wrong. certain says that no
// service has such a principal: the domain is none of AWS's, or the name differs from a known one in case alone.
func meant(principal string) (right string, certain bool) {
	plain := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(strings.TrimSpace(principal)), "https://"), "http://")
	i := slices.IndexFunc(domains, func(d string) bool { return strings.HasSuffix(plain, d) })
	if i < 0 {
		name, domain, _ := strings.Cut(plain, ".")
		if slices.Contains(services, name) && (domain == "" || strings.Contains(domain, "ama") || strings.Contains(domain, "aws")) {
			return name + domains[0], true
		}
		return "", false
	}
	name := strings.TrimSuffix(plain, domains[i])
	region := regionLabel.FindString(name)
	name = strings.TrimSuffix(name, region)
	switch {
	case slices.Contains(services, name):
		return name + region + domains[i], plain != principal
	case slices.Contains(catalog.Services(), name):
		return "", false
	}
	return suggest(name, slices.DeleteFunc(slices.Clone(assumed), func(known string) bool { return !mistaken(name, known) }), "%s"+region+domains[i]), false
}

// mistaken says whether a name can be a misspelt one. Short names are near to each other, and a digit more is the next
// generation of a service.
func mistaken(name, known string) bool {
	const short, long = 6, 11
	most := 1
	if len(known) >= long {
		most = 2
	}
	letters := func(s string) string { return strings.TrimRight(s, "0123456789") }
	return len(known) >= short && letters(name) != letters(known) && distance(name, known) <= most
}

// principals finds misspelt services among the principals of a statement, and where a condition names to which one a role is
// passed.
func (s *statement) principals() {
	for _, p := range slices.Concat(s.Principals, s.NotPrincipals) {
		for _, v := range p.Values {
			if value := textOf(v); p.Kind == iam.KindService && value.known() {
				s.principal(string(value), s.Places.Principal)
			}
		}
	}
	for _, c := range s.Conditions {
		if !strings.EqualFold(c.Key, "iam:PassedToService") {
			continue
		}
		for _, v := range c.Values {
			if value := textOf(v); value.known() && !strings.ContainsAny(string(value), "*?") {
				s.principal(string(value), c.Pos)
			}
		}
	}
}

func (s *statement) principal(value string, at iam.Position) {
	right, certain := meant(value)
	if right == "" || right == value {
		return
	}
	f := s.report(&principalRule, at, right, "%q is no service principal: it was probably to be %s", value, right)
	if !certain {
		f.Severity = finding.Warning
	}
}

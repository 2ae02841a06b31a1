package iam

import (
	"slices"
	"strings"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
)

// servicesOf lists the services of which the Allow statements of policies name an action.
func servicesOf(texts []string) []string {
	found := map[string]bool{}
	for _, text := range texts {
		doc, err := engine.Parse("", []byte(text))
		if err != nil {
			continue // what is stored was parsed before
		}
		for _, st := range doc.Statements {
			if st.Effect != engine.Allow {
				continue
			}
			patterns := st.Actions
			if len(st.NotActions) > 0 {
				patterns = []string{"*"} // all but a few actions
			}
			for _, pattern := range patterns {
				addServices(found, pattern)
			}
		}
	}
	services := make([]string, 0, len(found))
	for name := range found {
		services = append(services, name)
	}
	slices.Sort(services)
	return services
}

func addServices(found map[string]bool, pattern string) {
	prefix, _, ok := strings.Cut(strings.ToLower(pattern), ":")
	if ok && !strings.ContainsAny(prefix, "*?") {
		found[prefix] = true
		return
	}
	for _, name := range catalog.Services() {
		if matches(prefix, name) {
			found[name] = true
		}
	}
}

// matches compares with a pattern of * and ?. It goes back to the last star only, so that many stars take no longer.
func matches(pattern, s string) bool {
	star, resume := -1, 0 // where the last star is, and where what follows it may begin next
	p := 0
	for at := 0; at < len(s); {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, at
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[at]):
			p, at = p+1, at+1
		case star >= 0:
			resume++
			p, at = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

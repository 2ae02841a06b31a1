package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

const leastPrivilege = "https://docs.aws.amazon.com/IAM/latest/UserGuide/best-practices.html#grant-least-privilege"

// starRules are about Resource "*".
var starRules = []finding.Rule{starRule, readStarRule, dynamicRule}

var (
	starRule = finding.Rule{
		Code: "SLW004", Name: "star-on-scopable", Severity: finding.Warning, Subject: finding.Policy,
		Title:  "Resource is a star for actions that change things, and could name them.",
		Why:    "Whoever holds the policy can do it to everything of the account, not only to what it is for.",
		Source: leastPrivilege, Fix: "name the resources, and keep the star for the actions that have none", Requirements: []string{"R4"},
	}
	readStarRule = finding.Rule{
		Code: "SLW204", Name: "read-star-on-scopable", Severity: finding.Info, Subject: finding.Policy,
		Title:  "Resource is a star for actions that read, and could name what they read.",
		Why:    "What can be read of one application is rarely meant for another.",
		Source: leastPrivilege, Fix: "name the resources, and keep the star for the actions that have none", Requirements: []string{"R4", "R69"},
	}
	dynamicRule = finding.Rule{
		Code: "SLW075", Name: "star-on-dynamic-arn", Severity: finding.Info, Subject: finding.Policy,
		Title:  "Resource is a star for things whose names AWS makes up.",
		Why:    "No prefix can name them before they exist, so only a condition on their tags keeps those of other applications out.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html",
		Fix:    `"Condition": {"StringEquals": {"aws:ResourceTag/<key>": "<value>"}}`, Requirements: []string{"R75"},
	}
)

// dynamicServices give what they make names that nobody chooses.
var dynamicServices = []string{"cloudfront", "appsync", "apigateway"}

// beside are actions whose resource types take part in few of their requests, by the data of the year; the star is what AWS's
// documentation has. uncertain: they are left alone.
var beside = []string{"cloudwatch:PutMetricData", "sns:Unsubscribe"}

// stars looks for a star where resources could be named. Actions without resource types have no other choice, and
// conditions may narrow a statement as well as resources do. What a rule about single actions has found is left out.
func (s *statement) stars() {
	if s.narrowed() {
		return
	}
	star := func(c catalog.Action) int {
		return slices.IndexFunc(s.resources, func(t text) bool { return t.star(c.Service) })
	}
	var changing, reading, dynamic []catalog.Action
	for c := range s.each() {
		switch {
		case star(c) < 0, !scopable(c), s.claimed[c.String()], slices.Contains(beside, c.String()):
		case slices.Contains(dynamicServices, c.Service):
			dynamic = append(dynamic, c)
		case writes(c):
			changing = append(changing, c)
		default:
			reading = append(reading, c)
		}
	}
	switch {
	case len(changing) > 0:
		s.star(&starRule, star(changing[0]), changing)
	case len(reading) > 0:
		s.star(&readStarRule, star(reading[0]), reading)
	case len(dynamic) > 0:
		s.report(&dynamicRule, s.resourceAt(star(dynamic[0])), "", "%s for %s", s.resources[star(dynamic[0])], list(namesOf(dynamic)))
	}
}

// star says whether a resource stands for everything of a service: "*", or an ARN with nothing but stars behind the service.
func (t text) star(service string) bool {
	if strings.Trim(string(t), "*") == "" || strings.HasPrefix(string(t), "arn:") && strings.Trim(string(t[len("arn:"):]), "*:") == "" {
		return true
	}
	parts, ok := t.arn()
	stars := func(part int) bool { return parts[part] != "" && strings.Trim(string(parts[part]), "*") == "" }
	return ok && covers(pieces(parts[arnService]), pieces(text(service))) && stars(arnRegion) && stars(arnAccount) && stars(arnResource)
}

func (s *statement) star(rule *finding.Rule, star int, actions []catalog.Action) {
	fix := `"Resource": "` + s.form(actions[0]) + `" for ` + actions[0].String()
	s.report(rule, s.resourceAt(star), fix, "%s for %s, which can be narrowed", s.resources[star], list(namesOf(actions)))
}

// each yields every action that the statement's patterns stand for, once; not those of service:* and *, about which there are
// rules of their own.
func (s *statement) each() func(yield func(catalog.Action) bool) {
	return func(yield func(catalog.Action) bool) {
		seen := map[string]bool{}
		for _, a := range s.actions {
			if a.whole {
				continue
			}
			for _, c := range a.list {
				if name := c.String(); !seen[name] {
					if seen[name] = true; !yield(c) {
						return
					}
				}
			}
		}
	}
}

func namesOf(actions []catalog.Action) []string {
	names := make([]string, len(actions))
	for i, c := range actions {
		names[i] = c.String()
	}
	return names
}

// narrowed says whether a condition of the statement says more than where a request comes from. One on tags that holds where
// there are none says nothing of what has none.
func (s *statement) narrowed() bool {
	return slices.ContainsFunc(s.Conditions, func(c condition) bool {
		key := strings.ToLower(c.Key)
		return !slices.Contains(circumstances, key) && !(strings.Contains(key, "resourcetag/") && strings.HasSuffix(c.Operator, "IfExists"))
	})
}

// circumstances are condition keys about a request, whatever it is done to.
var circumstances = []string{
	"aws:requestedregion", "aws:securetransport", "aws:sourceip", "aws:sourcevpc", "aws:sourcevpce", "aws:vpcsourceip",
	"aws:multifactorauthpresent", "aws:multifactorauthage", "aws:currenttime", "aws:epochtime", "aws:tokenissuetime",
	"aws:useragent", "aws:referer", "aws:principaltype", "aws:principalarn", "aws:principalaccount", "aws:principalorgid",
	"aws:userid", "aws:username",
}

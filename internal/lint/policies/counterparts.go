package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/finding"
)

var counterpartRule = finding.Rule{
	Code: "SLW076", Name: "missing-counterpart", Severity: finding.Warning, Subject: finding.Role,
	Title:  "CloudFormation may make something, and not change or remove it.",
	Why:    "The first deploy succeeds; the first update, rollback or removal fails half-way.",
	Source: "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-iam-servicerole.html",
	Fix:    "add what is missing, on the same resources", Requirements: []string{"R76"},
}

// verbs are those of actions, with the verbs of the actions that change or undo what they did.
var verbs = []struct {
	does   string
	undone []string
}{
	{"Create", []string{"Update", "Delete"}}, {"Put", []string{"Delete", "Remove"}}, {"Attach", []string{"Detach"}},
	{"Add", []string{"Remove"}}, {"Tag", []string{"Untag"}}, {"Subscribe", []string{"Unsubscribe"}},
	{"Enable", []string{"Disable"}}, {"Register", []string{"Deregister"}}, {"Associate", []string{"Disassociate"}},
}

// irregular are counterparts whose names no rule gives.
var irregular = map[string][]string{
	"iam:CreateRole":        {"iam:UpdateAssumeRolePolicy"},
	"lambda:CreateFunction": {"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"},
	"sqs:CreateQueue":       {"sqs:SetQueueAttributes"},
	"sns:CreateTopic":       {"sns:SetTopicAttributes"},
}

// counterpartsOf gives the actions that change or undo what an action does, of those that AWS has.
func counterpartsOf(c catalog.Action) []string {
	found := slices.Clone(irregular[c.String()])
	for _, v := range verbs {
		rest, ok := strings.CutPrefix(c.Name, v.does)
		if !ok || rest != "" && strings.ToUpper(rest[:1]) != rest[:1] {
			continue
		}
		for _, undo := range v.undone {
			if known, ok := catalog.Lookup(c.Service + ":" + undo + rest); ok && !slices.Contains(found, known.String()) {
				found = append(found, known.String())
			}
		}
	}
	return found
}

// counterparts looks for what an execution role may make and not undo. What it may have besides nobody knows if some of its
// policies are not known.
func (l *linter) counterparts(h *holder) {
	if h.kind != execution || h.doubtful {
		return
	}
	seen := map[string]bool{}
	for s := range h.own() {
		s.counterparts(seen)
	}
}

func (s *statement) counterparts(seen map[string]bool) {
	for i, a := range s.actions {
		for _, c := range a.list {
			if a.whole || seen[c.String()] {
				continue
			}
			seen[c.String()] = true
			missing := slices.DeleteFunc(counterpartsOf(c), s.policy.holder.holds)
			if len(missing) > 0 {
				s.report(&counterpartRule, s.actionAt(i), "add "+strings.Join(missing, ", "), "%s without %s", c, list(missing))
			}
		}
	}
}

package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
)

var sendOnlyRule = finding.Rule{
	Code: "SLW005", Name: "send-without-read", Severity: finding.Warning, Subject: finding.Role,
	Title:  "Commands may be sent, and what becomes of them may not be read.",
	Why:    "SendCommand answers before anything ran, and every question after that is denied: the deploy worked or not, and the pipeline cannot know.",
	Source: "https://docs.aws.amazon.com/service-authorization/latest/reference/list_awssystemsmanager.html",
	Fix:    `{"Sid": "PollDeployStatus", "Effect": "Allow", "Action": "ssm:GetCommandInvocation", "Resource": "*"}`, Requirements: []string{"R5"},
}

const sendCommand = "ssm:SendCommand"

// reads looks whether who may send commands may know what became of them. Another role may be there for that (R16): then it
// is worth a look, and right where slipway's names say that the two are a pair. What a runbook's role needs follows from the
// runbook's steps (R43).
func (l *linter) reads(h *holder) {
	if slices.Contains([]kind{node, execution, automation}, h.kind) || h.doubtful || !h.holds(sendCommand) || slices.ContainsFunc(readers, h.holds) {
		return
	}
	text, severity := "%s, and none of %s: a pipeline that waits for the command is denied", sendOnlyRule.Severity
	var others []string
	for _, o := range l.holders {
		if o != h && o.account == h.account && o.kind != node && slices.ContainsFunc(readers, o.holds) {
			others = append(others, o.role)
		}
	}
	switch {
	case h.pairedWith(others):
		return
	case len(others) > 0:
		text, severity = "%s, and none of %s: right if what waits for the command is "+list(others), finding.Info
	case h.role == "":
		text, severity = "%s, and none of %s: right if another policy of the same role has it, or another role waits for the command", finding.Info
	case h.kind == other:
		severity = finding.Info
	}
	for s := range h.own() {
		if i := slices.IndexFunc(s.actions, func(a action) bool { return a.has(sendCommand) }); i >= 0 {
			s.report(&sendOnlyRule, s.actionAt(i), "", text, sendCommand, strings.Join(readers, ", ")).Severity = severity
			return
		}
	}
}

// pairedWith says whether a role only triggers, and another, of its release and stage, verifies.
func (h *holder) pairedWith(others []string) bool {
	name, ok := strings.CutSuffix(h.role, "-Trigger")
	return ok && slices.Contains(others, name+"-Verify")
}

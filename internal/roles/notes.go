package roles

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
)

// cautions say what an action allows besides what it is there for.
var cautions = map[string]string{
	"ssm:GetCommandInvocation": "Without it the command runs all the same, and the pipeline waits for a status that it may not read. " +
		"With it the output of every command of the account and region can be read.",
	"ssm:ListCommandInvocations": "It lists the commands of everybody in the account and region.",
	"ssm:ListCommands":           "It lists the commands of everybody in the account and region.",
	"ssm:CancelCommand":          "It can cancel anybody's command in the account and region.",
	"s3:PutObject":               "What is written there takes the place of what was.",
	"ssm:UpdateDocument":         "Whoever may change the document decides what runs, as root, on the nodes that it is sent to.",
}

func (s *statement) note() Note {
	parts := []string{s.why}
	for _, a := range s.actions {
		if c := cautions[a]; c != "" {
			parts = add(parts, c)
		}
	}
	for _, r := range s.resources {
		if name, ok := sharedDocument(r); ok && slices.Contains(s.actions, "ssm:SendCommand") {
			parts = append(parts, name+" is a document of AWS: whoever may send it is as good as root on these nodes.")
		}
	}
	return Note{Sid: s.sid, Reason: strings.TrimSpace(strings.Join(parts, " ")), Star: s.star(), When: s.when, Steps: s.steps}
}

// sharedDocument finds the name in the ARN of a document that AWS owns: its account is empty.
func sharedDocument(arn string) (name string, ok bool) {
	f := strings.SplitN(arn, ":", 6)
	if len(f) != 6 || f[2] != "ssm" || f[4] != "" {
		return "", false
	}
	return strings.CutPrefix(f[5], "document/")
}

// star justifies a wildcard among the resources; checkCall has seen to it that there is a justification.
func (s *statement) star() string {
	switch {
	case slices.Contains(s.resources, "*"):
		reason, _ := catalog.Unscopable(s.actions[0])
		return strings.Replace(reason, s.actions[0], strings.Join(s.actions, ", "), 1)
	case !slices.ContainsFunc(s.resources, func(r string) bool { return strings.Contains(r, "*") }):
		return ""
	case len(s.patterns) > 0:
		return "Which there will be is not known beforehand: " + strings.Join(s.patterns, "; ")
	case len(s.tags) > 0:
		return "The ids of nodes that are found by their tags are not known beforehand; the condition limits the pattern to nodes with those tags"
	}
	return "The ids of nodes that are found by their tags are not known beforehand, and " + plan.NodeTag + "… is no condition key of " +
		strings.Join(s.actions, ", ") + " (service authorization reference): as far as this policy goes, one node can report for another"
}

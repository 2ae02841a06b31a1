package paths

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/escalation"
)

// free are documents of AWS that run what their sender says ("Systems Manager Command document plugin reference": aws:runShellScript
// and what downloads and runs). Whoever may send one is as good as root on a node.
var free = []string{"AWS-RunShellScript", "AWS-RunRemoteScript", "AWS-RunDocument", "AWS-ApplyAnsiblePlaybooks", "AWS-RunPowerShellScript"}

// documents says on which documents a way depends: where its first send is not of a document that runs what its sender says,
// what the sender can make a document do is in that document's text, which nobody gave.
func (a *account) documents(p *escalation.Path) (conditions []string) {
	for i := range p.Edges {
		e := &p.Edges[i]
		set := a.policies[e.From]
		if e.Technique != "send-command" || set == nil || a.sendsFree(e, set) {
			continue
		}
		for _, c := range e.Calls {
			if _, name, found := strings.Cut(c.Resource, ":document/"); found {
				if text := "document " + name + " runs what its sender says"; !slices.Contains(conditions, text) {
					conditions = append(conditions, text)
				}
			}
		}
	}
	return conditions
}

// sendsFree says whether a principal may send a document that runs what its sender says.
func (a *account) sendsFree(e *escalation.Edge, set *iam.PolicySet) bool {
	f := strings.SplitN(e.From, ":", 6)
	region := "us-east-1"
	if via := strings.SplitN(e.Via, ":", 6); len(via) == 6 && via[3] != "" {
		region = via[3]
	}
	return slices.ContainsFunc(free, func(name string) bool {
		return set.Allowed(&iam.Request{
			Principal: iam.Principal{ARN: e.From, RoleARN: e.From, Account: f[4]}, Action: "ssm:SendCommand", Account: f[4],
			Resource: "arn:aws:ssm:" + region + "::document/" + name,
		})
	})
}

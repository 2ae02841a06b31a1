package rehearse

import (
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Recorded turns the local AWS's event log into the plan's terms, so that [plan.Plan.Compare] can hold what was done
// against what was planned. Events of users are left out: an administrator who looks around is not the release.
func Recorded(events []gateway.Event) []plan.Recorded {
	var recorded []plan.Recorded
	for _, event := range events {
		call := plan.Recorded{
			Account: event.RecipientAccountID,
			Action:  strings.TrimSuffix(event.EventSource, ".amazonaws.com") + ":" + event.EventName,
		}
		switch who := event.UserIdentity; {
		case who.Type == "AssumedRole" && who.SessionContext != nil:
			call.Account, call.Principal = who.AccountID, who.SessionContext.SessionIssuer.UserName
		case who.Type == "WebIdentityUser":
			call.Principal = string(plan.KindGitHub)
		case who.Type == "AWSService" && who.PrincipalID == "ec2.amazonaws.com":
			call.Principal = string(plan.KindEC2)
		default:
			continue
		}
		for _, check := range event.Slipway.Checks {
			call.Resources = append(call.Resources, check.Resource)
		}
		if len(call.Resources) == 0 {
			call.Resources = []string{"*"}
		}
		recorded = append(recorded, call)
	}
	return recorded
}

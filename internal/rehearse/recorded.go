package rehearse

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/plan"
)

// Recorded turns the local AWS's event log into the plan's terms, so that [plan.Plan.Compare] can hold what was done
// against what was planned. Events of users are left out, but for the pipeline's own: an
// administrator who looks around is not the release.
func Recorded(events []gateway.Event) []plan.Recorded {
	var recorded []plan.Recorded
	for _, event := range events {
		call := plan.Recorded{Account: event.RecipientAccountID}
		switch who := event.UserIdentity; {
		case who.Type == "AssumedRole" && who.SessionContext != nil:
			call.Account, call.Principal = who.AccountID, who.SessionContext.SessionIssuer.UserName
		case who.Type == "WebIdentityUser":
			call.Principal = string(plan.KindGitHub)
		case who.Type == "AWSService" && who.PrincipalID == "ec2.amazonaws.com":
			call.Principal = string(plan.KindEC2)
		case who.Type == "AWSService" && who.PrincipalID == plan.KindBuilds.Service():
			call.Principal = string(plan.KindBuilds)
		case who.Type == "IAMUser" && strings.HasSuffix(who.UserName, "-"+string(plan.KindUser)):
			call.Account, call.Principal = who.AccountID, who.UserName
		default:
			continue
		}
		recorded = append(recorded, authorised(event, call)...)
	}
	return recorded
}

// authorised gives the calls of an event as they were authorised: one for each action that was checked. An operation's
// name is not always its action (HeadObject is s3:GetObject), and one operation can need several (S3 says that an
// object is not there only to those who may list).
func authorised(event gateway.Event, call plan.Recorded) []plan.Recorded {
	var calls []plan.Recorded
	for _, check := range event.Slipway.Checks {
		i := slices.IndexFunc(calls, func(c plan.Recorded) bool { return c.Action == check.Action })
		if i < 0 {
			i = len(calls)
			one := call
			one.Action = check.Action
			calls = append(calls, one)
		}
		calls[i].Resources = append(calls[i].Resources, check.Resource)
	}
	if len(calls) > 0 {
		return calls
	}
	call.Action = strings.TrimSuffix(event.EventSource, ".amazonaws.com") + ":" + event.EventName
	call.Resources = []string{"*"}
	if bucket := elsewhere(event); bucket != "" {
		call.Action, call.Resources = "s3:ListBucket", []string{"arn:aws:s3:::" + bucket}
	}
	return []plan.Recorded{call}
}

// elsewhere is the bucket that an agent asked for in the wrong region: S3 tells it the right one before it authorises
// anything. Asked in that region, it would have authorised s3:ListBucket.
func elsewhere(event gateway.Event) string {
	if event.EventName != "HeadBucket" || event.ErrorCode != "PermanentRedirect" {
		return ""
	}
	var asked struct {
		Bucket string `json:"bucketName"`
	}
	if err := json.Unmarshal(event.RequestParameters, &asked); err != nil {
		return "" // and so not in any plan
	}
	return asked.Bucket
}

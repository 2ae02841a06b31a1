package localaws

import (
	"context"
	"errors"
	"strings"
	"time"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// PutUser makes a user with exactly the policies in spec.
func (a *AWS) PutUser(ctx context.Context, spec iam.UserSpec) (iam.Keys, error) {
	return a.iam.PutUser(ctx, spec)
}

// UserKeys gives an access key of a user.
func (a *AWS) UserKeys(ctx context.Context, account, name string) (iam.Keys, error) {
	return a.iam.UserKeys(ctx, account, name)
}

const buildService = "codebuild.amazonaws.com"

// BuildCredentials are what CodeBuild gives to a build of a project: those of its service role, if that lets CodeBuild in.
// Both are named by their ARNs.
func (a *AWS) BuildCredentials(ctx context.Context, role, project string) (sts.Credentials, error) {
	c, decision, err := a.sts.IssueForService(ctx, role, buildService, project)
	part := strings.SplitN(project, ":", 6)
	if recordErr := a.recordService(ctx, buildService, part[3], part[4], role, decision, err); recordErr != nil {
		return sts.Credentials{}, recordErr
	}
	return c, err
}

// recordService logs that a service assumed a role, or was denied, as CloudTrail does.
func (a *AWS) recordService(ctx context.Context, service, region, account, role string, decision engine.Decision, denied error) error {
	event := gateway.Event{
		EventVersion: "1.11", EventTime: time.Now(), EventSource: "sts.amazonaws.com", EventName: "AssumeRole",
		EventType: "AwsApiCall", AWSRegion: region, RecipientAccountID: account, SourceIPAddress: service,
		UserIdentity: gateway.UserIdentity{Type: "AWSService", PrincipalID: service},
		Resources:    []gateway.EventResource{{ARN: role, AccountID: account}},
		Slipway:      gateway.Trace{Checks: []gateway.Check{{Action: "sts:AssumeRole", Resource: role, Decision: decision.Outcome.String(), Layer: decision.Layer.String()}}},
	}
	var refused *gateway.Error
	if errors.As(denied, &refused) {
		event.ErrorCode, event.ErrorMessage = refused.Code, refused.Message
	} else if denied != nil {
		return nil // no decision was made: the caller reports the error
	}
	return a.events.Record(ctx, event)
}

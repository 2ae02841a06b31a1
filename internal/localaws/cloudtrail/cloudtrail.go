// Package cloudtrail is CloudTrail's event history in the local AWS: LookupEvents over the gateway's event log.
//
// It keeps nothing of its own. As in AWS, the history holds management events of the caller's account and region; what
// AWS counts as data events (the objects of S3, the agents' message channels) is in the event log only, which
// `slipway local events` prints whole.
package cloudtrail

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// Log is where the events are. [gateway.EventLog] is one.
type Log interface {
	List(ctx context.Context, f gateway.Filter) ([]gateway.Event, error)
}

// Service is CloudTrail. It is safe for concurrent use.
type Service struct{ log Log }

// New makes the service over a log.
func New(log Log) *Service { return &Service{log: log} }

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name: "cloudtrail", Protocol: gateway.JSON11, Target: "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
		Operations: []gateway.Operation{
			gateway.Op("LookupEvents", lookupAccess, s.lookupEvents).Except(
				"EventCategory insight is refused: there are no Insights events",
				"ResourceType knows only what an ARN tells, such as AWS::IAM::Role"),
		},
	}
}

type lookupInput struct {
	LookupAttributes []struct{ AttributeKey, AttributeValue string }
	StartTime        *gateway.Time
	EndTime          *gateway.Time
	EventCategory    string
	MaxResults       *int
	NextToken        string
}

type lookupOutput struct {
	Events    []event
	NextToken string `json:",omitempty"`
}

type event struct {
	EventId         string
	EventName       string
	ReadOnly        string
	AccessKeyId     string `json:",omitempty"`
	EventTime       time.Time
	EventSource     string
	Username        string `json:",omitempty"`
	Resources       []resource
	CloudTrailEvent string
}

type resource struct{ ResourceType, ResourceName string }

func fault(code, message string) error { return &gateway.Error{Code: code, Message: message} }

func lookupAccess(_ context.Context, _ *gateway.Call, in *lookupInput) ([]gateway.Access, error) {
	return []gateway.Access{{}}, in.check()
}

func (in *lookupInput) check() error {
	if in.EventCategory != "" {
		return fault("InvalidEventCategoryException", "The local AWS has management events only.")
	}
	if len(in.LookupAttributes) > 1 {
		return fault("InvalidLookupAttributesException", "You can specify at most one lookup attribute.")
	}
	for _, a := range in.LookupAttributes {
		if _, ok := attributes[a.AttributeKey]; !ok || a.AttributeValue == "" || len(a.AttributeValue) > 2000 {
			return fault("InvalidLookupAttributesException", "The lookup attribute is not valid.")
		}
	}
	if n := in.MaxResults; n != nil && (*n < 1 || *n > 50) {
		return fault("InvalidMaxResultsException", "The maximum number of results must be between 1 and 50.")
	}
	if in.StartTime != nil && in.EndTime != nil && in.StartTime.After(in.EndTime.Time) {
		return fault("InvalidTimeRangeException", "The start time is after the end time.")
	}
	return nil
}

// attributes gives what each lookup attribute is compared with.
var attributes = map[string]func(*gateway.Event) []string{
	"EventId":     func(e *gateway.Event) []string { return []string{e.EventID} },
	"EventName":   func(e *gateway.Event) []string { return []string{e.EventName} },
	"EventSource": func(e *gateway.Event) []string { return []string{e.EventSource} },
	"ReadOnly":    func(e *gateway.Event) []string { return []string{readOnly(e)} },
	"AccessKeyId": func(e *gateway.Event) []string { return []string{e.UserIdentity.AccessKeyID} },
	"Username":    func(e *gateway.Event) []string { return []string{username(e)} },
	"ResourceType": func(e *gateway.Event) (types []string) {
		for _, r := range resources(e) {
			types = append(types, r.ResourceType)
		}
		return types
	},
	"ResourceName": func(e *gateway.Event) (names []string) {
		for _, r := range resources(e) {
			names = append(names, r.ResourceName)
		}
		return names
	},
}

// lookupEvents gives the newest events first.
func (s *Service) lookupEvents(ctx context.Context, c *gateway.Call, in *lookupInput) (*lookupOutput, error) {
	before, err := in.before()
	if err != nil {
		return nil, err
	}
	filter := gateway.Filter{Account: c.Caller.Account, Match: func(e *gateway.Event) bool {
		return e.AWSRegion == c.Region && e.Seq < before && managed(e) && in.wants(e)
	}}
	if in.StartTime != nil {
		filter.Since = in.StartTime.Time
	}
	if in.EndTime != nil {
		filter.Until = in.EndTime.Add(time.Second) // AWS takes the end in, to the second
	}
	found, err := s.log.List(ctx, filter)
	if err != nil {
		return nil, err
	}
	limit := 50
	if in.MaxResults != nil {
		limit = *in.MaxResults
	}
	out := &lookupOutput{Events: []event{}}
	for i := len(found) - 1; i >= 0 && len(out.Events) < limit; i-- {
		shape, err := shapeOf(&found[i])
		if err != nil {
			return nil, err
		}
		out.Events = append(out.Events, shape)
		if len(out.Events) == limit && i > 0 {
			out.NextToken = base64.URLEncoding.EncodeToString(strconv.AppendInt(nil, found[i].Seq, 10))
		}
	}
	return out, nil
}

// before is the event that a page ends at.
func (in *lookupInput) before() (int64, error) {
	if in.NextToken == "" {
		return 1 << 62, nil
	}
	text, err := base64.URLEncoding.DecodeString(in.NextToken)
	if err == nil {
		var seq int64
		if seq, err = strconv.ParseInt(string(text), 10, 64); err == nil {
			return seq, nil
		}
	}
	return 0, fault("InvalidNextTokenException", "The token is not valid.")
}

func (in *lookupInput) wants(e *gateway.Event) bool {
	for _, a := range in.LookupAttributes {
		matched := false
		for _, value := range attributes[a.AttributeKey](e) {
			matched = matched || value == a.AttributeValue
		}
		if !matched {
			return false
		}
	}
	return true
}

// managed tells management events from data events ("Logging data events", CloudTrail user guide). uncertain: AWS does not
// list the agents' channels anywhere; they are taken for data, as their number is that of data.
func managed(e *gateway.Event) bool {
	switch e.EventSource {
	case "ec2messages.amazonaws.com", "ssmmessages.amazonaws.com", "slipway.local":
		return false
	case "s3.amazonaws.com":
		return !strings.Contains(e.EventName, "Object") && !strings.Contains(e.EventName, "Part") && !strings.Contains(e.EventName, "MultipartUpload")
	case "logs.amazonaws.com":
		return e.EventName != "PutLogEvents" && e.EventName != "GetLogEvents" && e.EventName != "FilterLogEvents"
	}
	return true
}

// readOnly is "true" where the catalog has the action as a read.
func readOnly(e *gateway.Event) string {
	service, _, _ := strings.Cut(e.EventSource, ".")
	action, ok := catalog.Lookup(service + ":" + e.EventName)
	return strconv.FormatBool(ok && (action.AccessLevel == catalog.LevelRead || action.AccessLevel == catalog.LevelList))
}

// username is the user's name, or the session's.
func username(e *gateway.Event) string {
	u := e.UserIdentity
	if u.UserName != "" {
		return u.UserName
	}
	return u.ARN[strings.LastIndexByte(u.ARN, '/')+1:]
}

// resources names what the event names, with CloudFormation's type where an ARN tells it.
func resources(e *gateway.Event) []resource {
	out := []resource{}
	for _, r := range e.Resources {
		parts := strings.SplitN(r.ARN, ":", 6)
		if len(parts) != 6 {
			continue
		}
		kind, _, _ := strings.Cut(parts[5], "/")
		out = append(out, resource{ResourceType: types[parts[2]+"/"+kind], ResourceName: r.ARN})
	}
	return out
}

var types = map[string]string{
	"iam/role": "AWS::IAM::Role", "iam/user": "AWS::IAM::User", "iam/policy": "AWS::IAM::Policy", "iam/group": "AWS::IAM::Group",
	"iam/instance-profile": "AWS::IAM::InstanceProfile", "ec2/instance": "AWS::EC2::Instance", "ssm/document": "AWS::SSM::Document",
	"ssm/parameter": "AWS::SSM::Parameter", "ssm/managed-instance": "AWS::SSM::ManagedInstance",
}

func shapeOf(e *gateway.Event) (event, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return event{}, err
	}
	return event{EventId: e.EventID, EventName: e.EventName, ReadOnly: readOnly(e), AccessKeyId: e.UserIdentity.AccessKeyID,
		EventTime: e.EventTime, EventSource: e.EventSource, Username: username(e), Resources: resources(e),
		CloudTrailEvent: string(text)}, nil
}

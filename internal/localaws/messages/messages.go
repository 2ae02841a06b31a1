// Package messages is ec2messages in the local AWS: the channel on which the agent of a node asks for its commands
// and reports on them. The service has no public model; the wire is the agent's (amazon-ssm-agent).
//
// The package is a wire format only. What there is to deliver, and what a reply means, is internal/localaws/ssm's.
package messages

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// DefaultHold is how long GetMessages waits for a message: the agent gives up after 20 seconds.
const DefaultHold = 18 * time.Second

// defaultVisibility is used when the agent asks for none; it asks for 10 seconds.
const defaultVisibility = 10 * time.Second

// Service is the message delivery service. It is safe for concurrent use.
type Service struct {
	queue *ssm.Service
	hold  time.Duration
}

// New makes the service in front of Run Command. A hold of 0 means [DefaultHold].
func New(queue *ssm.Service, hold time.Duration) *Service {
	if hold <= 0 {
		hold = DefaultHold
	}
	return &Service{queue: queue, hold: hold}
}

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	return gateway.Service{
		Name:     "ec2messages",
		Protocol: gateway.JSON11,
		Target:   "EC2WindowsMessageDeliveryService",
		Operations: []gateway.Operation{
			gateway.Op("GetMessages", sourced[getMessagesInput], s.getMessages),
			gateway.Op("AcknowledgeMessage", access[acknowledgeInput], s.acknowledge),
			gateway.Op("SendReply", sourced[replyInput], s.sendReply),
			gateway.Op("FailMessage", access[failInput], s.fail),
			gateway.Op("DeleteMessage", access[acknowledgeInput], s.remove),
			gateway.Op("GetEndpoint", access[endpointInput], s.endpoint),
		},
	}
}

// access: the actions of ec2messages have no resource types.
func access[In any](context.Context, *gateway.Call, *In) ([]gateway.Access, error) {
	return []gateway.Access{{}}, nil
}

// sourced is access with the keys that the credentials of an instance carry.
func sourced[In any](_ context.Context, c *gateway.Call, _ *In) ([]gateway.Access, error) {
	return []gateway.Access{{Context: ssm.SourceKeys(c)}}, nil
}

func node(c *gateway.Call, instance string) ssm.Node {
	return ssm.Node{Account: c.Caller.Account, Region: c.Region, Instance: instance}
}

// own is the node that the caller is; callers that are no node are refused.
func own(c *gateway.Call) (ssm.Node, error) {
	id := ssm.CallingNode(c)
	if id == "" {
		return ssm.Node{}, refuse(c)
	}
	return node(c, id), nil
}

func refuse(c *gateway.Call) error {
	return &gateway.Error{Code: "AccessDeniedException", Message: "User: " + c.Caller.ARN +
		" is not authorized to perform: ec2messages:" + c.Operation + " for another node"}
}

type getMessagesInput struct {
	Destination                string
	MessagesRequestId          string
	VisibilityTimeoutInSeconds int
}

type getMessagesOutput struct {
	Destination       string
	MessagesRequestId string
	Messages          []message
}

type message struct {
	MessageId     string
	Destination   string
	CreatedDate   string
	Topic         string
	Payload       string
	PayloadDigest string
}

// getMessages waits for messages to the caller's own node.
func (s *Service) getMessages(ctx context.Context, c *gateway.Call, in *getMessagesInput) (*getMessagesOutput, error) {
	if !ssm.IsNode(c, in.Destination) {
		return nil, refuse(c)
	}
	visibility := defaultVisibility
	if n := in.VisibilityTimeoutInSeconds; n > 0 && n <= 43200 {
		visibility = time.Duration(n) * time.Second
	}
	found, err := s.queue.Receive(ctx, node(c, in.Destination), visibility, s.hold)
	if err != nil {
		return nil, err
	}
	out := &getMessagesOutput{Destination: in.Destination, MessagesRequestId: in.MessagesRequestId, Messages: []message{}}
	for _, m := range found {
		digest := sha256.Sum256([]byte(m.Payload))
		out.Messages = append(out.Messages, message{MessageId: m.ID, Destination: in.Destination,
			CreatedDate: m.Created.UTC().Format("2006-01-02T15:04:05.000Z"), Topic: m.Topic, Payload: m.Payload,
			PayloadDigest: hex.EncodeToString(digest[:])})
	}
	return out, nil
}

type acknowledgeInput struct{ MessageId string }

func (s *Service) acknowledge(ctx context.Context, c *gateway.Call, in *acknowledgeInput) (*struct{}, error) {
	return onOwn(c, func(n ssm.Node) error { return s.queue.Acknowledge(ctx, n, in.MessageId) })
}

func (s *Service) remove(ctx context.Context, c *gateway.Call, in *acknowledgeInput) (*struct{}, error) {
	return onOwn(c, func(n ssm.Node) error { return s.queue.Remove(ctx, n, in.MessageId) })
}

type failInput struct{ MessageId, FailureType string }

func (s *Service) fail(ctx context.Context, c *gateway.Call, in *failInput) (*struct{}, error) {
	return onOwn(c, func(n ssm.Node) error { return s.queue.Fail(ctx, n, in.MessageId, in.FailureType) })
}

type replyInput struct{ MessageId, ReplyId, Payload string }

func (s *Service) sendReply(ctx context.Context, c *gateway.Call, in *replyInput) (*struct{}, error) {
	return onOwn(c, func(n ssm.Node) error { return s.queue.Reply(ctx, n, in.MessageId, in.Payload) })
}

type endpointInput struct{ Destination, Protocol string }

// endpointOutput is where the node is to ask; the agent has never been seen to.
type endpointOutput struct{ Destination, Endpoint, Protocol string }

func (s *Service) endpoint(_ context.Context, c *gateway.Call, in *endpointInput) (*endpointOutput, error) {
	if !ssm.IsNode(c, in.Destination) {
		return nil, refuse(c)
	}
	return &endpointOutput{in.Destination, "ec2messages." + c.Region + ".amazonaws.com", "https"}, nil
}

// onOwn applies f to the caller's node, and turns what is wrong with the message into the caller's error.
func onOwn(c *gateway.Call, f func(ssm.Node) error) (*struct{}, error) {
	n, err := own(c)
	if err != nil {
		return nil, err
	}
	err = f(n)
	if errors.Is(err, ssm.ErrBadMessage) || errors.Is(err, ssm.ErrBadReply) {
		return nil, &gateway.Error{Code: "ValidationException", Message: err.Error()}
	}
	return &struct{}{}, err
}

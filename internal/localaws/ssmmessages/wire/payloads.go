package wire

// OpenControlChannel is the first thing that an agent says on a connection, as a text: which token it was given.
type OpenControlChannel struct {
	MessageSchemaVersion string
	RequestId            string
	TokenValue           string
	AgentVersion         string
	PlatformType         string
	Cookie               *string
}

// Job is a message to a node.
type Job struct {
	SchemaVersion int
	// JobId is the message's id: aws.ssm.<command>.<instance>.
	JobId string
	Topic string
	// Content is the same JSON as the Payload of a message of ec2messages.
	Content string
}

// JobAck says what the agent does with a job.
type JobAck struct {
	JobID                 string `json:"jobId"`
	AcknowledgedMessageID string `json:"acknowledgedMessageId"` // of the frame
	CreatedDate           string `json:"createdDate"`           // of the frame, 2006-01-02T15:04:05.000Z
	StatusCode            string `json:"statusCode"`
	ErrorMessage          string `json:"errorMessage"`
}

// Status codes of a [JobAck]. There are more refusals.
const (
	StatusTaken     = "200"
	StatusFull      = "51402" // ProcessorBufferFull: not now
	StatusDuplicate = "51405" // DuplicateCommand: it is there already
	StatusUnread    = "51408" // AgentJobMessageParseError: a reply tells that it has failed
)

// TimeLayout is that of CreatedDate.
const TimeLayout = "2006-01-02T15:04:05.000Z"

// Reply is what an agent says of a command.
type Reply struct {
	SchemaVersion int    `json:"schemaVersion"`
	JobID         string `json:"jobId"`
	// Content is the same JSON as the Payload of ec2messages' SendReply.
	Content string `json:"content"`
	Topic   string `json:"topic"`
}

// ReplyAck says that a reply has arrived. An agent sends a reply without one again.
type ReplyAck struct {
	JobID                 string `json:"jobId"`
	AcknowledgedMessageID string `json:"acknowledgedMessageId"` // of the reply's frame
}

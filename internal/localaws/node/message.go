package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Topics of messages; what follows them names the command.
const (
	topicSend   = "aws.ssm.sendCommand"
	topicCancel = "aws.ssm.cancelCommand"
)

// message is what GetMessages gives. Its payload is JSON in a string.
type message struct {
	MessageID string `json:"MessageId"`
	Topic     string
	Payload   string
}

// sendPayload is the payload of a command.
type sendPayload struct {
	CommandID               string `json:"CommandId"`
	DocumentName            string
	DocumentContent         json.RawMessage
	Parameters              map[string]any
	OutputS3BucketName      string
	OutputS3KeyPrefix       string
	CloudWatchLogGroupName  string
	CloudWatchOutputEnabled string // "true" or "false"
}

type cancelPayload struct {
	CancelMessageID string `json:"CancelMessageId"`
}

// parseSend reads a command. The command id of the message's own id is the one that counts, as in the agent.
func parseSend(m message) (sendPayload, error) {
	id, err := commandOf(m.MessageID)
	if err != nil {
		return sendPayload{}, err
	}
	var p sendPayload
	if err := json.Unmarshal([]byte(m.Payload), &p); err != nil {
		return sendPayload{}, fmt.Errorf("read the payload: %w", err)
	}
	if len(p.DocumentContent) == 0 {
		return sendPayload{}, errors.New("read the payload: it has no DocumentContent")
	}
	p.CommandID = id
	return p, nil
}

func parseCancel(m message) (string, error) {
	var p cancelPayload
	if err := json.Unmarshal([]byte(m.Payload), &p); err != nil {
		return "", fmt.Errorf("read the payload: %w", err)
	}
	if _, err := commandOf(p.CancelMessageID); err != nil {
		return "", err
	}
	return p.CancelMessageID, nil
}

// commandOf gives the command id in aws.ssm.<command id>.<instance id>.
func commandOf(messageID string) (string, error) {
	rest, ok := strings.CutPrefix(messageID, "aws.ssm.")
	id, instance, two := strings.Cut(rest, ".")
	if !ok || !two || id == "" || instance == "" || directoryName(id) != id || directoryName(instance) != instance {
		return "", fmt.Errorf("message id %q: want aws.ssm.<command id>.<instance id>", messageID)
	}
	return id, nil
}

// reply is the payload of SendReply.
type reply struct {
	AdditionalInfo      additionalInfo          `json:"additionalInfo"`
	DocumentStatus      Status                  `json:"documentStatus"`
	DocumentTraceOutput string                  `json:"documentTraceOutput"`
	RuntimeStatus       map[string]pluginStatus `json:"runtimeStatus"`
}

type additionalInfo struct {
	Agent               agentInfo      `json:"agent"`
	DateTime            string         `json:"dateTime"`
	RunID               string         `json:"runId"`
	RuntimeStatusCounts map[Status]int `json:"runtimeStatusCounts"`
}

type agentInfo struct {
	Lang    string `json:"lang"`
	Name    string `json:"name"`
	OS      string `json:"os"`
	OSVer   string `json:"osver"`
	Version string `json:"ver"`
}

// pluginStatus is the part of a reply that is about one step.
type pluginStatus struct {
	Status         Status `json:"status"`
	Code           int    `json:"code"`
	Name           string `json:"name"`
	Output         string `json:"output"`
	StartDateTime  string `json:"startDateTime"`
	EndDateTime    string `json:"endDateTime"`
	StepName       string `json:"stepName"`
	StandardOutput string `json:"standardOutput"`
	StandardError  string `json:"standardError"`
	// A reply names the bucket whether or not it could be written to.
	OutputS3BucketName string `json:"outputS3BucketName"`
	OutputS3KeyPrefix  string `json:"outputS3KeyPrefix"`
}

const timeLayout = "2006-01-02T15:04:05.000Z"

// newReply writes what is known of a command.
func (n *Node) newReply(status Status, trace string, steps []StepResult) reply {
	now := n.cfg.Now().UTC().Format(timeLayout)
	r := reply{
		AdditionalInfo: additionalInfo{
			Agent: agentInfo{
				Lang: "en-US", Name: agentName, OS: n.cfg.PlatformName, OSVer: n.cfg.PlatformVersion, Version: agentVersion,
			},
			DateTime:            now,
			RunID:               now,
			RuntimeStatusCounts: map[Status]int{},
		},
		DocumentStatus:      status,
		DocumentTraceOutput: trace,
		RuntimeStatus:       map[string]pluginStatus{},
	}
	for _, s := range steps {
		r.AdditionalInfo.RuntimeStatusCounts[s.Status]++
		r.RuntimeStatus[s.Name] = pluginStatusOf(s)
	}
	return r
}

func pluginStatusOf(s StepResult) pluginStatus {
	return pluginStatus{
		Status:         s.Status,
		Code:           s.Code,
		Name:           s.Action,
		Output:         s.Output,
		StartDateTime:  timeText(s.Start),
		EndDateTime:    timeText(s.End),
		StepName:       s.Name,
		StandardOutput: s.StandardOutput,
		StandardError:  s.StandardError,

		OutputS3BucketName: s.S3Bucket,
		OutputS3KeyPrefix:  s.S3Prefix,
	}
}

func timeText(t time.Time) string { return t.UTC().Format(timeLayout) }

package ssm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Limits on text that comes back from a node, in characters.
const (
	maxStdout = 24000
	maxStderr = 8000
	maxOutput = 2500
	maxTrace  = 2500
)

// pluginResult is what one step did.
type pluginResult struct {
	Status   string
	Details  string
	Code     int
	Stdout   string    `json:",omitempty"`
	Stderr   string    `json:",omitempty"`
	Output   string    `json:",omitempty"`
	Start    time.Time `json:",omitzero"`
	End      time.Time `json:",omitzero"`
	S3Bucket string    `json:",omitempty"`
	S3Prefix string    `json:",omitempty"`
}

// report is a decoded reply of the agent.
type report struct {
	status  string // of the document
	trace   string
	plugins map[string]pluginResult
}

// replyPayload is the agent's reply on the wire; what the control plane does not use is left out.
type replyPayload struct {
	DocumentStatus      string                 `json:"documentStatus"`
	DocumentTraceOutput string                 `json:"documentTraceOutput"`
	RuntimeStatus       map[string]replyPlugin `json:"runtimeStatus"`
}

type replyPlugin struct {
	Status             string `json:"status"`
	Code               int    `json:"code"`
	Output             string `json:"output"`
	StandardOutput     string `json:"standardOutput"`
	StandardError      string `json:"standardError"`
	StartDateTime      string `json:"startDateTime"`
	EndDateTime        string `json:"endDateTime"`
	OutputS3BucketName string `json:"outputS3BucketName"`
	OutputS3KeyPrefix  string `json:"outputS3KeyPrefix"`
}

// ErrBadReply says that a reply's payload cannot be read.
var ErrBadReply = errors.New("invalid reply payload")

// resultStatus maps the agent's statuses, of documents and of plugins, to the API's Status and StatusDetails.
// A step that was skipped is a success in the API: only its output tells.
var resultStatus = map[string][2]string{
	"NotStarted":       {"Pending", "Pending"},
	"InProgress":       {"InProgress", "InProgress"},
	"SuccessAndReboot": {"InProgress", "InProgress"},
	"PassedAndReboot":  {"InProgress", "InProgress"},
	"Success":          {"Success", "Success"},
	"Skipped":          {"Success", "Success"},
	"Failed":           {"Failed", "Failed"},
	"TimedOut":         {"TimedOut", "ExecutionTimedOut"},
	"Cancelled":        {"Cancelled", "Cancelled"},
}

// parseReply decodes the payload of SendReply.
func parseReply(text string) (report, error) {
	var p replyPayload
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return report{}, fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	if _, ok := resultStatus[p.DocumentStatus]; !ok {
		return report{}, fmt.Errorf("%w: unknown documentStatus %q", ErrBadReply, p.DocumentStatus)
	}
	r := report{status: p.DocumentStatus, trace: cut(p.DocumentTraceOutput, maxTrace),
		plugins: make(map[string]pluginResult, len(p.RuntimeStatus))}
	for name, plugin := range p.RuntimeStatus {
		status, ok := resultStatus[plugin.Status]
		if !ok {
			return report{}, fmt.Errorf("%w: unknown status %q of %q", ErrBadReply, plugin.Status, name)
		}
		result := pluginResult{Status: status[0], Details: status[1], Code: plugin.Code,
			Stdout: cut(plugin.StandardOutput, maxStdout), Stderr: cut(plugin.StandardError, maxStderr),
			Output: cut(plugin.Output, maxOutput), S3Bucket: plugin.OutputS3BucketName, S3Prefix: plugin.OutputS3KeyPrefix}
		var err error
		if result.Start, err = replyTime(plugin.StartDateTime); err != nil {
			return report{}, err
		}
		if result.End, err = replyTime(plugin.EndDateTime); err != nil {
			return report{}, err
		}
		r.plugins[name] = result
	}
	return r, nil
}

// replyTime reads the agent's time stamps; Go's zero time is what it sends for none.
func replyTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%w: %w", ErrBadReply, err)
	}
	if t.Year() <= 1 {
		return time.Time{}, nil
	}
	return t.UTC(), nil
}

// cut keeps the first n characters, as AWS does: it is the end, with the error, that is lost.
func cut(text string, n int) string {
	if len(text) <= n || utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}

// Reply takes what a node says about a command: progress, or its end. A reply for a message that is no command's (a
// cancel) changes no invocation, nor does one for an invocation that has ended, but for the result of a step that came too late.
func (s *Service) Reply(ctx context.Context, n Node, id, text string) error {
	command, err := commandOf(n, id)
	if err != nil {
		return err
	}
	r, err := parseReply(text)
	if err != nil {
		return err
	}
	if status := resultStatus[r.status][0]; status != "Pending" && status != "InProgress" {
		s.batch.drop(id)
	}
	return s.together(func(w *work) error {
		cmd, inv, err := loadBoth(ctx, w, n, command)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			return w.withdraw(ctx, n, id) // its acknowledgement may have been dropped
		case err != nil:
			return err
		case inv.phase == phaseDone:
			return w.late(ctx, inv, r)
		}
		return w.report(ctx, cmd, inv, r)
	})
}

// late adds the results of steps that are not known yet. The agent sends the replies of its steps and of the document at
// the same time, so that the last step's may come after the end, which does not hold it. Where the end was not the node's
// word, what the node says after it changes nothing: a status that was final stays.
func (w *work) late(ctx context.Context, inv *invocation, r report) error {
	if inv.details == "DeliveryTimedOut" || inv.details == "Undeliverable" {
		return nil
	}
	added := false
	for name, result := range r.plugins {
		if _, known := inv.plugins[name]; !known && resultStatus[r.status][0] == "InProgress" && result.Status != "InProgress" {
			inv.plugins[name] = result
			added = true
		}
	}
	if !added {
		return nil
	}
	return w.save(ctx, inv)
}

func (w *work) report(ctx context.Context, cmd *command, inv *invocation, r report) error {
	for name, result := range r.plugins {
		inv.plugins[name] = result
	}
	if r.trace != "" {
		inv.trace = r.trace
	}
	status := resultStatus[r.status]
	switch status[0] {
	case "Pending":
		return w.save(ctx, inv)
	case "InProgress":
		if inv.phase < phaseAcked {
			return w.accept(ctx, cmd, inv)
		}
		return w.save(ctx, inv)
	default:
		inv.status, inv.details = status[0], status[1]
		return w.finish(ctx, cmd, inv)
	}
}

package node

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

var logsAPI = api{"logs", "Logs_20140328"}

// How output is written to log streams, as the agent does it.
const (
	logInterval  = time.Second
	logTries     = 60 // after the end of the script
	maxLogEvent  = 200 * 1000
	maxLogEvents = 4 // in one request
)

const alreadyExists = "ResourceAlreadyExistsException"

func (n *Node) logs(ctx context.Context, operation string, in map[string]any, out any) error {
	return n.client.call(ctx, logsAPI, operation, callTimeout, in, out)
}

// logsGroup makes a log group. Where that is not allowed, one that is there will do.
func (n *Node) logsGroup(ctx context.Context, group string) error {
	err := n.logs(ctx, "CreateLogGroup", map[string]any{"logGroupName": group}, nil)
	if err == nil || isCode(err, alreadyExists) {
		return nil
	}
	var out struct {
		LogGroups []struct{ LogGroupName string }
	}
	if n.logs(ctx, "DescribeLogGroups", map[string]any{"logGroupNamePrefix": group}, &out) == nil {
		for _, g := range out.LogGroups {
			if g.LogGroupName == group {
				return nil
			}
		}
	}
	return err
}

// logStream is a stream that is written.
type logStream struct {
	n           *Node
	group, name string
	file        *os.File
	sent        int64 // bytes of the file
	made        bool
	token       string // of the last request; the service need not give one
}

// errNoStream says that there is nothing to write to, and never will be.
var errNoStream = errors.New("there is no log stream")

// streamLog writes a file to a log stream every second, and the rest of it once stop is closed.
func (n *Node) streamLog(ctx context.Context, group, name string, file *os.File, stop <-chan struct{}) {
	s := &logStream{n: n, group: group, name: name, file: file}
	ticker := time.NewTicker(logInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if _, err := s.write(ctx, false); errors.Is(err, errNoStream) {
				n.log("output to log stream "+name, err)
				return
			}
		case <-stop:
			s.rest(ctx, ticker)
			return
		}
	}
}

// rest writes what is left, and tries as long as the agent does.
func (s *logStream) rest(ctx context.Context, ticker *time.Ticker) {
	for try := 0; try < logTries; try++ {
		more, err := s.write(ctx, true)
		if err == nil && !more {
			return
		}
		if err != nil && (errors.Is(err, errNoStream) || try == logTries-1) {
			s.n.log("output to log stream "+s.name, err)
			return
		}
		if err != nil {
			<-ticker.C
		}
	}
}

// write sends one request's worth of the file; complete says that the file grows no more. more tells whether there is
// more to send.
func (s *logStream) write(ctx context.Context, complete bool) (more bool, err error) {
	events, size, err := s.next(complete)
	if err != nil || len(events) == 0 {
		return false, err
	}
	if err := s.make(ctx); err != nil {
		return true, err
	}
	if s.token == "" {
		s.token = s.sequence(ctx)
	}
	in := map[string]any{"logGroupName": s.group, "logStreamName": s.name, "logEvents": events}
	if s.token != "" {
		in["sequenceToken"] = s.token
	}
	var out struct{ NextSequenceToken string }
	err = s.n.logs(ctx, "PutLogEvents", in, &out)
	if isCode(err, "ResourceNotFoundException") {
		return true, fmt.Errorf("%w: %w", errNoStream, err)
	}
	s.token = out.NextSequenceToken
	if err != nil {
		return true, err
	}
	s.sent += size
	return true, nil
}

type logEvent struct {
	Timestamp int64  `json:"timestamp"`
	Message   string `json:"message"`
}

// next reads whole lines into events; the last line need not end when the file is complete.
func (s *logStream) next(complete bool) ([]logEvent, int64, error) {
	const most = maxLogEvent * maxLogEvents
	b, err := io.ReadAll(io.NewSectionReader(s.file, s.sent, most))
	if err != nil {
		return nil, 0, fmt.Errorf("read the output: %w", err)
	}
	if !complete || len(b) == most {
		if end := bytes.LastIndexByte(b, '\n'); end >= 0 {
			b = b[:end+1]
		} else if len(b) < maxLogEvent {
			return nil, 0, nil
		}
	}
	var events []logEvent
	size := int64(0)
	for len(b) > 0 && len(events) < maxLogEvents {
		part := b
		if len(part) > maxLogEvent {
			part = part[:maxLogEvent]
			if end := bytes.LastIndexByte(part, '\n'); end >= 0 {
				part = part[:end+1]
			}
		}
		b = b[len(part):]
		size += int64(len(part))
		events = append(events, logEvent{s.n.cfg.Now().UnixMilli(), s.message(part, complete)})
	}
	return events, size, nil
}

// message is the text of an event. The agent takes the last line's end away once the file is complete.
func (s *logStream) message(part []byte, complete bool) string {
	text := strings.ReplaceAll(strings.ToValidUTF8(string(part), "\uFFFD"), "\r\n", "\n")
	if shorter := strings.TrimSuffix(text, "\n"); complete && shorter != "" {
		return shorter // an event may not be empty
	}
	return text
}

// make makes the stream, once.
func (s *logStream) make(ctx context.Context) error {
	if s.made {
		return nil
	}
	err := s.n.logs(ctx, "CreateLogStream", map[string]any{"logGroupName": s.group, "logStreamName": s.name}, nil)
	if err != nil && !isCode(err, alreadyExists) {
		if _, found := s.describe(ctx); !found {
			return fmt.Errorf("%w: %w", errNoStream, err)
		}
	}
	s.made = true
	return nil
}

// sequence asks for the token of the next request. That it is not allowed to is no hindrance: the service does without.
func (s *logStream) sequence(ctx context.Context) string {
	token, _ := s.describe(ctx)
	return token
}

func (s *logStream) describe(ctx context.Context) (token string, found bool) {
	var out struct {
		LogStreams []struct{ LogStreamName, UploadSequenceToken string }
	}
	in := map[string]any{"logGroupName": s.group, "logStreamNamePrefix": s.name}
	if s.n.logs(ctx, "DescribeLogStreams", in, &out) != nil {
		return "", false
	}
	for _, stream := range out.LogStreams {
		if stream.LogStreamName == s.name {
			return stream.UploadSequenceToken, true
		}
	}
	return "", false
}

package node

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const testCommand = "11111111-2222-3333-4444-555555555555"

// service is the other end: ec2messages and a little of ssm, as far as a node sees them.
type service struct {
	t   *testing.T
	url string

	mu      sync.Mutex
	waiting []message
	arrived chan struct{}
	calls   []string // operation, and the message it is about
	replies map[string][]reply
	acked   map[string]bool
	// refuse answers an operation with an error, for as long as it is not empty.
	refuse map[string]string
	secret map[string]string // by access key
	infos  []map[string]string
}

func newService(t *testing.T) *service {
	s := &service{
		t: t, arrived: make(chan struct{}, 100), replies: map[string][]reply{}, acked: map[string]bool{},
		refuse: map[string]string{}, secret: map[string]string{"ASIAEXAMPLE": "secret"},
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		s.t.Error(err)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/v1/control-channel/") { // those who have one: internal/localaws/channels_test.go
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, "<AccessDeniedException><Message>no</Message></AccessDeniedException>")
		return
	}
	target, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if code := s.authenticate(r, body, target); code != "" {
		s.fail(w, code)
		return
	}
	var in map[string]any
	if err := json.Unmarshal(body, &in); err != nil {
		s.t.Errorf("%s: %v", operation, err)
	}
	if operation == "GetMessages" {
		s.getMessages(w, r)
		return
	}
	id, _ := in["MessageId"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, strings.TrimSpace(operation+" "+strings.TrimPrefix(id, "aws.ssm.")))
	if code := s.refuse[operation]; code != "" {
		s.fail(w, code)
		return
	}
	switch operation {
	case "SendReply":
		var p reply
		if err := json.Unmarshal([]byte(in["Payload"].(string)), &p); err != nil {
			s.t.Error(err)
		}
		s.replies[id] = append(s.replies[id], p)
	case "AcknowledgeMessage":
		s.acked[id] = true
	case "UpdateInstanceInformation":
		info := map[string]string{}
		for k, v := range in {
			info[k] = fmt.Sprint(v)
		}
		s.infos = append(s.infos, info)
	}
	fmt.Fprint(w, "{}")
}

func (s *service) authenticate(r *http.Request, body []byte, target string) string {
	signing := map[string]string{"AmazonSSM": "ssm", "EC2WindowsMessageDeliveryService": "ec2messages"}[target]
	sig, err := sigv4.Parse(r)
	if err != nil || sig.Service != signing || sig.Region != "eu-west-1" {
		s.t.Errorf("signature of %s: %v", target, err)
		return "IncompleteSignatureException"
	}
	s.mu.Lock()
	secret := s.secret[sig.AccessKeyID]
	s.mu.Unlock()
	if secret == "" {
		return "ExpiredTokenException"
	}
	if err := sig.Verify(r, body, secret, time.Now()); err != nil {
		s.t.Errorf("signature of %s: %v", target, err)
		return "InvalidSignatureException"
	}
	return ""
}

func (s *service) fail(w http.ResponseWriter, code string) {
	status := http.StatusBadRequest
	if code == "InternalServerError" {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"__type":"com.amazonaws.ssm#%s","message":"no"}`, code)
}

// getMessages gives what is waiting, and waits for something if nothing is.
func (s *service) getMessages(w http.ResponseWriter, r *http.Request) {
	for {
		s.mu.Lock()
		messages := s.waiting
		s.waiting = nil
		for _, m := range messages {
			s.hide(m)
		}
		s.mu.Unlock()
		if len(messages) > 0 {
			if err := json.NewEncoder(w).Encode(map[string]any{"Messages": messages}); err != nil {
				s.t.Log(err)
			}
			return
		}
		select {
		case <-s.arrived:
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
			fmt.Fprint(w, `{"Messages":[]}`)
			return
		}
	}
}

// hide keeps a message from others until it is acknowledged; if that does not happen soon, it is delivered again.
func (s *service) hide(m message) {
	delete(s.acked, m.MessageID)
	time.AfterFunc(1500*time.Millisecond, func() {
		s.mu.Lock()
		acked := s.acked[m.MessageID]
		s.mu.Unlock()
		if !acked {
			s.deliver(m)
		}
	})
}

func messageID(command string) string { return "aws.ssm." + command + "." + testInstance }

func (s *service) deliver(m message) {
	s.mu.Lock()
	s.waiting = append(s.waiting, m)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default: // those who wait look again soon
	}
}

func (s *service) send(command string, doc json.RawMessage) {
	payload, err := json.Marshal(map[string]any{
		"CommandId": command, "DocumentName": "d", "DocumentContent": doc, "Parameters": map[string]any{},
		"OutputS3BucketName": "", "CloudWatchOutputEnabled": "false",
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.deliver(message{MessageID: messageID(command), Topic: "aws.ssm.sendCommand.eu-west-1", Payload: string(payload)})
}

func (s *service) cancel(command string) {
	s.deliver(message{
		MessageID: "aws.ssm.cancel-of-it." + testInstance, Topic: "aws.ssm.cancelCommand.eu-west-1",
		Payload: `{"CancelMessageId":"` + messageID(command) + `"}`,
	})
}

func (s *service) set(operation, code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[operation] = code
}

// until waits for a condition on the service's state.
func (s *service) until(what string, f func() bool) {
	s.t.Helper()
	for range 600 {
		s.mu.Lock()
		done := f()
		s.mu.Unlock()
		if done {
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.t.Fatalf("waited in vain for %s; calls: %s", what, strings.Join(s.calls, ", "))
}

// final waits for a command's last reply.
func (s *service) final(command string) reply {
	s.t.Helper()
	var last reply
	s.until("the final reply of "+command, func() bool {
		list := s.replies[messageID(command)]
		if len(list) == 0 || list[len(list)-1].DocumentStatus == InProgress {
			return false
		}
		last = list[len(list)-1]
		return true
	})
	return last
}

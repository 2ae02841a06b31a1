package node

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// startNode runs a node; the function that it returns ends it, as does the end of the test.
func startNode(t *testing.T, s *service, cfg Config) (stop func()) {
	t.Helper()
	cfg.Endpoint = s.url
	n := testNode(t, cfg)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(time.Minute):
			t.Error("the node does not end")
		}
	})
	t.Cleanup(stop)
	return stop
}

func directConfig(t *testing.T) Config {
	cfg := testConfig(t)
	cfg.Sandbox.NoNamespaces = true
	cfg.Drain = -1
	return cfg
}

func TestAgentRunsACommand(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cfg := testConfig(t)
	startNode(t, s, cfg)
	s.send(testCommand, steps("2.2", one("first", "0"), with(one("second", "0"), "inputs",
		map[string]any{"runCommand": []string{"echo $SSM_COMMAND_ID; echo err >&2; exit 3"}})))
	got := s.final(testCommand)
	if got.DocumentStatus != Failed || got.RuntimeStatus["first"].Status != Success {
		t.Errorf("got %+v", got)
	}
	second := got.RuntimeStatus["second"]
	if second.Code != 3 || second.StandardOutput != testCommand+"\n" || second.StepName != "second" || second.Name != runShellScript {
		t.Errorf("got %+v", second)
	}
	if _, err := time.Parse(timeLayout, second.EndDateTime); err != nil {
		t.Error(err)
	}
	id := testCommand + "." + testInstance
	want := []string{
		"SendReply " + id, "AcknowledgeMessage " + id, "SendReply " + id, "SendReply " + id, "SendReply " + id,
	}
	s.until("the second report", func() bool { return len(s.infos) == 2 })
	s.mu.Lock()
	defer s.mu.Unlock()
	about := slices.DeleteFunc(slices.Clone(s.calls), func(c string) bool { return c == "UpdateInstanceInformation" })
	if diff := cmp.Diff(want, about); diff != "" {
		t.Error(diff)
	}
	if s.infos[0]["SSMConnectionChannel"] != "" {
		t.Errorf("before a channel was tried: %v", s.infos[0])
	}
	if diff := cmp.Diff([]map[string]string{{
		"InstanceId": testInstance, "AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.3050.0", "AgentStatus": "Active",
		"PlatformType": "Linux", "PlatformName": "Amazon Linux", "PlatformVersion": "2023", "IPAddress": "127.0.0.1",
		"ComputerName": testInstance + ".eu-west-1.compute.internal", "SSMConnectionChannel": "ec2messages",
	}}, s.infos[1:]); diff != "" {
		t.Error(diff)
	}
}

func TestAgentCancels(t *testing.T) {
	t.Parallel()
	s := newService(t)
	startNode(t, s, directConfig(t))
	s.send(testCommand, shell("sleep 60"))
	s.until("the acknowledgement", func() bool { return s.acked[messageID(testCommand)] })
	s.cancel(testCommand)
	got := s.final(testCommand)
	if got.DocumentStatus != Cancelled {
		t.Errorf("got %+v", got)
	}
	s.until("the acknowledgement of the cancel", func() bool { return s.acked["aws.ssm.cancel-of-it."+testInstance] })
}

// TestAgentCancelsWhatItRefused: a command that there was no room for does not run when it comes again after its cancel.
func TestAgentCancelsWhatItRefused(t *testing.T) {
	t.Parallel()
	s := newService(t)
	startNode(t, s, directConfig(t))
	var names []string
	for i := range workers + buffer {
		names = append(names, fmt.Sprint("c", i))
		s.send(names[i], shell("while [ ! -e go ]; do sleep 0.05; done"))
	}
	s.until("all places to be taken", func() bool { return len(s.acked) == len(names) })
	late := shell("touch ran")
	s.send("late", late)
	s.cancel("late")
	s.until("the acknowledgement of the cancel", func() bool { return s.acked["aws.ssm.cancel-of-it."+testInstance] })
	if got := s.final("late"); got.DocumentStatus != Cancelled {
		t.Errorf("got %+v", got)
	}
	for _, name := range names {
		s.cancel(name)
		if got := s.final(name); got.DocumentStatus != Cancelled {
			t.Errorf("%s: got %+v", name, got)
		}
	}
	s.send("late", late)
	s.until("its acknowledgement", func() bool { return s.acked[messageID("late")] })
	s.send("look", shell("ls"))
	if got := s.final("look").RuntimeStatus["one"].StandardOutput; strings.Contains(got, "ran") {
		t.Errorf("it ran: %q", got)
	}
}

func TestAgentRunsNothingTwice(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cfg := directConfig(t)
	stop := startNode(t, s, cfg)
	doc := shell("echo x >>runs; cat runs")
	// A message that is given again under load is acknowledged again: what counts is one more than before.
	acks := func() int {
		return len(slices.DeleteFunc(slices.Clone(s.calls), func(c string) bool { return !strings.HasPrefix(c, "Ack") }))
	}
	again := func(what string) {
		s.mu.Lock()
		before := acks()
		s.mu.Unlock()
		s.send(testCommand, doc)
		s.until(what, func() bool { return acks() > before })
	}
	s.send(testCommand, doc)
	s.final(testCommand)
	again("the second acknowledgement")
	stop()
	startNode(t, s, cfg)
	again("the third acknowledgement")
	s.send("another", doc)
	if got := s.final("another").RuntimeStatus["one"].StandardOutput; got != "x\nx\n" {
		t.Errorf("the file has %q: want one line each of two commands", got)
	}
}

// TestAgentRestart: what was running when the node stopped is a failure, not run again, and known to be one.
func TestAgentRestart(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cfg := directConfig(t)
	n := testNode(t, cfg)
	if err := n.journal.begin(messageID(testCommand)); err != nil {
		t.Fatal(err)
	}
	startNode(t, s, cfg)
	got := s.final(testCommand)
	if got.DocumentStatus != Failed || got.DocumentTraceOutput != "the node was stopped while the command ran" {
		t.Errorf("got %+v", got)
	}
	if ids, err := n.journal.interrupted(); err != nil || len(ids) != 0 {
		t.Errorf("still in the journal: %v, %v", ids, err)
	}
}

func TestAgentStopsWithARunningCommand(t *testing.T) {
	t.Parallel()
	s := newService(t)
	stop := startNode(t, s, directConfig(t))
	s.send(testCommand, shell("echo begun; sleep 60"))
	s.until("the acknowledgement", func() bool { return s.acked[messageID(testCommand)] })
	stop()
	got := s.final(testCommand)
	if got.DocumentStatus != Failed || !strings.Contains(got.DocumentTraceOutput, "node was stopped") {
		t.Errorf("got %+v", got)
	}
	// The only step says what the document does: GetCommandInvocation shows its status.
	if one := got.RuntimeStatus["one"]; one.Status != Failed || one.StandardError != "the node was stopped while the command ran" {
		t.Errorf("got %+v", one)
	}
}

func TestAgentDrains(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cfg := directConfig(t)
	cfg.Drain = 30 * time.Second
	stop := startNode(t, s, cfg)
	s.send(testCommand, shell("sleep 1; echo ended"))
	s.until("the acknowledgement", func() bool { return s.acked[messageID(testCommand)] })
	stop()
	if got := s.final(testCommand); got.DocumentStatus != Success || got.RuntimeStatus["one"].StandardOutput != "ended\n" {
		t.Errorf("got %+v", got)
	}
}

// TestAgentKeepsReplies: a reply that is refused is sent again, even by the next run of the node.
func TestAgentKeepsReplies(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"AccessDeniedException", "InternalServerError", "ThrottlingException"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			cfg := directConfig(t)
			stop := startNode(t, s, cfg)
			s.until("the report", func() bool { return len(s.infos) > 0 })
			s.set("SendReply", code)
			s.send(testCommand, shell("echo out"))
			n := &journal{dir: cfg.Dir}
			s.until("the end of the command", func() bool {
				state, err := n.state(messageID(testCommand))
				return err == nil && state == stateDone
			})
			stop()
			s.set("SendReply", "")
			startNode(t, s, cfg)
			if got := s.final(testCommand); got.DocumentStatus != Success || got.RuntimeStatus["one"].StandardOutput != "out\n" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

// TestAgentDropsHopelessReplies: one that can never be taken does not hold up the others.
func TestAgentDropsHopelessReplies(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cfg := directConfig(t)
	s.set("SendReply", "ValidationException")
	startNode(t, s, cfg)
	s.send(testCommand, shell("echo out"))
	j := &journal{dir: cfg.Dir}
	s.until("an empty journal", func() bool {
		replies, err := j.queued()
		state, _ := j.state(messageID(testCommand))
		return err == nil && len(replies) == 0 && state == stateDone
	})
	s.set("SendReply", "")
	s.send("another", shell("echo out"))
	s.final("another")
}

// TestAgentDoesNotRunUnacknowledged: the service would deliver it again, to be run then.
func TestAgentDoesNotRunUnacknowledged(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.set("AcknowledgeMessage", "AccessDeniedException")
	startNode(t, s, directConfig(t))
	doc := shell("echo x >>runs; cat runs")
	s.send(testCommand, doc)
	s.until("the refused acknowledgement", func() bool { return slices.Contains(s.calls, "AcknowledgeMessage "+testCommand+"."+testInstance) })
	s.set("AcknowledgeMessage", "")
	s.send(testCommand, doc)
	if got := s.final(testCommand).RuntimeStatus["one"].StandardOutput; got != "x\n" {
		t.Errorf("got %q", got)
	}
}

func TestAgentRefusesNonsense(t *testing.T) {
	t.Parallel()
	s := newService(t)
	startNode(t, s, directConfig(t))
	s.deliver(message{MessageID: messageID("a"), Topic: "aws.ssm.somethingElse", Payload: "{}"})
	s.deliver(message{MessageID: "../../etc/passwd", Topic: topicSend, Payload: "{}"})
	s.deliver(message{MessageID: messageID("c"), Topic: topicCancel, Payload: "{}"})
	s.deliver(message{MessageID: messageID("d"), Topic: topicSend, Payload: "not JSON"})
	s.until("three refusals", func() bool {
		return slices.Contains(s.calls, "FailMessage a."+testInstance) && slices.Contains(s.calls, "FailMessage ../../etc/passwd") &&
			slices.Contains(s.calls, "FailMessage c."+testInstance)
	})
	if got := s.final("d"); got.DocumentStatus != Failed || !strings.Contains(got.DocumentTraceOutput, "read the payload") {
		t.Errorf("got %+v", got)
	}
	s.send("e", json.RawMessage(`{"schemaVersion":"9"}`))
	if got := s.final("e"); got.DocumentStatus != Failed || !strings.Contains(got.DocumentTraceOutput, "schema version") {
		t.Errorf("got %+v", got)
	}
}

// TestAgentRunsFiveAtOnce: the sixth waits (CommandWorkersLimit), and can be cancelled while it does.
func TestAgentRunsFiveAtOnce(t *testing.T) {
	t.Parallel()
	s := newService(t)
	startNode(t, s, directConfig(t))
	doc := shell("echo x >>begun", "while [ ! -e go ]; do sleep 0.05; done", "wc -l <begun")
	names := []string{"c1", "c2", "c3", "c4", "c5", "c6"}
	for _, name := range names {
		s.send(name, doc)
	}
	s.until("six acknowledgements", func() bool { return len(s.acked) == len(names) })
	s.send("c7", shell("touch go"))
	s.until("the seventh acknowledgement", func() bool { return s.acked[messageID("c7")] })
	time.Sleep(300 * time.Millisecond)
	s.mu.Lock()
	if got := len(s.replies[messageID("c7")]); got != 1 {
		t.Errorf("a seventh command has %d replies, want InProgress only", got)
	}
	s.mu.Unlock()
	s.cancel("c1")
	s.cancel("c2")
	for _, name := range names[2:] {
		if got := s.final(name); got.DocumentStatus != Success {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestAgentWaitsForItsPermission(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.set("UpdateInstanceInformation", "AccessDeniedException")
	startNode(t, s, directConfig(t))
	s.send(testCommand, shell("echo out"))
	s.until("two reports", func() bool { return len(s.calls) >= 2 })
	s.mu.Lock()
	if len(s.waiting) != 1 {
		t.Error("a node that is not registered fetched a message")
	}
	s.mu.Unlock()
	s.set("UpdateInstanceInformation", "")
	s.final(testCommand)
}

func TestAgentRenewsCredentials(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var mu sync.Mutex
	now, asked := time.Unix(1700000000, 0), 0
	cfg := Config{
		InstanceID: testInstance, Region: "eu-west-1", Endpoint: s.url, Dir: t.TempDir(),
		Credentials: func(context.Context) (Credentials, error) {
			mu.Lock()
			defer mu.Unlock()
			if asked++; asked == 3 {
				return Credentials{}, fmt.Errorf("not now")
			}
			return Credentials{AccessKeyID: fmt.Sprintf("KEY%d", asked), Expires: now.Add(time.Hour)}, nil
		},
		Now: func() time.Time { return now },
	}
	if err := cfg.complete(); err != nil {
		t.Fatal(err)
	}
	c := newClient(&cfg)
	get := func(want string) {
		t.Helper()
		cred, err := c.credentials(t.Context())
		if err != nil || cred.AccessKeyID != want {
			t.Errorf("got %q, %v, want %q", cred.AccessKeyID, err, want)
		}
	}
	get("KEY1")
	now = now.Add(29 * time.Minute)
	get("KEY1")
	now = now.Add(time.Minute) // half of its life
	get("KEY2")
	now = now.Add(40 * time.Minute)
	get("KEY2") // the renewal fails, the old ones still last
	get("KEY4")
	c.forget(Credentials{AccessKeyID: "KEY2"})
	get("KEY4")
	c.forget(Credentials{AccessKeyID: "KEY4"})
	get("KEY5")
}

// TestAgentExpiredToken: refused credentials are renewed, and the call made again.
func TestAgentExpiredToken(t *testing.T) {
	t.Parallel()
	s := newService(t)
	cfg := directConfig(t)
	var mu sync.Mutex
	asked := 0
	cfg.Credentials = func(context.Context) (Credentials, error) {
		mu.Lock()
		defer mu.Unlock()
		if asked++; asked == 1 {
			return Credentials{AccessKeyID: "ASIAOLD", SecretAccessKey: "old"}, nil
		}
		return Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "secret"}, nil
	}
	startNode(t, s, cfg)
	s.send(testCommand, shell("echo out"))
	s.final(testCommand)
	mu.Lock()
	defer mu.Unlock()
	if asked != 2 {
		t.Errorf("asked %d times for credentials", asked)
	}
}

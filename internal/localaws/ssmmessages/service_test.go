package ssmmessages_test

import (
	"encoding/json"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
)

// TestCommand: a command goes to the node, and its result comes back.
func TestCommand(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{})
	a := w.agent(nodeID)
	command := w.send(nodeID)
	j, f := a.job()
	if j.JobId != "aws.ssm."+command+"."+nodeID || j.SchemaVersion != 1 || j.Topic != "aws.ssm.sendCommand.eu-west-1" {
		t.Errorf("got %+v", j)
	}
	var content map[string]any
	must(t, json.Unmarshal([]byte(j.Content), &content))
	if content["CommandId"] != command || content["DocumentContent"] == nil || time.Since(f.Created) > time.Minute {
		t.Errorf("got %v of %s", content, f.Created)
	}
	a.acknowledge(j.JobId, f, wire.StatusTaken)
	a.reply(j.JobId, "InProgress")
	if got := w.status(command, nodeID); got != "InProgress" {
		t.Error(got)
	}
	a.reply(j.JobId, "Success")
	if got := w.status(command, nodeID); got != "Success" {
		t.Error(got)
	}
	want := []string{"CreateControlChannel", "OpenControlChannel"}
	got := slices.DeleteFunc(w.events.list(), func(e string) bool { return !strings.Contains(e, "Control") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestRefused: a job that finds the node's buffer full comes again, and others are not held up by it.
func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{})
	go w.ssm.Run(t.Context())
	a := w.agent(nodeID)
	for _, code := range []string{wire.StatusFull, "51499", wire.StatusUnread} {
		full := w.send(nodeID)
		j, f := a.job()
		a.acknowledge(j.JobId, f, code)
		other := w.send(nodeID)
		j, f = a.job()
		if !strings.Contains(j.JobId, other) {
			t.Fatalf("got %s", j.JobId)
		}
		a.acknowledge(j.JobId, f, wire.StatusDuplicate)
		began := time.Now()
		j, f = a.job()
		if !strings.Contains(j.JobId, full) || time.Since(began) < 200*time.Millisecond {
			t.Fatalf("got %s after %s", j.JobId, time.Since(began))
		}
		a.acknowledge(j.JobId, f, wire.StatusTaken)
		a.reply(j.JobId, "Success")
	}
}

// TestSocketDrops: what was under way is delivered by the other service, or by the next channel.
func TestSocketDrops(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{})
	a := w.agent(nodeID)
	first := w.send(nodeID)
	a.job()
	must(t, a.c.CloseNow())
	w.connected(nodeID, false)
	poll := func() string {
		return w.json(nodeID, "ec2messages", "EC2WindowsMessageDeliveryService", "GetMessages", map[string]string{"Destination": nodeID, "MessagesRequestId": "r"})
	}
	if got := poll(); !strings.Contains(got, first) {
		t.Errorf("got %s", got)
	}
	second := w.send(nodeID)
	b := w.agent(nodeID)
	if j, _ := b.job(); !strings.Contains(j.JobId, second) {
		t.Errorf("got %s", j.JobId)
	}
	c := w.agent(nodeID)
	if j, f := c.job(); !strings.Contains(j.JobId, second) {
		t.Errorf("got %s", j.JobId)
	} else {
		c.acknowledge(j.JobId, f, wire.StatusTaken)
		c.reply(j.JobId, "Success")
	}
	b.closed() // replaced
	if got := w.status(second, nodeID); got != "Success" {
		t.Error(got)
	}
	c.acknowledge("aws.ssm."+first+"."+nodeID, wire.Frame{}, wire.StatusTaken)
	c.reply("aws.ssm."+first+"."+nodeID, "Failed")
	w.until(first, nodeID, "Failed")
}

func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{})
	a := w.agent(nodeID)
	command := w.send(nodeID)
	j, f := a.job()
	a.acknowledge(j.JobId, f, wire.StatusTaken)
	w.until(command, nodeID, "InProgress")
	w.json("admin", "ssm", "AmazonSSM", "CancelCommand", map[string]string{"CommandId": command})
	c, f := a.job()
	if c.Topic != "aws.ssm.cancelCommand.eu-west-1" || c.Content != `{"CancelMessageId":"`+j.JobId+`"}` {
		t.Errorf("got %+v", c)
	}
	a.acknowledge(c.JobId, f, wire.StatusTaken)
	a.reply(j.JobId, "Cancelled")
	w.until(command, nodeID, "Cancelled")
}

// TestNotTheNode: a channel is the node's own, in each of its two steps, and each needs its permission.
func TestNotTheNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{})
	for _, who := range []string{"admin", otherID} {
		if status, answer := w.create(who, nodeID, requestBody); status != http.StatusForbidden || !strings.Contains(answer, "<AccessDeniedException>") {
			t.Errorf("%s creates: %d %s", who, status, answer)
		}
		if c, status, answer := w.dial(who, nodeID, subscribe); c != nil || status != http.StatusForbidden || !strings.Contains(answer, "<AccessDeniedException>") {
			t.Errorf("%s opens: %d %s", who, status, answer)
		}
	}
	w.node(nodeID, strings.Replace(allowAll, `"*"`, `"ssmmessages:CreateControlChannel"`, 1))
	w.token(nodeID)
	if _, status, answer := w.dial(nodeID, nodeID, subscribe); status != http.StatusForbidden || !strings.Contains(answer, "ssmmessages:OpenControlChannel") {
		t.Errorf("opens without permission: %d %s", status, answer)
	}
	w.node(nodeID, strings.Replace(allowAll, `"Resource"`, `"Condition":{"ArnEquals":{"ssm:SourceInstanceARN":"arn:aws:ec2:eu-west-1:111111111111:instance/`+nodeID+`"}},"Resource"`, 1))
	w.token(nodeID)
	w.node(nodeID, strings.Replace(allowAll, `"*"`, `"ssmmessages:OpenControlChannel"`, 1))
	if status, answer := w.create(nodeID, nodeID, requestBody); status != http.StatusForbidden || !strings.Contains(answer, "<AccessDeniedException>") {
		t.Errorf("creates without permission: %d %s", status, answer)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{Connections: 1})
	for name, body := range map[string]string{
		"empty": "", "not JSON": "{", "no version": `{"RequestId":"00000000-0000-0000-0000-000000000000"}`,
		"another version": strings.Replace(requestBody, "1.0", "2.0", 1), "short id": `{"MessageSchemaVersion":"1.0","RequestId":"x"}`,
	} {
		if status, answer := w.create(nodeID, nodeID, body); status != http.StatusBadRequest || !strings.Contains(answer, "<ValidationException>") {
			t.Errorf("%s: %d %s", name, status, answer)
		}
	}
	for _, query := range []string{"", "?role=publish_subscribe", "?role=subscribe", "?role=subscribe&stream=output"} {
		if c, status, answer := w.dial(nodeID, nodeID, query); c != nil || status != http.StatusBadRequest {
			t.Errorf("%q: %d %s", query, status, answer)
		}
	}
	plain := w.request(nodeID, "ssmmessages", http.MethodGet, "/v1/control-channel/"+nodeID+subscribe, nil)
	if status, answer := w.do(plain, nodeID, "ssmmessages", nil); status != http.StatusUpgradeRequired {
		t.Errorf("no web socket: %d %s", status, answer)
	}
	for _, path := range []string{"/v1/data-channel/session", "/v2/control-channel/" + nodeID, "/"} {
		r := w.request(nodeID, "ssmmessages", http.MethodPost, path, []byte(requestBody))
		if status, answer := w.do(r, nodeID, "ssmmessages", []byte(requestBody)); status != http.StatusNotImplemented || !strings.Contains(answer, "<UnknownOperationException>") {
			t.Errorf("%s: %d %s", path, status, answer)
		}
	}
	w.agent(nodeID)
	if c, status, _ := w.dial(otherID, otherID, subscribe); c != nil || status != http.StatusTooManyRequests {
		t.Errorf("one connection too many: %d", status)
	}
}

// TestBadFrames: whoever does not keep to the protocol is sent away, and nothing else happens.
func TestBadFrames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{})
	command := w.send(otherID)
	foreign := "aws.ssm." + command + "." + otherID
	for name, say := range map[string]func(a *agent){
		"not a frame":    func(a *agent) { must(t, a.c.Write(t.Context(), websocket.MessageBinary, []byte("hello"))) },
		"a text":         func(a *agent) { a.text("token") },
		"ack not JSON":   func(a *agent) { a.write(wire.TypeJobAck, "text") },
		"reply not JSON": func(a *agent) { a.write(wire.TypeReply, "text") },
		"foreign ack":    func(a *agent) { a.acknowledge(foreign, wire.Frame{}, wire.StatusTaken) },
		"foreign refuse": func(a *agent) { a.acknowledge(foreign, wire.Frame{}, wire.StatusFull) },
		"foreign reply": func(a *agent) {
			a.write(wire.TypeReply, wire.Reply{JobID: foreign, Content: `{"documentStatus":"Success"}`})
		},
	} {
		a := w.agent(nodeID)
		say(a)
		if got := a.closed(); got != websocket.StatusPolicyViolation {
			t.Errorf("%s: %v", name, got)
		}
	}
	a := w.agent(nodeID)
	_ = a.c.Write(t.Context(), websocket.MessageBinary, make([]byte, 300<<10)) // its end may meet a closed connection too
	if got := a.closed(); got != websocket.StatusMessageTooBig && got != -1 {  // the rest of it meets a closed connection
		t.Errorf("too big: %v", got)
	}
	if got := w.status(command, otherID); got != "Pending" {
		t.Error(got)
	}
	b := w.agent(nodeID)
	b.write("agent_telemetry", "something else")
	b.write(wire.TypeReply, wire.Reply{JobID: "aws.ssm." + command + "." + nodeID, Content: `{"documentStatus":"Fine"}`})
	if err := <-w.errors; !strings.Contains(err.Error(), "Fine") {
		t.Error(err)
	}
	b.reply("aws.ssm."+command+"."+nodeID, "Success") // not this node's command: nothing happens
}

// TestTokens: no messages without the token that was given to this node.
func TestTokens(t *testing.T) {
	t.Parallel()
	now := time.Now()
	w := newWorld(t, ssmmessages.Config{Now: func() time.Time { return now }})
	w.send(nodeID)
	other, mine := w.token(otherID), w.token(nodeID)
	now = now.Add(6 * time.Minute)
	for name, token := range map[string]string{"none": "", "nonsense": "x", "another node's": other, "old": mine, "cut": mine[:20]} {
		c, _, _ := w.dial(nodeID, nodeID, subscribe)
		a := &agent{w, nodeID, c}
		a.text(token)
		if got := a.closed(); got != websocket.StatusPolicyViolation {
			t.Errorf("%s: %v", name, got)
		}
	}
	c, _, _ := w.dial(nodeID, nodeID, subscribe)
	a := &agent{w, nodeID, c}
	must(t, c.Write(t.Context(), websocket.MessageText, []byte("not JSON")))
	if got := a.closed(); got != websocket.StatusPolicyViolation {
		t.Error(got)
	}
}

// TestSilence: a silent connection is closed; pings keep one open.
func TestSilence(t *testing.T) {
	t.Parallel()
	w := newWorld(t, ssmmessages.Config{Idle: 2 * time.Second})
	silent, lively := w.agent(nodeID), w.agent(otherID)
	pings := make(chan error, 1)
	reading := lively.c.CloseRead(t.Context())
	go func() {
		for range 15 {
			if err := lively.c.Ping(t.Context()); err != nil {
				pings <- err
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		pings <- nil
	}()
	silent.closed()
	must(t, <-pings)
	if reading.Err() != nil {
		t.Error("the connection that pinged was closed")
	}
}

// TestCloseLeavesNothing: after Close no goroutine of the service is left, not even of half-open connections.
func TestCloseLeavesNothing(t *testing.T) {
	w := newWorld(t, ssmmessages.Config{})
	a := w.agent(nodeID)
	w.send(nodeID)
	a.job()
	w.dial(otherID, otherID, subscribe)
	w.channels.Close()
	a.closed()
	buf := make([]byte, 1<<20)
	stacks := string(buf[:runtime.Stack(buf, true)])
	for _, g := range strings.Split(stacks, "\n\n") {
		if strings.Contains(g, "localaws/ssmmessages.(*") && !strings.Contains(g, "Parallel") {
			t.Errorf("left:\n%s", g)
		}
	}
	if _, status, _ := w.dial(otherID, otherID, subscribe); status != http.StatusTooManyRequests {
		t.Errorf("after the end: %d", status)
	}
}

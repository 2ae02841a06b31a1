package ssmmessages_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"encoding/xml"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/messages"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages"
	"github.com/slipway-cd/slipway/internal/localaws/ssmmessages/wire"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	account  = "111111111111"
	region   = "eu-west-1"
	nodeID   = "i-00000000000000001"
	otherID  = "i-00000000000000002"
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// principals is a directory in which the access key is the principal's own name.
type principals struct {
	mu       sync.Mutex
	callers  map[string]gateway.Caller
	policies map[string]*iam.PolicySet
}

func (p *principals) Credential(_ context.Context, key string) (gateway.Credential, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c, ok := p.callers[key]
	return gateway.Credential{Secret: "secret", Caller: c}, ok, nil
}

func (p *principals) Policies(_ context.Context, c gateway.Caller) (*iam.PolicySet, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.policies[c.ARN], nil
}

// events keeps what was recorded.
type events struct {
	mu  sync.Mutex
	all []string
}

func (e *events) Record(_ context.Context, ev gateway.Event) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, strings.TrimSpace(ev.EventName+" "+ev.ErrorCode))
	return nil
}

func (e *events) list() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.all...)
}

// world is a local AWS with Run Command, its two message channels, and two nodes.
type world struct {
	t        testing.TB
	ssm      *ssm.Service
	channels *ssmmessages.Service
	who      *principals
	events   *events
	url      string
	errors   chan error
}

func newWorld(t testing.TB, cfg ssmmessages.Config) *world {
	t.Helper()
	db, err := store.Open("")
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, events: &events{}, errors: make(chan error, 100),
		who: &principals{callers: map[string]gateway.Caller{}, policies: map[string]*iam.PolicySet{}}}
	instances, err := ec2.New(db, time.Now)
	must(t, err)
	w.ssm, err = ssm.New(db, instances, ssm.Config{OnError: func(err error) { t.Error(err) }})
	must(t, err)
	cfg.OnError = func(err error) { w.errors <- err }
	w.channels, err = ssmmessages.New(w.ssm, cfg)
	must(t, err)
	gw := gateway.New(gateway.Config{Directory: w.who, Events: w.events, Now: time.Now, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	for _, api := range []gateway.Service{w.ssm.API(), messages.New(w.ssm, 200*time.Millisecond).API(), w.channels.API()} {
		must(t, gw.Register(api))
	}
	server := httptest.NewServer(gw)
	t.Cleanup(server.Close)
	t.Cleanup(w.channels.Close)
	w.url = server.URL
	w.user("admin")
	for _, id := range []string{nodeID, otherID} {
		must(t, instances.Launch(t.Context(), ec2.Instance{ID: id, Account: account, Region: region}))
		w.node(id, allowAll)
		w.json(id, "ssm", "AmazonSSM", "UpdateInstanceInformation",
			map[string]string{"InstanceId": id, "AgentVersion": "3.3.0.0", "PlatformType": "Linux"})
	}
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) principal(key, policy string, c gateway.Caller) {
	w.t.Helper()
	parsed, err := iam.ParsePolicy(key, []byte(policy))
	must(w.t, err)
	w.who.mu.Lock()
	defer w.who.mu.Unlock()
	w.who.callers[key] = c
	w.who.policies[c.ARN] = &iam.PolicySet{Identity: []*iam.Policy{parsed}}
}

func (w *world) user(name string) {
	w.principal(name, allowAll, gateway.Caller{Principal: iam.Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account}})
}

// node makes the session of a node; its id is the access key.
func (w *world) node(id, policy string) {
	w.principal(id, policy, gateway.Caller{Principal: iam.Principal{
		ARN:     "arn:aws:sts::" + account + ":assumed-role/Node/" + id,
		RoleARN: "arn:aws:iam::" + account + ":role/Node", Account: account},
		SourceInstance: "arn:aws:ec2:" + region + ":" + account + ":instance/" + id})
}

func (w *world) request(who, service, method, path string, body []byte) *http.Request {
	w.t.Helper()
	r, err := http.NewRequest(method, w.url+path, bytes.NewReader(body))
	must(w.t, err)
	if service != "ssmmessages" {
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	return r
}

func (w *world) do(r *http.Request, who, service string, body []byte) (int, string) {
	w.t.Helper()
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: who, SecretAccessKey: "secret"}, region, service, time.Now())
	resp, err := http.DefaultClient.Do(r)
	must(w.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	must(w.t, err)
	return resp.StatusCode, string(answer)
}

func (w *world) json(who, service, target, operation string, in any) string {
	w.t.Helper()
	body, err := json.Marshal(in)
	must(w.t, err)
	r := w.request(who, service, http.MethodPost, "/", body)
	r.Header.Set("X-Amz-Target", target+"."+operation)
	status, answer := w.do(r, who, service, body)
	if status != http.StatusOK {
		w.t.Fatalf("%s: %s", operation, answer)
	}
	return answer
}

// send sends a command to a node and gives its id.
func (w *world) send(id string) string {
	w.t.Helper()
	var out struct{ Command struct{ CommandId string } }
	must(w.t, json.Unmarshal([]byte(w.json("admin", "ssm", "AmazonSSM", "SendCommand", map[string]any{
		"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{id},
		"Parameters": map[string]any{"commands": []string{"true"}}})), &out))
	return out.Command.CommandId
}

// status is the invocation's.
func (w *world) status(command, id string) string {
	w.t.Helper()
	var out struct{ StatusDetails string }
	must(w.t, json.Unmarshal([]byte(w.json("admin", "ssm", "AmazonSSM", "GetCommandInvocation",
		map[string]string{"CommandId": command, "InstanceId": id})), &out))
	return out.StatusDetails
}

func (w *world) until(command, id, want string) {
	w.t.Helper()
	for range 200 {
		if w.status(command, id) == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("%s is %s, want %s", command, w.status(command, id), want)
}

const requestBody = `{"MessageSchemaVersion":"1.0","RequestId":"00000000-0000-0000-0000-000000000000"}`

// create asks for a token.
func (w *world) create(who, id, body string) (status int, answer string) {
	w.t.Helper()
	return w.do(w.request(who, "ssmmessages", http.MethodPost, "/v1/control-channel/"+id, []byte(body)), who, "ssmmessages", []byte(body))
}

func (w *world) token(id string) string {
	w.t.Helper()
	status, answer := w.create(id, id, requestBody)
	if status != http.StatusCreated {
		w.t.Fatalf("%d: %s", status, answer)
	}
	var out struct {
		XMLName              xml.Name `xml:"CreateControlChannelOutput"`
		MessageSchemaVersion string
		TokenValue           string
	}
	must(w.t, xml.Unmarshal([]byte(answer), &out))
	if out.MessageSchemaVersion != "1.0" || out.TokenValue == "" {
		w.t.Fatalf("got %s", answer)
	}
	return out.TokenValue
}

// dial opens the web socket.
func (w *world) dial(who, id, query string) (*websocket.Conn, int, string) {
	w.t.Helper()
	r := w.request(who, "ssmmessages", http.MethodGet, "/v1/control-channel/"+id+query, nil)
	sigv4.Sign(r, nil, sigv4.Credentials{AccessKeyID: who, SecretAccessKey: "secret"}, region, "ssmmessages", time.Now())
	c, resp, err := websocket.Dial(w.t.Context(), r.URL.String(), &websocket.DialOptions{HTTPHeader: r.Header})
	if err != nil {
		answer, _ := io.ReadAll(resp.Body)
		return nil, resp.StatusCode, string(answer)
	}
	w.t.Cleanup(func() { _ = c.CloseNow() })
	return c, resp.StatusCode, ""
}

const subscribe = "?role=subscribe&stream=input"

// agent is one end of an open channel.
type agent struct {
	w  *world
	id string
	c  *websocket.Conn
}

func (w *world) agent(id string) *agent {
	w.t.Helper()
	token := w.token(id)
	c, status, answer := w.dial(id, id, subscribe)
	if c == nil {
		w.t.Fatalf("%d %s", status, answer)
	}
	a := &agent{w, id, c}
	a.text(token)
	w.connected(id, true)
	return a
}

func (w *world) connected(id string, want bool) {
	w.t.Helper()
	for range 500 {
		if w.ssm.Connected(ssm.Node{Account: account, Region: region, Instance: id}) == want {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	w.t.Fatalf("connected is not %v", want)
}

func (a *agent) text(token string) {
	a.w.t.Helper()
	b, err := json.Marshal(wire.OpenControlChannel{MessageSchemaVersion: "1.0", RequestId: "r", TokenValue: token, AgentVersion: "3.3.0.0", PlatformType: "linux"})
	must(a.w.t, err)
	must(a.w.t, a.c.Write(a.w.t.Context(), websocket.MessageText, b))
}

// read waits for a frame of a type.
func (a *agent) read(kind string, payload any) wire.Frame {
	a.w.t.Helper()
	ctx, cancel := context.WithTimeout(a.w.t.Context(), 20*time.Second)
	defer cancel()
	_, b, err := a.c.Read(ctx)
	must(a.w.t, err)
	f, err := wire.Decode(b)
	must(a.w.t, err)
	if f.Type != kind {
		a.w.t.Fatalf("got %s, want %s", f.Type, kind)
	}
	must(a.w.t, json.Unmarshal(f.Payload, payload))
	return f
}

func (a *agent) job() (wire.Job, wire.Frame) {
	a.w.t.Helper()
	var j wire.Job
	f := a.read(wire.TypeJob, &j)
	return j, f
}

func (a *agent) write(kind string, payload any) wire.ID {
	a.w.t.Helper()
	b, err := json.Marshal(payload)
	must(a.w.t, err)
	var id wire.ID
	_, err = rand.Read(id[:])
	must(a.w.t, err)
	f := wire.New(kind, id, time.Now(), b)
	must(a.w.t, a.c.Write(a.w.t.Context(), websocket.MessageBinary, f.Encode()))
	return id
}

func (a *agent) acknowledge(job string, f wire.Frame, code string) {
	a.w.t.Helper()
	a.write(wire.TypeJobAck, wire.JobAck{JobID: job, AcknowledgedMessageID: f.ID.String(),
		CreatedDate: f.Created.Format(wire.TimeLayout), StatusCode: code})
}

// reply replies, and waits for the acknowledgement.
func (a *agent) reply(job, status string) {
	a.w.t.Helper()
	id := a.write(wire.TypeReply, wire.Reply{SchemaVersion: 1, JobID: job, Content: `{"documentStatus":"` + status + `"}`, Topic: "aws.ssm.sendCommand"})
	var ack wire.ReplyAck
	a.read(wire.TypeReplyAck, &ack)
	if ack.JobID != job || ack.AcknowledgedMessageID != id.String() {
		a.w.t.Errorf("got %+v, want %s", ack, id)
	}
}

// closed waits for the end of the connection and gives its code.
func (a *agent) closed() websocket.StatusCode {
	a.w.t.Helper()
	ctx, cancel := context.WithTimeout(a.w.t.Context(), 20*time.Second)
	defer cancel()
	_, b, err := a.c.Read(ctx)
	if err == nil || ctx.Err() != nil {
		a.w.t.Fatalf("not closed: %q %v", b, err)
	}
	return websocket.CloseStatus(err)
}

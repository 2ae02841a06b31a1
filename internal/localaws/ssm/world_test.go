package ssm_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/hybrid"
	"github.com/slipway-cd/slipway/internal/localaws/messages"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	account  = "111111111111"
	stranger = "222222222222"
	region   = "eu-west-1"

	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// clock is moved by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// principals is a directory in which the access key is the principal's own name.
type principals struct {
	mu       sync.Mutex
	callers  map[string]gateway.Caller
	policies map[string]*iam.PolicySet // by ARN
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

// world is a local AWS with EC2, Run Command and its message channel.
type world struct {
	t     testing.TB
	db    *store.DB
	gw    *gateway.Gateway
	ssm   *ssm.Service
	ec2   *ec2.Service
	clock *clock
	who   *principals
	// outside are the registered hybrid nodes.
	outside outside
}

// outside are hybrid nodes by id.
type outside map[string]hybrid.Node

func (o outside) Nodes(_ context.Context, account, region string) (all []hybrid.Node, _ error) {
	for _, n := range o {
		if n.Account == account && n.Region == region {
			all = append(all, n)
		}
	}
	return all, nil
}

func (o outside) Node(_ context.Context, account, region, id string) (hybrid.Node, bool, error) {
	n, ok := o[id]
	return n, ok && n.Account == account && n.Region == region, nil
}

// trusting are the roles that trust Systems Manager.
type trusting []string

func (r trusting) Trusts(_ context.Context, arn, service string) (bool, error) {
	return slices.Contains(r, arn) && service == "ssm.amazonaws.com", nil
}

// typesOf are the types of the account's parameters.
type typesOf map[string]string

func (p typesOf) Resolve(ctx context.Context, c *gateway.Call, name string) (value, kind string, err error) {
	arn := "arn:aws:ssm:" + c.Region + ":" + c.Caller.Account + ":parameter" + name
	if err := c.Authorize(ctx, gateway.Access{Action: "ssm:GetParameters", Resource: arn}); err != nil {
		return "", "", err
	}
	if kind = p[name]; kind == "" || c.Caller.Account != account {
		return "", "", fmt.Errorf("resolve: %w", &gateway.Error{Code: "ParameterNotFound"})
	}
	return "1.2", kind, nil
}

// nothing forgets events.
type nothing struct{}

func (nothing) Record(context.Context, gateway.Event) error { return nil }

func newWorld(t testing.TB) *world { return newWorldIn(t, "", 0) }

func newWorldIn(t testing.TB, dir string, delay time.Duration) *world {
	return newWorldWith(t, dir, ssm.Config{ConsistencyDelay: delay})
}

func newWorldWith(t testing.TB, dir string, cfg ssm.Config) *world {
	t.Helper()
	db, err := store.Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, db: db, clock: &clock{at: time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)},
		who: &principals{callers: map[string]gateway.Caller{}, policies: map[string]*iam.PolicySet{}}, outside: outside{}}
	w.ec2, err = ec2.New(db, w.clock.now)
	must(t, err)
	cfg.Now = w.clock.now
	cfg.Hybrid = w.outside
	cfg.Parameters = typesOf{"/app/version": "String", "/app/key": "SecureString"}
	cfg.Roles = trusting{"arn:aws:iam::" + account + ":role/notify", "arn:aws:iam::" + stranger + ":role/notify"}
	w.ssm, err = ssm.New(db, w.ec2, cfg)
	must(t, err)
	w.gw = gateway.New(gateway.Config{Directory: w.who, Events: nothing{}, Now: w.clock.now, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	for _, api := range []gateway.Service{w.ec2.API(), w.ssm.API(), messages.New(w.ssm, 200*time.Millisecond).API()} {
		must(t, w.gw.Register(api))
	}
	w.user("admin", account, allowAll)
	w.user("stranger", stranger, allowAll)
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) user(name, account, policy string) {
	w.principal(name, policy, iam.Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account})
}

// session is a role session, with a name that anybody may choose.
func (w *world) session(key, role, name, policy string) {
	w.principal(key, policy, iam.Principal{ARN: "arn:aws:sts::" + account + ":assumed-role/" + role + "/" + name,
		RoleARN: "arn:aws:iam::" + account + ":role/" + role, Account: account})
}

// nodeSession is the session that EC2 gives to an instance; the instance's id is the access key.
func (w *world) nodeSession(id, role, policy string) {
	w.session(keyOf(id), role, id, policy)
	w.who.mu.Lock()
	defer w.who.mu.Unlock()
	c := w.who.callers[keyOf(id)]
	c.SourceInstance = "arn:aws:ec2:" + region + ":" + account + ":instance/" + id
	if strings.HasPrefix(id, "mi-") {
		c.SourceInstance = "arn:aws:ssm:" + region + ":" + account + ":managed-instance/" + id
	}
	w.who.callers[keyOf(id)] = c
}

// keyOf is the access key of a principal. That of a hybrid node's session must not look like the node's own key.
func keyOf(who string) string {
	if strings.HasPrefix(who, "mi-") {
		return "ASIA" + who
	}
	return who
}

func (w *world) principal(key, policy string, p iam.Principal) {
	w.t.Helper()
	parsed, err := iam.ParsePolicy(key, []byte(policy))
	must(w.t, err)
	w.who.mu.Lock()
	defer w.who.mu.Unlock()
	w.who.callers[key] = gateway.Caller{Principal: p, AccessKeyID: key, UserID: "AIDA" + key}
	w.who.policies[p.ARN] = &iam.PolicySet{Identity: []*iam.Policy{parsed}}
}

// object is a decoded answer.
type object = map[string]any

var targets = map[string]string{"ssm": "AmazonSSM", "ec2messages": "EC2WindowsMessageDeliveryService"}

// ask signs a request as who; code is the error's, "" on success.
func (w *world) ask(who, service, operation string, in any) (out object, code string) {
	w.t.Helper()
	body, err := json.Marshal(in)
	must(w.t, err)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", targets[service]+"."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	sigv4.Sign(r, body, sigv4.Credentials{AccessKeyID: keyOf(who), SecretAccessKey: "secret"}, region, service, w.clock.now())
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		w.t.Fatalf("%s: %v in %s", operation, err, rec.Body)
	}
	if rec.Code == http.StatusOK {
		return out, ""
	}
	name, _ := out["__type"].(string)
	return out, name[strings.LastIndex(name, "#")+1:]
}

// do is ask as the administrator, and must succeed.
func (w *world) do(operation string, in any) object {
	w.t.Helper()
	out, code := w.ask("admin", "ssm", operation, in)
	if code != "" {
		w.t.Fatalf("%s: %s: %v", operation, code, out)
	}
	return out
}

// nodeID makes the id of the nth node.
func nodeID(n int) string { return fmt.Sprintf("i-%017x", n) }

// node launches the nth instance and has its agent report.
func (w *world) node(n int, tags map[string]string) *agent {
	w.t.Helper()
	id := nodeID(n)
	must(w.t, w.ec2.Launch(context.Background(), ec2.Instance{ID: id, Account: account, Region: region, Tags: tags,
		PrivateIP: "10.0.0.1"}))
	a := &agent{w: w, id: id}
	w.nodeSession(id, "web-dev-Node", allowAll)
	a.call("ssm", "UpdateInstanceInformation", object{"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.2746.0",
		"InstanceId": id, "PlatformType": "Linux", "PlatformName": "Debian GNU/Linux"})
	return a
}

func (w *world) nodes(n int, tags map[string]string) (all []*agent) {
	for i := range n {
		all = append(all, w.node(i+1, tags))
	}
	return all
}

// shell sends AWS-RunShellScript and gives the command's id.
func (w *world) shell(more object) string {
	w.t.Helper()
	in := object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"true"}}}
	for k, v := range more {
		in[k] = v
	}
	return text(w.do("SendCommand", in), "Command", "CommandId")
}

// text walks to a value and shows it.
func text(o object, path ...string) string {
	var v any = o
	for _, p := range path {
		m, _ := v.(object)
		v = m[p]
	}
	return fmt.Sprint(v)
}

func (w *world) invocation(command, instance string) object {
	w.t.Helper()
	return w.do("GetCommandInvocation", object{"CommandId": command, "InstanceId": instance})
}

// status is Status/StatusDetails of an invocation.
func (w *world) status(command, instance string) string {
	w.t.Helper()
	o := w.invocation(command, instance)
	return text(o, "Status") + "/" + text(o, "StatusDetails")
}

// parent is Status/StatusDetails of a command, and its counters.
func (w *world) parent(command string) (status, counts string) {
	w.t.Helper()
	list, _ := w.do("ListCommands", object{"CommandId": command})["Commands"].([]any)
	if len(list) != 1 {
		w.t.Fatalf("%d commands", len(list))
	}
	o, _ := list[0].(object)
	return text(o, "Status") + "/" + text(o, "StatusDetails"), fmt.Sprint(
		o["TargetCount"], o["CompletedCount"], o["ErrorCount"], o["DeliveryTimedOutCount"])
}

// agent answers messages as a script says.
type agent struct {
	w  *world
	id string
}

func (a *agent) call(service, operation string, in object) object {
	a.w.t.Helper()
	out, code := a.w.ask(a.id, service, operation, in)
	if code != "" {
		a.w.t.Fatalf("%s: %s: %v", operation, code, out)
	}
	return out
}

// messages asks once.
func (a *agent) messages() []object {
	a.w.t.Helper()
	out := a.call("ec2messages", "GetMessages", object{"Destination": a.id, "MessagesRequestId": "r1",
		"VisibilityTimeoutInSeconds": 10})
	var all []object
	list, _ := out["Messages"].([]any)
	for _, m := range list {
		o, _ := m.(object)
		all = append(all, o)
	}
	return all
}

// take waits for exactly one message and acknowledges it.
func (a *agent) take() object {
	a.w.t.Helper()
	all := a.messages()
	if len(all) != 1 {
		a.w.t.Fatalf("%s: %d messages, want 1", a.id, len(all))
	}
	a.call("ec2messages", "AcknowledgeMessage", object{"MessageId": all[0]["MessageId"]})
	return all[0]
}

// reply reports a document status and plugins.
func (a *agent) reply(message object, status string, plugins object) {
	a.w.t.Helper()
	payload, err := json.Marshal(object{"documentStatus": status, "documentTraceOutput": "", "runtimeStatus": plugins,
		"additionalInfo": object{"agent": object{"ver": "3.3.2746.0"}}})
	must(a.w.t, err)
	a.call("ec2messages", "SendReply", object{"MessageId": message["MessageId"], "ReplyId": "x", "Payload": string(payload)})
}

// plugin is one step's result.
func plugin(status string, code int, stdout, stderr string) object {
	return object{"status": status, "code": code, "name": "aws:runShellScript", "output": stdout + stderr,
		"standardOutput": stdout, "standardError": stderr,
		"startDateTime": "2026-11-22T04:30:00.000Z", "endDateTime": "2026-11-22T04:30:01.250Z"}
}

// finish takes the waiting command and ends it with a status.
func (a *agent) finish(status string, code int) {
	a.w.t.Helper()
	a.reply(a.take(), status, object{"aws:runShellScript": plugin(status, code, "out", "err")})
}

// decode reads JSON.
func decode(t testing.TB, content string) (v any) {
	t.Helper()
	must(t, json.Unmarshal([]byte(content), &v))
	return v
}

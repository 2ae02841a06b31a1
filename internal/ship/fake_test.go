package ship

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/slipway-cd/slipway/internal/plan"
)

const (
	testAccount   = "111111111111"
	testPrincipal = "arn:aws:sts::111111111111:assumed-role/web-dev-Deploy/run"
	testCommand   = "11111111-2222-3333-4444-555555555555"
	testHash      = "aa11"
)

// reply is what the fake answers. The zero reply is HTTP 200 with an empty object.
type reply struct {
	code, message string // an error of the API
	status        int    // 0: 200, or 400 with a code
	body          any
	raw           string // in place of body
	drop          bool   // close the connection in place of an answer
}

func fails(code string) reply { return reply{code: code, message: "because of the test"} }

func deniedFor(action string) reply {
	return reply{code: "AccessDeniedException", message: "User: " + testPrincipal + " is not authorized to perform: " + action +
		" on resource: arn:aws:ssm:eu-west-1:" + testAccount + ":* because no identity-based policy allows the " + action + " action"}
}

// inv is one invocation as the fake lists it.
type inv struct{ node, status, details string }

// clock is virtual: sleeping advances it.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
	return ctx.Err()
}

// fake is an AWS with one stage's nodes. By default all goes well; on changes single operations: n counts from 0.
type fake struct {
	t     *testing.T
	clock *clock
	nodes []string
	on    map[string]func(n int, in map[string]any) (reply, bool)
	// invocations of the command by tick.
	invocations func(n int) []inv
	targetCount int
	parent      inv // the command's own status
	earlier     []map[string]any
	mu          sync.Mutex
	calls       []string
	seen        map[string]int
	sends       []map[string]any
	events      []Event
}

func newFake(t *testing.T, nodes ...string) *fake {
	f := &fake{t: t, clock: &clock{t: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}, nodes: nodes, targetCount: len(nodes),
		on: map[string]func(int, map[string]any) (reply, bool){}, seen: map[string]int{}, parent: inv{status: "Success", details: "Success"}}
	f.invocations = func(int) []inv { return f.all("Success", "Success") }
	return f
}

func (f *fake) all(status, details string) []inv {
	var list []inv
	for _, n := range f.nodes {
		list = append(list, inv{n, status, details})
	}
	return list
}

// always makes an operation answer r, every time.
func (f *fake) always(op string, r reply) {
	f.on[op] = func(int, map[string]any) (reply, bool) { return r, true }
}

// first makes an operation answer r for the first n calls.
func (f *fake) first(op string, n int, r reply) {
	f.on[op] = func(i int, _ map[string]any) (reply, bool) { return r, i < n }
}

// real tells a call about the command from the permission test.
func real(in map[string]any) bool { return in["CommandId"] != impossibleCommand }

// watching makes the calls of an operation that are about the real command answer r.
func (f *fake) watching(op string, r reply) {
	f.on[op] = func(_ int, in map[string]any) (reply, bool) { return r, real(in) }
}

func (f *fake) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	raw, err := io.ReadAll(req.Body)
	if err != nil {
		f.t.Error(err)
		return
	}
	_, op, isJSON := strings.Cut(req.Header.Get("X-Amz-Target"), ".")
	in := map[string]any{}
	if isJSON {
		if err := json.Unmarshal(raw, &in); err != nil {
			f.t.Error(err)
			return
		}
	} else {
		form, err := url.ParseQuery(string(raw))
		if err != nil {
			f.t.Error(err)
			return
		}
		op = form.Get("Action")
	}
	r := f.answer(op, in)
	switch {
	case r.drop:
		panic(http.ErrAbortHandler)
	case isJSON:
		f.writeJSON(w, r)
	default:
		f.writeXML(w, op, r)
	}
}

func (f *fake) answer(op string, in map[string]any) reply {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, op)
	n := f.seen[op]
	f.seen[op]++
	if op == "SendCommand" {
		f.sends = append(f.sends, in)
	}
	if on := f.on[op]; on != nil {
		if r, ok := on(n, in); ok {
			return r
		}
	}
	return f.standard(op, in)
}

func (f *fake) standard(op string, in map[string]any) reply {
	switch op {
	case "GetCallerIdentity":
		return reply{raw: "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>" + testPrincipal + "</Arn><Account>" + testAccount +
			"</Account><UserId>AROA:run</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>"}
	case "DescribeInstances":
		return f.describeInstances()
	case "DescribeInstanceInformation":
		var list []map[string]any
		for _, n := range f.nodes {
			list = append(list, map[string]any{"InstanceId": n, "PingStatus": "Online", "PlatformType": "Linux"})
		}
		return reply{body: map[string]any{"InstanceInformationList": list}}
	case "GetCommandInvocation":
		return f.getInvocation(in)
	case "ListCommandInvocations":
		return f.listInvocations(in)
	case "ListCommands":
		return f.listCommands(in)
	case "DescribeDocument":
		return reply{body: map[string]any{"Document": document("3", testHash, "Active")}}
	case "SendCommand":
		return reply{body: map[string]any{"Command": map[string]any{"CommandId": testCommand}}}
	case "CancelCommand":
		return reply{}
	}
	return fails("UnknownOperationException")
}

func document(version, hash, status string) map[string]any {
	return map[string]any{"Name": "web-dev-release", "DocumentVersion": version, "Hash": hash, "HashType": "Sha256", "Status": status}
}

func (f *fake) describeInstances() reply {
	var b strings.Builder
	b.WriteString("<DescribeInstancesResponse><reservationSet><item><instancesSet>")
	for _, n := range f.nodes {
		fmt.Fprintf(&b, "<item><instanceId>%s</instanceId><instanceState><code>16</code><name>running</name></instanceState></item>", n)
	}
	b.WriteString("</instancesSet></item></reservationSet></DescribeInstancesResponse>")
	return reply{raw: b.String()}
}

func (f *fake) getInvocation(in map[string]any) reply {
	if !real(in) {
		return fails("InvocationDoesNotExist")
	}
	for _, i := range f.invocations(1 << 20) {
		if i.node == in["InstanceId"] {
			code := 0
			if i.details != "Success" {
				code = 1
			}
			return reply{body: map[string]any{"Comment": "slipway web/dev/release run-0", "DocumentName": "web-dev-release", "PluginName": "release",
				"Status": i.status, "StatusDetails": i.details, "ResponseCode": code,
				"StandardOutputContent": "out of " + i.node + "\n", "StandardErrorContent": "err of " + i.node + "\n"}}
		}
	}
	return fails("InvocationDoesNotExist")
}

func (f *fake) listInvocations(in map[string]any) reply {
	list := []map[string]any{}
	if real(in) {
		n := f.seen["tick"]
		f.seen["tick"]++
		for _, i := range f.invocations(n) {
			list = append(list, map[string]any{"CommandId": testCommand, "InstanceId": i.node, "Status": i.status, "StatusDetails": i.details})
		}
	}
	return reply{body: map[string]any{"CommandInvocations": list}}
}

func (f *fake) listCommands(in map[string]any) reply {
	if in["CommandId"] == nil {
		return reply{body: map[string]any{"Commands": f.earlier}}
	}
	return reply{body: map[string]any{"Commands": []map[string]any{{"CommandId": in["CommandId"], "Status": f.parent.status,
		"StatusDetails": f.parent.details, "TargetCount": f.targetCount, "DocumentName": "web-dev-release", "DocumentVersion": "3",
		"Comment": "slipway web/dev/release run-0", "RequestedDateTime": float64(f.clock.now().Unix()), "TimeoutSeconds": 300}}}}
}

func (f *fake) writeJSON(w http.ResponseWriter, r reply) {
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	body := r.body
	if r.code != "" {
		body = map[string]any{"__type": r.code, "message": r.message}
	}
	w.WriteHeader(r.httpStatus())
	if r.raw != "" {
		_, _ = io.WriteString(w, r.raw)
		return
	}
	if body == nil {
		body = map[string]any{}
	}
	if err := json.NewEncoder(w).Encode(body); err != nil {
		f.t.Error(err)
	}
}

func (r reply) httpStatus() int {
	switch {
	case r.status != 0:
		return r.status
	case r.code != "":
		return http.StatusBadRequest
	}
	return http.StatusOK
}

func (f *fake) writeXML(w http.ResponseWriter, op string, r reply) {
	w.WriteHeader(r.httpStatus())
	text := r.raw
	switch {
	case r.code != "" && op == "DescribeInstances":
		text = "<Response><Errors><Error><Code>" + r.code + "</Code><Message>" + r.message + "</Message></Error></Errors></Response>"
	case r.code != "":
		text = "<ErrorResponse><Error><Code>" + r.code + "</Code><Message>" + r.message + "</Message></Error></ErrorResponse>"
	}
	_, _ = io.WriteString(w, text)
}

// count says how often an operation was called.
func (f *fake) count(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(slices.DeleteFunc(slices.Clone(f.calls), func(c string) bool { return c != op }))
}

// eventsOf are the events of a kind.
func (f *fake) eventsOf(kind EventKind) []Event {
	return slices.DeleteFunc(slices.Clone(f.events), func(e Event) bool { return e.Kind != kind })
}

// config is a deploy of the one-step stage to the fake's nodes.
func (f *fake) config() Config {
	cfg := serve(f.t, f)
	return Config{Plan: testPlan(f.nodes), Stage: "dev", Send: cfg, Watch: cfg, RunID: "run-1", Now: f.clock.now, Sleep: f.clock.sleep,
		Events: func(e Event) { f.events = append(f.events, e) }}
}

func testPlan(nodes []string) *plan.Plan {
	return &plan.Plan{App: "web", Stages: []plan.Stage{{Name: "dev", Account: testAccount, Region: "eu-west-1",
		Targets: plan.Targets{Instances: nodes, Min: len(nodes)},
		Steps: []plan.Step{{Name: "release", DocumentName: "web-dev-release",
			Own: &plan.Document{Name: "web-dev-release", Hash: testHash,
				Content: `{"mainSteps":[{"name":"release","inputs":{"timeoutSeconds":"600"}}]}`},
			Parameters: map[string][]string{"Version": {"v1"}}, ScriptSteps: []string{"release"}, DeliveryTimeout: 300,
			ExecutionTimeout: 600, MaxConcurrency: "100%", MaxErrors: "0"}},
	}}}
}

// deploy runs it to its end.
func (f *fake) deploy(change ...func(*Config)) *Result {
	f.t.Helper()
	cfg := f.config()
	for _, c := range change {
		c(&cfg)
	}
	res, err := Deploy(context.Background(), cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return res
}

// want checks the exit code and the stage's verdict.
func want(t *testing.T, res *Result, exit int, verdict Verdict) {
	t.Helper()
	if res.Exit() != exit || res.Verdict != verdict {
		text, _ := json.MarshalIndent(res, "", " ")
		t.Fatalf("exit %d, %s; want %d, %s\n%s", res.Exit(), res.Verdict, exit, verdict, text)
	}
}

func tagTargets(least int) plan.Targets {
	return plan.Targets{Tags: []plan.Tag{{Key: "App", Values: []string{"web"}}}, Min: least}
}

// hanging is a fake that takes one operation in and never answers it.
type hanging struct {
	*fake
	op      string
	release chan struct{}
	taken   func() // called when the operation was taken in; may be nil
}

func (h *hanging) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if strings.HasSuffix(req.Header.Get("X-Amz-Target"), "."+h.op) {
		h.answer(h.op, map[string]any{})
		if h.taken != nil {
			h.taken()
		}
		select {
		case <-req.Context().Done():
		case <-h.release:
		}
		return
	}
	h.fake.ServeHTTP(w, req)
}

// serve starts a server and gives the configuration that reaches it.
func serve(t *testing.T, h http.Handler) aws.Config {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return aws.Config{Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", ""),
		BaseEndpoint: aws.String(server.URL), HTTPClient: server.Client()}
}

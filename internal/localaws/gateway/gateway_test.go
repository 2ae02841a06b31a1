package gateway_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

var now = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

const account = "111111111111"

// key is the user deploy of the directory; session a role session; stale one that has expired.
var (
	key     = sigv4.Credentials{AccessKeyID: "AKIAUSER", SecretAccessKey: "secret"}
	session = sigv4.Credentials{AccessKeyID: "ASIASESSION", SecretAccessKey: "hidden", SessionToken: "token"}
	stale   = sigv4.Credentials{AccessKeyID: "ASIASTALE", SecretAccessKey: "hidden", SessionToken: "token"}
)

// directory knows three keys, and one set of policies for everyone.
type directory struct{ policies iam.PolicySet }

func (d directory) Credential(_ context.Context, id string) (gateway.Credential, bool, error) {
	user := gateway.Caller{
		Principal: iam.Principal{ARN: "arn:aws:iam::" + account + ":user/deploy", Account: account},
		UserID:    "AIDAUSER",
	}
	role := gateway.Caller{
		Principal: iam.Principal{
			ARN:     "arn:aws:sts::" + account + ":assumed-role/web-dev-Deploy/run-1",
			RoleARN: "arn:aws:iam::" + account + ":role/slipway/web-dev-Deploy",
			Account: account,
		},
		UserID: "AROAROLE:run-1", SourceIdentity: "ci", SessionTags: map[string]string{"App": "web"},
	}
	creds := map[string]gateway.Credential{
		key.AccessKeyID:     {Secret: key.SecretAccessKey, Caller: user},
		session.AccessKeyID: {Secret: session.SecretAccessKey, SessionToken: session.SessionToken, Expires: now.Add(time.Hour), Caller: role},
		stale.AccessKeyID:   {Secret: stale.SecretAccessKey, SessionToken: stale.SessionToken, Expires: now, Caller: role},
	}
	c, ok := creds[id]
	return c, ok, nil
}

func (d directory) Policies(context.Context, gateway.Caller) (*iam.PolicySet, error) {
	return &d.policies, nil
}

func policy(t testing.TB, src string) *iam.Policy {
	t.Helper()
	p, err := iam.ParsePolicy("test", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func allowAll(t testing.TB) iam.PolicySet {
	return iam.PolicySet{Identity: []*iam.Policy{policy(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}}
}

type pingIn struct {
	Name    string
	Names   []string
	When    *gateway.Time
	Secret  string `json:"SecretAccessKey"`
	Filters []pingFilter
}

type pingFilter struct {
	Name   string
	Values []string
}

type pingOut struct {
	Greeting string
	Names    []string `json:",omitempty"`
	At       time.Time
	Nothing  *string
	Filters  []pingFilter
}

// world is a gateway with one service for each protocol, all with the same operations.
type world struct {
	gw      *gateway.Gateway
	log     *gateway.EventLog
	handled atomic.Int32
	errors  atomic.Value
}

func newWorld(t testing.TB, policies iam.PolicySet) *world {
	t.Helper()
	return newWorldAt(t, policies, func() time.Time { return now })
}

func newWorldAt(t testing.TB, policies iam.PolicySet, clock func() time.Time) *world {
	t.Helper()
	db, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	w := &world{}
	if w.log, err = gateway.NewEventLog(db); err != nil {
		t.Fatal(err)
	}
	w.gw = gateway.New(gateway.Config{Directory: directory{policies}, Events: w.log, Rand: rand.Reader, Now: clock,
		OnError: func(err error) { w.errors.Store(err.Error()) }})
	for _, s := range []gateway.Service{
		{Name: "ssm", Protocol: gateway.JSON11, Target: "AmazonSSM"},
		{Name: "sts", Protocol: gateway.Query, Version: "2011-06-15", Namespace: "https://sts.amazonaws.com/doc/2011-06-15/"},
		{Name: "iam", Protocol: gateway.Query, Version: "2010-05-08", Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Global: true},
		{Name: "ec2", Protocol: gateway.EC2Query, Version: "2016-11-15"},
	} {
		s.Operations = w.operations()
		if err := w.gw.Register(s); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *world) operations() []gateway.Operation {
	everything := func(context.Context, *gateway.Call, *pingIn) ([]gateway.Access, error) {
		return []gateway.Access{{}}, nil
	}
	ping := func(_ context.Context, c *gateway.Call, in *pingIn) (*pingOut, error) {
		w.handled.Add(1)
		return &pingOut{Greeting: "hello " + in.Name + " <&>", Names: in.Names, At: c.Time, Filters: in.Filters}, nil
	}
	named := func(_ context.Context, _ *gateway.Call, in *pingIn) ([]gateway.Access, error) {
		return []gateway.Access{{Resource: "arn:aws:ssm:eu-west-1:" + account + ":document/" + in.Name, Context: map[string][]string{"ssm:resourceTag/App": {"web"}}}}, nil
	}
	return []gateway.Operation{
		gateway.Op("Ping", everything, ping),
		gateway.Op("PingNamed", named, ping),
		gateway.AnonymousOp("Hail", ping),
		gateway.Op("Fail", nil, func(context.Context, *gateway.Call, *pingIn) (*pingOut, error) {
			return nil, &gateway.Error{Code: "InvalidInstanceId", Message: "no"}
		}),
		gateway.Op("Break", nil, func(context.Context, *gateway.Call, *pingIn) (*pingOut, error) {
			return nil, errors.New("the disk is on fire")
		}),
		gateway.Op("Crash", nil, func(context.Context, *gateway.Call, *pingIn) (*pingOut, error) { panic("boom") }),
	}
}

// wire is how to ask each service for an operation.
func wire(service, operation, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1:4566/", nil)
	switch service {
	case "ssm":
		r.Header.Set("X-Amz-Target", "AmazonSSM."+operation)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
		return r
	case "sts":
		body = "Action=" + operation + "&Version=2011-06-15&" + body
	case "iam":
		body = "Action=" + operation + "&Version=2010-05-08&" + body
	case "ec2":
		body = "Action=" + operation + "&Version=2016-11-15&" + body
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	withBody(r, strings.TrimSuffix(body, "&"))
	return r
}

func withBody(r *http.Request, body string) {
	r.Body = io.NopCloser(strings.NewReader(body))
	r.ContentLength = int64(len(body))
}

// ask signs and sends a request, after change.
func (w *world) ask(t testing.TB, service, operation, body string, cred sigv4.Credentials, change func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := wire(service, operation, body)
	if service == "ssm" {
		withBody(r, body)
	}
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	sigv4.Sign(r, sent, cred, "eu-west-1", service, now)
	if change != nil {
		change(r)
	}
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	return rec
}

func TestAnswersInEveryProtocol(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	form := "Name=Bo&Names.member.1=a&Names.member.2=b&Filters.member.1.Name=f&Filters.member.1.Values.member.1=v"
	ec2Form := strings.ReplaceAll(form, ".member", "")
	const xmlBody = `<Greeting>hello Bo &lt;&amp;&gt;</Greeting><Names><x>a</x><x>b</x></Names><At>2026-11-22T04:30:00Z</At><Filters><x><Name>f</Name><Values><x>v</x></Values></x></Filters>`
	for service, tc := range map[string]struct{ body, want string }{
		"ssm": {`{"Name":"Bo","Names":["a","b"],"Filters":[{"Name":"f","Values":["v"]}],"Unknown":1}`,
			`{"Greeting":"hello Bo \u003c\u0026\u003e","Names":["a","b"],"At":1795321800,"Filters":[{"Name":"f","Values":["v"]}]}`},
		"sts": {form, `<PingResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><PingResult>` + strings.ReplaceAll(xmlBody, "x>", "member>") +
			`</PingResult><ResponseMetadata><RequestId>ID</RequestId></ResponseMetadata></PingResponse>`},
		"ec2": {ec2Form, `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<PingResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>ID</requestId>` +
			strings.ReplaceAll(xmlBody, "x>", "item>") + `</PingResponse>`},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			got := w.ask(t, service, "Ping", tc.body, key, nil)
			id := got.Header().Get("X-Amzn-Requestid")
			if got.Code != http.StatusOK || id == "" {
				t.Errorf("status %d, request id %q", got.Code, id)
			}
			if diff := cmp.Diff(strings.ReplaceAll(tc.want, "ID<", id+"<"), got.Body.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// code finds the error code in an answer of any protocol.
func code(rec *httptest.ResponseRecorder) string {
	body := rec.Body.String()
	if c := rec.Header().Get("X-Amzn-Errortype"); c != "" {
		if !strings.Contains(body, fmt.Sprintf(`"__type":%q`, c)) {
			return "header and body differ: " + body
		}
		return c
	}
	_, rest, ok := strings.Cut(body, "<Code>")
	if !ok {
		return body
	}
	c, _, _ := strings.Cut(rest, "</Code>")
	return c
}

// signAndServe signs a request without a body and serves it.
func signAndServe(w *world, r *http.Request, service string) *httptest.ResponseRecorder {
	sigv4.Sign(r, nil, key, "eu-west-1", service, now)
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	return rec
}

func TestRegisterTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, iam.PolicySet{})
	if err := w.gw.Register(gateway.Service{Name: "ssm"}); err == nil {
		t.Error("a second service of the same name was accepted")
	}
	twice := []gateway.Operation{w.operations()[0], w.operations()[0]}
	if err := w.gw.Register(gateway.Service{Name: "new", Operations: twice}); err == nil {
		t.Error("a second operation of the same name was accepted")
	}
}

// BenchmarkSignedRequest is one signed, authorised and recorded request, without the network.
func BenchmarkSignedRequest(b *testing.B) {
	w := newWorld(b, allowAll(b))
	body := `{"Name":"Bo","Names":["a","b"]}`
	b.ReportAllocs()
	for b.Loop() {
		if got := w.ask(b, "ssm", "Ping", body, key, nil); got.Code != 200 {
			b.Fatal(got.Body)
		}
	}
}

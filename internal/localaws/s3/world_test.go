package s3_test

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/s3"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	account  = "111111111111"
	stranger = "222222222222"
	region   = "eu-west-1"
	shop     = "shop-artifacts" // the bucket that every world has
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
)

// clock is moved by hand, unless it is real.
type clock struct {
	mu   sync.Mutex
	at   time.Time
	real bool
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.real {
		return time.Now()
	}
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// principals is a directory in which the access key is the name of a user.
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
	if set := p.policies[c.ARN]; set != nil {
		return set, nil
	}
	return &iam.PolicySet{}, nil
}

// world is a gateway with S3 behind it.
type world struct {
	t     testing.TB
	db    *store.DB
	gw    *gateway.Gateway
	log   *gateway.EventLog
	s3    *s3.Service
	clock *clock
	who   *principals
}

func newWorld(t testing.TB) *world { return newWorldIn(t, "") }

func newWorldIn(t testing.TB, dir string) *world {
	t.Helper()
	db, err := store.Open(dir)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, db: db, clock: &clock{at: time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)},
		who: &principals{callers: map[string]gateway.Caller{}, policies: map[string]*iam.PolicySet{}}}
	w.log, err = gateway.NewEventLog(db)
	must(t, err)
	w.s3, err = s3.New(db, s3.Config{Now: w.clock.now, OnError: func(err error) { t.Error(err) }})
	must(t, err)
	w.gw = gateway.New(gateway.Config{Directory: w.who, Events: w.log, Now: w.clock.now, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	must(t, w.gw.Register(w.s3.API()))
	w.user("admin", account, allowAll)
	w.user("stranger", stranger, allowAll)
	must(t, w.s3.EnsureBucket(context.Background(), account, region, shop))
	return w
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// user makes a principal whose access key is its name.
func (w *world) user(name, account, policy string) {
	w.t.Helper()
	parsed, err := iam.ParsePolicy(name, []byte(policy))
	must(w.t, err)
	p := iam.Principal{ARN: "arn:aws:iam::" + account + ":user/" + name, Account: account}
	w.who.mu.Lock()
	defer w.who.mu.Unlock()
	w.who.callers[name] = gateway.Caller{Principal: p, AccessKeyID: name, UserID: "AIDA" + name}
	w.who.policies[p.ARN] = &iam.PolicySet{Identity: []*iam.Policy{parsed}}
}

// call is a request to be made. The zero value is a GET of / by the administrator.
type call struct {
	who    string // admin when empty; - signs nothing
	method string
	path   string
	header map[string]string
	body   string
	host   string
	region string
}

// answer is what came back.
type answer struct {
	status int
	code   string // of an error
	header http.Header
	body   string
}

func (w *world) request(c call) *http.Request {
	w.t.Helper()
	host := c.host
	if host == "" {
		host = "127.0.0.1:4566"
	}
	r := httptest.NewRequest(c.method, "http://"+host+c.path, strings.NewReader(c.body))
	for name, value := range c.header {
		r.Header.Set(name, value)
	}
	return r
}

// ask makes a call.
func (w *world) ask(c call) answer {
	w.t.Helper()
	r := w.request(c)
	if c.who == "" {
		c.who = "admin"
	}
	if c.region == "" {
		c.region = region
	}
	if c.who != "-" {
		sigv4.Sign(r, []byte(c.body), sigv4.Credentials{AccessKeyID: c.who, SecretAccessKey: "secret"}, c.region, "s3", w.clock.now())
	}
	return w.serve(r)
}

func (w *world) serve(r *http.Request) answer {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	out := answer{status: rec.Code, header: http.Header{}, body: rec.Body.String()}
	for name, values := range rec.Header() {
		out.header[http.CanonicalHeaderKey(name)] = values
	}
	var e struct{ Code string }
	if rec.Code >= 300 && rec.Body.Len() > 0 {
		if err := xml.Unmarshal(rec.Body.Bytes(), &e); err != nil {
			w.t.Fatalf("%v in %s", err, rec.Body)
		}
	}
	out.code = e.Code
	return out
}

// do is ask for a call that must succeed.
func (w *world) do(method, path, body string, header ...string) answer {
	w.t.Helper()
	c := call{method: method, path: path, body: body, header: map[string]string{}}
	for i := 0; i+1 < len(header); i += 2 {
		c.header[header[i]] = header[i+1]
	}
	got := w.ask(c)
	if got.status >= 300 {
		w.t.Fatalf("%s %s: %d %s", method, path, got.status, got.body)
	}
	return got
}

// get is the content of an object.
func (w *world) get(path string) string {
	w.t.Helper()
	return w.do(http.MethodGet, path, "").body
}

// read decodes an answer.
func read[T any](t testing.TB, a answer) T {
	t.Helper()
	var out T
	if err := xml.Unmarshal([]byte(a.body), &out); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return out
}

// text gives what an element holds, wherever it is.
func text(a answer, element string) string {
	_, rest, ok := strings.Cut(a.body, "<"+element+">")
	if !ok {
		return ""
	}
	value, _, _ := strings.Cut(rest, "<")
	return value
}

// rows counts the rows of a table.
func (w *world) rows(table string) (n int) {
	w.t.Helper()
	must(w.t, w.db.QueryRowContext(context.Background(), `SELECT count(*) FROM `+table).Scan(&n))
	return n
}

// pattern is n bytes that do not repeat themselves soon.
func pattern(n int) string {
	b := make([]byte, n)
	for i, x := 0, uint32(1); i < n; i++ {
		x = x*1664525 + 1013904223
		b[i] = byte(x >> 24)
	}
	return string(b)
}

package hybrid_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/hybrid"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/messages"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
	"github.com/slipway-cd/slipway/internal/localaws/store"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

const (
	account  = "111111111111"
	stranger = "222222222222"
	region   = "eu-west-1"

	trustSSM = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	trustEC2 = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	agent    = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ec2messages:*"],"Resource":"*"}]}`
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

// keys are made once: they take long. The second is somebody else's.
var keys = sync.OnceValue(func() [2]*rsa.PrivateKey {
	var all [2]*rsa.PrivateKey
	for i := range all {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic(err)
		}
		all[i] = key
	}
	return all
})

func public(t testing.TB, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	must(t, err)
	return base64.StdEncoding.EncodeToString(der)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is the whole way of a hybrid node: IAM, STS, EC2, Systems Manager and the message channel.
type world struct {
	t     testing.TB
	gw    *gateway.Gateway
	log   *gateway.EventLog
	iam   *iam.Service
	sts   *sts.Service
	ec2   *ec2.Service
	clock *clock
	admin map[string]sigv4.Credentials
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := store.Open("")
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, clock: &clock{at: time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)}, admin: map[string]sigv4.Credentials{}}
	w.log, err = gateway.NewEventLog(db)
	must(t, err)
	w.iam, err = iam.New(db, w.clock.now, rand.Reader)
	must(t, err)
	w.sts = sts.New(w.iam, nil, w.clock.now)
	w.ec2, err = ec2.New(db, w.clock.now)
	must(t, err)
	nodes, err := hybrid.New(db, hybrid.Config{IAM: w.iam, STS: w.sts, Instances: w.ec2, Now: w.clock.now})
	must(t, err)
	systems, err := ssm.New(db, w.ec2, ssm.Config{Now: w.clock.now, Hybrid: nodes, Roles: w.sts,
		Taggable: map[string]ssm.Taggable{"ManagedInstance": nodes}})
	must(t, err)
	w.gw = gateway.New(gateway.Config{Directory: w.iam, Machines: nodes, Events: w.log, Now: w.clock.now, Rand: rand.Reader,
		OnError: func(err error) { t.Error(err) }})
	api := systems.API()
	api.Operations = append(api.Operations, nodes.Operations()...)
	for _, s := range []gateway.Service{api, messages.New(systems, 50*time.Millisecond).API()} {
		must(t, w.gw.Register(s))
	}
	for _, id := range []string{account, stranger} {
		k, err := w.iam.EnsureAccount(t.Context(), id)
		must(t, err)
		w.admin[id] = sigv4.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey}
	}
	w.role("Outside", "/service-role/", trustSSM)
	return w
}

func (w *world) role(name, path, trust string) {
	w.t.Helper()
	must(w.t, w.iam.PutRole(w.t.Context(), iam.RoleSpec{Account: account, Name: name, Path: path, Trust: []byte(trust),
		Policies: map[string][]byte{"agent": []byte(agent)}}))
}

type object = map[string]any

var prefixes = map[string]string{"ssm": "AmazonSSM", "ec2messages": "EC2WindowsMessageDeliveryService"}

// request is an unsigned request.
func (w *world) request(service, operation string, in any) (*http.Request, []byte) {
	w.t.Helper()
	body, err := json.Marshal(in)
	must(w.t, err)
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", bytes.NewReader(body))
	r.Header.Set("X-Amz-Target", prefixes[service]+"."+operation)
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	return r, body
}

// send gives the answer, and the error's code; "" on success.
func (w *world) send(r *http.Request) (out object, code string) {
	w.t.Helper()
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil {
		w.t.Fatalf("%v in %s", err, rec.Body)
	}
	if rec.Code == http.StatusOK {
		return out, ""
	}
	name, _ := out["__type"].(string)
	return out, name[strings.LastIndex(name, "#")+1:]
}

func (w *world) ask(who sigv4.Credentials, service, operation string, in any) (object, string) {
	w.t.Helper()
	r, body := w.request(service, operation, in)
	sigv4.Sign(r, body, who, region, service, w.clock.now())
	return w.send(r)
}

// do is ask as the administrator, and must succeed.
func (w *world) do(operation string, in any) object {
	w.t.Helper()
	out, code := w.ask(w.admin[account], "ssm", operation, in)
	if code != "" {
		w.t.Fatalf("%s: %s: %v", operation, code, out)
	}
	return out
}

// machine is a node with a key.
type machine struct {
	w           *world
	id          string
	key         *rsa.PrivateKey
	fingerprint string
}

// activate makes an activation with what more says.
func (w *world) activate(more object) (id, code string) {
	w.t.Helper()
	in := object{"IamRole": "service-role/Outside"}
	for k, v := range more {
		in[k] = v
	}
	out := w.do("CreateActivation", in)
	return fmt.Sprint(out["ActivationId"]), fmt.Sprint(out["ActivationCode"])
}

func (w *world) registration(id, code string) object {
	return object{"ActivationId": id, "ActivationCode": code, "Fingerprint": "5b1d-print", "PublicKey": public(w.t, keys()[0]), "PublicKeyType": "Rsa"}
}

// register registers a node as the agent does, without a signature.
func (w *world) register(more object) *machine {
	w.t.Helper()
	id, code := w.activate(more)
	r, _ := w.request("ssm", "RegisterManagedInstance", w.registration(id, code))
	out, problem := w.send(r)
	if problem != "" {
		w.t.Fatalf("RegisterManagedInstance: %s: %v", problem, out)
	}
	return &machine{w, fmt.Sprint(out["InstanceId"]), keys()[0], "5b1d-print"}
}

// ask signs a request with the node's own key.
func (m *machine) ask(operation string, in any) (object, string) {
	m.w.t.Helper()
	r, body := m.w.request("ssm", operation, in)
	must(m.w.t, sigv4.SignRSA(r, body, m.id, m.key, region, "ssm", m.w.clock.now()))
	return m.w.send(r)
}

// session is what the node gets with its key.
func (m *machine) session() sigv4.Credentials {
	m.w.t.Helper()
	out, code := m.ask("RequestManagedInstanceRoleToken", object{"Fingerprint": m.fingerprint})
	if code != "" {
		m.w.t.Fatalf("RequestManagedInstanceRoleToken: %s: %v", code, out)
	}
	return credentials(out)
}

func credentials(out object) sigv4.Credentials {
	text := func(name string) string { s, _ := out[name].(string); return s }
	return sigv4.Credentials{AccessKeyID: text("AccessKeyId"), SecretAccessKey: text("SecretAccessKey"), SessionToken: text("SessionToken")}
}

package organizations_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/organizations"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const (
	boss  = "999999999999" // the management account
	one   = "111111111111"
	two   = "222222222222"
	queue = "arn:aws:sqs:eu-west-1:111111111111:jobs"
)

var now = time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC)

// world is Organizations and IAM behind a gateway, with a queue of account one that every account may send to.
type world struct {
	t     *testing.T
	gw    *gateway.Gateway
	iam   *iam.Service
	org   *organizations.Service
	admin map[string]iam.Keys
}

type accounts struct{ *iam.Service }

func (a accounts) Make(ctx context.Context, account, role, management string) error {
	if _, err := a.EnsureAccount(ctx, account); err != nil {
		return err
	}
	return a.PutRole(ctx, iam.RoleSpec{Account: account, Name: role, Managed: []string{"arn:aws:iam::aws:policy/AdministratorAccess"},
		Trust: []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + management + `:root"},"Action":"sts:AssumeRole"}}`)})
}

// opened opens the services on a data directory; an empty one is in memory.
func opened(t *testing.T, dir string) (*store.DB, *iam.Service, *organizations.Service) {
	t.Helper()
	db, err := store.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	clock := func() time.Time { return now }
	identities, err := iam.New(db, clock, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	org, err := organizations.New(t.Context(), db, organizations.Config{Now: clock, Rand: rand.Reader, Changed: identities.Forget, Accounts: accounts{identities}})
	if err != nil {
		t.Fatal(err)
	}
	identities.SetOrganizations(org)
	return db, identities, org
}

func newWorld(t *testing.T) *world {
	t.Helper()
	_, identities, org := opened(t, "")
	w := &world{t: t, iam: identities, org: org, admin: map[string]iam.Keys{}}
	w.gw = gateway.New(gateway.Config{
		Directory: identities, Organizations: org, Rand: rand.Reader, Now: func() time.Time { return now },
		OnError: func(err error) { t.Errorf("internal error: %v", err) },
	})
	for _, service := range []gateway.Service{identities.API(), org.API(), queues()} {
		if err := w.gw.Register(service); err != nil {
			t.Fatal(err)
		}
	}
	for _, account := range []string{boss, one, two} {
		keys, err := identities.EnsureAccount(t.Context(), account)
		if err != nil {
			t.Fatal(err)
		}
		w.admin[account] = keys
	}
	return w
}

type nothing struct{}

// queues is a service with a resource of account one, for resource control policies.
func queues() gateway.Service {
	return gateway.Service{Name: "sqs", Protocol: gateway.JSON11, Target: "AmazonSQS", Operations: []gateway.Operation{
		gateway.Op("SendMessage", func(context.Context, *gateway.Call, *nothing) ([]gateway.Access, error) {
			return []gateway.Access{{Resource: queue, Account: one}}, nil
		}, func(context.Context, *gateway.Call, *nothing) (*nothing, error) { return &nothing{}, nil }),
	}}
}

// ask makes a JSON request as the administrator of an account; it gives the error code, if any, and the body.
func (w *world) ask(account, target string, in any) (code, body string) {
	w.t.Helper()
	text, err := json.Marshal(in)
	if err != nil {
		w.t.Fatal(err)
	}
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(string(text)))
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	service := "organizations"
	if strings.HasPrefix(target, "AmazonSQS.") {
		service = "sqs"
	} else {
		target = "AWSOrganizationsV20161128." + target
	}
	r.Header.Set("X-Amz-Target", target)
	return w.send(account, service, r, text)
}

func (w *world) send(account, service string, r *http.Request, text []byte) (code, body string) {
	keys := w.admin[account]
	sigv4.Sign(r, text, sigv4.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}, "eu-west-1", service, now)
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	if rec.Code == http.StatusOK {
		return "", rec.Body.String()
	}
	if code = rec.Header().Get("X-Amzn-ErrorType"); code == "" {
		_, rest, _ := strings.Cut(rec.Body.String(), "<Code>")
		code, _, _ = strings.Cut(rest, "</Code>")
	}
	return code, rec.Body.String()
}

// identity makes an IAM request as the administrator of an account.
func (w *world) identity(account, action string, args ...string) (code, body string) {
	w.t.Helper()
	form := url.Values{"Action": {action}, "Version": {"2010-05-08"}}
	for i := 0; i < len(args); i += 2 {
		form.Set(args[i], args[i+1])
	}
	text := form.Encode()
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1/", strings.NewReader(text))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(account, "iam", r, []byte(text))
}

// do is ask, and must succeed.
func (w *world) do(account, operation string, in any) map[string]any {
	w.t.Helper()
	code, body := w.ask(account, operation, in)
	if code != "" {
		w.t.Fatalf("%s %v: %s", operation, in, body)
	}
	out := map[string]any{}
	if err := json.Unmarshal([]byte(body), &out); err != nil {
		w.t.Fatalf("%s: %v in %s", operation, err, body)
	}
	return out
}

// at walks into an answer: names of members, and * for the first of a list.
func at(t *testing.T, doc any, way ...string) string {
	t.Helper()
	for _, step := range way {
		switch v := doc.(type) {
		case map[string]any:
			doc = v[step]
		case []any:
			if len(v) == 0 {
				t.Fatalf("%s: an empty list", step)
			}
			doc = v[0]
		}
	}
	s, ok := doc.(string)
	if !ok {
		t.Fatalf("%v: %v", way, doc)
	}
	return s
}

type args = map[string]any

// organized is a world with an organization of boss in which one is, in a unit, and SCPs are enabled.
func organized(t *testing.T) (w *world, root, unit string) {
	t.Helper()
	w = newWorld(t)
	w.do(boss, "CreateOrganization", args{})
	root = at(t, w.do(boss, "ListRoots", args{}), "Roots", "*", "Id")
	unit = at(t, w.do(boss, "CreateOrganizationalUnit", args{"ParentId": root, "Name": "work"}), "OrganizationalUnit", "Id")
	invitation := at(t, w.do(boss, "InviteAccountToOrganization", args{"Target": args{"Id": one, "Type": "ACCOUNT"}}), "Handshake", "Id")
	w.do(one, "AcceptHandshake", args{"HandshakeId": invitation})
	w.do(boss, "MoveAccount", args{"AccountId": one, "SourceParentId": root, "DestinationParentId": unit})
	w.do(boss, "EnablePolicyType", args{"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"})
	return w, root, unit
}

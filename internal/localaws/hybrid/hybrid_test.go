package hybrid_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// TestHybridNode is the way of a node: activation, registration, credentials, a command.
func TestHybridNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.register(object{"DefaultInstanceName": "till", "Tags": []object{{"Key": "Shop", "Value": "7"}}})
	if !strings.HasPrefix(m.id, "mi-0") || len(m.id) != 20 {
		t.Errorf("the id is %s", m.id)
	}
	who := m.session()
	report := object{"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "InstanceId": m.id, "PlatformType": "Linux"}
	if out, code := w.ask(who, "ssm", "UpdateInstanceInformation", report); code != "" {
		t.Fatalf("%s: %v", code, out)
	}
	nodes, _ := w.do("DescribeInstanceInformation", object{})["InstanceInformationList"].([]any)
	if len(nodes) != 1 {
		t.Fatalf("%d nodes", len(nodes))
	}
	n, _ := nodes[0].(object)
	if diff := cmp.Diff([]any{m.id, "ManagedInstance", "service-role/Outside", "till", "Online"},
		[]any{n["InstanceId"], n["ResourceType"], n["IamRole"], n["Name"], n["PingStatus"]}); diff != "" {
		t.Error(diff)
	}
	w.do("SendCommand", object{"DocumentName": "AWS-RunShellScript", "Targets": []object{{"Key": "tag:Shop", "Values": []string{"7"}}},
		"Parameters": object{"commands": []string{"true"}}})
	out, code := w.ask(who, "ec2messages", "GetMessages", object{"Destination": m.id, "MessagesRequestId": "1", "VisibilityTimeoutInSeconds": 10})
	if list, _ := out["Messages"].([]any); code != "" || len(list) != 1 {
		t.Errorf("the node gets %s %v", code, out)
	}
	// Once deregistered it is no node any more.
	w.do("DeregisterManagedInstance", object{"InstanceId": m.id})
	if _, code := w.ask(who, "ssm", "UpdateInstanceInformation", report); code != "InvalidInstanceId" {
		t.Errorf("it still reports: %q", code)
	}
	if _, code := m.ask("RequestManagedInstanceRoleToken", object{"Fingerprint": m.fingerprint}); code != "InvalidInstanceId" {
		t.Errorf("it still gets credentials: %q", code)
	}
	if nodes, _ := w.do("DescribeInstanceInformation", object{})["InstanceInformationList"].([]any); len(nodes) != 0 {
		t.Error("it is still listed")
	}
	events, err := w.log.List(t.Context(), gateway.Filter{Name: "RegisterManagedInstance"})
	must(t, err)
	if len(events) != 1 || events[0].RecipientAccountID != account || events[0].AWSRegion != region || strings.Contains(string(events[0].RequestParameters), "ActivationCode\":\"Q") ||
		!strings.Contains(string(events[0].RequestParameters), `"activationCode":"HIDDEN`) {
		t.Errorf("the event is %+v", events)
	}
}

func TestCommandPermissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.register(nil)
	who := m.session()
	if _, code := w.ask(who, "ssm", "UpdateInstanceInformation", object{"AgentVersion": "3.3.0.0", "InstanceId": m.id}); code != "" {
		t.Fatal(code)
	}
	send := object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{m.id}, "Parameters": object{"commands": []string{"true"}}}
	if out, code := w.ask(w.admin[account], "ssm", "SendCommand", send); code != "" {
		t.Errorf("%s: %v", code, out)
	}
	if _, code := w.ask(w.admin[stranger], "ssm", "SendCommand", send); code != "InvalidInstanceId" {
		t.Errorf("a stranger: %q", code)
	}
	// The role of the node has no permission to send, on the ARN of a managed instance.
	out, code := w.ask(who, "ssm", "SendCommand", send)
	if want := "managed-instance/" + m.id; code != "AccessDeniedException" || !strings.Contains(fmt.Sprint(out), "document/AWS-RunShellScript") {
		t.Errorf("got %q %v, want a denial (%s)", code, out, want)
	}
}

func TestRegisterRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.MarshalPKIXPublicKey(curve.Public())
	must(t, err)
	id, code := w.activate(nil)
	for name, tc := range map[string]struct {
		change object
		code   string
	}{
		"a wrong code":         {object{"ActivationCode": strings.Repeat("x", 20)}, "InvalidActivation"},
		"no code":              {object{"ActivationCode": ""}, "InvalidActivation"},
		"no such activation":   {object{"ActivationId": "01234567-89ab-4cde-8f01-23456789abcd"}, "InvalidActivation"},
		"no fingerprint":       {object{"Fingerprint": ""}, "ValidationException"},
		"no key":               {object{"PublicKey": ""}, "ValidationException"},
		"not a key":            {object{"PublicKey": "!"}, "InvalidPublicKey"},
		"a small key":          {object{"PublicKey": public(t, small)}, "InvalidPublicKey"},
		"an elliptic key":      {object{"PublicKey": base64.StdEncoding.EncodeToString(der)}, "InvalidPublicKey"},
		"another kind of key":  {object{"PublicKeyType": "Ed25519"}, "ValidationException"},
		"a role of its choice": {object{"IamRole": "Admin"}, "ValidationException"},
	} {
		in := w.registration(id, code)
		for k, v := range tc.change {
			in[k] = v
		}
		r, _ := w.request("ssm", "RegisterManagedInstance", in)
		if out, got := w.send(r); got != tc.code {
			t.Errorf("%s: got %q, want %q: %v", name, got, tc.code, out)
		}
	}
	count := func() any {
		list, _ := w.do("DescribeActivations", object{})["ActivationList"].([]any)
		return list[0].(object)["RegistrationsCount"]
	}
	if got := count(); got != 0.0 {
		t.Errorf("refused registrations count: %v", got)
	}
	ask := func(edit func(*http.Request)) string {
		r, _ := w.request("ssm", "RegisterManagedInstance", w.registration(id, code))
		edit(r)
		_, got := w.send(r)
		return got
	}
	if got := ask(func(r *http.Request) { r.Host = "ssm.eu-central-1.amazonaws.com" }); got != "InvalidActivation" {
		t.Errorf("in another region: %q", got)
	}
	if got := ask(func(r *http.Request) { r.Header.Set("Authorization", "AWS4-HMAC-SHA256 nonsense") }); got != "IncompleteSignatureException" {
		t.Errorf("with a signature that is none: %q", got)
	}
	if got := ask(func(r *http.Request) { r.Host = "ssm.eu-west-1.amazonaws.com" }); got != "" {
		t.Errorf("in its own region: %q", got)
	}
	if got := ask(func(*http.Request) {}); got != "RegistrationLimitExceeded" {
		t.Errorf("twice with a limit of one: %q", got)
	}
	id, code = w.activate(object{"RegistrationLimit": 2})
	w.clock.advance(24 * time.Hour)
	if got := ask(func(*http.Request) {}); got != "ActivationExpired" {
		t.Errorf("after a day: %q", got)
	}
}

// TestMachineSignatures: only the registered key, over exactly what was sent, opens the two operations of a machine.
func TestMachineSignatures(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.register(nil)
	good := object{"Fingerprint": m.fingerprint}
	sign := func(edit func(r *http.Request)) string {
		r, body := w.request("ssm", "RequestManagedInstanceRoleToken", good)
		must(t, sigv4.SignRSA(r, body, m.id, m.key, region, "ssm", w.clock.now()))
		edit(r)
		_, code := w.send(r)
		return code
	}
	swap := func(old, new string) func(*http.Request) {
		return func(r *http.Request) {
			r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), old, new, 1))
		}
	}
	_, tampered := w.request("ssm", "", object{"Fingerprint": "other"})
	for name, tc := range map[string]struct {
		edit func(*http.Request)
		code string
	}{
		"as it is":                {func(*http.Request) {}, ""},
		"a header changed":        {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-amz-json-1.0") }, "InvalidSignatureException"},
		"the body changed":        {func(r *http.Request) { r.Body = body(tampered) }, "InvalidSignatureException"},
		"another node":            {swap(m.id, "mi-0123456789abcdef0"), "InvalidInstanceId"},
		"another region":          {swap(region, "eu-central-1"), "InvalidInstanceId"},
		"not base64":              {swap("Signature=", "Signature=!"), "InvalidSignatureException"},
		"hexadecimal":             {func(r *http.Request) { hexSignature(r) }, "InvalidSignatureException"},
		"a session token as well": {func(r *http.Request) { r.Header.Set("X-Amz-Security-Token", "x") }, "InvalidSignatureException"},
		"another algorithm":       {swap("AWS4-HMAC-SHA256", "AWS4-RSA"), "IncompleteSignatureException"},
	} {
		if got := sign(tc.edit); got != tc.code {
			t.Errorf("%s: got %q, want %q", name, got, tc.code)
		}
	}
	if _, code := m.ask("RequestManagedInstanceRoleToken", object{"Fingerprint": "other"}); code != "MachineFingerprintDoesNotMatch" {
		t.Errorf("another fingerprint: %q", code)
	}
	if _, code := m.ask("RequestManagedInstanceRoleToken", object{}); code != "ValidationException" {
		t.Errorf("no fingerprint: %q", code)
	}
	thief := *m
	thief.key = keys()[1]
	if _, code := thief.ask("RequestManagedInstanceRoleToken", good); code != "InvalidSignatureException" {
		t.Errorf("another key: %q", code)
	}
	// The key is worth nothing for anything else, nor later.
	for _, operation := range []string{"DescribeInstanceInformation", "ListDocuments", "SendCommand", "UpdateInstanceInformation", "NoSuchOperation"} {
		if _, code := m.ask(operation, object{}); code != "UnrecognizedClientException" {
			t.Errorf("%s: %q", operation, code)
		}
	}
	r, content := w.request("ssm", "RequestManagedInstanceRoleToken", good)
	must(t, sigv4.SignRSA(r, content, m.id, m.key, region, "ssm", w.clock.now().Add(-time.Hour)))
	if _, code := w.send(r); code != "InvalidSignatureException" {
		t.Errorf("an hour late: %q", code)
	}
	if _, code := w.ask(w.admin[account], "ssm", "RequestManagedInstanceRoleToken", good); code != "AccessDeniedException" {
		t.Errorf("an administrator: %q", code)
	}
}

func TestUpdateKey(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	m := w.register(nil)
	change := func(key, kind string) string {
		_, code := m.ask("UpdateManagedInstancePublicKey", object{"NewPublicKey": key, "NewPublicKeyType": kind})
		return code
	}
	if got := []string{change("x", "Rsa"), change(public(t, m.key), "Rsa"), change(public(t, keys()[1]), "Dsa")}; !cmp.Equal(got,
		[]string{"InvalidPublicKey", "PublicKeyAlreadyRegistered", "ValidationException"}) {
		t.Errorf("bad keys: %q", got)
	}
	if code := change(public(t, keys()[1]), "Rsa"); code != "" {
		t.Fatal(code)
	}
	if _, code := m.ask("RequestManagedInstanceRoleToken", object{"Fingerprint": m.fingerprint}); code != "InvalidSignatureException" {
		t.Errorf("the old key: %q", code)
	}
	m.key = keys()[1]
	m.session()
}

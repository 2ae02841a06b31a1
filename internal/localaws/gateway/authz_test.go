package gateway_test

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// message finds the message in an error of any protocol.
func message(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	if rec.Header().Get("X-Amzn-Errortype") != "" {
		var e struct{ Message string }
		if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil {
			t.Fatal(err)
		}
		return e.Message
	}
	_, rest, _ := strings.Cut(rec.Body.String(), "<Message>")
	m, _, _ := strings.Cut(rest, "</Message>")
	return m
}

func TestDenialIsAWSs(t *testing.T) {
	t.Parallel()
	everything := []*iam.Policy{policy(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)}
	nothing := policy(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}`)
	deny := policy(t, `{"Version":"2012-10-17","Statement":[{"Sid":"No","Effect":"Deny","Action":"*","Resource":"*"}]}`)
	const user = "User: arn:aws:iam::111111111111:user/deploy is not authorized to perform: "
	for name, tc := range map[string]struct {
		policies           iam.PolicySet
		service, operation string
		status             int
		code, message      string
	}{
		"JSON": {iam.PolicySet{}, "ssm", "Ping", 400, "AccessDeniedException",
			user + "ssm:Ping on resource: arn:aws:ssm:eu-west-1:111111111111:* because no identity-based policy allows the ssm:Ping action"},
		"JSON on a resource": {iam.PolicySet{}, "ssm", "PingNamed", 400, "AccessDeniedException",
			user + "ssm:PingNamed on resource: arn:aws:ssm:eu-west-1:111111111111:document/ because no identity-based policy allows the ssm:PingNamed action"},
		"Query": {iam.PolicySet{}, "sts", "Ping", 403, "AccessDenied",
			user + "sts:Ping on resource: arn:aws:sts:eu-west-1:111111111111:* because no identity-based policy allows the sts:Ping action"},
		"global service": {iam.PolicySet{}, "iam", "Ping", 403, "AccessDenied",
			user + "iam:Ping on resource: arn:aws:iam:us-east-1:111111111111:* because no identity-based policy allows the iam:Ping action"},
		"EC2": {iam.PolicySet{}, "ec2", "Ping", 403, "UnauthorizedOperation",
			"You are not authorized to perform this operation. " + user + "ec2:Ping because no identity-based policy allows the ec2:Ping action"},
		"explicit": {iam.PolicySet{Identity: append(everything, deny)}, "ssm", "Ping", 400, "AccessDeniedException",
			user + "ssm:Ping on resource: arn:aws:ssm:eu-west-1:111111111111:* with an explicit deny in an identity-based policy"},
		"boundary": {iam.PolicySet{Identity: everything, Boundary: nothing}, "ssm", "Ping", 400, "AccessDeniedException",
			user + "ssm:Ping on resource: arn:aws:ssm:eu-west-1:111111111111:* because no permissions boundary allows the ssm:Ping action"},
		"explicit in the boundary": {iam.PolicySet{Identity: everything, Boundary: deny}, "ssm", "Ping", 400, "AccessDeniedException",
			user + "ssm:Ping on resource: arn:aws:ssm:eu-west-1:111111111111:* with an explicit deny in a permissions boundary"},
		"session": {iam.PolicySet{Identity: everything, Session: []*iam.Policy{nothing}}, "ssm", "Ping", 400, "AccessDeniedException",
			user + "ssm:Ping on resource: arn:aws:ssm:eu-west-1:111111111111:* because no session policy allows the ssm:Ping action"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.policies)
			got := w.ask(t, tc.service, tc.operation, "", key, nil)
			if got.Code != tc.status || code(got) != tc.code {
				t.Errorf("got %d %s, want %d %s", got.Code, code(got), tc.status, tc.code)
			}
			if diff := cmp.Diff(tc.message, message(t, got)); diff != "" {
				t.Error(diff)
			}
			if w.handled.Load() != 0 {
				t.Error("the handler ran")
			}
		})
	}
}

// TestConditionKeys shows that each global key has its value, for a user and for a role session.
func TestConditionKeys(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		cred      sigv4.Credentials
		condition string
		want      int
	}{
		"user":                   {key, `{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/deploy","aws:username":"deploy","aws:PrincipalType":"User","aws:userid":"AIDAUSER","aws:PrincipalAccount":"111111111111"}}`, 200},
		"role session":           {session, `{"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/slipway/web-dev-Deploy","aws:PrincipalType":"AssumedRole","aws:userid":"AROAROLE:run-1","aws:SourceIdentity":"ci","aws:PrincipalTag/App":"web"}}`, 200},
		"request":                {key, `{"StringEquals":{"aws:RequestedRegion":"eu-west-1","aws:ResourceAccount":"111111111111"},"Bool":{"aws:SecureTransport":"true","aws:ViaAWSService":"false"},"DateEquals":{"aws:CurrentTime":"2026-11-22T04:30:00Z"},"NumericEquals":{"aws:EpochTime":"1795321800"},"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`, 200},
		"no user name of a role": {session, `{"Null":{"aws:username":"true"}}`, 200},
		"no MFA of a user":       {key, `{"Null":{"aws:MultiFactorAuthPresent":"true"}}`, 200},
		"other region":           {key, `{"StringEquals":{"aws:RequestedRegion":"eu-west-2"}}`, 400},
		"no tag":                 {key, `{"StringEquals":{"aws:PrincipalTag/App":"web"}}`, 400},
		"key of the resource":    {key, `{"StringEquals":{"ssm:resourceTag/App":"web"}}`, 200},
		"other resource tag":     {key, `{"StringEquals":{"ssm:resourceTag/App":"db"}}`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := policy(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:PingNamed","Resource":"arn:aws:ssm:eu-west-1:111111111111:document/a","Condition":`+tc.condition+`}]}`)
			w := newWorld(t, iam.PolicySet{Identity: []*iam.Policy{p}})
			if got := w.ask(t, "ssm", "PingNamed", `{"Name":"a"}`, tc.cred, nil); got.Code != tc.want {
				t.Errorf("got %d %s", got.Code, got.Body)
			}
			if got := w.ask(t, "ssm", "PingNamed", `{"Name":"b"}`, tc.cred, nil); got.Code != 400 {
				t.Errorf("other document: got %d", got.Code)
			}
		})
	}
}

func TestEventOfACall(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	w.ask(t, "ssm", "PingNamed", `{"Name":"a","SecretAccessKey":"s3cr3t","When":1795321800}`, session, nil)
	w.ask(t, "sts", "Ping", "", key, nil)
	events, err := w.log.List(t.Context(), gateway.Filter{Name: "PingNamed", Account: account, Source: "ssm.amazonaws.com", Since: now, Until: now.Add(time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	e := events[0]
	if e.RequestID == "" || e.EventID == "" || e.RequestID == e.EventID {
		t.Errorf("ids %q %q", e.RequestID, e.EventID)
	}
	e.RequestID, e.EventID, e.Seq = "", "", 0
	want := gateway.Event{
		EventVersion: "1.11", EventTime: now, EventSource: "ssm.amazonaws.com", EventName: "PingNamed", AWSRegion: "eu-west-1",
		SourceIPAddress: "192.0.2.1", EventType: "AwsApiCall", RecipientAccountID: account,
		UserIdentity: gateway.UserIdentity{
			Type: "AssumedRole", PrincipalID: "AROAROLE:run-1", ARN: "arn:aws:sts::111111111111:assumed-role/web-dev-Deploy/run-1",
			AccountID: account, AccessKeyID: "ASIASESSION",
			SessionContext: &gateway.SessionContext{SourceIdentity: "ci", SessionIssuer: gateway.SessionIssuer{
				Type: "Role", PrincipalID: "AROAROLE", ARN: "arn:aws:iam::111111111111:role/slipway/web-dev-Deploy", AccountID: account, UserName: "web-dev-Deploy",
			}},
		},
		RequestParameters: json.RawMessage(`{"name":"a","when":1795321800,"secretAccessKey":"HIDDEN_DUE_TO_SECURITY_REASONS"}`),
		ResponseElements:  json.RawMessage(`null`),
		Resources:         []gateway.EventResource{{ARN: "arn:aws:ssm:eu-west-1:111111111111:document/a", AccountID: account}},
		Slipway: gateway.Trace{Checks: []gateway.Check{{
			Action: "ssm:PingNamed", Resource: "arn:aws:ssm:eu-west-1:111111111111:document/a",
			Context: map[string][]string{"ssm:resourceTag/App": {"web"}}, Decision: "Allowed", Decisive: []string{"test/0"},
		}}},
	}
	if diff := cmp.Diff(want, e); diff != "" {
		t.Error(diff)
	}
}

package gateway_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestServiceThatIsNotServed: a client of another service learns which ones there are, whatever its protocol.
func TestServiceThatIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	const which = "The local AWS does not serve %s; it serves ec2, iam, ssm, sts."
	for name, tc := range map[string]struct{ service, method, path, target, code, body string }{
		"list buckets":  {"s3", http.MethodGet, "/", "", "InvalidAction", "<ErrorResponse>"},
		"put an object": {"s3", http.MethodPut, "/bucket/key", "", "InvalidAction", "<ErrorResponse>"},
		"JSON":          {"dynamodb", http.MethodPost, "/", "DynamoDB_20120810.PutItem", "UnknownOperationException", `{"__type":"UnknownOperationException"`},
		"REST":          {"lambda", http.MethodPost, "/2015-03-31/functions", "", "InvalidAction", `{"__type":"InvalidAction"`},
		"Query":         {"sns", http.MethodGet, "/?Action=ListTopics&Version=2010-03-31", "", "InvalidAction", "<ErrorResponse>"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tc.method, "http://127.0.0.1:4566"+tc.path, nil)
			if tc.target != "" {
				r.Header.Set("X-Amz-Target", tc.target)
			}
			got := signAndServe(w, r, tc.service)
			if want := strings.ReplaceAll(which, "%s", tc.service); got.Code != http.StatusBadRequest || !strings.Contains(got.Body.String(), want) {
				t.Errorf("got %d %s, want %s", got.Code, got.Body, want)
			}
			if !strings.HasPrefix(got.Body.String(), tc.body) {
				t.Errorf("got %s, want it to begin with %s", got.Body, tc.body)
			}
			if c := got.Header().Get("X-Amzn-Errortype"); c != tc.code {
				t.Errorf("code %q, want %q", c, tc.code)
			}
		})
	}
}

// TestAnyHost: a server that others reach does not know its names; web pages stay out all the same.
func TestAnyHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	ask := func(origin string) int {
		r := httptest.NewRequest(http.MethodPost, "http://build-7.example.com:4566/", nil)
		r.Header.Set("X-Amz-Target", "AmazonSSM.Ping")
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		return signAndServe(w, r, "ssm").Code
	}
	if got := ask(""); got != http.StatusForbidden {
		t.Errorf("another host: %d, want 403", got)
	}
	w.gw.AllowAnyHost()
	if got := ask(""); got != http.StatusOK {
		t.Errorf("another host where any is allowed: %d, want 200", got)
	}
	if got := ask("http://build-7.example.com:4566"); got != http.StatusForbidden {
		t.Errorf("a web page where any host is allowed: %d, want 403", got)
	}
}

// TestMembersAreCaseSensitive: AWS knows a member by its exact name and ignores all others.
func TestMembersAreCaseSensitive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, allowAll(t))
	for body, want := range map[string]string{
		`{"name":"bo"}`:               `"hello  `,
		`{"Name":"Bo","NAME":"evil"}`: `"hello Bo `,
		`{"NAME":["not text"]}`:       `"hello  `,
		`{"Filters":[{"Name":"f","name":"g","values":["v"]}]}`: `[{"Name":"f"}]`,
		`{"secretaccesskey":1,"When":1e3}`:                     `"hello  `,
	} {
		got := w.ask(t, "ssm", "Ping", body, key, nil)
		if got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s: got %d %s, want %s", body, got.Code, got.Body, want)
		}
	}
	if got := w.ask(t, "ssm", "Ping", `{"name":"bo"}{}`, key, nil); code(got) != "SerializationException" {
		t.Errorf("two documents: %d %s", got.Code, got.Body)
	}
}

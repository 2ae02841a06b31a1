package rehearse_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"strings"
	"sync"
	"testing"
)

// fault is what goes wrong with one API call.
type fault string

const (
	noFault    fault = ""
	denied     fault = "denied"      // AccessDenied, not served
	throttled  fault = "throttled"   // not served
	expired    fault = "expired"     // the token has expired, not served
	failed     fault = "500"         // not served
	failedLate fault = "500 served"  // served all the same
	lost       fault = "lost"        // served, and the connection closed before the answer
	unheard    fault = "unheard"     // the connection closed before it was served
	hang       fault = "hang"        // not served, no answer
	hangServed fault = "hang served" // served, no answer
)

var faults = []fault{denied, throttled, expired, failed, failedLate, lost, unheard, hang, hangServed}

// served tells whether AWS does what the call asks for.
func (f fault) served() bool { return f == failedLate || f == lost || f == hangServed }

// proxy stands between slipway and the local AWS, and makes some calls fail. Nodes do not go through it.
type proxy struct {
	*httptest.Server
	target string
	// rule says what goes wrong with the n-th call of an operation, counted from 1.
	rule func(operation string, n int) fault

	done   chan struct{} // the test is over: what hangs ends
	mu     sync.Mutex
	counts map[string]int
	// calls are all that were made, in order; hit is how many of them the rule failed.
	calls []string
	hit   int
}

func newProxy(t *testing.T, target string, rule func(string, int) fault) *proxy {
	t.Helper()
	p := &proxy{target: target, rule: rule, counts: map[string]int{}, done: make(chan struct{})}
	p.Server = httptest.NewServer(p)
	t.Cleanup(func() {
		close(p.done)
		p.CloseClientConnections()
		p.Close()
	})
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	operation := operationOf(r, body)
	switch f := p.count(operation); f {
	case noFault:
		p.forward(w, r, body)
	case unheard:
		panic(http.ErrAbortHandler)
	case hang:
		p.wait(r)
	case lost, hangServed, failedLate:
		p.forward(httptest.NewRecorder(), r, body)
		switch f {
		case lost:
			panic(http.ErrAbortHandler)
		case hangServed:
			p.wait(r)
		default:
			refuse(w, operation, failed)
		}
	default:
		refuse(w, operation, f)
	}
}

// wait gives no answer, until the client goes.
func (p *proxy) wait(r *http.Request) {
	select {
	case <-r.Context().Done():
	case <-p.done:
	}
	panic(http.ErrAbortHandler)
}

// count notes a call and what is to go wrong with it.
func (p *proxy) count(operation string) fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts[operation]++
	p.calls = append(p.calls, operation)
	if p.rule == nil {
		return noFault
	}
	f := p.rule(operation, p.counts[operation])
	if f != noFault {
		p.hit++
	}
	return f
}

// made are the calls so far.
func (p *proxy) made() (calls []string, hit int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...), p.hit
}

// forward has a request served as it was signed, with its Host.
func (p *proxy) forward(w http.ResponseWriter, r *http.Request, body []byte) {
	target, err := url.Parse(p.target + r.URL.RequestURI())
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	// The client may go before the answer: what it asked for is done all the same.
	out := r.Clone(context.WithoutCancel(r.Context()))
	out.URL, out.RequestURI, out.Body = target, "", io.NopCloser(bytes.NewReader(body))
	answer, err := http.DefaultTransport.RoundTrip(out)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	defer func() { _ = answer.Body.Close() }()
	for name, values := range answer.Header {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.StatusCode)
	_, _ = io.Copy(w, answer.Body)
}

// operationOf names a call as service:Operation; of S3's, with what kind of object it is about.
func operationOf(r *http.Request, body []byte) string {
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		service, name, _ := strings.Cut(target, ".")
		services := map[string]string{"AmazonSSM": "ssm", "Logs_20140328": "logs"}
		return services[service] + ":" + name
	}
	if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
		service := "sts"
		if form.Get("Version") == "2016-11-15" {
			service = "ec2"
		}
		return service + ":" + form.Get("Action")
	}
	if r.URL.Query().Has("list-type") {
		return "s3:ListObjectsV2"
	}
	names := map[string]string{http.MethodGet: "GetObject", http.MethodPut: "PutObject", http.MethodHead: "HeadObject"}
	object := path.Base(r.URL.Path)
	if path.Base(path.Dir(r.URL.Path)) == "deploys" {
		object = "deploy"
	}
	return "s3:" + names[r.Method] + " " + object
}

// refuse answers with an error in the words and the form of the operation's service.
func refuse(w http.ResponseWriter, operation string, f fault) {
	service, name, _ := strings.Cut(operation, ":")
	words := map[string]map[fault]string{
		"ssm":  {denied: "AccessDeniedException", throttled: "ThrottlingException", expired: "ExpiredTokenException", failed: "InternalServerError"},
		"logs": {denied: "AccessDeniedException", throttled: "ThrottlingException", expired: "ExpiredTokenException", failed: "ServiceUnavailableException"},
		"sts":  {denied: "AccessDenied", throttled: "Throttling", expired: "ExpiredToken", failed: "InternalFailure"},
		"ec2":  {denied: "UnauthorizedOperation", throttled: "RequestLimitExceeded", expired: "RequestExpired", failed: "InternalError"},
		"s3":   {denied: "AccessDenied", throttled: "SlowDown", expired: "ExpiredToken", failed: "InternalError"},
	}
	status := map[fault]int{denied: http.StatusForbidden, throttled: http.StatusBadRequest, expired: http.StatusForbidden, failed: http.StatusInternalServerError}[f]
	code := words[service][f]
	switch service {
	case "ssm", "logs":
		if f != failed {
			status = http.StatusBadRequest
		}
		w.Header().Set("X-Amzn-ErrorType", code)
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"__type":%q,"message":"made to fail: %s on %s"}`, code, f, name)
		return
	case "s3":
		if f == throttled {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<Error><Code>%s</Code><Message>made to fail: %s</Message></Error>`, code, f)
		return
	case "ec2":
		if f == throttled {
			status = http.StatusServiceUnavailable
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<Response><Errors><Error><Code>%s</Code><Message>made to fail: %s</Message></Error></Errors></Response>`, code, f)
		return
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>made to fail: %s</Message></Error></ErrorResponse>`, code, f)
}

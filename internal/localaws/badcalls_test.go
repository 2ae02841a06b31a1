package localaws_test

import (
	"bufio"
	"cmp"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// badCall is one request of the corpus in testdata/badcalls: a malformed or unauthorised one, and how it is refused.
type badCall struct {
	where           string // file:line
	service         string
	who             string // admin, nobody, other
	operation, body string // for a REST service the operation is METHOD PATH
	status          int
	code            string
	was             string
}

// readBadCalls reads the corpus. A file is named after its service; a line is
//
//	WHO OPERATION BODY -> STATUS CODE
//
// where a REST service has METHOD PATH in place of OPERATION. ${name} stands for something of the victim's. Lines that
// begin with # are comments.
func readBadCalls(t *testing.T, names map[string]string) []badCall {
	t.Helper()
	files, err := filepath.Glob("testdata/badcalls/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no corpus: %v", err)
	}
	var calls []badCall
	for _, file := range files {
		content, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		service := strings.TrimSuffix(filepath.Base(file), ".txt")
		lines := bufio.NewScanner(content)
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			line := os.Expand(lines.Text(), func(name string) string {
				if value, ok := names[name]; ok {
					return value
				}
				if count, ok := strings.CutPrefix(name, "x"); ok { // ${x500}: that many x
					if n, err := strconv.Atoi(count); err == nil {
						return strings.Repeat("x", n)
					}
				}
				return "$" + name
			})
			if strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#") {
				continue
			}
			calls = append(calls, parseBadCall(t, service, fmt.Sprintf("%s:%d", file, n), line))
		}
		if err := lines.Err(); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		_ = content.Close()
	}
	return calls
}

func parseBadCall(t *testing.T, service, where, line string) badCall {
	t.Helper()
	at := strings.LastIndex(line, " -> ")
	if at < 0 {
		t.Fatalf("%s: no -> in %q", where, line)
	}
	c := badCall{where: where, service: service, was: line}
	head := strings.TrimSpace(line[:at])
	var ok bool
	if c.who, head, ok = strings.Cut(head, " "); !ok {
		t.Fatalf("%s: no operation in %q", where, line)
	}
	c.operation, c.body, _ = strings.Cut(head, " ")
	if isMethod(c.operation) {
		path, body, _ := strings.Cut(c.body, " ")
		c.operation, c.body = c.operation+" "+path, body
	}
	if _, err := fmt.Sscan(line[at+4:], &c.status, &c.code); err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	return c
}

func isMethod(s string) bool {
	return s == "GET" || s == "PUT" || s == "POST" || s == "DELETE" || s == "HEAD" || s == "PATCH" || s == "OPTIONS"
}

// TestBadCalls sends the corpus, and every fault of a signature to every service: each gets the right error class, and
// nothing changes.
func TestBadCalls(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	before := v.rows(t)
	calls := readBadCalls(t, v.names)
	faulty := v.badSignatures(t)
	if n := len(calls) + faulty; n < 300 {
		t.Errorf("%d bad calls, want at least 300", n)
	}
	t.Logf("%d bad calls of the corpus, %d with bad signatures", len(calls), faulty)
	for _, c := range calls {
		got := v.send(t, c)
		if got.status != c.status || got.code != c.code {
			t.Errorf("%s: got %d %s, want %d %s\n\t%.300s\n\t%.500s", c.where, got.status, got.code, c.status, c.code, c.was, got.body)
		}
	}
	after := v.rows(t)
	for _, row := range lost(before, after) {
		t.Errorf("lost or changed: %.600s", row)
	}
	for _, row := range lost(after, before) {
		t.Errorf("new: %.600s", row)
	}
}

func (v *victim) send(t *testing.T, c badCall) answer {
	t.Helper()
	who, ok := map[string]caller{"admin": v.admin, "nobody": v.nobody, "other": v.other}[c.who]
	if !ok {
		t.Fatalf("%s: nobody is called %q", c.where, c.who)
	}
	if method, path, ok := strings.Cut(c.operation, " "); ok {
		got := who.send(t, method, path, c.service, http.Header{}, c.body)
		if method == http.MethodHead {
			got.code = strings.ReplaceAll(http.StatusText(got.status), " ", "")
		}
		return got
	}
	return who.ask(t, c.service, c.operation, c.body)
}

// signatureFaults are what can be wrong with how a request is signed. Each is done to a request that would succeed.
var signatureFaults = []struct {
	name   string
	change func(*http.Request, sigv4.Credentials, string)
	json   string // the code in each protocol
	query  string
	ec2    string
	rest   string
}{
	{"unsigned", func(r *http.Request, _ sigv4.Credentials, _ string) { r.Header.Del("Authorization") },
		"MissingAuthenticationTokenException", "MissingAuthenticationToken", "MissingAuthenticationToken", "AccessDenied"},
	{"garbage", func(r *http.Request, _ sigv4.Credentials, _ string) {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 nonsense")
	},
		"IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature", "AuthorizationHeaderMalformed"},
	{"other algorithm", func(r *http.Request, _ sigv4.Credentials, _ string) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256", "AWS5-HMAC-MD5", 1))
	}, "IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature", "AuthorizationHeaderMalformed"},
	{"two headers", func(r *http.Request, _ sigv4.Credentials, _ string) {
		r.Header.Add("Authorization", r.Header.Get("Authorization"))
	}, "IncompleteSignatureException", "IncompleteSignature", "IncompleteSignature", "AuthorizationHeaderMalformed"},
	{"wrong secret", func(r *http.Request, c sigv4.Credentials, service string) {
		c.SecretAccessKey = "guessed"
		resign(r, c, service, time.Now())
	}, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "SignatureDoesNotMatch"},
	{"unknown key", func(r *http.Request, c sigv4.Credentials, service string) {
		c.AccessKeyID = "AKIANOBODYATALL00000"
		resign(r, c, service, time.Now())
	}, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidAccessKeyId"},
	{"too old", func(r *http.Request, c sigv4.Credentials, service string) {
		resign(r, c, service, time.Now().Add(-16*time.Minute))
	}, "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed"},
	{"too early", func(r *http.Request, c sigv4.Credentials, service string) {
		resign(r, c, service, time.Now().Add(16*time.Minute))
	}, "InvalidSignatureException", "SignatureDoesNotMatch", "RequestExpired", "RequestTimeTooSkewed"},
	{"a session token that is none", func(r *http.Request, c sigv4.Credentials, service string) {
		c.SessionToken = "invented"
		resign(r, c, service, time.Now())
	}, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", "InvalidToken"},
	{"a changed header", func(r *http.Request, _ sigv4.Credentials, _ string) {
		r.Header.Set("X-Amz-Date", time.Now().UTC().Add(time.Second).Format("20060102T150405Z"))
	}, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "SignatureDoesNotMatch"},
	{"scoped to another service", func(r *http.Request, c sigv4.Credentials, service string) {
		resign(r, c, map[bool]string{true: "iam", false: "sts"}[service == "sts"], time.Now())
	}, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", ""}, // a REST service is found by its scope
	{"host not signed", func(r *http.Request, _ sigv4.Credentials, _ string) {
		r.Header.Set("Authorization", strings.Replace(r.Header.Get("Authorization"), "host;", "", 1))
	}, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", "SignatureDoesNotMatch"},
}

func resign(r *http.Request, c sigv4.Credentials, service string, at time.Time) {
	r.Header.Del("X-Amz-Security-Token")
	sigv4.Sign(r, nil, c, victimRegion, service, at)
}

// harmless is a call without a body that succeeds, for each service.
var harmless = map[string]string{
	"ssm": "ListDocuments", "sts": "GetCallerIdentity", "iam": "ListUsers", "ec2": "DescribeInstances", "cloudtrail": "LookupEvents",
	"ec2messages": "GetEndpoint", "logs": "DescribeLogGroups", "monitoring": "DescribeAlarms", "organizations": "DescribeOrganization",
	"s3": "GET /", "ssmmessages": "POST /v1/control-channel/" + victimNode,
}

// badSignatures does every fault to a harmless call of every service, and gives how many calls it made.
func (v *victim) badSignatures(t *testing.T) int {
	t.Helper()
	made := 0
	for name, service := range v.admin.services {
		operation, ok := harmless[name]
		if !ok {
			t.Errorf("no harmless call is known for %s", name)
			continue
		}
		for _, fault := range signatureFaults {
			who := v.admin
			who.change = func(r *http.Request) { fault.change(r, who.cred, name) }
			if service.Protocol == gateway.RESTXML && fault.rest == "" {
				continue
			}
			want := map[gateway.Protocol]string{gateway.JSON11: fault.json, gateway.Query: fault.query, gateway.EC2Query: fault.ec2, gateway.RESTXML: fault.rest}[service.Protocol]
			if name == "ssmmessages" { // its errors are named like those of JSON services
				want = map[string]string{"unsigned": "AccessDeniedException"}[fault.name]
				want = cmp.Or(want, fault.json)
			}
			var got answer
			if method, path, rest := strings.Cut(operation, " "); rest {
				got = who.send(t, method, path, name, http.Header{}, "")
			} else if service.Protocol == gateway.JSON11 {
				got = who.ask(t, name, operation, "")
			} else {
				got = who.get(t, name, operation)
			}
			made++
			if got.code != want || got.status < 400 {
				t.Errorf("%s, %s: got %d %s, want %s: %.300s", name, fault.name, got.status, got.code, want, got.body)
			}
		}
	}
	return made
}

// get calls an operation of a Query service with everything in the query string, so that there is no body.
func (c caller) get(t *testing.T, service, operation string) answer {
	t.Helper()
	return c.send(t, http.MethodGet, "/?"+form("Action", operation, "Version", c.services[service].Version), service, http.Header{}, "")
}

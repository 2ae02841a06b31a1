package awsclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/google/go-cmp/cmp"
)

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func client(s *httptest.Server) EC2 {
	return EC2{Config: aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), HTTPClient: s.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "token")},
		Now: time.Now}
}

const pageXML = `<?xml version="1.0"?><DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item><instancesSet>
<item><instanceId>%s</instanceId><instanceState><code>16</code><name>running</name></instanceState>
<iamInstanceProfile><arn>arn:aws:iam::111111111111:instance-profile/web</arn></iamInstanceProfile>
<tagSet><item><key>App</key><value>web &amp; more</value></item></tagSet></item>
</instancesSet></item></reservationSet><nextToken>%s</nextToken></DescribeInstancesResponse>`

func TestDescribeInstancesPages(t *testing.T) {
	t.Parallel()
	var forms []url.Values
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		forms = append(forms, r.PostForm)
		if a := r.Header.Get("Authorization"); !strings.Contains(a, "/eu-west-1/ec2/aws4_request") || r.Header.Get("X-Amz-Security-Token") != "token" {
			t.Errorf("signature: %s", a)
		}
		id, next := "i-00000001", "more"
		if r.PostForm.Get("NextToken") == "more" {
			id, next = "i-00000002", ""
		}
		fmt.Fprintf(w, pageXML, id, next)
	})
	filters := []InstanceFilter{{Name: "tag:App", Values: []string{"web & more", "b"}}}
	got, token, err := client(s).DescribeInstances(context.Background(), nil, filters, "")
	if err != nil || token != "more" {
		t.Fatal(token, err)
	}
	page, token, err := client(s).DescribeInstances(context.Background(), nil, filters, token)
	if err != nil || token != "" {
		t.Fatal(token, err)
	}
	got = append(got, page...)
	profile := "arn:aws:iam::111111111111:instance-profile/web"
	tags := map[string]string{"App": "web & more"}
	wantInstances := []Instance{{ID: "i-00000001", State: "running", Profile: profile, Tags: tags}, {ID: "i-00000002", State: "running", Profile: profile, Tags: tags}}
	if diff := cmp.Diff(wantInstances, got); diff != "" {
		t.Error(diff)
	}
	wantForm := url.Values{"Action": {"DescribeInstances"}, "Version": {"2016-11-15"}, "MaxResults": {"1000"},
		"Filter.1.Name": {"tag:App"}, "Filter.1.Value.1": {"web & more"}, "Filter.1.Value.2": {"b"}}
	if diff := cmp.Diff(wantForm, forms[0]); diff != "" {
		t.Error(diff)
	}
}

func TestDescribeInstancesByID(t *testing.T) {
	t.Parallel()
	form := describeForm([]string{"i-1", "i-2"}, nil, "")
	wantForm := url.Values{"Action": {"DescribeInstances"}, "Version": {"2016-11-15"}, "InstanceId.1": {"i-1"}, "InstanceId.2": {"i-2"}}
	if diff := cmp.Diff(wantForm, form); diff != "" {
		t.Error(diff)
	}
}

func TestDescribeInstancesErrors(t *testing.T) {
	t.Parallel()
	const doc = `<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors><RequestID>x</RequestID></Response>`
	tests := []struct {
		name   string
		status int
		body   string
		code   string
	}{
		{"denied", 403, fmt.Sprintf(doc, "UnauthorizedOperation"), "UnauthorizedOperation"},
		{"not found", 400, fmt.Sprintf(doc, "InvalidInstanceID.NotFound"), "InvalidInstanceID.NotFound"},
		{"throttled", 503, fmt.Sprintf(doc, "RequestLimitExceeded"), "RequestLimitExceeded"},
		{"broken", 500, "<html>oops", "UnknownError"},
		{"not an error document", 400, "<Response/>", "UnknownError"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tries := 0
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				tries++
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			_, _, err := client(s).DescribeInstances(context.Background(), nil, nil, "")
			var api smithy.APIError
			var answered *smithyhttp.ResponseError
			if !errors.As(err, &api) || api.ErrorCode() != tt.code || !errors.As(err, &answered) || answered.HTTPStatusCode() != tt.status {
				t.Errorf("err = %v", err)
			}
			if tries != 1 { // asking again is for the caller, who knows for how long
				t.Errorf("%d tries, want one", tries)
			}
		})
	}
}

func TestDescribeInstancesGarbledAnswer(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "{}", "<Other/>", "<DescribeInstancesResponse>", fmt.Sprintf(pageXML, "", "")} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, body) })
		_, _, err := client(s).DescribeInstances(context.Background(), nil, nil, "")
		var garbled *smithy.DeserializationError
		if !errors.As(err, &garbled) {
			t.Errorf("%q: err = %v", body, err)
		}
	}
}

func TestEndpoint(t *testing.T) {
	t.Parallel()
	tests := []struct {
		cfg  aws.Config
		want string
	}{
		{aws.Config{Region: "eu-west-1"}, "https://ec2.eu-west-1.amazonaws.com/"},
		{aws.Config{Region: "cn-north-1"}, "https://ec2.cn-north-1.amazonaws.com.cn/"},
		{aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://127.0.0.1:1")}, "http://127.0.0.1:1/"},
		{aws.Config{BaseEndpoint: aws.String("http://127.0.0.1:1"), ConfigSources: []any{endpoints{"EC2": "http://127.0.0.1:2/x"}}}, "http://127.0.0.1:2/x/"},
	}
	for _, tt := range tests {
		got, err := EC2{Config: tt.cfg}.endpoint(context.Background())
		if err != nil || got != tt.want {
			t.Errorf("endpoint = %s, %v; want %s", got, err, tt.want)
		}
	}
	if _, err := (EC2{}).endpoint(context.Background()); err == nil {
		t.Error("no error without a region")
	}
}

type endpoints map[string]string

func (e endpoints) GetServiceBaseEndpoint(_ context.Context, id string) (string, bool, error) {
	u, ok := e[id]
	return u, ok, nil
}

func FuzzDecodeDescribe(f *testing.F) {
	f.Add([]byte(fmt.Sprintf(pageXML, "i-1", "")))
	f.Add([]byte("<DescribeInstancesResponse/>"))
	f.Fuzz(func(t *testing.T, body []byte) {
		answer, err := decodeDescribe(body)
		if err != nil {
			return
		}
		for _, i := range answer.instances() {
			if i.ID == "" || i.State == "" {
				t.Errorf("an instance without id or state: %+v", i)
			}
		}
	})
}

func TestGitHubToken(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		status     int
		want, err  string
	}{
		{"good", `{"count":3,"value":"the.jwt"}`, 200, "the.jwt", ""},
		{"refused", `{"message":"secret detail"}`, 403, "", "the issuer answered 403"},
		{"empty", `{}`, 200, "", "no token"},
		{"not JSON", `<html>`, 200, "", "not the JSON expected"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				q := r.URL.Query()
				if q.Get("audience") != Audience || q.Get("api-version") != "2.0" || r.Header.Get("Authorization") != "Bearer request-token" {
					t.Errorf("request %s, %v", r.URL, r.Header)
				}
				w.WriteHeader(tt.status)
				fmt.Fprint(w, tt.body)
			})
			got, err := GitHubToken(s.Client(), s.URL+"/token?api-version=2.0", "request-token")(context.Background(), Audience)
			if got != tt.want || (err == nil) != (tt.err == "") || (err != nil && !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got %q, %v", got, err)
			}
			if err != nil && strings.Contains(err.Error(), "secret detail") {
				t.Error("the answer is quoted")
			}
		})
	}
}

func TestEnterGitHub(t *testing.T) {
	t.Parallel()
	entered := 0
	lifetime := time.Hour
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if r.Header.Get("Authorization") != "" {
			t.Error("the request is signed")
		}
		want := url.Values{"Action": {"AssumeRoleWithWebIdentity"}, "Version": {"2011-06-15"}, "RoleArn": {"arn:aws:iam::111111111111:role/r"},
			"RoleSessionName": {"run"}, "WebIdentityToken": {fmt.Sprintf("jwt-%d", entered)}}
		if diff := cmp.Diff(want, r.PostForm); diff != "" {
			t.Error(diff)
		}
		entered++
		fmt.Fprintf(w, `<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId>`+
			`<SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials>`+
			`</AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`, entered, time.Now().Add(lifetime).UTC().Format(time.RFC3339))
	})
	ctx := context.Background()
	base := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), HTTPClient: s.Client()}
	cfg, err := EnterGitHub(ctx, base, func(_ context.Context, audience string) (string, error) {
		if audience != Audience {
			t.Errorf("audience %s", audience)
		}
		return fmt.Sprintf("jwt-%d", entered), nil
	}, "arn:aws:iam::111111111111:role/r", "run")
	if err != nil {
		t.Fatal(err)
	}
	keys := func() string {
		c, err := cfg.Credentials.Retrieve(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return c.AccessKeyID
	}
	if got := keys() + keys(); got != "ASIA1ASIA1" {
		t.Errorf("keys %s: entered more than once", got)
	}
	lifetime = time.Minute // within the time in which a session is renewed
	cfg.Credentials.(*aws.CredentialsCache).Invalidate()
	if got := keys() + keys(); got != "ASIA2ASIA3" {
		t.Errorf("keys %s: a session that is about to end was kept", got)
	}
	if _, err := EnterGitHub(ctx, base, nil, "", "run"); err == nil {
		t.Error("no error without a role")
	}
}

func TestEnterGitHubDenied(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Code>AccessDenied</Code><Message>Not authorized to perform sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>`)
	})
	base := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), HTTPClient: s.Client()}
	cfg, err := EnterGitHub(context.Background(), base, func(context.Context, string) (string, error) { return "jwt", nil }, "arn:aws:iam::111111111111:role/r", "run")
	if err != nil {
		t.Fatal(err)
	}
	_, err = cfg.Credentials.Retrieve(context.Background())
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != "AccessDenied" || !strings.Contains(err.Error(), "role/r") || strings.Contains(err.Error(), "jwt") {
		t.Errorf("err = %v", err)
	}
}

func TestEnterRole(t *testing.T) {
	t.Parallel()
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if !strings.Contains(r.Header.Get("Authorization"), "AKIATEST/") || r.PostForm.Get("RoleArn") != "arn:aws:iam::111111111111:role/r" ||
			r.PostForm.Get("RoleSessionName") != "run" {
			t.Errorf("request %v, %v", r.Header, r.PostForm)
		}
		fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIA1</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
			`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
			time.Now().Add(time.Hour).UTC().Format(time.RFC3339))
	})
	cfg := EnterRole(context.Background(), Config{Region: "eu-west-1", BaseEndpoint: aws.String(s.URL), HTTPClient: s.Client(),
		Credentials: Keys("AKIATEST", "secret")}, "arn:aws:iam::111111111111:role/r", "run")
	c, err := cfg.Credentials.Retrieve(context.Background())
	if err != nil || c.AccessKeyID != "ASIA1" || c.SessionToken != "t" {
		t.Errorf("credentials %s, %v", c.AccessKeyID, err)
	}
}

func TestLoad(t *testing.T) {
	t.Parallel()
	want := credentials.NewStaticCredentialsProvider("AKIATEST", "secret", "")
	cfg, err := Load(context.Background(), Options{Region: "eu-north-1", EndpointURL: "http://127.0.0.1:9", Credentials: want})
	if err != nil {
		t.Fatal(err)
	}
	c, err := cfg.Credentials.Retrieve(context.Background())
	if err != nil || c.AccessKeyID != "AKIATEST" || cfg.Region != "eu-north-1" || aws.ToString(cfg.BaseEndpoint) != "http://127.0.0.1:9" {
		t.Errorf("cfg = %+v, %v", cfg, err)
	}
}

func TestLoadUnknownProfile(t *testing.T) {
	home := t.TempDir()
	file := filepath.Join(home, "config")
	t.Setenv("AWS_CONFIG_FILE", file)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(home, "credentials"))
	if err := os.WriteFile(file, []byte("[profile other]\nregion = eu-west-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := Load(t.Context(), Options{Profile: "nope"})
	var hinted interface{ Hint() string }
	if !errors.As(err, &hinted) || !strings.Contains(err.Error(), `no AWS profile "nope"`) || !strings.Contains(hinted.Hint(), file) {
		t.Errorf("err = %v", err)
	}
}

// The SDK's warnings would mix with what slipway says.
func TestLoadSilencesTheSDK(t *testing.T) {
	t.Parallel()
	cfg, err := Load(t.Context(), Options{Region: "eu-west-1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := cfg.Logger.(logging.Nop); !ok {
		t.Errorf("the logger is %T", cfg.Logger)
	}
}

func TestNoCredentials(t *testing.T) {
	t.Parallel()
	none := fmt.Errorf("no role found, %w", &smithy.OperationError{ServiceID: "ec2imds", OperationName: "GetMetadata", Err: errors.New("no route")})
	refused := fmt.Errorf("assume: %w", &smithy.OperationError{ServiceID: "STS", OperationName: "AssumeRole", Err: errors.New("denied")})
	if !NoCredentials(none) || NoCredentials(refused) || NoCredentials(nil) {
		t.Errorf("got %v, %v, %v", NoCredentials(none), NoCredentials(refused), NoCredentials(nil))
	}
}

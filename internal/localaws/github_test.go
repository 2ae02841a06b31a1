package localaws_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// askIssuer asks the local AWS with a bearer token, as the toolkit of GitHub's actions does.
func askIssuer(t *testing.T, method, address, token string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		request.Header.Set("Authorization", token)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

func withControl(t *testing.T) (*localaws.AWS, localaws.Control) {
	t.Helper()
	aws := open(t, t.TempDir())
	if _, err := aws.EnsureAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	control, err := aws.WriteControl(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	return aws, control
}

// TestGitHubIssuer: a job gets its own tokens at the URL it was given, and anybody can verify them with the keys that the
// issuer's configuration names.
func TestGitHubIssuer(t *testing.T) {
	t.Parallel()
	aws, control := withControl(t)
	job, err := control.GitHubJob(t.Context(), sts.Claims{
		Repository: "acme/shop", OwnerID: "7", RepositoryID: "42", Environment: "prod", Ref: "refs/heads/main", EventName: "push",
		JobWorkflowRef: "acme/ci/.github/workflows/deploy.yml@refs/heads/main",
	})
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(job.URL, "?") {
		t.Errorf("clients append &audience= to %s", job.URL)
	}
	status, body := askIssuer(t, http.MethodGet, job.URL+"&audience=sts.amazonaws.com", "bearer "+job.Token)
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, body)
	}
	token := decode[struct{ Value string }](t, body).Value
	_, body = askIssuer(t, http.MethodGet, aws.Endpoint()+"/_slipway/github/.well-known/openid-configuration", "")
	configuration := decode[struct {
		Issuer  string
		JwksURI string `json:"jwks_uri"`
	}](t, body)
	_, body = askIssuer(t, http.MethodGet, configuration.JwksURI, "")
	keys := decode[jose.JSONWebKeySet](t, body)
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	var claims map[string]any
	if err := parsed.Claims(keys.Key(parsed.Headers[0].KeyID)[0].Key, &claims); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]any{
		configuration.Issuer, "repo:acme@7/shop@42:environment:prod", "sts.amazonaws.com", "acme/shop", "42", "acme/ci/.github/workflows/deploy.yml@refs/heads/main",
	}, []any{claims["iss"], claims["sub"], claims["aud"], claims["repository"], claims["repository_id"], claims["job_workflow_ref"]}); diff != "" {
		t.Error(diff)
	}
	if !keys.Keys[0].IsPublic() {
		t.Error("the private key is told")
	}
}

func TestGitHubIssuerRefuses(t *testing.T) {
	t.Parallel()
	aws, control := withControl(t)
	job, err := aws.GitHubJob(sts.Claims{Repository: "acme/shop", Ref: "refs/heads/main"})
	if err != nil {
		t.Fatal(err)
	}
	_, body := askIssuer(t, http.MethodGet, job.URL, "Bearer "+job.Token)
	var minted struct{ Value string }
	if err := json.Unmarshal([]byte(body), &minted); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	head, _, _ := strings.Cut(job.Token, ".")
	jobURL := aws.Endpoint() + "/_slipway/github/job"
	for name, tc := range map[string]struct {
		method, url, token string
		want               int
	}{
		"no token":                     {http.MethodGet, job.URL, "", http.StatusUnauthorized},
		"not a bearer token":           {http.MethodGet, job.URL, "Basic " + job.Token, http.StatusUnauthorized},
		"somebody's token":             {http.MethodGet, job.URL, "Bearer x", http.StatusUnauthorized},
		"a changed token":              {http.MethodGet, job.URL, "Bearer " + head + ".e30.AAAA", http.StatusUnauthorized},
		"an ID token is no job token":  {http.MethodGet, job.URL, "Bearer " + minted.Value, http.StatusUnauthorized},
		"the owner's token is no job":  {http.MethodGet, job.URL, "Bearer " + control.Token, http.StatusUnauthorized},
		"a long audience":              {http.MethodGet, job.URL + "&audience=" + strings.Repeat("x", 300), "Bearer " + job.Token, http.StatusBadRequest},
		"a method":                     {http.MethodPost, job.URL, "Bearer " + job.Token, http.StatusMethodNotAllowed},
		"a job without the owner":      {http.MethodPost, jobURL, "", http.StatusForbidden},
		"a job's token makes no jobs":  {http.MethodPost, jobURL, "Bearer " + job.Token, http.StatusForbidden},
		"a job of nothing":             {http.MethodPost, jobURL, "Bearer " + control.Token, http.StatusBadRequest},
		"something else that is there": {http.MethodGet, aws.Endpoint() + "/_slipway/github/else", "", http.StatusNotFound},
	} {
		if status, body := askIssuer(t, tc.method, tc.url, tc.token); status != tc.want {
			t.Errorf("%s: %d, want %d: %s", name, status, tc.want, body)
		}
	}
	for name, claims := range map[string]sts.Claims{
		"no repository":   {},
		"no owner":        {Repository: "shop"},
		"a subject in it": {Repository: "acme/shop:environment:prod"},
		"a branch":        {Repository: "acme/shop", Ref: "main"},
		"one id":          {Repository: "acme/shop", OwnerID: "7"},
		"an id of words":  {Repository: "acme/shop", OwnerID: "7", RepositoryID: "4:2"},
	} {
		if _, err := control.GitHubJob(t.Context(), claims); err == nil {
			t.Errorf("%s: a job was made", name)
		}
	}
	// A web page gets nothing, whatever it knows.
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, job.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+job.Token)
	request.Header.Set("Origin", "http://evil.example")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("a web page: %d", response.StatusCode)
	}
}

// TestJobTokenExpires: the token of a job is worth nothing after the job.
func TestJobTokenExpires(t *testing.T) {
	t.Parallel()
	issuer, err := sts.NewIssuer(strings.NewReader(strings.Repeat("x", 64)))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	token, err := issuer.JobToken(sts.Claims{Repository: "acme/shop", Ref: "refs/heads/main"}, now.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.MintForJob(token, "a", now); err != nil {
		t.Error(err)
	}
	if _, err := issuer.MintForJob(token, "a", now.Add(time.Hour+time.Second)); err == nil {
		t.Error("it still mints after an hour")
	}
}

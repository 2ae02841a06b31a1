package localaws

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// The built-in issuer plays GitHub's: jobs ask it for tokens as they ask GitHub, and whoever wants to verify a token
// finds its keys. The local AWS itself knows the keys and asks nobody.
const (
	githubPath    = "/_slipway/github/"
	jobPath       = githubPath + "job"
	tokenPath     = githubPath + "token"
	discoveryPath = githubPath + ".well-known/openid-configuration"
	keysPath      = githubPath + ".well-known/jwks"
	jobLife       = 6 * time.Hour // the longest that a job of GitHub's runs
	maxJob        = 1 << 16
	maxAudience   = 255
)

// GitHubJob is what a workflow job gets to ask for its ID tokens with: ACTIONS_ID_TOKEN_REQUEST_URL and …_TOKEN.
type GitHubJob struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

// GitHubJob makes the URL and the token of a job with these claims. Serve comes first.
func (a *AWS) GitHubJob(claims sts.Claims) (GitHubJob, error) {
	token, err := a.issuer.JobToken(claims, time.Now().Add(jobLife))
	// Clients add &audience=…, so there has to be a query already.
	return GitHubJob{URL: a.endpoint + tokenPath + "?api-version=2.0", Token: token}, err
}

// serveGitHub serves the paths under githubPath.
func (c *control) serveGitHub(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet {
		http.Error(w, "only GET", http.StatusMethodNotAllowed)
		return
	}
	switch r.URL.Path {
	case tokenPath:
		c.jobToken(w, r)
	case discoveryPath:
		c.answer(w, map[string]any{
			"issuer": GitHubIssuer, "jwks_uri": c.aws.endpoint + keysPath, "subject_types_supported": []string{"public", "pairwise"},
			"response_types_supported": []string{"id_token"}, "id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid"},
		})
	case keysPath:
		keys, err := c.aws.issuer.Keys(r.Context(), GitHubIssuer)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		c.answer(w, keys)
	default:
		http.NotFound(w, r)
	}
}

// newJob gives the owner of the machine a job of any repository.
func (c *control) newJob(w http.ResponseWriter, r *http.Request) {
	var claims sts.Claims
	if err := json.Unmarshal([]byte(r.URL.Query().Get("claims")), &claims); err != nil {
		http.Error(w, "the job: "+err.Error(), http.StatusBadRequest)
		return
	}
	job, err := c.aws.GitHubJob(claims)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.answer(w, job)
}

// jobToken answers as GitHub does to the toolkit's getIDToken: {"value": token}.
func (c *control) jobToken(w http.ResponseWriter, r *http.Request) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		http.Error(w, "a bearer token is needed", http.StatusUnauthorized)
		return
	}
	audience := r.URL.Query().Get("audience")
	if len(audience) > maxAudience {
		http.Error(w, "the audience is too long", http.StatusBadRequest)
		return
	}
	value, err := c.aws.issuer.MintForJob(token, audience, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	c.answer(w, map[string]any{"count": len(value), "value": value})
}

// GitHubJob asks the running local AWS for a job with these claims, as the owner of the machine.
func (c Control) GitHubJob(ctx context.Context, claims sts.Claims) (GitHubJob, error) {
	body, err := json.Marshal(claims)
	if err != nil {
		return GitHubJob{}, err
	}
	var job GitHubJob
	answer, err := c.post(ctx, jobPath+"?"+url.Values{"claims": {string(body)}}.Encode())
	if err != nil {
		return GitHubJob{}, err
	}
	if err := json.Unmarshal(answer, &job); err != nil {
		return GitHubJob{}, fmt.Errorf("local AWS at %s: %w", c.Endpoint, err)
	}
	return job, nil
}

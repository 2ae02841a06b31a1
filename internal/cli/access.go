package cli

import (
	"encoding/base64"
	"encoding/json"
	"os"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/release"
)

// accessNames are variables, and beginnings of names of variables, by which a program gets into AWS, or can have a pipeline do so:
// AWS's own, the tokens by which GitHub issues tokens, and those of the repository, which may start its workflows.
var (
	accessPrefixes = []string{"AWS_", "ACTIONS_ID_TOKEN_", "CI_JOB_JWT"}
	accessNames    = []string{"ACTIONS_RUNTIME_TOKEN", "GITHUB_TOKEN", "GH_TOKEN", "CI_JOB_TOKEN"}
)

// withoutAccess is an environment without anything by which a test could find the deploy's credentials, or become the deploy
// (R91). It keeps what is not known to be that: a token for the product that is tested, say.
func withoutAccess(environ []string, ci release.CI) []string {
	audiences := []string{"sts.amazonaws.com"}
	if ci.GitLab != nil {
		audiences = append(audiences, "https://"+ci.GitLab.Host)
	}
	var kept []string
	for _, variable := range environ {
		name, value, _ := strings.Cut(variable, "=")
		name = strings.ToUpper(name) // as Windows has them
		has := func(prefix string) bool { return strings.HasPrefix(name, prefix) }
		if !slices.ContainsFunc(accessPrefixes, has) && !slices.Contains(accessNames, name) && !tokenFor(value, audiences) {
			kept = append(kept, variable)
		}
	}
	return append(kept, "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
}

// tokenFor says whether a value is an OIDC token for one of these audiences: a job of GitLab's has it in a variable of any name.
func tokenFor(value string, audiences []string) bool {
	parts := strings.Split(strings.TrimSpace(value), ".")
	if len(parts) != 3 {
		return false
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var one struct {
		Audience string `json:"aud"`
	}
	if json.Unmarshal(text, &one) == nil {
		return slices.Contains(audiences, one.Audience)
	}
	var several struct {
		Audiences []string `json:"aud"`
	}
	return json.Unmarshal(text, &several) == nil && slices.ContainsFunc(several.Audiences, func(a string) bool { return slices.Contains(audiences, a) })
}

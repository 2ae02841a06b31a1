package cli

import (
	"encoding/base64"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/release"
)

// TestR091ATestFindsNothingOfTheDeploys: neither its credentials, nor a token by which it could become it.
func TestR091ATestFindsNothingOfTheDeploys(t *testing.T) {
	t.Parallel()
	jwt := func(payload string) string {
		return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".c2ln"
	}
	kept := []string{"PATH=/bin", "HOME=/root", "EMPTY=", "AWSOME=1", "MY_AWS_THING=1", "GITHUB_SHA=abc", "GITHUB_ACTIONS=true", "CI=true",
		"SHOP_TOKEN=" + jwt(`{"aud": "shop.example.com"}`), "DOTS=a.b.c", "ELSE=" + jwt(`{"aud": 7}`), "OTHER_LAB=" + jwt(`{"aud": "https://other.example.com"}`)}
	taken := []string{
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=x", "AWS_SESSION_TOKEN=x", "AWS_PROFILE=deployer", "AWS_DEFAULT_PROFILE=deployer",
		"AWS_SHARED_CREDENTIALS_FILE=/c", "AWS_CONFIG_FILE=/c", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI=/v2/x", "AWS_CONTAINER_CREDENTIALS_FULL_URI=http://x",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN=x", "AWS_WEB_IDENTITY_TOKEN_FILE=/t", "AWS_ROLE_ARN=arn:aws:iam::222222222222:role/slipway/shop-dev-Deploy",
		"AWS_ENDPOINT_URL=http://x", "aws_session_token=x", "ACTIONS_ID_TOKEN_REQUEST_TOKEN=x", "ACTIONS_ID_TOKEN_REQUEST_URL=https://x",
		"ACTIONS_RUNTIME_TOKEN=x", "GITHUB_TOKEN=ghs_x", "GH_TOKEN=ghs_x", "CI_JOB_TOKEN=x", "CI_JOB_JWT_V2=x",
		"ANY_NAME=" + jwt(`{"aud": "sts.amazonaws.com"}`), "LIST=" + jwt(`{"aud": ["x", "sts.amazonaws.com"]}`), "LAB=" + jwt(`{"aud": "https://gitlab.example.com"}`) + "\n",
	}
	ci := release.CI{GitLab: &release.GitLab{Host: "gitlab.example.com"}}
	want := append(kept[:len(kept):len(kept)], "AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
	if diff := cmp.Diff(want, withoutAccess(append(taken[:len(taken):len(taken)], kept...), ci)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := strings.Join(withoutAccess(taken[len(taken)-1:], release.CI{}), " "); !strings.HasPrefix(got, "LAB=") {
		t.Errorf("a token for a GitLab that the release does not know: %s", got)
	}
}

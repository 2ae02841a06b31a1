package release

import (
	"strings"
	"testing"
)

// TestR123NodeRoleIsSomebodyElses: a role of the account's own, with its path, and none that slipway renders (R22) or AWS owns.
func TestR123NodeRoleIsSomebodyElses(t *testing.T) {
	t.Parallel()
	for role, problem := range map[string]string{
		"WebServers":              "",
		"team/web/WebServers":     "",
		"shop-dev-Node2":          "",
		"shop-web-Deploy":         "",
		"shop-dev-Node":           "is a role that slipway renders",
		"slipway/shop-dev-Deploy": "is a role that slipway renders",
		"shop-CodeBuildRole":      "is a role that slipway renders",
		"aws-reserved/sso/x":      "take no policies of others",
		"aws-service-role/ssm/x":  "take no policies of others",
		"arn:aws:iam::1:role/x":   "is not the name of a role",
		"/WebServers":             "is not the name of a role",
		strings.Repeat("x", 65):   "is not the name of a role",
	} {
		source := strings.Replace(small, "targets: {tags: {App: web}}", "targets: {tags: {App: web}, node-role: \""+role+"\"}", 1)
		source = strings.NewReplacer("app: %s", "app: shop", "name: %s", "name: dev", ", %s}", "}").Replace(source)
		found := strings.Join(problems(t, source, nil), "\n")
		if (problem == "") != (found == "") || !strings.Contains(found, problem) {
			t.Errorf("%s: got %q, want %q", role, found, problem)
		}
		if problem != "" && !strings.HasPrefix(found, "8:") {
			t.Errorf("%s: the place is wrong: %s", role, found)
		}
	}
}

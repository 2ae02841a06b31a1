package render_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
	"github.com/slipway-cd/slipway/internal/roles/render"
)

// more are the templates on request, by the name of their golden file.
func more(t *testing.T, name string, set *roles.Set) map[string]map[string][]byte {
	t.Helper()
	o := render.Options{App: name, Providers: name == "full"}
	scps, err := roles.ServiceControlPolicies(set, []string{"eu-west-1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	with := *set
	with.SCPs = scps
	out := map[string]map[string][]byte{}
	for what, write := range map[string]func(*roles.Set, render.Options) (map[string][]byte, error){
		"stackset": render.StackSet, "monitoring": render.Monitoring, "organization": render.Organization,
	} {
		if out[what], err = write(&with, o); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

func TestGoldenOnRequest(t *testing.T) {
	t.Parallel()
	for what, files := range more(t, "full", full()) {
		got := ""
		for _, f := range slices.Sorted(maps.Keys(files)) {
			got += "-- " + f + " --\n" + string(files[f])
		}
		golden(t, "full."+what, got)
	}
}

// R127: in each account the stack set makes this account's roles, and no other's.
func TestR127StackSetHasEachAccountsRoles(t *testing.T) {
	t.Parallel()
	for name, set := range sets(t) {
		files, err := render.StackSet(set, render.Options{App: name})
		if err != nil {
			t.Fatal(err)
		}
		for _, account := range accounts(set) {
			got, findings := given.Read("stackset.yaml", files["stackset.yaml"], given.Options{Account: account, Partition: "aws"})
			if err := given.Error(findings); err != nil {
				t.Fatal(err)
			}
			compare(t, name+" in "+account, set.In(account), got)
		}
	}
}

func accounts(set *roles.Set) []string {
	all := map[string]bool{}
	for _, r := range set.Roles {
		all[r.Account] = true
	}
	for _, b := range set.Buckets {
		all[b.Account] = true
	}
	return slices.Sorted(maps.Keys(all))
}

// R128: the patterns match those events, and no others.
func TestR128PatternsMatch(t *testing.T) {
	t.Parallel()
	set := sets(t)["pipeline"]
	files, err := render.Monitoring(set, render.Options{App: "pipeline"})
	if err != nil {
		t.Fatal(err)
	}
	var template struct {
		Resources map[string]struct {
			Properties struct {
				EventPattern map[string]any `yaml:"EventPattern"`
			} `yaml:"Properties"`
		} `yaml:"Resources"`
	}
	if err := yaml.Load(files["222222222222-monitoring.yaml"], &template); err != nil {
		t.Fatal(err)
	}
	const deploy = "arn:aws:iam::222222222222:role/slipway/shop-dev-Deploy"
	session := func(arn string) string {
		return `"userIdentity": {"type": "AssumedRole", "sessionContext": {"sessionIssuer": {"arn": "` + arn + `"}}}`
	}
	send := `"eventSource": "ssm.amazonaws.com", "eventName": "SendCommand", `
	tests := []struct {
		source, detail string
		want           string // the rule that tells of it; empty for none
	}{
		{"aws.sts", `"eventSource": "sts.amazonaws.com", "eventName": "AssumeRoleWithWebIdentity", "requestParameters": {"roleArn": "` + deploy + `"}`, "DeployRoleAssumed"},
		{"aws.sts", `"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "requestParameters": {"roleArn": "` + deploy + `"}`, "DeployRoleAssumed"},
		{"aws.sts", `"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/slipway/shop-dev-Node"}`, ""},
		{"aws.sts", `"eventSource": "sts.amazonaws.com", "eventName": "AssumeRole", "requestParameters": {"roleArn": "arn:aws:iam::222222222222:role/other"}`, ""},
		{"aws.iam", `"eventSource": "iam.amazonaws.com", "eventName": "PutRolePolicy", "requestParameters": {"roleName": "shop-dev-Node"}`, "DeployRoleChanged"},
		{"aws.iam", `"eventSource": "iam.amazonaws.com", "eventName": "PutRolePolicy", "requestParameters": {"roleName": "other"}`, ""},
		{"aws.iam", `"eventSource": "iam.amazonaws.com", "eventName": "GetRole", "requestParameters": {"roleName": "shop-dev-Node"}`, ""},
		{"aws.ssm", send + session(deploy), ""},
		{"aws.ssm", send + session("arn:aws:iam::222222222222:role/admin"), "CommandSentByOthers"},
		{"aws.ssm", send + session("arn:aws:iam::222222222222:role/slipway/shop-staging-Verify"), "CommandSentByOthers"},
		{"aws.ssm", send + `"userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::222222222222:user/someone"}`, "CommandSentByOthers"},
		{"aws.ssm", `"eventSource": "ssm.amazonaws.com", "eventName": "ListCommands", ` + session("arn:aws:iam::222222222222:role/admin"), ""},
	}
	for _, test := range tests {
		var event map[string]any
		text := `{"source": "` + test.source + `", "detail-type": "AWS API Call via CloudTrail", "detail": {` + test.detail + `}}`
		if err := json.Unmarshal([]byte(text), &event); err != nil {
			t.Fatal(err)
		}
		var got []string
		for name, r := range template.Resources {
			if r.Properties.EventPattern != nil && matches(t, r.Properties.EventPattern, event) {
				got = append(got, name)
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: told by %v, want %q", text, got, test.want)
		}
	}
}

// matches is EventBridge's comparison, as far as these patterns use it (EventBridge user guide, "Comparison operators").
func matches(t *testing.T, pattern, event map[string]any) bool {
	t.Helper()
	for key, want := range pattern {
		switch want := want.(type) {
		case map[string]any:
			inner, _ := event[key].(map[string]any) // nil where it is not there: only exists: false matches below
			if !matches(t, want, inner) {
				return false
			}
		case []any:
			if key == "$or" {
				if !slices.ContainsFunc(want, func(p any) bool { return matches(t, p.(map[string]any), event) }) {
					return false
				}
				continue
			}
			value, there := event[key]
			if !slices.ContainsFunc(want, func(w any) bool { return matchesValue(t, w, value, there) }) {
				return false
			}
		default:
			t.Fatalf("%s is no pattern: %v", key, want)
		}
	}
	return true
}

func matchesValue(t *testing.T, want, value any, there bool) bool {
	t.Helper()
	filter, isFilter := want.(map[string]any)
	if !isFilter {
		return there && value == want
	}
	if exists, ok := filter["exists"]; ok {
		return there == exists
	}
	if list, ok := filter["anything-but"].([]any); ok {
		return there && !slices.Contains(list, value)
	}
	t.Fatalf("the filter %v is not known", filter)
	return false
}

package release

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// small is a release file with a hole for the app, the stage and the command.
const small = `app: %s
region: eu-west-1
accounts: {dev: "111111111111"}
variables: {v: x}
stages:
  - name: %s
    account: dev
    targets: {tags: {App: web}}
    steps: [{command: {name: release, script: release.sh, %s}}]
`

// problems parses a file and gives the errors' positions and messages.
func problems(t *testing.T, src string, set map[string]string) []string {
	t.Helper()
	_, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts(), Set: set})
	if err == nil {
		return nil
	}
	var list Errors
	if !errors.As(err, &list) {
		t.Fatalf("error of type %T, want Errors: %v", err, err)
	}
	var found []string
	for _, e := range list {
		found = append(found, fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Message))
	}
	return found
}

// R72: the app's name must not contain a stage, as a word between dashes.
func TestR072AppContainsNoStage(t *testing.T) {
	t.Parallel()
	tests := []struct {
		app, stage string
		bad        bool
	}{
		{"web", "dev", false},
		{"dev", "dev", true},
		{"web-dev", "dev", true},
		{"dev-web", "dev", true},
		{"my-dev-web", "dev", true},
		{"web-eu-prod", "eu-prod", true},
		{"devtools", "dev", false},
		{"web-devel", "dev", false},
		{"web-dev", "prod", false},
		{"web-eu-prod", "eu-production", false},
	}
	for _, tt := range tests {
		var want []string
		if tt.bad {
			want = []string{fmt.Sprintf("1:6: app %q contains the stage %q", tt.app, tt.stage)}
		}
		got := problems(t, fmt.Sprintf(small, tt.app, tt.stage, "timeout: 1m"), nil)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("app %s, stage %s (-want +got):\n%s", tt.app, tt.stage, diff)
		}
	}
}

// R109: timeouts that Run Command would silently turn into 3600 seconds are refused.
func TestR109TimeoutIsRefusedNotReplaced(t *testing.T) {
	t.Parallel()
	reason := "silently makes 3600s of anything else"
	tests := map[string]string{ // timeout: a part of the message, empty for none
		"5s": "", "48h": "", "172800s": "", "2879m60s": "", "10m": "", "1h30m": "",
		"4s": reason, "0s": reason, "-5s": reason, "48h0m1s": reason, "172801s": reason, "4999ms": reason,
		"5500ms": "whole seconds", "600": "is not a duration", "0": reason, "ten": "is not a duration",
		"1d": "is not a duration",
		"''": "is not a duration", "[5s]": "not a list", "null": "has no value",
	}
	for timeout, want := range tests {
		for _, where := range []string{"timeout: %s", "validate: {script: validate.sh, timeout: %s}"} {
			found := problems(t, fmt.Sprintf(small, "web", "dev", fmt.Sprintf(where, timeout)), nil)
			got := strings.Join(found, "\n")
			if (want == "") != (got == "") || !strings.Contains(got, want) || len(found) > 1 {
				t.Errorf("timeout %s: %q, want %q", timeout, got, want)
			}
		}
	}
}

// R109: what the file says is what the script gets.
func TestR109TimeoutIsKept(t *testing.T) {
	t.Parallel()
	src := fmt.Sprintf(small, "web", "dev", "timeout: 2h, validate: {script: validate.sh, timeout: 90s}")
	release, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts()})
	if err != nil {
		t.Fatal(err)
	}
	c := release.Stages[0].Steps[0].Command
	got := []time.Duration{c.Timeout, c.Script.Timeout, c.Validate.Timeout}
	if diff := cmp.Diff([]time.Duration{2 * time.Hour, 2 * time.Hour, 90 * time.Second}, got); diff != "" {
		t.Errorf("timeouts (-want +got):\n%s", diff)
	}
}

// R119, the part that the release file can show: secrets in parameters, commands and variables are refused, and the
// refusal does not print them.
func TestR119SecretsAreRefusedAndMasked(t *testing.T) {
	t.Parallel()
	secrets := map[string]string{
		"AKIA" + "IOSFODNN7EXAMPLE":                        "an AWS access key id",
		"ASIA" + "IOSFODNN7EXAMPLE":                        "an AWS access key id",
		"wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY":    "an AWS secret access key",
		"ghp_" + strings.Repeat("a1B2", 9):                 "a GitHub token",
		"ghs_" + strings.Repeat("a1B2", 9):                 "a GitHub token",
		"github_pat_" + strings.Repeat("a1B2", 9):          "a GitHub token",
		"-----BEGIN " + "OPENSSH PRIVATE KEY-----":         "a private key",
		"-----BEGIN " + "PRIVATE KEY-----":                 "a private key",
		"AWS_SECRET_ACCESS_KEY=" + strings.Repeat("k", 40): "an AWS secret access key",
	}
	for secret, kind := range secrets {
		written := fmt.Sprintf("parameters: {A: %q}", secret)
		set := map[string]string{"v": secret}
		for _, src := range []string{
			fmt.Sprintf(small, "web", "dev", written),
			strings.Replace(fmt.Sprintf(small, "web", "dev", "timeout: 1m"), "{v: x}", fmt.Sprintf("{v: %q}", secret), 1),
			strings.Replace(fmt.Sprintf(small, "web", "dev", fmt.Sprintf("document: AWS-RunShellScript, commands: [%q]",
				secret)), "script: release.sh, ", "", 1),
		} {
			_, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts()})
			if err == nil || !strings.Contains(err.Error(), kind) || strings.Contains(err.Error(), secret) {
				t.Errorf("%s: error %v, want one that names the kind and not the secret", kind, err)
			}
		}
		src := fmt.Sprintf(small, "web", "dev", `parameters: {A: "${v}"}`)
		_, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts(), Set: set})
		if err == nil || !strings.Contains(err.Error(), kind) || strings.Contains(err.Error(), secret) {
			t.Errorf("--set of %s: error %v, want one that names the kind and not the secret", kind, err)
		}
	}
	for _, harmless := range []string{
		"da39a3ee5e6b4b0d3255bfef95601890afd80709", "sha256:abc", "v1.2.3", "ghp_short", "AKIA", "registry/acme/web:latest",
		strings.Repeat("a", 40),
	} {
		src := fmt.Sprintf(small, "web", "dev", fmt.Sprintf("parameters: {A: %q}", harmless))
		if got := problems(t, src, nil); got != nil {
			t.Errorf("%s: %q, want no error", harmless, got)
		}
	}
}

// bombs are files that cost a careless reader much time or memory.
func bombs() map[string]string {
	laughs := "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
	for i := 1; i < 30; i++ {
		laughs += fmt.Sprintf("a%d: &a%d [%s*a%d]\n", i, i, strings.Repeat(fmt.Sprintf("*a%d, ", i-1), 8), i-1)
	}
	head := "app: web\naccounts: {dev: \"111111111111\"}\nregion: eu-west-1\n"
	stage := head + "stages: [{name: dev, account: dev, targets: {tags: {A: b}}, steps: [{command: {name: aaaa, %s}}]}]\n"
	return map[string]string{
		"billion laughs":      laughs,
		"aliases as stages":   laughs + head + "stages: *a29\n",
		"self reference":      "app: &a [*a]\n",
		"merge keys":          "a: &a {app: x}\nb: &b {<<: [*a, *a]}\n<<: [*b, *b, *b]\n",
		"deep flow":           strings.Repeat("[", 400_000),
		"deep flow mappings":  strings.Repeat("{a: ", 200_000),
		"deep block":          strings.Repeat("- ", 400_000),
		"deep keys":           strings.Repeat("? ", 400_000),
		"wide list":           head + "stages: [" + strings.Repeat("a,", 490_000),
		"wide below bound":    head + "stages: [" + strings.Repeat("{a},", 12_000) + "]",
		"many unknown keys":   strings.Repeat("abcdef: 1\n", 24_000),
		"many needs":          head + "stages: [{name: dev, needs: [" + strings.Repeat("b,", 24_000) + "]}]",
		"larger than allowed": "# " + strings.Repeat("x", maxFile),
		"long key":            strings.Repeat("a", 900_000) + ": 1\n",
		"long scalar":         "app: " + strings.Repeat("a ", 450_000),
		"comments":            strings.Repeat("# comment\n", 40_000),
		"nearly secrets":      "app: " + strings.Repeat("AKIA", 200_000),
		"variables": "variables: {v: " + strings.Repeat("x", 400_000) + "}\n" +
			fmt.Sprintf(stage, `parameters: {A: "`+strings.Repeat("${v}", 20_000)+`"}`),
	}
}

func TestYAMLBombEndsAtOnce(t *testing.T) { // not parallel: it measures memory
	const mostTime, mostMemory = 5 * time.Second, 200 << 20
	for name, src := range bombs() {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start := time.Now()
			_, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts()})
			took := time.Since(start)
			runtime.ReadMemStats(&after)
			var list Errors
			if !errors.As(err, &list) {
				t.Fatalf("error %v, want Errors", err)
			}
			if took > mostTime {
				t.Errorf("took %v, want at most %v", took, mostTime)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > mostMemory {
				t.Errorf("allocated %d MB in all, want at most %d", used>>20, mostMemory>>20)
			}
			if text := err.Error(); len(text) > 10_000 {
				t.Errorf("the error has %d bytes", len(text))
			}
		})
	}
}

// What looks like a number, a date or a boolean stays the text that was written, where text is wanted.
func TestUnquotedValuesStayAsWritten(t *testing.T) {
	t.Parallel()
	parameters := "parameters: {A: 0123456789, B: 2012-10-17, C: 1.10, D: 1e3, E: yes, F: 0x1F}"
	src := strings.Replace(fmt.Sprintf(small, "web", "dev", parameters), `"111111111111"`, "012345678901", 1)
	release, err := Parse("slipway.yaml", []byte(src), Options{Files: scripts()})
	if err != nil {
		t.Fatal(err)
	}
	got := []string{release.Stages[0].AccountID}
	for _, p := range release.Stages[0].Steps[0].Command.Parameters {
		got = append(got, p.Value)
	}
	want := []string{"012345678901", "0123456789", "2012-10-17", "1.10", "1e3", "yes", "0x1F"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
}

func TestSetOverridesDefault(t *testing.T) {
	t.Parallel()
	src := fmt.Sprintf(small, "web", "dev", `parameters: {A: "a-${v}-b", B: {value: "$$ ${w}", pattern: "^[a-z ]*$"}}`)
	if got, want := problems(t, src, map[string]string{"v": "two", "w": "x"}), []string{
		"9:98: parameter \"B\": the value \"$$ x\" does not match ^[a-z ]*$",
	}; !cmp.Equal(got, want) {
		t.Errorf("problems: %q, want %q", got, want)
	}
	release, err := Parse("slipway.yaml", []byte(strings.Replace(src, "$$ ", "", 1)), Options{
		Files: scripts(), Set: map[string]string{"v": "two", "w": "x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := release.Stages[0].Steps[0].Command.Parameters[0].Value; got != "a-two-b" {
		t.Errorf("value %q, want a-two-b", got)
	}
	if diff := cmp.Diff(map[string]string{"v": "two", "w": "x"}, release.Variables); diff != "" {
		t.Errorf("variables (-want +got):\n%s", diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, dir := range []string{"bad", "good"} {
		for _, src := range sources(f, dir) {
			f.Add(src, "v2")
		}
	}
	for _, src := range bombs() {
		if len(src) < 10_000 {
			f.Add([]byte(src), "x")
		}
	}
	files := scripts()
	f.Fuzz(func(t *testing.T, src []byte, version string) {
		start := time.Now()
		release, err := Parse("slipway.yaml", src, Options{Files: files, Set: map[string]string{"version": version}})
		if took := time.Since(start); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		if (release == nil) == (err == nil) {
			t.Fatalf("release %v and error %v: want exactly one", release, err)
		}
		if err == nil {
			checkRelease(t, release)
			return
		}
		var list Errors
		if !errors.As(err, &list) || len(list) == 0 || len(list) > maxErrors {
			t.Fatalf("error %v: want 1 to %d Errors", err, maxErrors)
		}
		for _, e := range list {
			if e.Message == "" || e.Line > 0 && e.Column < 1 || e.Line > strings.Count(string(src), "\n")+len(src)+1 {
				t.Errorf("impossible error %+v", e)
			}
		}
	})
}

// checkRelease: what others rely on holds in every release that Parse lets through.
func checkRelease(t *testing.T, release *Release) {
	t.Helper()
	if release.App == "" || len(release.Stages) == 0 {
		t.Errorf("release without app or stages: %+v", release)
	}
	for _, stage := range release.Stages {
		if len(stage.AccountID) != 12 || stage.Region == "" || len(stage.Steps) == 0 || stage.Targets.Min < 1 {
			t.Errorf("incomplete stage: %+v", stage)
		}
		if (len(stage.Targets.Instances) == 0) == (len(stage.Targets.Tags) == 0) {
			t.Errorf("targets: %+v", stage.Targets)
		}
		for _, step := range stage.Steps {
			c := step.Command
			if c == nil || (c.Script == nil) == (c.Document == "") || (c.Document == "") != (len(c.Commands) == 0) {
				t.Errorf("step: %+v", c)
			}
		}
	}
}

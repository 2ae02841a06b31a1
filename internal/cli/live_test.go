package cli

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/roles"
)

const extended = `app: web
region: eu-west-1
accounts: {dev: "111111111111"}
stages:
  - name: dev
    account: dev
    targets: {tags: {App: web}, node-role: team/WebServers}
    steps: [{command: {name: release, script: release.sh, timeout: 1m}}]
`

// TestR123LiveRoleOfOthers reads the role that nodes carry already from AWS: by itself, and with what a template adds to it.
func TestR123LiveRoleOfOthers(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := write("slipway.yaml", extended)
	write("release.sh", "echo released\n")
	_, template := run(t, "roles", "render", "-f", file, "--format", "cloudformation")
	template = write("roles.yaml", template)

	// The account has the role, and nothing of slipway's yet.
	const own = "there/111111111111/WebServers/"
	write(own+"trust.json", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`)
	write(own+"policy-own.json", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::assets/*"}]}`)
	set, err := roles.Read(os.DirFS(filepath.Join(folder, "there")))
	if err != nil {
		t.Fatal(err)
	}
	set.Roles[0].Path = "/team/"
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = aws.Close(context.WithoutCancel(t.Context())) })
	if err := rehearse.Roles(t.Context(), aws, set); err != nil {
		t.Fatal(err)
	}
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	control, err := aws.WriteControl(t.Context(), "eu-west-1")
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": control.Accounts[0].AccessKeyID, "AWS_SECRET_ACCESS_KEY": control.Accounts[0].SecretAccessKey,
		"AWS_SESSION_TOKEN": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
	} {
		t.Setenv(name, value)
	}
	code, out := run(t, "prove", "-f", file, "--live", "--endpoint-url", aws.Endpoint())
	if code != exitFailed || !strings.Contains(out, "refuted: ssm:UpdateInstanceInformation") || strings.Contains(out, "only adds to it") {
		t.Errorf("without the policy: exit %d\n%s", code, out)
	}
	code, out = run(t, "prove", "-f", file, "--live", "--endpoint-url", aws.Endpoint(), "--policies", template, "--exact")
	if code != exitOK || !strings.Contains(out, "arn:aws:iam::111111111111:role/team/WebServers") {
		t.Errorf("with the policy of the template: exit %d\n%s", code, out)
	}
}

// TestLiveThatCannotRead: without a network, credentials or an answer nothing is refuted; a profile that is not there is wrong usage.
func TestLiveThatCannotRead(t *testing.T) {
	for _, name := range []string{"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_WEB_IDENTITY_TOKEN_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/dev/null")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	refuses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `<ErrorResponse><Error><Code>ExpiredToken</Code><Message>it is old</Message></Error></ErrorResponse>`)
	}))
	t.Cleanup(refuses.Close)
	for name, test := range map[string]struct {
		key, endpoint, profile string
		code                   int
		want                   []string
	}{
		"no credentials":  {"", "http://127.0.0.1:1", "", exitUnknown, []string{"there are no AWS credentials", "--profile NAME"}},
		"no network":      {"AKIDEXAMPLE", "http://127.0.0.1:1", "", exitUnknown, []string{"connection refused", "hint: look at the network"}},
		"refused":         {"AKIDEXAMPLE", refuses.URL, "", exitUnknown, []string{"it is old", "hint: `aws sts get-caller-identity`"}},
		"no such profile": {"AKIDEXAMPLE", refuses.URL, "nope", exitUsage, []string{`no AWS profile "nope"`, "hint: "}},
	} {
		t.Setenv("AWS_ACCESS_KEY_ID", test.key)
		t.Setenv("AWS_SECRET_ACCESS_KEY", test.key)
		for _, command := range [][]string{{"prove"}, {"roles", "diff"}} {
			args := append(command, "-f", example("web"), "--live", "--endpoint-url", test.endpoint)
			if test.profile != "" {
				args = append(args, "--profile", test.profile)
			}
			code, out := run(t, args...)
			for _, want := range test.want {
				if code != test.code || !strings.Contains(out, want) {
					t.Errorf("%s: %v: exit code %d, want %d with %q:\n%s", name, command, code, test.code, want, out)
				}
			}
		}
	}
}

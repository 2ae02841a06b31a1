package cli

import (
	"context"
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

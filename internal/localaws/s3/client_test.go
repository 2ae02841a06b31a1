package s3_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// served opens a port for a world that has the real time, and gives the environment of a client.
func served(t *testing.T, w *world) (endpoint string, env []string) {
	t.Helper()
	w.clock.real = true
	server := httptest.NewServer(w.gw)
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "config")
	// The signature of version 2, which this client presigns with by default, is none that S3 takes.
	must(t, os.WriteFile(config, []byte("[default]\ns3 =\n    signature_version = s3v4\n    multipart_chunksize = 5MB\n    multipart_threshold = 6MB\n"), 0o600))
	return server.URL, append(os.Environ(), "AWS_ENDPOINT_URL="+server.URL, "AWS_ACCESS_KEY_ID=admin", "AWS_SECRET_ACCESS_KEY=secret", "AWS_SESSION_TOKEN=",
		"AWS_DEFAULT_REGION="+region, "AWS_REGION="+region, "AWS_CONFIG_FILE="+config, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull, "AWS_PAGER=")
}

func TestBoto3(t *testing.T) {
	t.Parallel()
	python := testclient.Boto3(t)
	const conditions = `import boto3; assert "IfNoneMatch" in boto3.client("s3").meta.service_model.operation_model("PutObject").input_shape.members`
	if exec.Command(python, "-c", conditions).Run() != nil {
		t.Skip("this boto3 is older than conditional writes")
	}
	w := newWorld(t)
	_, env := served(t, w)
	cmd := exec.CommandContext(t.Context(), python, "testdata/client.py")
	cmd.Env = env
	if out, err := cmd.CombinedOutput(); err != nil || !strings.HasSuffix(string(out), "done\n") {
		t.Errorf("%v\n%s", err, out)
	}
	if chunks, pieces := w.rows("s3_chunk"), w.rows("s3_piece"); chunks != 0 || pieces != 0 {
		t.Errorf("%d rows of content and %d pieces are left of nothing", chunks, pieces)
	}
}

// TestAWSCLI does what a pipeline does: copies of small and large files, sync, locks, presigned URLs, versions.
func TestAWSCLI(t *testing.T) {
	t.Parallel()
	path := testclient.Find(t, "aws")
	w := newWorld(t)
	endpoint, env := served(t, w)
	dir := t.TempDir()
	run := func(arguments ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), path, append(arguments, "--endpoint-url", endpoint)...)
		cmd.Env, cmd.Dir = env, dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	ok := func(arguments ...string) string {
		t.Helper()
		out, err := run(arguments...)
		if err != nil {
			t.Fatalf("aws %s: %v\n%s", strings.Join(arguments, " "), err, out)
		}
		return out
	}
	big := []byte(pattern(11 << 20))
	must(t, os.WriteFile(filepath.Join(dir, "big"), big, 0o600))
	must(t, os.MkdirAll(filepath.Join(dir, "tree", "deep"), 0o700))
	for name, content := range map[string]string{"one.txt": "one", "deep/two ü+%.txt": "two", "deep/empty": ""} {
		must(t, os.WriteFile(filepath.Join(dir, "tree", name), []byte(content), 0o600))
	}
	there := "s3://" + shop
	ok("s3", "cp", "--no-progress", "big", there+"/big")
	if got := w.do(http.MethodHead, "/"+shop+"/big", "").header.Get("Etag"); !strings.HasSuffix(got, `-3"`) {
		t.Errorf("the large file was not sent in parts: %s", got)
	}
	ok("s3", "cp", "--no-progress", there+"/big", "back")
	if back, err := os.ReadFile(filepath.Join(dir, "back")); err != nil || !bytes.Equal(back, big) {
		t.Errorf("the large file came back as %d bytes, %v", len(back), err)
	}
	ok("s3", "sync", "--no-progress", "tree", there+"/tree")
	if again := ok("s3", "sync", "--no-progress", "tree", there+"/tree"); strings.Contains(again, "upload") {
		t.Errorf("synchronised twice: %s", again)
	}
	if got := w.get("/" + shop + "/tree/deep/two%20%C3%BC%2B%25.txt"); got != "two" {
		t.Errorf("got %q", got)
	}
	lock := []string{"s3api", "put-object", "--bucket", shop, "--key", "lock", "--body", "tree/one.txt", "--if-none-match", "*"}
	w.do(http.MethodPut, "/"+shop+"/lock", "one", "If-None-Match", "*")
	out, err := run(lock...)
	if strings.Contains(out, "Unknown options: --if-none-match") {
		t.Log("this AWS CLI is older than conditional writes") // the other tests of them need no client
	} else if err == nil || !strings.Contains(out, "PreconditionFailed") {
		t.Errorf("a second lock: %v %s", err, out)
	}
	response, err := http.Get(strings.TrimSpace(ok("s3", "presign", there+"/lock")))
	must(t, err)
	defer func() { _ = response.Body.Close() }()
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "one" {
		t.Errorf("presigned: %s %q", response.Status, body)
	}
	ok("s3", "rb", "--force", there)
	if n := w.rows("s3_chunk") + w.rows("s3_bucket"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
}

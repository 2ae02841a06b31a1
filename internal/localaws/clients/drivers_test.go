package clients_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// request is one call that a client is to make. The operation "wait" is the waiter command-executed.
type request struct {
	Service     string         `json:"service"`
	Operation   string         `json:"operation"`
	In          map[string]any `json:"in"`
	Credentials *credentials   `json:"credentials,omitempty"` // nil means those of the environment
}

type credentials struct {
	Key    string `json:"aws_access_key_id"`
	Secret string `json:"aws_secret_access_key"`
	Token  string `json:"aws_session_token"`
}

// reply is what the client made of the answer: the output, or the code of AWS's error.
type reply struct {
	Out     map[string]any `json:"out"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
}

// driver makes calls with one client.
type driver interface {
	call(t *testing.T, r request) reply
}

// environment of a client: nothing of the machine's AWS configuration, and only this local AWS.
func environment(t *testing.T, endpoint, region string, admin credentials) []string {
	t.Helper()
	home := t.TempDir()
	return append(clean(os.Environ()), "AWS_ENDPOINT_URL="+endpoint, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_ACCESS_KEY_ID="+admin.Key, "AWS_SECRET_ACCESS_KEY="+admin.Secret, "AWS_CONFIG_FILE="+filepath.Join(home, "config"),
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(home, "credentials"), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_MAX_ATTEMPTS=1")
}

func clean(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(strings.ToLower(v), "http_proxy") || strings.HasPrefix(strings.ToLower(v), "https_proxy")
	})
}

// lines is a client that runs all the time: a request a line, a reply a line.
type lines struct {
	in  io.WriteCloser
	out *bufio.Reader
}

func startLines(t *testing.T, env []string, name string, args ...string) *lines {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil && t.Context().Err() == nil {
			t.Errorf("%s: %v\n%s", name, err, complaints.String())
		}
	})
	return &lines{in: in, out: bufio.NewReaderSize(out, 1<<20)}
}

func (l *lines) call(t *testing.T, r request) reply {
	t.Helper()
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.in.Write(append(text, '\n')); err != nil {
		t.Fatal(err)
	}
	line, err := l.out.ReadBytes('\n')
	if err != nil {
		t.Fatalf("%s %s: the client ended: %v", r.Service, r.Operation, err)
	}
	var got reply
	if err := json.Unmarshal(line, &got); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return got
}

// boto3 is the AWS SDK for Python.
func boto3(t *testing.T, env []string) driver {
	t.Helper()
	return startLines(t, env, testclient.Boto3(t), "testdata/driver.py")
}

// sdkVariable names a directory whose node_modules has the packages of testdata/package.json.
const sdkVariable = "SLIPWAY_JS_SDK"

// javascript is the AWS SDK for JavaScript.
func javascript(t *testing.T, env []string) driver {
	t.Helper()
	node := testclient.Find(t, "node")
	dir := os.Getenv(sdkVariable)
	if _, err := os.Stat(filepath.Join(dir, "node_modules", "@aws-sdk", "client-ssm")); dir == "" || err != nil {
		testclient.Missing(t, "js-sdk", "install testdata/package.json with npm install --prefix DIR, then set "+sdkVariable+"=DIR")
	}
	return startLines(t, env, node, "testdata/driver.mjs", dir)
}

// commandLine is the AWS CLI, a process a call.
type commandLine struct {
	path, endpoint string
	env            []string
}

// awsCLI is the AWS CLI in PATH.
func awsCLI(t *testing.T, endpoint string, env []string) driver {
	t.Helper()
	return commandLine{testclient.Find(t, "aws"), endpoint, env}
}

// systemCLI is the AWS CLI of the system, where that is another than the one in PATH: mostly version 2 beside version 1.
func systemCLI(t *testing.T, endpoint string, env []string) driver {
	t.Helper()
	const path = "/usr/bin/aws"
	first, err := exec.LookPath("aws")
	if _, missing := os.Stat(path); err != nil || missing != nil || first == path {
		t.Skip("there is no second AWS CLI at " + path)
	}
	return commandLine{path, endpoint, env}
}

var (
	wordBegins = regexp.MustCompile(`([a-z0-9])([A-Z])`)
	cliError   = regexp.MustCompile(`An error occurred \(([^)]+)\)`)
)

func kebab(s string) string {
	return strings.ToLower(wordBegins.ReplaceAllString(s, "$1-$2"))
}

func (c commandLine) call(t *testing.T, r request) reply {
	t.Helper()
	in, err := json.Marshal(r.In)
	if err != nil {
		t.Fatal(err)
	}
	body := filepath.Join(t.TempDir(), "body")
	args := []string{map[string]string{"s3": "s3api"}[r.Service], kebab(r.Operation), "--output", "json", "--cli-input-json", string(in)}
	if args[0] == "" {
		args[0] = r.Service
	}
	switch r.Operation {
	case "wait":
		args = []string{r.Service, "wait", "command-executed", "--command-id", fmt.Sprint(r.In["CommandId"]), "--instance-id", fmt.Sprint(r.In["InstanceId"])}
	case "GetObject":
		args = []string{"s3api", "get-object", "--bucket", fmt.Sprint(r.In["Bucket"]), "--key", fmt.Sprint(r.In["Key"]), body}
	}
	// Old releases of version 2 do not know AWS_ENDPOINT_URL.
	return c.run(t, r, append(args, "--endpoint-url", c.endpoint), body)
}

func (c commandLine) run(t *testing.T, r request, args []string, body string) reply {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), c.path, args...)
	cmd.Env = slices.Clone(c.env)
	if k := r.Credentials; k != nil {
		cmd.Env = append(cmd.Env, "AWS_ACCESS_KEY_ID="+k.Key, "AWS_SECRET_ACCESS_KEY="+k.Secret, "AWS_SESSION_TOKEN="+k.Token)
	}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if m := cliError.FindStringSubmatch(complaints.String()); m != nil && r.Operation != "wait" {
			return reply{Code: m[1], Message: complaints.String()}
		}
		if r.Operation == "wait" {
			return reply{Code: "WaiterError", Message: complaints.String()}
		}
	}
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, complaints.String())
	}
	got := reply{Out: map[string]any{}}
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &got.Out); err != nil {
			t.Fatalf("aws %s: %v in %s", strings.Join(args, " "), err, out.String())
		}
	}
	if content, err := os.ReadFile(body); err == nil {
		got.Out["Body"] = string(content)
	}
	return got
}

// must makes a call that has to succeed.
func must(t *testing.T, d driver, service, operation string, in map[string]any, as *credentials) map[string]any {
	t.Helper()
	got := d.call(t, request{service, operation, in, as})
	if got.Code != "" {
		t.Fatalf("%s %s %v: %s: %s", service, operation, in, got.Code, got.Message)
	}
	return got.Out
}

// refused makes a call that has to fail with a code.
func refused(t *testing.T, d driver, service, operation string, in map[string]any, as *credentials, code string) {
	t.Helper()
	if got := d.call(t, request{service, operation, in, as}); got.Code != code {
		t.Errorf("%s %s %v: got %q %s %v, want %s", service, operation, in, got.Code, got.Message, got.Out, code)
	}
}

// at walks into an output: at(out, "Role", "RoleName").
func at(v any, path ...string) string {
	for _, name := range path {
		switch x := v.(type) {
		case map[string]any:
			v = x[name]
		case []any:
			if len(x) == 0 {
				return ""
			}
			v = x[0]
			if name != "0" {
				v = at(v, name)
			}
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

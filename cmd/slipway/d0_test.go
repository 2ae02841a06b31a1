package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/testclient"
)

const (
	trapInstance = "i-1234567890abcdef0"
	trapRole     = "synap-live-Deploy"
)

// fullPolicy is the policy that D0 ends with: both actions, both scopes.
const fullPolicy = `{"Version":"2012-10-17","Statement":[
{"Sid":"QueueDeployCommand","Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:us-east-1::document/AWS-RunShellScript","arn:aws:ec2:us-east-1:123456789012:instance/i-1234567890abcdef0"]},
{"Sid":"PollDeployStatus","Effect":"Allow","Action":"ssm:GetCommandInvocation","Resource":"*"}]}`

// TestR010TheTwoLoopsOfTheTrap runs D0's two shell loops with the real AWS CLI against `slipway local up`, first with
// D0's first role and then with the policy it should have had.
func TestR010TheTwoLoopsOfTheTrap(t *testing.T) {
	t.Parallel()
	testclient.Find(t, "aws")
	server := startLocal(t, "-f", "../../examples/two-roles-trap/slipway.yaml", "--policies", "../../examples/two-roles-trap/policies")
	role := server.env(t, "--role", trapRole)
	admin := server.env(t)
	awaitNode(t, admin)
	done := `commands=["echo shipped"]`

	output, code := loop(t, role, "swallow.sh", done, 20)
	id := commandID(t, output)
	if code != 124 || strings.Count(output, "Status: InProgress\n") != 20 || strings.Contains(output, "AccessDenied") {
		t.Errorf("the loop that swallows errors, with D0's first role: exit %d, want it still InProgress after 20 polls:\n%s", code, output)
	}
	truth, _ := run(t, admin, "aws", "ssm", "get-command-invocation", "--command-id", id, "--instance-id", trapInstance, "--query", "Status", "--output", "text")
	if strings.TrimSpace(truth) != "Success" {
		t.Errorf("the node had long finished: got %q, want Success", truth)
	}

	output, code = loop(t, role, "honest.sh", done, 0)
	denied := "(AccessDeniedException) when calling the GetCommandInvocation operation: User: arn:aws:sts::123456789012:assumed-role/" + trapRole
	if code == 0 || !strings.Contains(output, denied) || !strings.Contains(output, "is not authorized to perform: ssm:GetCommandInvocation") {
		t.Errorf("the honest loop, with D0's first role: exit %d, want AccessDeniedException at once:\n%s", code, output)
	}

	if out, code := run(t, admin, "aws", "iam", "put-role-policy", "--role-name", trapRole, "--policy-name", "deploy", "--policy-document", fullPolicy); code != 0 {
		t.Fatalf("put-role-policy: %s", out)
	}
	for _, name := range []string{"swallow.sh", "honest.sh"} {
		output, code = loop(t, role, name, done, 100)
		if code != 0 || !strings.Contains(output, "Deploy succeeded") {
			t.Errorf("%s with D0's full policy: exit %d, want success:\n%s", name, code, output)
		}
	}
	output, code = loop(t, role, "honest.sh", `commands=["echo about to fail","exit 3"]`, 0)
	if code != 1 || !strings.Contains(output, `"Status": "Failed"`) || !strings.Contains(output, "about to fail") {
		t.Errorf("the honest loop with a failing command: exit %d, want it reported as failed:\n%s", code, output)
	}
}

// local is a running `slipway local up`.
type local struct {
	data string
}

// startLocal runs `slipway local up` with args until the test ends.
func startLocal(t *testing.T, args ...string) local {
	t.Helper()
	return startLocalOn(t, t.TempDir(), args...)
}

// startLocalOn is [startLocal] with a data directory that may have something in it.
func startLocalOn(t *testing.T, dir string, args ...string) local {
	t.Helper()
	server := local{data: dir}
	ctx, cancel := context.WithCancel(t.Context())
	command := slipway(ctx, append([]string{"local", "up", "--listen", "127.0.0.1:0", "--data", server.data}, args...)...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 40 * time.Second
	command.Stderr = t.Output()
	stdout, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		if err := command.Wait(); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("slipway local up: %v", err)
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if lines.Text() == "unset AWS_PROFILE" { // the last line that it prints
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return server
		}
	}
	t.Fatalf("slipway local up ended before it was up: %v", lines.Err())
	return server
}

// slipway is this test binary as the program under test.
func slipway(ctx context.Context, args ...string) *exec.Cmd {
	self, err := exec.LookPath("slipway") // put there by testscript.Main
	if err != nil {
		self = "slipway"
	}
	return exec.CommandContext(ctx, self, args...)
}

// env is the environment that `slipway local env` prints.
func (l local) env(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := slipway(t.Context(), append([]string{"local", "env", "--data", l.data}, args...)...).Output()
	if err != nil {
		t.Fatalf("slipway local env: %v", err)
	}
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}
	for line := range strings.Lines(string(out)) {
		if export, ok := strings.CutPrefix(strings.TrimSpace(line), "export "); ok {
			env = append(env, strings.ReplaceAll(export, "'", ""))
		}
	}
	return env
}

// loop runs one of D0's loops under bash, as GitHub does, and gives what it printed and its exit code.
func loop(t *testing.T, env []string, script, parameters string, polls int) (string, int) {
	t.Helper()
	env = append(env, "INSTANCE_ID="+trapInstance, "PARAMETERS="+parameters, "SLEEP=0.1", "POLLS="+strconv.Itoa(polls))
	path, err := filepath.Abs(filepath.Join("testdata", "d0", script))
	if err != nil {
		t.Fatal(err)
	}
	return run(t, env, "bash", "-e", path)
}

// run runs a program with the AWS CLI of this machine pointed at the local AWS.
func run(t *testing.T, env []string, name string, args ...string) (string, int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	command := exec.CommandContext(ctx, name, args...)
	command.Env = append(env, "PATH="+awsShim(t)+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := command.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
	return string(out), command.ProcessState.ExitCode()
}

// awsShim is a folder with an aws that passes the endpoint on the command line: early versions of the AWS CLI v2 do
// not read AWS_ENDPOINT_URL.
func awsShim(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	shim := "#!/bin/sh\nexec " + testclient.Find(t, "aws") + " --endpoint-url \"$AWS_ENDPOINT_URL\" \"$@\"\n"
	// No fork meanwhile: a child that holds the open file until its exec would make it busy (ETXTBSY).
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(shim), 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// awaitNode waits until the trap's node has reported to Systems Manager.
func awaitNode(t *testing.T, env []string) {
	t.Helper()
	for range 20 {
		out, _ := run(t, env, "aws", "ssm", "describe-instance-information", "--query", "InstanceInformationList[].PingStatus", "--output", "text")
		if strings.TrimSpace(out) == "Online" {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Fatal("the node did not come online")
}

func commandID(t *testing.T, output string) string {
	t.Helper()
	_, rest, ok := strings.Cut(output, "Command ID: ")
	id, _, _ := strings.Cut(rest, "\n")
	if !ok || id == "" {
		t.Fatalf("no command id in:\n%s", output)
	}
	return id
}

package ssm_test

import (
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// TestGoWaiter: the SDK's own waiter goes through "not there yet", Pending and InProgress to the end.
func TestGoWaiter(t *testing.T) {
	t.Parallel()
	for status, good := range map[string]bool{"Success": true, "Failed": false, "TimedOut": false} {
		w := newWorldIn(t, "", 2*time.Second)
		client := sdkssm.NewFromConfig(sdkConfig(w))
		a := w.node(1, nil)
		id := w.shell(object{"InstanceIds": []string{a.id}})
		waiter := sdkssm.NewCommandExecutedWaiter(client, func(o *sdkssm.CommandExecutedWaiterOptions) {
			o.MinDelay, o.MaxDelay = 5*time.Millisecond, 5*time.Millisecond
		})
		ended := make(chan error, 1)
		go func() {
			ended <- waiter.Wait(t.Context(), &sdkssm.GetCommandInvocationInput{CommandId: &id, InstanceId: aws.String(a.id)}, time.Minute)
		}()
		quiet := func() {
			t.Helper()
			select {
			case err := <-ended:
				t.Fatalf("it waited no longer: %v", err)
			case <-time.After(30 * time.Millisecond):
			}
		}
		quiet()
		w.clock.advance(2 * time.Second)
		quiet()
		m := a.take()
		quiet()
		a.reply(m, status, object{"aws:runShellScript": plugin(status, 0, "", "")})
		if err := <-ended; (err == nil) != good {
			t.Errorf("%s: %v", status, err)
		}
	}
}

// TestAWSCLIWaiter: aws ssm wait command-executed.
func TestAWSCLIWaiter(t *testing.T) {
	t.Parallel()
	path := testclient.Find(t, "aws")
	w := newWorld(t)
	w.clock.advance(time.Since(w.clock.now()))
	server := httptest.NewServer(w.gw)
	t.Cleanup(server.Close)
	a := w.node(1, nil)
	run := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), path, append([]string{"--endpoint-url", server.URL, "--region", region}, args...)...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ACCESS_KEY_ID=admin", "AWS_SECRET_ACCESS_KEY=secret",
			"AWS_EC2_METADATA_DISABLED=true"}
		out, err := cmd.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}
	for status, good := range map[string]bool{"Success": true, "Failed": false} {
		id, err := run("ssm", "send-command", "--document-name", "AWS-RunShellScript", "--instance-ids", a.id,
			"--parameters", "commands=true", "--output-s3-bucket-name", "logs", "--query", "Command.CommandId", "--output", "text")
		if err != nil {
			t.Fatal(err, id)
		}
		a.finish(status, 1)
		if out, err := run("ssm", "wait", "command-executed", "--command-id", id, "--instance-id", a.id); (err == nil) != good {
			t.Errorf("%s: %v %s", status, err, out)
		}
	}
}

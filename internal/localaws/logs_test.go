package localaws_test

import (
	"bufio"
	"context"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/testclient"
)

// TestCLILogs puts and reads events with the AWS CLI.
func TestCLILogs(t *testing.T) {
	t.Parallel()
	aws := served(t, t.TempDir())
	cli, c := newCLI(t, aws), callerOf(t, aws, account, "eu-west-1")
	cli.run(t, "logs", "create-log-group", "--log-group-name", "/shop/deploy", "--tags", "App=shop")
	c.must(t, "logs", "CreateLogStream", `{"logGroupName":"/shop/deploy","logStreamName":"s"}`)
	cli.run(t, "logs", "put-log-events", "--log-group-name", "/shop/deploy", "--log-stream-name", "s",
		"--log-events", `[{"timestamp":`+millis(time.Now())+`,"message":"hello"},{"timestamp":`+millis(time.Now())+`,"message":"ERROR"}]`)
	if got := cli.run(t, "logs", "get-log-events", "--log-group-name", "/shop/deploy", "--log-stream-name", "s", "--query", "events[].message", "--output", "text"); got != "hello\tERROR" {
		t.Errorf("get-log-events: %q", got)
	}
	if got := cli.run(t, "logs", "filter-log-events", "--log-group-name", "/shop/deploy", "--filter-pattern=-ERROR", "--query", "events[].message", "--output", "text"); got != "hello" {
		t.Errorf("filter-log-events: %q", got)
	}
}

// TestCLITail follows a log group while something is written to it.
func TestCLITail(t *testing.T) {
	t.Parallel()
	path := testclient.CLI2(t)
	aws := served(t, t.TempDir())
	cli, c := newCLI(t, aws), callerOf(t, aws, account, "eu-west-1")
	c.must(t, "logs", "CreateLogGroup", `{"logGroupName":"g"}`)
	c.must(t, "logs", "CreateLogStream", `{"logGroupName":"g","logStreamName":"s"}`)
	put := func(message string) {
		c.must(t, "logs", "PutLogEvents", `{"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":`+millis(time.Now())+`,"message":"`+message+`"}]}`)
	}
	put("first")
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "logs", "tail", "g", "--follow", "--format", "short", "--endpoint-url", aws.Endpoint())
	cmd.Env = append(cli.env, "PYTHONUNBUFFERED=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for _, want := range []string{"first", "second", "third"} {
		if !lines.Scan() || !strings.HasSuffix(lines.Text(), " "+want) {
			t.Fatalf("got %q, want %s", lines.Text(), want)
		}
		put(map[string]string{"first": "second", "second": "third", "third": "last"}[want])
	}
	cancel()
	_ = cmd.Wait() // it was killed
}

// millis is a time as CloudWatch Logs has it.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

package localaws_test

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// cli runs the AWS CLI as the administrator of an account.
type cli struct {
	path, endpoint string
	env            []string
}

func newCLI(t *testing.T, aws *localaws.AWS) cli {
	t.Helper()
	path := testclient.Find(t, "aws")
	keys, err := aws.EnsureAccount(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	env := []string{"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_DEFAULT_REGION=eu-west-1",
		"AWS_ENDPOINT_URL=" + aws.Endpoint(), "AWS_CONFIG_FILE=" + filepath.Join(home, "config"), "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=", "AWS_DEFAULT_OUTPUT=json"}
	for _, name := range os.Environ() {
		if !strings.HasPrefix(name, "AWS_") {
			env = append(env, name)
		}
	}
	return cli{path, aws.Endpoint(), env}
}

// try runs a command line and gives what it printed, errors included.
func (c cli) try(t *testing.T, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, c.path, append(args, "--endpoint-url", c.endpoint)...) // old releases do not know AWS_ENDPOINT_URL
	cmd.Env = c.env
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// run is try for what has to succeed; text is the output of --output text.
func (c cli) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.try(t, args...)
	if err != nil {
		t.Fatalf("aws %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(out)
}

const nodePolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssm:ListInstanceAssociations","ec2messages:*","ssmmessages:*"],"Resource":"*"}]}`

// served is a running local AWS with a node role and its instance profile, both named node.
func served(t *testing.T, dir string) *localaws.AWS {
	t.Helper()
	aws := open(t, dir)
	if _, err := aws.EnsureAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	err := aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "node", Trust: []byte(ec2Trust), InstanceProfile: true,
		Policies: map[string][]byte{"node": []byte(nodePolicy)}})
	if err != nil {
		t.Fatal(err)
	}
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	return aws
}

// until waits for a condition that comes to be within half a minute.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

func (c caller) state(t *testing.T, id string) string {
	t.Helper()
	return between(t, between(t, c.must(t, "ec2", "DescribeInstances", "InstanceId.1="+id), "<instanceState>", "</instanceState>"), "<name>", "<")
}

func (c caller) online(t *testing.T, id string) bool {
	t.Helper()
	return strings.Contains(c.must(t, "ssm", "DescribeInstanceInformation", "{}"), `"InstanceId":"`+id+`","PingStatus":"Online"`)
}

// command runs a shell line on a node and gives its status and output.
func (c caller) command(t *testing.T, id, line string) (status, output string) {
	t.Helper()
	input, err := json.Marshal(map[string]any{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{id}, "Parameters": map[string]any{"commands": []string{line}}})
	if err != nil {
		t.Fatal(err)
	}
	sent := decode[struct{ Command struct{ CommandId string } }](t, c.must(t, "ssm", "SendCommand", string(input)))
	var got struct{ Status, StandardOutputContent string }
	until(t, line, func() bool {
		got = decode[struct{ Status, StandardOutputContent string }](t, c.must(t, "ssm", "GetCommandInvocation", object("CommandId", sent.Command.CommandId, "InstanceId", id)))
		return got.Status != "Pending" && got.Status != "InProgress"
	})
	return got.Status, strings.TrimSpace(got.StandardOutputContent)
}

// TestInstanceLifecycle: a launched instance is a node that runs commands; stopped it is none, and what ran there has
// ended; started again it is one, with the same disk; terminated it is gone for good.
func TestInstanceLifecycle(t *testing.T) {
	t.Parallel()
	aws := served(t, t.TempDir())
	c := callerOf(t, aws, account, "eu-west-1")
	run := c.must(t, "ec2", "RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1&IamInstanceProfile.Name=node")
	id := between(t, run, "<instanceId>", "<")
	until(t, "running", func() bool { return c.state(t, id) == "running" })
	until(t, "online", func() bool { return c.online(t, id) })
	if status, out := c.command(t, id, "echo here > /var/tmp/kept; cat /var/tmp/kept"); status != "Success" || out != "here" {
		t.Errorf("a command on the new node: %s %q", status, out)
	}
	running := make(chan string, 1)
	go func() {
		status, _ := c.command(t, id, "sleep 600")
		running <- status
	}()
	until(t, "the long command runs", func() bool {
		return strings.Contains(c.must(t, "ssm", "ListCommandInvocations", `{"Filters":[{"key":"Status","value":"InProgress"}]}`), "CommandId")
	})
	c.must(t, "ec2", "StopInstances", "InstanceId.1="+id)
	until(t, "stopped", func() bool { return c.state(t, id) == "stopped" })
	if c.online(t, id) {
		t.Error("a stopped node is online")
	}
	if status := <-running; status != "Failed" {
		t.Errorf("the command that ran when its node was stopped: %s", status)
	}
	c.must(t, "ec2", "StartInstances", "InstanceId.1="+id)
	until(t, "running again", func() bool { return c.state(t, id) == "running" })
	until(t, "online again", func() bool { return c.online(t, id) })
	if status, out := c.command(t, id, "cat /var/tmp/kept"); status != "Success" || out != "here" {
		t.Errorf("a command after the start: %s %q", status, out)
	}
	c.must(t, "ec2", "RebootInstances", "InstanceId.1="+id)
	if status, _ := c.command(t, id, "true"); status != "Success" {
		t.Errorf("a command after the reboot: %s", status)
	}
	c.must(t, "ec2", "TerminateInstances", "InstanceId.1="+id)
	until(t, "terminated", func() bool { return c.state(t, id) == "terminated" })
	if got := c.ask(t, "ssm", "SendCommand", `{"DocumentName":"AWS-RunShellScript","InstanceIds":["`+id+`"],"Parameters":{"commands":["true"]}}`); got.code != "InvalidInstanceId" {
		t.Errorf("a command to a terminated instance: %s", got.body)
	}
}

// TestProfileLater: an instance without a profile is no node until it gets one, without a restart.
func TestProfileLater(t *testing.T) {
	t.Parallel()
	c := callerOf(t, served(t, t.TempDir()), account, "eu-west-1")
	id := between(t, c.must(t, "ec2", "RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1"), "<instanceId>", "<")
	until(t, "running", func() bool { return c.state(t, id) == "running" })
	if c.online(t, id) {
		t.Error("online without a profile")
	}
	c.must(t, "ec2", "AssociateIamInstanceProfile", "InstanceId="+id+"&IamInstanceProfile.Name=node")
	until(t, "online", func() bool { return c.online(t, id) })
}

// TestTransitionSurvives: what a local AWS was about to do to an instance when it ended is done by the next one.
func TestTransitionSurvives(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := localaws.Open(t.Context(), localaws.Config{Dir: dir, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "node", Trust: []byte(ec2Trust), InstanceProfile: true,
		Policies: map[string][]byte{"node": []byte(nodePolicy)}}); err != nil {
		t.Fatal(err)
	}
	for id, state := range map[string]string{"i-00000000000000001": "pending", "i-00000000000000002": "stopping", "i-00000000000000003": "shutting-down", "i-00000000000000004": "running"} {
		if err := first.Launch(t.Context(), ec2Instance(id, state)); err != nil {
			t.Fatal(err)
		}
	}
	if err := first.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	aws := open(t, dir)
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := aws.StartNodes(t.Context()); err != nil {
		t.Fatal(err)
	}
	c := callerOf(t, aws, account, "eu-west-1")
	for id, want := range map[string]string{"i-00000000000000001": "running", "i-00000000000000002": "stopped", "i-00000000000000003": "terminated", "i-00000000000000004": "running"} {
		if got := c.state(t, id); got != want {
			t.Errorf("%s is %s, want %s", id, got, want)
		}
	}
	until(t, "online", func() bool { return c.online(t, "i-00000000000000001") && c.online(t, "i-00000000000000004") })
}

// TestCLIInstances does the same with the AWS CLI and its waiters.
func TestCLIInstances(t *testing.T) {
	t.Parallel()
	aws := served(t, t.TempDir())
	cli, c := newCLI(t, aws), callerOf(t, aws, account, "eu-west-1")
	id := cli.run(t, "ec2", "run-instances", "--image-id", "ami-0123456789abcdef0", "--count", "1", "--iam-instance-profile", "Name=node",
		"--tag-specifications", "ResourceType=instance,Tags=[{Key=App,Value=shop}]", "--metadata-options", "HttpTokens=required", "--query", "Instances[0].InstanceId", "--output", "text")
	reached := func(state string) { // first, because a waiter that comes too early waits for 15 s
		t.Helper()
		until(t, state, func() bool { return c.state(t, id) == state })
		cli.run(t, "ec2", "wait", "instance-"+state, "--instance-ids", id)
	}
	until(t, "running", func() bool { return c.state(t, id) == "running" })
	cli.run(t, "ec2", "wait", "instance-status-ok", "--instance-ids", id)
	until(t, "online", func() bool { return c.online(t, id) })
	command := cli.run(t, "ssm", "send-command", "--document-name", "AWS-RunShellScript", "--targets", "Key=tag:App,Values=shop", "--parameters", "commands=echo hello", "--query", "Command.CommandId", "--output", "text")
	until(t, "the command has run", func() bool {
		out := cli.run(t, "ssm", "list-command-invocations", "--command-id", command, "--details", "--query", "CommandInvocations[].CommandPlugins[].Output", "--output", "text")
		return strings.Contains(out, "hello")
	})
	cli.run(t, "ec2", "stop-instances", "--instance-ids", id)
	reached("stopped")
	cli.run(t, "ec2", "terminate-instances", "--instance-ids", id)
	until(t, "terminated", func() bool { return c.state(t, id) == "terminated" })
	if out, err := cli.try(t, "ec2", "run-instances", "--image-id", "ami-0123456789abcdef0", "--count", "1", "--dry-run"); err == nil || !strings.Contains(out, "DryRunOperation") {
		t.Error(out)
	}
}

func ec2Instance(id, state string) ec2.Instance {
	return ec2.Instance{ID: id, Account: account, Region: "eu-west-1", State: state, ProfileARN: "arn:aws:iam::" + account + ":instance-profile/node"}
}

package localaws_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/cell"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// genuineAgent finds the programs of amazon-ssm-agent: in SLIPWAY_SSM_AGENT_DIR, in PATH, or where its package puts them.
func genuineAgent(t *testing.T) string {
	t.Helper()
	dir, err := cell.Find(os.Getenv("SLIPWAY_SSM_AGENT_DIR"), os.Getenv("PATH"))
	if err == nil {
		return dir
	}
	if slices.Contains(strings.Split(os.Getenv("SLIPWAY_REQUIRE_CLIENTS"), ","), "amazon-ssm-agent") {
		t.Fatalf("the client amazon-ssm-agent is required (SLIPWAY_REQUIRE_CLIENTS): %v", err)
	}
	t.Skipf("no amazon-ssm-agent: %v", err)
	return ""
}

// A node role of the scenario, by what it may do beside reporting.
const (
	wholeRole   = "whole"   // everything that output takes, and both ways to be reached
	oldRole     = "old"     // ec2messages only, and no output
	unreachable = "nothing" // neither way
)

const scenarioRegion = "eu-west-1"

var scenarioRoles = map[string]string{
	wholeRole: `"ssmmessages:CreateControlChannel","ssmmessages:OpenControlChannel","ec2messages:AcknowledgeMessage","ec2messages:FailMessage",` +
		`"ec2messages:GetMessages","ec2messages:SendReply","s3:ListBucket","s3:GetEncryptionConfiguration","s3:PutObject","s3:PutObjectAcl",` +
		`"logs:CreateLogGroup","logs:CreateLogStream","logs:DescribeLogGroups","logs:DescribeLogStreams","logs:PutLogEvents"`,
	oldRole:     `"ec2messages:AcknowledgeMessage","ec2messages:FailMessage","ec2messages:GetMessages","ec2messages:SendReply"`,
	unreachable: `"ssm:DescribeParameters"`,
}

// world is a local AWS with a node of each role.
type world struct {
	aws   *localaws.AWS
	ssm   *sdkssm.Client
	nodes map[string]string // instance id by role
}

// startNodes makes the world. Where the system forbids cells, the test ends.
func startNodes(t *testing.T, agentDir string, change ...func(*localaws.NodePolicy)) world {
	t.Helper()
	dir := t.TempDir()
	policy := localaws.NodePolicy{AgentDir: agentDir, Guards: []string{"docker"}}
	for _, c := range change {
		c(&policy)
	}
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir, Logf: t.Logf, Nodes: policy})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		if err := errors.Join(aws.StopProcesses(ctx), aws.Close(ctx), localaws.RemoveDir(dir)); err != nil {
			t.Error(err)
		}
	})
	keys, err := aws.EnsureAccount(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	w := world{aws: aws, nodes: map[string]string{}}
	for i, role := range []string{wholeRole, oldRole, unreachable} {
		w.nodes[role] = fmt.Sprintf("i-0%016x", i+1)
		launch(t, aws, role, w.nodes[role], fmt.Sprintf("10.0.0.%d", i+4))
	}
	begun := time.Now()
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	if err := aws.StartNodes(t.Context()); errors.Is(err, node.ErrNoEnclosure) {
		t.Skipf("no cells here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := aws.AwaitNodes(t.Context(), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d nodes are online after %s", len(w.nodes), time.Since(begun).Round(time.Millisecond))
	w.ssm = sdkssm.NewFromConfig(sdkConfig(aws, keys))
	return w
}

func sdkConfig(a *localaws.AWS, keys iam.Keys) aws.Config {
	return aws.Config{Region: scenarioRegion, BaseEndpoint: aws.String(a.Endpoint()), Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
		return aws.Credentials{AccessKeyID: keys.AccessKeyID, SecretAccessKey: keys.SecretAccessKey}, nil
	})}
}

// launch makes an instance whose profile has a role of its own.
func launch(t *testing.T, a *localaws.AWS, role, id, address string) {
	t.Helper()
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssm:ListInstanceAssociations",` +
		scenarioRoles[role] + `],"Resource":"*"}]}`
	spec := iam.RoleSpec{Account: account, Name: role, Trust: []byte(ec2Trust), Policies: map[string][]byte{"node": []byte(policy)}, InstanceProfile: true}
	if err := a.PutRole(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	profile := "arn:aws:iam::" + account + ":instance-profile/" + role
	if err := a.Launch(t.Context(), ec2.Instance{ID: id, Account: account, Region: scenarioRegion, ProfileARN: profile, PrivateIP: address}); err != nil {
		t.Fatal(err)
	}
}

// step is one command of the scenario.
type step struct {
	role     string // of the node that it is sent to
	commands []string
	timeout  string // executionTimeout in seconds; a minute where it is empty
	delivery int32  // the delivery timeout in seconds; a minute where it is 0
	cancel   bool   // once it runs
	want     string // StatusDetails
}

// result is what can be seen of a command, as far as it is the same every time.
type result struct {
	Status, Details string
	Code            int32
	Stdout, Stderr  string
}

var scenario = map[string]step{
	"success":     {role: wholeRole, commands: []string{"echo hello; echo trouble >&2"}, want: "Success"},
	"two lines":   {role: wholeRole, commands: []string{"cd /tmp", "pwd"}, want: "Success"},
	"failure":     {role: wholeRole, commands: []string{"echo before; exit 7; echo after"}, want: "Failed"},
	"timeout":     {role: wholeRole, commands: []string{"echo begun; sleep 60; echo never"}, timeout: "5", want: "ExecutionTimedOut"},
	"cancel":      {role: wholeRole, commands: []string{"echo begun; touch /tmp/begun; sleep 60; echo never"}, cancel: true, want: "Cancelled"},
	"one MB":      {role: wholeRole, commands: []string{"head -c 1048576 /dev/zero | tr '\\0' x"}, want: "Success"},
	"environment": {role: wholeRole, commands: []string{"echo $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME; test -n \"$SSM_COMMAND_ID\"; id -u"}, want: "Success"},
	"a guard":     {role: wholeRole, commands: []string{"docker ps 2>/dev/null"}, want: "Failed"},
	"old channel": {role: oldRole, commands: []string{"echo by ec2messages"}, want: "Success"},
	"never":       {role: unreachable, commands: []string{"true"}, delivery: 30, want: "DeliveryTimedOut"},
}

// run sends all commands at once and waits for their ends.
func (w world) run(t *testing.T) map[string]result {
	t.Helper()
	results := map[string]result{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for name, s := range scenario {
		wait.Go(func() {
			r, err := w.command(t, s)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			results[name] = r
		})
	}
	wait.Wait()
	return results
}

func (w world) command(t *testing.T, s step) (result, error) {
	input := &sdkssm.SendCommandInput{
		DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{w.nodes[s.role]}, TimeoutSeconds: aws.Int32(60),
		Parameters: map[string][]string{"commands": s.commands, "executionTimeout": {"60"}},
	}
	if s.timeout != "" {
		input.Parameters["executionTimeout"] = []string{s.timeout}
	}
	if s.delivery != 0 {
		input.TimeoutSeconds = aws.Int32(s.delivery)
	}
	sent, err := w.ssm.SendCommand(t.Context(), input)
	if err != nil {
		return result{}, err
	}
	if s.cancel {
		// The node's /tmp is in its directory.
		begun := filepath.Join(w.aws.Dir(), "nodes", w.nodes[s.role], "tmp", "begun")
		for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			if _, err := os.Stat(begun); err == nil {
				break
			}
			if time.Now().After(deadline) {
				return result{}, errors.New("the script does not begin")
			}
		}
		if _, err := w.ssm.CancelCommand(t.Context(), &sdkssm.CancelCommandInput{CommandId: sent.Command.CommandId}); err != nil {
			return result{}, err
		}
	}
	i, err := w.await(t, sent.Command.CommandId, s.role, func(i *sdkssm.GetCommandInvocationOutput) bool {
		return !slices.Contains([]types.CommandInvocationStatus{types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress,
			types.CommandInvocationStatusDelayed, types.CommandInvocationStatusCancelling}, i.Status)
	})
	if err != nil {
		return result{}, err
	}
	return result{Status: string(i.Status), Details: aws.ToString(i.StatusDetails), Code: i.ResponseCode,
		Stdout: short(aws.ToString(i.StandardOutputContent)), Stderr: aws.ToString(i.StandardErrorContent)}, nil
}

// await reads an invocation until it is as wanted.
func (w world) await(t *testing.T, command *string, role string, done func(*sdkssm.GetCommandInvocationOutput) bool) (*sdkssm.GetCommandInvocationOutput, error) {
	deadline := time.Now().Add(90 * time.Second)
	for {
		i, err := w.ssm.GetCommandInvocation(t.Context(), &sdkssm.GetCommandInvocationInput{CommandId: command, InstanceId: aws.String(w.nodes[role])})
		if err != nil || done(i) {
			return i, err
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("still %s after 90 s", aws.ToString(i.StatusDetails))
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// short makes long output comparable at a glance.
func short(s string) string {
	if len(s) < 1000 {
		return s
	}
	return strconv.Itoa(len(s)) + " bytes, " + s[:5] + " to " + s[len(s)-40:]
}

// TestBuiltInNodesAreLikeTheGenuineAgent runs one scenario on cells, which hold the genuine agent, and on built-in nodes, and
// wants the same results.
func TestBuiltInNodesAreLikeTheGenuineAgent(t *testing.T) {
	t.Parallel()
	agent := genuineAgent(t)
	var genuine, builtIn map[string]result
	t.Run("both", func(t *testing.T) {
		t.Run("cells", func(t *testing.T) {
			t.Parallel()
			w := startNodes(t, agent)
			genuine = w.run(t)
			w.roundTrips(t)
		})
		t.Run("built-in nodes", func(t *testing.T) {
			t.Parallel()
			w := startNodes(t, "")
			builtIn = w.run(t)
			w.roundTrips(t)
		})
	})
	if genuine == nil || builtIn == nil {
		t.SkipNow() // said above
	}
	if diff := cmp.Diff(genuine, builtIn); diff != "" {
		t.Errorf("the built-in node is not like the genuine agent: -genuine +built-in\n%s", diff)
	}
	for name, s := range scenario {
		if got := genuine[name].Details; got != s.want {
			t.Errorf("%s: the genuine agent gives %s, want %s", name, got, s.want)
		}
	}
}

// roundTrips says how long the shortest command takes, best of ten.
func (w world) roundTrips(t *testing.T) {
	t.Helper()
	best := time.Hour
	for range 10 {
		begun := time.Now()
		r, err := w.quick(t)
		if err != nil || r != "Success" {
			t.Fatalf("true: %s, %v", r, err)
		}
		best = min(best, time.Since(begun))
	}
	t.Logf("a round trip of true takes %s", best.Round(time.Millisecond))
}

func (w world) quick(t *testing.T) (string, error) {
	sent, err := w.ssm.SendCommand(t.Context(), &sdkssm.SendCommandInput{DocumentName: aws.String("AWS-RunShellScript"),
		InstanceIds: []string{w.nodes[wholeRole]}, Parameters: map[string][]string{"commands": {"true"}}})
	if err != nil {
		return "", err
	}
	for {
		i, err := w.ssm.GetCommandInvocation(t.Context(), &sdkssm.GetCommandInvocationInput{CommandId: sent.Command.CommandId, InstanceId: aws.String(w.nodes[wholeRole])})
		if err != nil {
			return "", err
		}
		if i.Status != types.CommandInvocationStatusPending && i.Status != types.CommandInvocationStatusInProgress {
			return string(i.Status), nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// TestNothingButTheLocalAWS looks for a way out of a cell.
func TestNothingButTheLocalAWS(t *testing.T) {
	t.Parallel()
	w := startNodes(t, genuineAgent(t))
	port := w.aws.Endpoint()[strings.LastIndexByte(w.aws.Endpoint(), ':')+1:]
	attack := []string{
		"try() { if timeout 5 \"$@\" >/dev/null 2>&1; then echo \"REACHED: $*\"; fi; }",
		"try bash -c 'exec 3<>/dev/tcp/1.1.1.1/443'",
		"try bash -c 'exec 3<>/dev/tcp/127.0.0.1/" + port + "'",
		"try bash -c 'exec 3<>/dev/tcp/192.168.0.1/80'",
		"try getent ahostsv4 github.com",
		"try ip link add out type dummy",
		"try ip addr add 10.9.9.9/32 dev lo",
		"getent ahostsv4 ssm.eu-west-1.amazonaws.com | head -n 1 | cut -d' ' -f1",
		"bash -c 'exec 3<>/dev/tcp/169.254.169.254/80; printf \"GET /latest/meta-data/instance-id HTTP/1.0\\r\\n\\r\\n\" >&3; head -n 1 <&3'",
		"hostname",
		// Every port is free, as on an instance.
		"for port in 53 80 443; do python3 -c 'import socket,sys; s=socket.socket(); s.bind((\"\", int(sys.argv[1]))); s.listen(); print(s.getsockname())' $port; done",
	}
	client(t, "python3")
	r, err := w.command(t, step{role: wholeRole, commands: attack})
	want := result{Status: "Success", Details: "Success", Stdout: "169.254.169.253\nHTTP/1.0 401 Unauthorized\r\nip-10-0-0-4\n('0.0.0.0', 53)\n('0.0.0.0', 80)\n('0.0.0.0', 443)\n"}
	if diff := cmp.Diff(want, r); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	events, err := w.aws.Events().List(t.Context(), gateway.Filter{Name: "UpdateInstanceInformation"})
	if err != nil || len(events) == 0 {
		t.Errorf("%d reports of agents, %v", len(events), err)
	}
}

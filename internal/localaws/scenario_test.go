package localaws_test

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	gocmp "github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// step is one command of the scenario.
type step struct {
	role     string // of the node that it is sent to
	commands []string
	timeout  string // executionTimeout in seconds; a minute where it is empty
	delivery int32  // the delivery timeout in seconds; a minute where it is 0
	cancel   bool   // once it runs
	output   bool   // to S3 and to CloudWatch Logs as well
	want     string // StatusDetails
}

// result is what can be seen of a command, as far as it is the same every time.
type result struct {
	Status, Details string
	Code            int32
	Stdout, Stderr  string
	Objects         map[string]string // in the bucket, by key
	Streams         map[string]string // in the log group, by name
}

var scenario = map[string]step{
	"success":                            {role: wholeRole, commands: []string{"echo hello; echo trouble >&2"}, want: "Success"},
	"two lines":                          {role: wholeRole, commands: []string{"cd /tmp", "pwd"}, want: "Success"},
	"failure":                            {role: wholeRole, commands: []string{"echo before; exit 7; echo after"}, want: "Failed"},
	"timeout":                            {role: wholeRole, commands: []string{"echo begun; sleep 60; echo never"}, timeout: "5", want: "ExecutionTimedOut"},
	"cancel":                             {role: wholeRole, commands: []string{"echo begun; touch /tmp/begun; sleep 60; echo never"}, cancel: true, want: "Cancelled"},
	"one MB":                             {role: wholeRole, commands: []string{"head -c 1048576 /dev/zero | tr '\\0' x"}, want: "Success"},
	"environment":                        {role: wholeRole, commands: []string{"echo $AWS_SSM_INSTANCE_ID $AWS_SSM_REGION_NAME; test -n \"$SSM_COMMAND_ID\"; id -u"}, want: "Success"},
	"a guard":                            {role: wholeRole, commands: []string{"docker ps 2>/dev/null"}, want: "Failed"},
	"output":                             {role: wholeRole, commands: []string{"for i in 1 2 3; do echo line $i; done", "echo trouble >&2"}, output: true, want: "Success"},
	"long output":                        {role: wholeRole, commands: []string{"head -c 300000 /dev/zero | tr '\\0' x | fold -w 100; exit 3"}, output: true, want: "Failed"},
	"output that the role may not write": {role: oldRole, commands: []string{"echo hello"}, output: true, want: "Success"},
	"old channel":                        {role: oldRole, commands: []string{"echo by ec2messages"}, want: "Success"},
	"never":                              {role: unreachable, commands: []string{"true"}, delivery: 30, want: "DeliveryTimedOut"},
}

// run sends all commands at once, waits for their ends, and looks for what they left.
func (w world) run(t *testing.T) map[string]result {
	t.Helper()
	results, ids := map[string]result{}, map[string]string{}
	var mu sync.Mutex
	var wait sync.WaitGroup
	for name, s := range scenario {
		wait.Go(func() {
			id, r, err := w.command(t, s)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			mu.Lock()
			defer mu.Unlock()
			results[name], ids[name] = r, id
		})
	}
	wait.Wait()
	for name, r := range results {
		r.Objects, r.Streams = w.objects(t, ids[name]), w.streams(t, ids[name])
		results[name] = r
	}
	return results
}

// command runs one and gives its id and its end.
func (w world) command(t *testing.T, s step) (id string, r result, err error) {
	sent, err := w.ssm.SendCommand(t.Context(), s.input(w.nodes[s.role]))
	if err != nil {
		return "", r, err
	}
	id = aws.ToString(sent.Command.CommandId)
	if s.cancel {
		if err := w.begun(s.role); err != nil {
			return id, r, err
		}
		if _, err := w.ssm.CancelCommand(t.Context(), &sdkssm.CancelCommandInput{CommandId: &id}); err != nil {
			return id, r, err
		}
	}
	i, err := w.await(t, &id, s.role, func(i *sdkssm.GetCommandInvocationOutput) bool {
		return !slices.Contains([]types.CommandInvocationStatus{types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress,
			types.CommandInvocationStatusDelayed, types.CommandInvocationStatusCancelling}, i.Status)
	})
	if err != nil {
		return id, r, err
	}
	return id, result{Status: string(i.Status), Details: aws.ToString(i.StatusDetails), Code: i.ResponseCode,
		Stdout: short(aws.ToString(i.StandardOutputContent)), Stderr: aws.ToString(i.StandardErrorContent)}, nil
}

func (s step) input(node string) *sdkssm.SendCommandInput {
	input := &sdkssm.SendCommandInput{
		DocumentName: aws.String("AWS-RunShellScript"), InstanceIds: []string{node}, TimeoutSeconds: aws.Int32(cmp.Or(s.delivery, 60)),
		Parameters: map[string][]string{"commands": s.commands, "executionTimeout": {cmp.Or(s.timeout, "60")}},
	}
	if s.output {
		input.OutputS3BucketName, input.OutputS3KeyPrefix = aws.String(outputBucket), aws.String(outputPrefix)
		input.CloudWatchOutputConfig = &types.CloudWatchOutputConfig{CloudWatchOutputEnabled: true, CloudWatchLogGroupName: aws.String(outputGroup)}
	}
	return input
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
			w.wantChannels(t)
			w.roundTrips(t)
		})
		t.Run("built-in nodes", func(t *testing.T) {
			t.Parallel()
			w := startNodes(t, "")
			builtIn = w.run(t)
			w.wantChannels(t)
			w.roundTrips(t)
		})
	})
	if genuine == nil || builtIn == nil {
		t.SkipNow() // said above
	}
	if diff := gocmp.Diff(genuine, builtIn); diff != "" {
		t.Errorf("the built-in node is not like the genuine agent: -genuine +built-in\n%s", diff)
	}
	for name, s := range scenario {
		if got := genuine[name].Details; got != s.want {
			t.Errorf("%s: the genuine agent gives %s, want %s", name, got, s.want)
		}
	}
}

// wantChannels looks in the event log for the ways by which nodes were reached, and for what their roles were denied.
func (w world) wantChannels(t *testing.T) {
	t.Helper()
	outcomes := map[string]bool{}
	events, err := w.aws.Events().List(t.Context(), gateway.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if who := e.UserIdentity.SessionContext; who != nil {
			outcomes[who.SessionIssuer.UserName+" "+e.EventName+" "+e.ErrorCode] = true
		}
	}
	for _, want := range []string{"whole OpenControlChannel ", "whole PutObject ", "whole PutLogEvents ", "old CreateControlChannel AccessDenied",
		"old SendReply ", "old PutObject AccessDenied", "nothing CreateControlChannel AccessDenied", "nothing GetMessages AccessDeniedException"} {
		if !outcomes[want] {
			t.Errorf("not in the event log: %q", want)
		}
	}
	for _, not := range []string{"old PutObject ", "old PutLogEvents ", "nothing GetMessages ", "nothing OpenControlChannel "} {
		if outcomes[not] {
			t.Errorf("in the event log: %q", not)
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
	testclient.Find(t, "python3")
	_, r, err := w.command(t, step{role: wholeRole, commands: attack})
	want := result{Status: "Success", Details: "Success", Stdout: "169.254.169.253\nHTTP/1.0 401 Unauthorized\r\nip-10-0-0-4\n('0.0.0.0', 53)\n('0.0.0.0', 80)\n('0.0.0.0', 443)\n"}
	if diff := gocmp.Diff(want, r); diff != "" || err != nil {
		t.Errorf("%v, -want +got\n%s", err, diff)
	}
	events, err := w.aws.Events().List(t.Context(), gateway.Filter{Name: "UpdateInstanceInformation"})
	if err != nil || len(events) == 0 {
		t.Errorf("%d reports of agents, %v", len(events), err)
	}
}

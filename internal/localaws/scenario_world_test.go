package localaws_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/cell"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/testclient"
)

// genuineAgent finds the programs of amazon-ssm-agent: in SLIPWAY_SSM_AGENT_DIR, in PATH, or where its package puts them.
func genuineAgent(t *testing.T) string {
	t.Helper()
	dir, err := cell.Find(os.Getenv("SLIPWAY_SSM_AGENT_DIR"), os.Getenv("PATH"))
	if err == nil {
		return dir
	}
	testclient.Missing(t, "amazon-ssm-agent", err.Error())
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

// Where commands of the scenario have their output written, if they want that.
const (
	outputBucket = "scenario-output"
	outputPrefix = "run/1"
	outputGroup  = "/scenario/output"
)

// world is a local AWS with a node of each role.
type world struct {
	aws   *localaws.AWS
	ssm   *sdkssm.Client
	admin caller
	nodes map[string]string // instance id by role
}

// startNodes makes the world. Where the system forbids cells, the test ends.
func startNodes(t *testing.T, agentDir string, change ...func(*localaws.NodePolicy)) world {
	t.Helper()
	policy := localaws.NodePolicy{AgentDir: agentDir, Guards: []string{"docker"}}
	for _, c := range change {
		c(&policy)
	}
	aws := openWith(t, policy)
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
	w.ssm, w.admin = sdkssm.NewFromConfig(sdkConfig(aws, keys)), callerOf(t, aws, account, scenarioRegion)
	if err := aws.EnsureBucket(t.Context(), account, scenarioRegion, outputBucket); err != nil {
		t.Fatal(err)
	}
	return w
}

// logOf shows what a node's agent wrote, once the test has failed.
func (w world) logOf(t *testing.T, instance string) {
	t.Helper()
	t.Cleanup(func() {
		if !t.Failed() {
			return
		}
		content, err := os.ReadFile(filepath.Join(w.aws.Dir(), "nodes", instance, cell.LogFile))
		t.Logf("%s, %v", content, err)
	})
}

// openWith opens a local AWS that is removed as users do that.
func openWith(t *testing.T, policy localaws.NodePolicy) *localaws.AWS {
	t.Helper()
	dir := t.TempDir()
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
	return aws
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

// begun waits for the file that a script makes. The node's /tmp is in its directory.
func (w world) begun(role string) error {
	path := filepath.Join(w.aws.Dir(), "nodes", w.nodes[role], "tmp", "begun")
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err := os.Stat(path); err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New("the script does not begin")
		}
	}
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

// objects gives those of a command, with its id taken out of their keys.
func (w world) objects(t *testing.T, command string) map[string]string {
	t.Helper()
	list := w.admin.send(t, http.MethodGet, "/"+outputBucket+"?list-type=2&prefix="+url.QueryEscape(outputPrefix+"/"+command+"/"), "s3", nil, "")
	if list.status != http.StatusOK {
		t.Fatalf("list objects: %d %s", list.status, list.body)
	}
	var found map[string]string
	for _, m := range objectKey.FindAllStringSubmatch(list.body, -1) {
		object := w.admin.send(t, http.MethodGet, "/"+outputBucket+"/"+m[1], "s3", nil, "")
		if found == nil {
			found = map[string]string{}
		}
		found[strings.ReplaceAll(m[1], command, "COMMAND")] = short(object.body)
	}
	return found
}

var objectKey = regexp.MustCompile(`<Key>([^<]+)</Key>`)

// streams gives those of a command with their text, with its id taken out of their names.
func (w world) streams(t *testing.T, command string) map[string]string {
	t.Helper()
	list := w.admin.ask(t, "logs", "DescribeLogStreams", `{"logGroupName":"`+outputGroup+`","logStreamNamePrefix":"`+command+`/"}`)
	if list.code == "ResourceNotFoundException" || strings.Contains(list.body, "ResourceNotFoundException") {
		return nil // nobody has made the group
	}
	if list.status != http.StatusOK {
		t.Fatalf("list streams: %d %s", list.status, list.body)
	}
	var found map[string]string
	for _, stream := range decode[struct {
		LogStreams []struct{ LogStreamName string }
	}](t, list.body).LogStreams {
		if found == nil {
			found = map[string]string{}
		}
		found[strings.ReplaceAll(stream.LogStreamName, command, "COMMAND")] = short(w.stream(t, stream.LogStreamName))
	}
	return found
}

// stream gives the text of a stream: how it is cut into events is a matter of time.
func (w world) stream(t *testing.T, name string) string {
	t.Helper()
	var text strings.Builder
	for token := ""; ; {
		body := w.admin.must(t, "logs", "GetLogEvents", `{"logGroupName":"`+outputGroup+`","logStreamName":"`+name+`","startFromHead":true`+token+`}`)
		page := decode[struct {
			Events           []struct{ Message string }
			NextForwardToken string
		}](t, body)
		if len(page.Events) == 0 {
			return text.String()
		}
		for _, e := range page.Events {
			text.WriteString(strings.TrimSuffix(e.Message, "\n") + "\n")
		}
		token = `,"nextToken":"` + page.NextForwardToken + `"`
	}
}

// short makes long output comparable at a glance.
func short(s string) string {
	if len(s) < 1000 {
		return s
	}
	return strconv.Itoa(len(s)) + " bytes, " + s[:5] + " to " + s[len(s)-40:]
}

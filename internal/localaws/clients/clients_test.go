// Package clients_test runs one scenario with each of the clients that people use: the AWS CLI, boto3, the AWS SDK for Go
// and that for JavaScript, with their own waiters. The clients are drivers behind one interface; the scenario is written
// once, so that they cannot be asked for different things.
package clients_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

func TestMain(m *testing.M) {
	node.MaybeInit()
	os.Exit(m.Run())
}

const (
	account  = "111111111111"
	region   = "eu-west-1"
	instance = "i-0123456789abcdef0"
	bucket   = "scenario-output"

	ec2Trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
	nodePolicy = `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssm:ListInstanceAssociations","ssmmessages:CreateControlChannel","ssmmessages:OpenControlChannel","ec2messages:*"],"Resource":"*"},
		{"Effect":"Allow","Action":["s3:ListBucket","s3:GetEncryptionConfiguration"],"Resource":"arn:aws:s3:::` + bucket + `"},
		{"Effect":"Allow","Action":["s3:PutObject","s3:PutObjectAcl"],"Resource":"arn:aws:s3:::` + bucket + `/*"}]}`
	accountTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + account + `:root"},"Action":"sts:AssumeRole"}]}`
	queueOnly    = `{"Version":"2012-10-17","Statement":[{"Sid":"QueueDeployCommand","Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:eu-west-1:111111111111:document/scenario","arn:aws:ec2:eu-west-1:111111111111:instance/i-0123456789abcdef0"]}]}`
	pollToo      = `{"Version":"2012-10-17","Statement":[{"Sid":"PollDeployStatus","Effect":"Allow","Action":"ssm:GetCommandInvocation","Resource":"*"}]}`
)

// start runs a local AWS with one node.
func start(t *testing.T) (endpoint string, admin credentials) {
	t.Helper()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir(), Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := aws.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	if err := aws.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	keys, err := aws.EnsureAccount(t.Context(), account)
	if err == nil {
		err = aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "node", Trust: []byte(ec2Trust), InstanceProfile: true,
			Policies: map[string][]byte{"node": []byte(nodePolicy)}})
	}
	if err == nil {
		err = aws.Launch(t.Context(), ec2.Instance{ID: instance, Account: account, Region: region, Tags: map[string]string{"App": "shop"},
			ProfileARN: "arn:aws:iam::" + account + ":instance-profile/node"})
	}
	if err == nil {
		err = aws.StartNodes(t.Context())
	}
	if err == nil {
		err = aws.AwaitNodes(t.Context(), 30*time.Second)
	}
	if err != nil {
		t.Fatal(err)
	}
	return aws.Endpoint(), credentials{Key: keys.AccessKeyID, Secret: keys.SecretAccessKey}
}

func TestClients(t *testing.T) {
	t.Parallel()
	for name, begin := range map[string]func(t *testing.T, endpoint string, admin credentials) driver{
		"AWS CLI": func(t *testing.T, endpoint string, admin credentials) driver {
			return awsCLI(t, endpoint, environment(t, endpoint, region, admin))
		},
		"AWS CLI of the system": func(t *testing.T, endpoint string, admin credentials) driver {
			return systemCLI(t, endpoint, environment(t, endpoint, region, admin))
		},
		"boto3": func(t *testing.T, endpoint string, admin credentials) driver {
			return boto3(t, environment(t, endpoint, region, admin))
		},
		"JavaScript SDK": func(t *testing.T, endpoint string, admin credentials) driver {
			return javascript(t, environment(t, endpoint, region, admin))
		},
		"Go SDK": func(_ *testing.T, endpoint string, admin credentials) driver {
			return goSDK{endpoint, region, admin}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			endpoint, admin := start(t)
			d := begin(t, endpoint, admin)
			roles(t, d)
			documents(t, d)
			commands(t, d)
			cancelled(t, d)
			output(t, d)
			parameters(t, d)
		})
	}
}

func roles(t *testing.T, d driver) {
	t.Helper()
	me := must(t, d, "sts", "GetCallerIdentity", map[string]any{}, nil)
	if at(me, "Account") != account || !strings.HasSuffix(at(me, "Arn"), ":user/administrator") {
		t.Errorf("the administrator is %v", me)
	}
	must(t, d, "iam", "CreateRole", map[string]any{"RoleName": "deploy", "AssumeRolePolicyDocument": accountTrust, "MaxSessionDuration": 7200}, nil)
	must(t, d, "iam", "PutRolePolicy", map[string]any{"RoleName": "deploy", "PolicyName": "queue", "PolicyDocument": queueOnly}, nil)
	got := must(t, d, "iam", "GetRole", map[string]any{"RoleName": "deploy"}, nil)
	if at(got, "Role", "Arn") != "arn:aws:iam::111111111111:role/deploy" || at(got, "Role", "MaxSessionDuration") != "7200" {
		t.Errorf("the role is %v", got)
	}
	refused(t, d, "iam", "CreateRole", map[string]any{"RoleName": "deploy", "AssumeRolePolicyDocument": accountTrust}, nil, "EntityAlreadyExists")
	refused(t, d, "iam", "PutRolePolicy", map[string]any{"RoleName": "deploy", "PolicyName": "bad", "PolicyDocument": "{"}, nil, "MalformedPolicyDocument")
	refused(t, d, "sts", "AssumeRole", map[string]any{"RoleArn": "arn:aws:iam::111111111111:role/node", "RoleSessionName": "run"}, nil, "AccessDenied")
}

// session assumes the deploy role.
func session(t *testing.T, d driver) *credentials {
	t.Helper()
	got := must(t, d, "sts", "AssumeRole", map[string]any{"RoleArn": "arn:aws:iam::111111111111:role/deploy", "RoleSessionName": "run-7"}, nil)
	c := &credentials{at(got, "Credentials", "AccessKeyId"), at(got, "Credentials", "SecretAccessKey"), at(got, "Credentials", "SessionToken")}
	me := must(t, d, "sts", "GetCallerIdentity", map[string]any{}, c)
	if at(me, "Arn") != "arn:aws:sts::111111111111:assumed-role/deploy/run-7" {
		t.Errorf("the session is %v", me)
	}
	return c
}

// document runs what Script says: only for the scenario, no example to follow.
func document(version string) string {
	text, err := json.Marshal(map[string]any{"schemaVersion": "2.2", "description": version,
		"parameters": map[string]any{"Script": map[string]any{"type": "String"}},
		"mainSteps":  []any{map[string]any{"action": "aws:runShellScript", "name": "release", "inputs": map[string]any{"runCommand": []string{"{{ Script }}"}, "timeoutSeconds": "60"}}}})
	if err != nil {
		panic(err) // maps of strings always encode
	}
	return string(text)
}

func documents(t *testing.T, d driver) {
	t.Helper()
	in := map[string]any{"Name": "scenario", "DocumentType": "Command", "Content": document("one")}
	got := must(t, d, "ssm", "CreateDocument", in, nil)
	if at(got, "DocumentDescription", "DocumentVersion") != "1" {
		t.Errorf("the new document is %v", got)
	}
	refused(t, d, "ssm", "CreateDocument", in, nil, "DocumentAlreadyExists")
	in = map[string]any{"Name": "scenario", "Content": document("two"), "DocumentVersion": "$LATEST"}
	got = must(t, d, "ssm", "UpdateDocument", in, nil)
	if at(got, "DocumentDescription", "LatestVersion") != "2" || at(got, "DocumentDescription", "DefaultVersion") != "1" {
		t.Errorf("the updated document is %v", got)
	}
	refused(t, d, "ssm", "UpdateDocument", in, nil, "DuplicateDocumentContent")
	must(t, d, "ssm", "UpdateDocumentDefaultVersion", map[string]any{"Name": "scenario", "DocumentVersion": "2"}, nil)
	got = must(t, d, "ssm", "DescribeDocument", map[string]any{"Name": "scenario"}, nil)
	if at(got, "Document", "Status") != "Active" || at(got, "Document", "DefaultVersion") != "2" || at(got, "Document", "Description") != "two" {
		t.Errorf("the document is %v", got)
	}
	if got = must(t, d, "ssm", "GetDocument", map[string]any{"Name": "scenario", "DocumentVersion": "1"}, nil); at(got, "Content") != document("one") {
		t.Errorf("version 1 is %v", got)
	}
	refused(t, d, "ssm", "GetDocument", map[string]any{"Name": "no-such-document"}, nil, "InvalidDocument")
}

func send(t *testing.T, d driver, as *credentials, script string, more map[string]any) map[string]any {
	t.Helper()
	in := map[string]any{"DocumentName": "scenario", "InstanceIds": []string{instance}, "Parameters": map[string]any{"Script": []string{script}}}
	for name, value := range more {
		in[name] = value
	}
	id := at(must(t, d, "ssm", "SendCommand", in, as), "Command", "CommandId")
	return map[string]any{"CommandId": id, "InstanceId": instance}
}

// commands is D0's story with a success and a failure: the role that may only send cannot see, the one that may poll can.
func commands(t *testing.T, d driver) {
	t.Helper()
	nodes := must(t, d, "ssm", "DescribeInstanceInformation", map[string]any{"Filters": []any{map[string]any{"Key": "InstanceIds", "Values": []string{instance}}}}, nil)
	if list, _ := nodes["InstanceInformationList"].([]any); len(list) != 1 || at(list, "PingStatus") != "Online" {
		t.Errorf("the nodes are %v", nodes)
	}
	as := session(t, d)
	sent := send(t, d, as, "echo hello from $(hostname >/dev/null && echo a node)", nil)
	refused(t, d, "ssm", "GetCommandInvocation", sent, as, "AccessDeniedException")
	must(t, d, "iam", "PutRolePolicy", map[string]any{"RoleName": "deploy", "PolicyName": "poll", "PolicyDocument": pollToo}, nil)
	must(t, d, "ssm", "wait", sent, as)
	got := must(t, d, "ssm", "GetCommandInvocation", sent, as)
	if at(got, "Status") != "Success" || at(got, "ResponseCode") != "0" || at(got, "StandardOutputContent") != "hello from a node\n" {
		t.Errorf("the command ended as %v", got)
	}
	failing := send(t, d, as, "echo broken >&2; exit 3", nil)
	settle()
	refused(t, d, "ssm", "wait", failing, as, "WaiterError")
	got = must(t, d, "ssm", "GetCommandInvocation", failing, as)
	if at(got, "Status") != "Failed" || at(got, "ResponseCode") != "3" || !strings.Contains(at(got, "StandardErrorContent"), "broken") {
		t.Errorf("the failing command ended as %v", got)
	}
	refused(t, d, "ssm", "SendCommand", map[string]any{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{instance},
		"Parameters": map[string]any{"commands": []string{"id"}}}, as, "AccessDeniedException")
	refused(t, d, "ssm", "GetCommandInvocation", map[string]any{"CommandId": "00000000-0000-0000-0000-000000000000", "InstanceId": instance}, as, "InvocationDoesNotExist")
	refused(t, d, "ssm", "ListCommands", map[string]any{}, as, "AccessDeniedException")
}

// settle lets a short command end, so that a waiter finds it ended when it looks first: it looks again after 5 seconds.
func settle() { time.Sleep(300 * time.Millisecond) }

func cancelled(t *testing.T, d driver) {
	t.Helper()
	sent := send(t, d, nil, "sleep 60", nil)
	await(t, d, sent, "InProgress")
	must(t, d, "ssm", "CancelCommand", map[string]any{"CommandId": sent["CommandId"]}, nil)
	await(t, d, sent, "Cancelled")
	got := must(t, d, "ssm", "ListCommands", map[string]any{"CommandId": sent["CommandId"]}, nil)
	if at(got, "Commands", "Status") != "Cancelled" || at(got, "Commands", "CompletedCount") != "1" {
		t.Errorf("the cancelled command is %v", got)
	}
}

func await(t *testing.T, d driver, sent map[string]any, status string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		got := must(t, d, "ssm", "GetCommandInvocation", sent, nil)
		if at(got, "Status") == status {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the command does not become %s: %v", status, got)
		}
	}
}

// output goes to S3, written with the node's role, whole.
func output(t *testing.T, d driver) {
	t.Helper()
	must(t, d, "s3", "CreateBucket", map[string]any{"Bucket": bucket, "CreateBucketConfiguration": map[string]any{"LocationConstraint": region}}, nil)
	sent := send(t, d, nil, "seq 1 20000", map[string]any{"OutputS3BucketName": bucket, "OutputS3KeyPrefix": "deploys"})
	settle()
	must(t, d, "ssm", "wait", sent, nil)
	got := must(t, d, "ssm", "GetCommandInvocation", sent, nil)
	if content := at(got, "StandardOutputContent"); len(content) > 24000 || !strings.Contains(at(got, "StandardOutputUrl"), bucket) {
		t.Errorf("%d characters of output at %s", len(content), at(got, "StandardOutputUrl"))
	}
	listed := must(t, d, "s3", "ListObjectsV2", map[string]any{"Bucket": bucket, "Prefix": "deploys/" + at(sent, "CommandId") + "/" + instance + "/"}, nil)
	key := at(listed, "Contents", "Key")
	if !strings.HasSuffix(key, "/stdout") {
		t.Fatalf("the objects are %v", listed)
	}
	body := at(must(t, d, "s3", "GetObject", map[string]any{"Bucket": bucket, "Key": key}, nil), "Body")
	if !strings.HasSuffix(body, "\n20000\n") || len(body) < 100_000 {
		t.Errorf("the object has %d bytes, want all lines of the output", len(body))
	}
	refused(t, d, "s3", "GetObject", map[string]any{"Bucket": bucket, "Key": "nothing"}, nil, "NoSuchKey")
}

func parameters(t *testing.T, d driver) {
	t.Helper()
	put := func(name, value, kind string, overwrite bool) map[string]any {
		return map[string]any{"Name": name, "Value": value, "Type": kind, "Overwrite": overwrite}
	}
	must(t, d, "ssm", "PutParameter", put("/shop/dev/url", "https://shop.example", "String", false), nil)
	must(t, d, "ssm", "PutParameter", put("/shop/dev/secret", "tr0ub4dor", "SecureString", false), nil)
	refused(t, d, "ssm", "PutParameter", put("/shop/dev/url", "x", "String", false), nil, "ParameterAlreadyExists")
	if got := must(t, d, "ssm", "PutParameter", put("/shop/dev/url", "https://new.example", "String", true), nil); at(got, "Version") != "2" {
		t.Errorf("the new version is %v", got)
	}
	secret := map[string]any{"Name": "/shop/dev/secret"}
	if got := must(t, d, "ssm", "GetParameter", secret, nil); at(got, "Parameter", "Value") == "tr0ub4dor" {
		t.Errorf("the secret is given without decryption: %v", got)
	}
	secret["WithDecryption"] = true
	if got := must(t, d, "ssm", "GetParameter", secret, nil); at(got, "Parameter", "Value") != "tr0ub4dor" || at(got, "Parameter", "Type") != "SecureString" {
		t.Errorf("the secret is %v", got)
	}
	got := must(t, d, "ssm", "GetParametersByPath", map[string]any{"Path": "/shop", "Recursive": true}, nil)
	if list, _ := got["Parameters"].([]any); len(list) != 2 {
		t.Errorf("below /shop there is %v", got)
	}
	got = must(t, d, "ssm", "GetParameterHistory", map[string]any{"Name": "/shop/dev/url"}, nil)
	if list, _ := got["Parameters"].([]any); len(list) != 2 || at(list, "Value") != "https://shop.example" {
		t.Errorf("the history is %v", got)
	}
	must(t, d, "ssm", "DeleteParameter", map[string]any{"Name": "/shop/dev/secret"}, nil)
	refused(t, d, "ssm", "GetParameter", secret, nil, "ParameterNotFound")
}

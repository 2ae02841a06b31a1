package ssm_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
)

func TestSendCommandErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	w.do("CreateDocument", object{"Name": "release", "Content": deploy})
	w.do("CreateDocument", object{"Name": "windows", "Content": `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:psModule","name":"step","inputs":{"runCommand":["x"]}}]}`})
	must(t, w.ec2.Launch(t.Context(), ec2.Instance{ID: nodeID(9), Account: account, Region: region}))
	ids := []string{a.id}
	base := func(more object) object {
		in := object{"DocumentName": "release", "InstanceIds": ids, "Parameters": object{"Version": []string{"1.2"}}}
		for k, v := range more {
			in[k] = v
		}
		return in
	}
	many := make([]string, 51)
	for i := range many {
		many[i] = nodeID(i + 1)
	}
	for name, tc := range map[string]struct {
		more object
		code string
	}{
		"accepted":                {nil, ""},
		"accepted with hash":      {object{"DocumentHash": hash(deploy), "DocumentHashType": "Sha256"}, ""},
		"other hash":              {object{"DocumentHash": hash("x"), "DocumentHashType": "Sha256"}, "InvalidDocument"},
		"no such document":        {object{"DocumentName": "nothing"}, "InvalidDocument"},
		"other account's":         {object{"DocumentName": "arn:aws:ssm:" + region + ":" + stranger + ":document/release"}, "InvalidDocument"},
		"AWS document, account":   {object{"DocumentName": "arn:aws:ssm:" + region + ":" + account + ":document/AWS-RunShellScript"}, "InvalidDocument"},
		"no such version":         {object{"DocumentVersion": "7"}, "InvalidDocumentVersion"},
		"bad version":             {object{"DocumentVersion": "zero"}, "ValidationException"},
		"no document":             {object{"DocumentName": ""}, "ValidationException"},
		"unknown parameter":       {object{"Parameters": object{"Version": []string{"1"}, "X": []string{"1"}}}, "InvalidParameters"},
		"missing parameter":       {object{"Parameters": object{}}, "InvalidParameters"},
		"two values":              {object{"Parameters": object{"Version": []string{"1", "2"}}}, "InvalidParameters"},
		"injection":               {object{"Parameters": object{"Version": []string{"1; id"}}}, "InvalidParameters"},
		"parameter":               {object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"echo {{ssm:/app/version}}"}}}, ""},
		"parameter of a pattern":  {object{"Parameters": object{"Version": []string{"{{ ssm:/app/version }}"}}}, ""},
		"pattern and parameter":   {object{"Parameters": object{"Version": []string{"{{ ssm:/app/version }};id"}}}, "InvalidParameters"},
		"secret parameter":        {object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"echo {{ssm:/app/key}}"}}}, "InvalidParameters"},
		"no such parameter":       {object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{"echo {{ssm:x}}"}}}, "InvalidParameters"},
		"too large":               {object{"DocumentName": "AWS-RunShellScript", "Parameters": object{"commands": []string{strings.Repeat("x", 65000)}}}, "MaxDocumentSizeExceeded"},
		"unknown instance":        {object{"InstanceIds": []string{nodeID(7)}}, "InvalidInstanceId"},
		"agent never reported":    {object{"InstanceIds": []string{nodeID(9)}}, "InvalidInstanceId"},
		"twice":                   {object{"InstanceIds": []string{a.id, a.id}}, "DuplicateInstanceId"},
		"malformed id":            {object{"InstanceIds": []string{"i-1"}}, "ValidationException"},
		"51 ids":                  {object{"InstanceIds": many}, "ValidationException"},
		"wrong platform":          {object{"DocumentName": "windows", "Parameters": object{}}, "UnsupportedPlatformType"},
		"timeout too short":       {object{"TimeoutSeconds": 29}, "ValidationException"},
		"timeout too long":        {object{"TimeoutSeconds": 2592001}, "ValidationException"},
		"timeout is text":         {object{"TimeoutSeconds": "60"}, "SerializationException"},
		"long comment":            {object{"Comment": strings.Repeat("x", 101)}, "ValidationException"},
		"comment of 100 runes":    {object{"Comment": strings.Repeat("é", 100)}, ""},
		"no concurrency":          {object{"MaxConcurrency": "0"}, "ValidationException"},
		"0 percent":               {object{"MaxConcurrency": "0%"}, "ValidationException"},
		"0 errors":                {object{"MaxErrors": "0"}, ""},
		"0 percent errors":        {object{"MaxErrors": "0%"}, ""},
		"101 percent":             {object{"MaxErrors": "101%"}, "ValidationException"},
		"ids and targets":         {object{"Targets": []object{{"Key": "tag:App", "Values": []string{"web"}}}}, "ValidationException"},
		"neither":                 {object{"InstanceIds": []string{}}, "ValidationException"},
		"resource group":          {object{"InstanceIds": []string{}, "Targets": []object{{"Key": "resource-groups:Name", "Values": []string{"x"}}}}, "ValidationException"},
		"unknown target key":      {object{"InstanceIds": []string{}, "Targets": []object{{"Key": "App", "Values": []string{"x"}}}}, "ValidationException"},
		"short bucket":            {object{"OutputS3BucketName": "ab"}, "ValidationException"},
		"unknown event":           {object{"NotificationConfig": object{"NotificationEvents": []string{"Nothing"}}}, "ValidationException"},
		"notification, no role":   {object{"NotificationConfig": object{"NotificationArn": "arn:aws:sns:eu-west-1:111111111111:x"}}, "InvalidRole"},
		"notification":            {object{"NotificationConfig": object{"NotificationArn": "arn:aws:sns:eu-west-1:111111111111:x", "NotificationEvents": []string{"All"}, "NotificationType": "Invocation"}, "ServiceRoleArn": "arn:aws:iam::111111111111:role/notify"}, ""},
		"notification, no topic":  {object{"NotificationConfig": object{"NotificationArn": "arn:aws:sqs:eu-west-1:111111111111:x"}, "ServiceRoleArn": "arn:aws:iam::111111111111:role/notify"}, "InvalidNotificationConfig"},
		"notification of events":  {object{"NotificationConfig": object{"NotificationEvents": []string{"All"}}, "ServiceRoleArn": "arn:aws:iam::111111111111:role/notify"}, "InvalidNotificationConfig"},
		"no notification":         {object{"NotificationConfig": object{"NotificationEvents": []string{}}}, ""},
		"alarm that is not there": {object{"AlarmConfiguration": object{"Alarms": []object{{"Name": "a"}}}}, ""}, // it ends later
		"alarm without a name":    {object{"AlarmConfiguration": object{"Alarms": []object{{"Name": " "}}}}, "ValidationException"},
		"output to S3":            {object{"OutputS3BucketName": "logs"}, ""},
		"long prefix":             {object{"OutputS3BucketName": "logs", "OutputS3KeyPrefix": strings.Repeat("x", 501)}, "ValidationException"},
		"output to CloudWatch":    {object{"CloudWatchOutputConfig": object{"CloudWatchOutputEnabled": true}}, ""},
		"no output":               {object{"CloudWatchOutputConfig": object{"CloudWatchOutputEnabled": false}}, ""},
		"role":                    {object{"ServiceRoleArn": "arn:aws:iam::111111111111:role/notify"}, ""},
		"no such role":            {object{"ServiceRoleArn": "arn:aws:iam::111111111111:role/nobody"}, "InvalidRole"},
		"role of a stranger":      {object{"ServiceRoleArn": "arn:aws:iam::222222222222:role/notify"}, "AccessDeniedException"},
		"no role":                 {object{"ServiceRoleArn": "notify"}, "InvalidRole"},
		"misnamed member":         {object{"timeoutSeconds": 1, "TIMEOUTSECONDS": 2}, ""},
		"two alarms":              {object{"AlarmConfiguration": object{"Alarms": []object{{"Name": "a"}, {"Name": "b"}}}}, "ValidationException"},
		"deprecated hash":         {object{"DocumentHash": "x", "DocumentHashType": "Sha1"}, "InvalidDocument"},
		"unknown hash":            {object{"DocumentHash": "x", "DocumentHashType": "Md5"}, "ValidationException"},
		"log group with a space":  {object{"CloudWatchOutputConfig": object{"CloudWatchLogGroupName": " ", "CloudWatchOutputEnabled": true}}, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := w.ask("admin", "ssm", "SendCommand", base(tc.more)); code != tc.code {
				t.Errorf("got %q, want %q: %v", code, tc.code, out)
			}
		})
	}
}

func TestErrorTexts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		operation string
		in        object
		want      string
	}{
		{"SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{nodeID(1)}, "Parameters": object{"commands": []string{"x"}}},
			"Instances [[" + nodeID(1) + "]] not in a valid state for account " + account},
		{"SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{"i-1"}},
			`1 validation error detected: Value '[i-1]' at 'instanceIds' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy regular expression pattern: (^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)]`},
		{"GetCommandInvocation", object{"InstanceId": nodeID(1)},
			"1 validation error detected: Value null at 'commandId' failed to satisfy constraint: Member must not be null"},
		{"GetCommandInvocation", object{"CommandId": "short", "InstanceId": "x"},
			`2 validation errors detected: Value 'short' at 'commandId' failed to satisfy constraint: Member must have length greater than or equal to 36; ` +
				`Value 'x' at 'instanceId' failed to satisfy constraint: Member must satisfy regular expression pattern: (^i-(\w{8}|\w{17})$)|(^mi-\w{17}$)`},
		{"ListCommandInvocations", object{"MaxResults": 51},
			"1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50"},
	} {
		out, _ := w.ask("admin", "ssm", tc.operation, tc.in)
		got := text(out, "message")
		if got == "<nil>" {
			got = text(out, "Message")
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", tc.operation, diff)
		}
	}
}

func TestTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.node(1, map[string]string{"App": "web", "Env": "dev"})
	w.node(2, map[string]string{"App": "web", "Env": "prod"})
	w.node(3, map[string]string{"App": "api"})
	w.node(4, nil)
	for name, tc := range map[string]struct {
		targets []object
		want    string
	}{
		"one tag":      {[]object{{"Key": "tag:App", "Values": []string{"web"}}}, "1 2"},
		"or of values": {[]object{{"Key": "tag:App", "Values": []string{"web", "api"}}}, "1 2 3"},
		"and of keys":  {[]object{{"Key": "tag:App", "Values": []string{"web"}}, {"Key": "tag:Env", "Values": []string{"dev"}}}, "1"},
		"tag key":      {[]object{{"Key": "tag-key", "Values": []string{"Env", "Other"}}}, "1 2"},
		"ids":          {[]object{{"Key": "InstanceIds", "Values": []string{nodeID(4), nodeID(8)}}}, "4"},
		"nothing":      {[]object{{"Key": "tag:App", "Values": []string{"none"}}}, ""},
		"case matters": {[]object{{"Key": "tag:App", "Values": []string{"WEB"}}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			id := w.shell(object{"Targets": tc.targets})
			var got []string
			for n := 1; n <= 4; n++ {
				if _, code := w.ask("admin", "ssm", "GetCommandInvocation", object{"CommandId": id, "InstanceId": nodeID(n)}); code == "" {
					got = append(got, fmt.Sprint(n))
				}
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Error(diff)
			}
			status, _ := w.parent(id)
			if empty := status == "Success/NoInstancesInTag"; empty != (tc.want == "") {
				t.Errorf("command is %s", status)
			}
		})
	}
}

// sender may send one document to nodes tagged App=web, written as D0 and the user guide have it.
const sender = `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ssm:eu-west-1::document/AWS-RunShellScript"},
{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ec2:eu-west-1:111111111111:instance/*","Condition":{"StringEquals":{"%s/App":"web"}}}]}`

// TestR001SendIsAuthorisedOnDocumentAndNodes: named nodes are refused at once, tagged ones later and one by one.
func TestR001SendIsAuthorisedOnDocumentAndNodes(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"ssm:resourceTag", "aws:ResourceTag"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.user("sender", account, fmt.Sprintf(sender, key))
			web, api := w.node(1, map[string]string{"App": "web", "Env": "dev"}), w.node(2, map[string]string{"App": "api", "Env": "dev"})
			w.do("CreateDocument", object{"Name": "release", "Content": deploy})
			send := func(in object) (object, string) {
				in["Parameters"] = object{"commands": []string{"true"}}
				if in["DocumentName"] == nil {
					in["DocumentName"] = "AWS-RunShellScript"
				}
				return w.ask("sender", "ssm", "SendCommand", in)
			}
			if out, code := send(object{"InstanceIds": []string{web.id}}); code != "" {
				t.Error(code, out)
			}
			for _, ids := range [][]string{{api.id}, {web.id, api.id}, {nodeID(5)}} {
				if out, code := send(object{"InstanceIds": ids}); code != "AccessDeniedException" {
					t.Errorf("%v: %q %v", ids, code, out)
				}
			}
			if _, code := send(object{"InstanceIds": []string{web.id}, "DocumentName": "release"}); code != "AccessDeniedException" {
				t.Error(code)
			}
			out, code := send(object{"Targets": []object{{"Key": "tag:Env", "Values": []string{"dev"}}}})
			if code != "" {
				t.Fatal(code, out)
			}
			id := text(out, "Command", "CommandId")
			if got := w.status(id, web.id) + " " + w.status(id, api.id); got != "Pending/Pending Failed/AccessDenied" {
				t.Error(got)
			}
			if got := len(web.messages()); got != 2 {
				t.Errorf("%d messages for the node that may be reached", got)
			}
			if w.queued(api.id) {
				t.Error("a command was delivered to a node that the sender may not reach")
			}
		})
	}
}

func TestPassRoleIsDemanded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("sender", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"}]}`)
	a := w.node(1, nil)
	out, code := w.ask("sender", "ssm", "SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id},
		"Parameters": object{"commands": []string{"x"}}, "ServiceRoleArn": "arn:aws:iam::111111111111:role/notify"})
	if code != "AccessDeniedException" || !strings.Contains(fmt.Sprint(out), "iam:PassRole") {
		t.Error(code, out)
	}
}

// TestParametersAreTheSendersToRead: who may not read a parameter cannot have a node read it.
func TestParametersAreTheSendersToRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("sender", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"*"},
		{"Effect":"Allow","Action":"ssm:GetParameters","Resource":"arn:aws:ssm:eu-west-1:111111111111:parameter/other/*"}]}`)
	a := w.node(1, nil)
	out, code := w.ask("sender", "ssm", "SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id},
		"Parameters": object{"commands": []string{"echo {{ssm:/app/version}}"}}})
	if code != "AccessDeniedException" || !strings.Contains(fmt.Sprint(out), "parameter/app/version") {
		t.Error(code, out)
	}
}

// TestMaxErrorsOfFifty: with 10% of 50 nodes the sixth error is one too many.
func TestMaxErrorsOfFifty(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	agents := w.nodes(50, map[string]string{"App": "web"})
	id := w.shell(object{"Targets": []object{{"Key": "tag:App", "Values": []string{"web"}}}, "MaxErrors": "10%", "MaxConcurrency": "1"})
	for i := range 6 {
		if got, _ := w.parent(id); got != "InProgress/InProgress" && i > 0 {
			t.Fatalf("after %d errors: %s", i, got)
		}
		agents[i].finish("Failed", 1)
	}
	if got := w.status(id, agents[6].id); got != "Cancelled/Terminated" {
		t.Error(got)
	}
	if status, counts := w.parent(id); status != "Failed/Failed" || counts != "50 50 6 0" {
		t.Error(status, counts)
	}
}

package localaws_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// s3 makes a request to S3 as the administrator.
func (p *place) s3(method, path, body string) (int, string) {
	p.t.Helper()
	r, err := http.NewRequest(method, p.aws.Endpoint()+path, strings.NewReader(body))
	check(p.t, err)
	sigv4.Sign(r, []byte(body), p.admin.cred, region, "s3", time.Now())
	resp, err := http.DefaultClient.Do(r)
	check(p.t, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	check(p.t, err)
	return resp.StatusCode, string(answer)
}

func (p *place) bucket(name string) {
	p.t.Helper()
	if status, answer := p.s3(http.MethodPut, "/"+name, `<CreateBucketConfiguration><LocationConstraint>`+region+`</LocationConstraint></CreateBucketConfiguration>`); status != http.StatusOK {
		p.t.Fatalf("make bucket: %d %s", status, answer)
	}
}

// stream gives the messages of a log stream, joined.
func (p *place) stream(group, stream string) (string, error) {
	var out struct{ Events []struct{ Message string } }
	err := p.admin.ask("logs", "GetLogEvents", map[string]any{"logGroupName": group, "logStreamName": stream, "startFromHead": true}, &out)
	var all []string
	for _, e := range out.Events {
		all = append(all, e.Message)
	}
	return strings.Join(all, "|"), err
}

const outputActions = `"s3:ListBucket","s3:GetEncryptionConfiguration","s3:PutObject","s3:PutObjectAcl",
	"logs:CreateLogGroup","logs:DescribeLogGroups","logs:CreateLogStream","logs:DescribeLogStreams","logs:PutLogEvents"`

// TestOutput: the complete output goes to the bucket and the log group, with the node's role. Without permission the
// command succeeds all the same, and its reply names the bucket.
func TestOutput(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nodeActions+","+outputActions, nodeActions)
	p.bucket("output")
	wanted := map[string]any{"OutputS3BucketName": "output", "OutputS3KeyPrefix": "web/logs",
		"CloudWatchOutputConfig": map[string]any{"CloudWatchOutputEnabled": true, "CloudWatchLogGroupName": "/web/deploys"}}
	var ids []string
	for n := range 2 {
		ids = append(ids, p.send(n, wanted, "i=0; while [ $i -lt 4000 ]; do echo line $i; i=$((i+1)); done", "echo bad >&2", "exit 3"))
	}
	for n, id := range ids {
		got := p.wait(id, n)
		url := "/output/web/logs/" + id + "/" + instance(n) + "/awsrunShellScript/0.awsrunShellScript/stdout"
		if got.StatusDetails != "Failed" || got.ResponseCode != 3 || !strings.HasSuffix(got.StandardOutputUrl, url) {
			t.Errorf("node %d: got %s %d %s", n, got.StatusDetails, got.ResponseCode, got.StandardOutputUrl)
		}
		status, content := p.s3(http.MethodGet, url, "")
		_, errors := p.s3(http.MethodGet, strings.TrimSuffix(url, "stdout")+"stderr", "")
		log, err := p.stream("/web/deploys", id+"/"+instance(n)+"/aws-runShellScript/stdout")
		logged, _ := p.stream("/web/deploys", id+"/"+instance(n)+"/aws-runShellScript/stderr")
		if n == 1 {
			if status != http.StatusNotFound || err == nil {
				t.Errorf("written without permission: %d, %v", status, err)
			}
			continue
		}
		if status != http.StatusOK || !strings.HasSuffix(content, "line 3999\n") || len(content) < 24000 || errors != "bad\nfailed to run commands: exit status 3" {
			t.Errorf("%d: %d bytes, %q", status, len(content), errors)
		}
		if err != nil || strings.ReplaceAll(log, "|", "")+"\n" != content || logged != errors {
			t.Errorf("%v: %d bytes logged, %q", err, len(log), logged)
		}
	}
	denied := map[string]bool{}
	for _, name := range []string{"PutObject", "CreateLogGroup"} {
		for _, e := range p.events(name) {
			denied[name] = denied[name] || e.ErrorCode != "" && strings.HasSuffix(e.UserIdentity.ARN, instance(1))
		}
	}
	if diff := cmp.Diff(map[string]bool{"PutObject": true, "CreateLogGroup": true}, denied); diff != "" {
		t.Errorf("the log does not tell what was denied: %s", diff)
	}
}

// TestOutputAsItComes: a log stream is written while the script runs, and steps have names of their own.
func TestOutputAsItComes(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nodeActions+","+outputActions)
	p.bucket("output")
	check(t, p.admin.ask("ssm", "CreateDocument", map[string]any{"Name": "Steps", "DocumentType": "Command", "Content": `{"schemaVersion":"2.2","mainSteps":[
		{"action":"aws:runShellScript","name":"first","inputs":{"runCommand":["echo one"]}},
		{"action":"aws:runShellScript","name":"second","inputs":{"runCommand":["echo begun","sleep 90"]}}]}`}, nil))
	id := p.send(0, map[string]any{"DocumentName": "Steps", "Parameters": map[string]any{}, "OutputS3BucketName": "output",
		"CloudWatchOutputConfig": map[string]any{"CloudWatchOutputEnabled": true}})
	var got []string
	for began := time.Now(); time.Since(began) < 40*time.Second; {
		first, _ := p.stream("/aws/ssm/Steps", id+"/"+instance(0)+"/first/stdout")
		second, _ := p.stream("/aws/ssm/Steps", id+"/"+instance(0)+"/second/stdout")
		if got = []string{first, second}; !slices.Contains(got, "") {
			break
		}
		time.Sleep(25 * time.Millisecond)
	}
	if diff := cmp.Diff([]string{"one", "begun\n"}, got); diff != "" {
		t.Error(diff)
	}
	if status, content := p.s3(http.MethodGet, "/output/"+id+"/"+instance(0)+"/awsrunShellScript/first/stdout", ""); content != "one\n" {
		t.Errorf("%d %q", status, content)
	}
	check(t, p.admin.ask("ssm", "CancelCommand", map[string]string{"CommandId": id}, nil))
	for p.result(id, 0).StatusDetails == "InProgress" {
		time.Sleep(10 * time.Millisecond)
	}
	for began := time.Now(); time.Since(began) < 40*time.Second; {
		if status, content := p.s3(http.MethodGet, "/output/"+id+"/"+instance(0)+"/awsrunShellScript/second/stdout", ""); status == http.StatusOK {
			if content != "begun\n" {
				t.Errorf("got %q", content)
			}
			return
		}
		time.Sleep(25 * time.Millisecond)
	}
	t.Error("a cancelled step has no output")
}

package localaws_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const region = "eu-west-1"

// fleet is a local AWS with simulated nodes: they connect, take their commands and answer Success, and run nothing.
type fleet struct {
	t       *testing.T
	aws     *localaws.AWS
	control localaws.Control
	deploy  sigv4.Credentials
	ids     []string
	ends    sync.WaitGroup
	wires   []*wire
}

// deployPolicy is what a release of one stage needs.
const deployPolicy = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ssm:*:*:document/AWS-RunShellScript"},
	{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ec2:*:*:instance/*",
	 "Condition":{"StringEquals":{"ssm:resourceTag/Fleet":"figures"}}},
	{"Effect":"Allow","Action":["ssm:GetCommandInvocation","ssm:ListCommands"],"Resource":"*"}]}`

const figuresTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`

func newFleet(t *testing.T, nodes int) *fleet {
	t.Helper()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: t.TempDir(), Logf: t.Logf})
	check(t, err)
	f := &fleet{t: t, aws: aws}
	_, err = aws.EnsureAccount(t.Context(), account)
	check(t, err)
	check(t, aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "Node", Trust: []byte(ec2Trust), InstanceProfile: true,
		Managed: []string{"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"}}))
	check(t, aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "Deploy", Trust: []byte(figuresTrust),
		Policies: map[string][]byte{"deploy": []byte(deployPolicy)}}))
	check(t, aws.Serve("127.0.0.1:0"))
	f.control, err = aws.WriteControl(t.Context(), region)
	check(t, err)
	session, err := f.control.RoleCredentials(t.Context(), account, "Deploy")
	check(t, err)
	f.deploy = sigv4.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.SecretAccessKey, SessionToken: session.SessionToken}
	f.connect(nodes)
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// connect starts the nodes and returns when all have reported.
func (f *fleet) connect(nodes int) {
	f.t.Helper()
	f.wires, f.ids = make([]*wire, nodes), make([]string, nodes)
	failed := make(chan error, nodes)
	limit := make(chan struct{}, 32)
	var ready sync.WaitGroup
	for n := range nodes {
		f.ids[n] = fmt.Sprintf("i-%017x", n+1)
		ready.Go(func() {
			limit <- struct{}{}
			defer func() { <-limit }()
			w, err := f.launch(f.ids[n])
			if err != nil {
				failed <- err
				return
			}
			f.wires[n] = w
		})
	}
	ready.Wait()
	select {
	case err := <-failed:
		f.t.Fatal(err)
	default:
	}
	for n, w := range f.wires {
		f.ends.Go(func() { obey(w, f.ids[n]) })
	}
}

// launch makes an instance and reports for it.
func (f *fleet) launch(id string) (*wire, error) {
	instance := ec2.Instance{ID: id, Account: account, Region: region, Tags: map[string]string{"Fleet": "figures"},
		ProfileARN: "arn:aws:iam::" + account + ":instance-profile/Node"}
	if err := f.aws.Launch(f.t.Context(), instance); err != nil {
		return nil, err
	}
	c, err := f.aws.InstanceCredentials(f.t.Context(), instance)
	if err != nil {
		return nil, err
	}
	w, err := dial(f.aws.Endpoint(), sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken})
	if err != nil {
		return nil, err
	}
	return w, w.ask("ssm", "UpdateInstanceInformation", map[string]string{"InstanceId": id, "AgentName": "amazon-ssm-agent",
		"AgentVersion": "3.3.3050.0", "AgentStatus": "Active", "PlatformType": "Linux", "PlatformName": "Simulated", "ComputerName": id}, nil)
}

// obey takes commands and answers Success until the connection ends.
func obey(w *wire, id string) {
	const done = `{"additionalInfo":{"agent":{"ver":"3.3.3050.0"}},"documentStatus":"Success","documentTraceOutput":"","runtimeStatus":{` +
		`"aws:runShellScript":{"status":"Success","code":0,"name":"aws:runShellScript","output":"ok","standardOutput":"ok","standardError":"",` +
		`"startDateTime":"2026-11-22T04:30:00.000Z","endDateTime":"2026-11-22T04:30:01.250Z"}}}`
	for {
		var out struct{ Messages []struct{ MessageId string } }
		err := w.ask("ec2messages", "GetMessages", map[string]any{"Destination": id, "MessagesRequestId": "00000000-0000-4000-8000-000000000000", "VisibilityTimeoutInSeconds": 30}, &out)
		for _, m := range out.Messages {
			if err == nil {
				err = w.ask("ec2messages", "AcknowledgeMessage", map[string]string{"MessageId": m.MessageId}, nil)
			}
			if err == nil {
				err = w.ask("ec2messages", "SendReply", map[string]string{"MessageId": m.MessageId, "ReplyId": m.MessageId, "Payload": done}, nil)
			}
		}
		if err != nil {
			return // the connection was closed; what is missing shows in the counts
		}
	}
}

func (f *fleet) close() {
	for _, w := range f.wires {
		_ = w.conn.Close()
	}
	f.ends.Wait()
	check(f.t, f.aws.Close(f.t.Context()))
}

package localaws_test

import (
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const region = "eu-west-1"

// fleet is a local AWS with a role that nodes have and one that deploys to them.
type fleet struct {
	t       *testing.T
	aws     *localaws.AWS
	control localaws.Control
	deploy  sigv4.Credentials
	ids     []string
}

// deployPolicy is what a release of one stage needs.
const deployPolicy = `{"Version":"2012-10-17","Statement":[
	{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ssm:*:*:document/AWS-RunShellScript"},
	{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ec2:*:*:instance/*",
	 "Condition":{"StringEquals":{"ssm:resourceTag/Fleet":"figures"}}},
	{"Effect":"Allow","Action":["ssm:GetCommandInvocation","ssm:ListCommands"],"Resource":"*"}]}`

const figuresTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"sts:AssumeRole"}]}`

func newFleet(t *testing.T) *fleet {
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
	return f
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *fleet) close() { check(f.t, f.aws.Close(f.t.Context())) }

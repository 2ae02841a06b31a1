package localaws_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

const ssmTrust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ssm.amazonaws.com"},"Action":"sts:AssumeRole"}]}`

// TestDefaultHostManagement: the genuine agent on an instance without a profile registers its key, and gets the role that
// the account has for such instances.
func TestDefaultHostManagement(t *testing.T) {
	t.Parallel()
	const id, role = "i-00000000000000009", "DefaultHosts"
	a := cellsOf(t, genuineAgent(t))
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssm:ListInstanceAssociations",` +
		scenarioRoles[wholeRole] + `],"Resource":"*"}]}`
	if err := a.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: role, Trust: []byte(ssmTrust), Policies: map[string][]byte{"node": []byte(policy)}}); err != nil {
		t.Fatal(err)
	}
	if err := a.Launch(t.Context(), ec2.Instance{ID: id, Account: account, Region: scenarioRegion, PrivateIP: "10.0.0.9"}); err != nil {
		t.Fatal(err)
	}
	if err := a.Serve("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	admin := callerOf(t, a, account, scenarioRegion)
	admin.must(t, "ssm", "UpdateServiceSetting", `{"SettingId":"/ssm/managed-instance/default-ec2-instance-management-role","SettingValue":"`+role+`"}`)
	if err := a.StartNodes(t.Context()); errors.Is(err, node.ErrNoEnclosure) {
		t.Skipf("no cells here: %v", err)
	} else if err != nil {
		t.Fatal(err)
	}
	if err := a.AwaitNodes(t.Context(), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	keys, err := a.EnsureAccount(t.Context(), account)
	if err != nil {
		t.Fatal(err)
	}
	w := world{aws: a, ssm: sdkssm.NewFromConfig(sdkConfig(a, keys)), nodes: map[string]string{wholeRole: id}}
	_, r, err := w.command(t, step{role: wholeRole, commands: []string{"echo managed"}})
	if err != nil || r.Stdout != "managed\n" {
		t.Errorf("got %+v, %v", r, err)
	}
	events, err := a.Events().List(t.Context(), gateway.Filter{Name: "RequestManagedInstanceRoleToken"})
	if err != nil || len(events) == 0 || events[0].ErrorCode != "" {
		t.Errorf("the agent's requests for credentials: %+v, %v", events, err)
	}
}

// cellsOf opens a local AWS whose nodes are cells.
func cellsOf(t *testing.T, agentDir string) *localaws.AWS {
	t.Helper()
	a := openWith(t, localaws.NodePolicy{AgentDir: agentDir})
	if _, err := a.EnsureAccount(t.Context(), account); err != nil {
		t.Fatal(err)
	}
	return a
}

// TestHybridActivation: the genuine agent registers as a machine outside of EC2, signs with its own key, and is a node.
func TestHybridActivation(t *testing.T) {
	t.Parallel()
	w := startNodes(t, genuineAgent(t))
	w.logOf(t, w.nodes[wholeRole])
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssm:ListInstanceAssociations",` +
		scenarioRoles[wholeRole] + `],"Resource":"*"}]}`
	spec := iam.RoleSpec{Account: account, Name: "Outside", Trust: []byte(ssmTrust), Policies: map[string][]byte{"node": []byte(policy)}}
	if err := w.aws.PutRole(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	made := decode[struct{ ActivationId, ActivationCode string }](t, w.admin.must(t, "ssm", "CreateActivation", `{"IamRole":"Outside"}`))
	// With the registration in place, the agent that is started anew is another node.
	_, r, err := w.command(t, step{role: wholeRole, commands: []string{
		"/run/amazon-ssm-agent/amazon-ssm-agent -register -code '" + made.ActivationCode + "' -id " + made.ActivationId + " -region " + scenarioRegion + " -y",
		"(sleep 1; grep -l amazon-ssm-agent/amazon-ssm-agent /proc/[0-9]*/cmdline | cut -d/ -f3 | xargs kill -9) >/dev/null 2>&1 &",
	}})
	if err != nil || r.Status != "Success" {
		t.Fatalf("register: %+v, %v", r, err)
	}
	hybrid := ""
	for deadline := time.Now().Add(30 * time.Second); hybrid == ""; time.Sleep(100 * time.Millisecond) {
		list := decode[struct {
			InstanceInformationList []struct{ InstanceId, ActivationId, PingStatus string }
		}](t, w.admin.must(t, "ssm", "DescribeInstanceInformation", `{}`))
		for _, i := range list.InstanceInformationList {
			if i.ActivationId == made.ActivationId && i.PingStatus == "Online" {
				hybrid = i.InstanceId
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("no hybrid node: %+v", list)
		}
	}
	w.nodes["hybrid"] = hybrid
	_, r, err = w.command(t, step{role: "hybrid", commands: []string{"echo $AWS_SSM_INSTANCE_ID"}})
	if err != nil || r.Stdout != hybrid+"\n" || !strings.HasPrefix(hybrid, "mi-") {
		t.Errorf("got %+v, %v from %s", r, err, hybrid)
	}
}

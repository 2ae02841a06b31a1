package ssm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/hybrid"
)

// machineOutside registers a hybrid node and has its agent report.
func (w *world) machineOutside(tags map[string]string) *agent {
	w.t.Helper()
	id := "mi-" + strings.Repeat("b", 17)
	w.outside[id] = hybrid.Node{ID: id, Account: account, Region: region, Role: "Outside", Tags: tags}
	w.nodeSession(id, "Outside", allowAll)
	a := &agent{w, id}
	a.call("ssm", "UpdateInstanceInformation", object{"AgentVersion": "3.3.2746.0", "InstanceId": id, "PlatformType": "Linux"})
	return a
}

// TestHybridNodesAreSentTo: by id and by tag, and permissions name them as Systems Manager's own.
func TestHybridNodesAreSentTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.machineOutside(map[string]string{"App": "till"})
	for _, in := range []object{{"InstanceIds": []string{a.id}}, {"Targets": []object{{"Key": "tag:App", "Values": []string{"till"}}}}} {
		id := w.shell(in)
		a.finish("Success", 0)
		if got := w.status(id, a.id); got != "Success/Success" {
			t.Errorf("%v: %s", in, got)
		}
	}
	for resource, want := range map[string]string{"arn:aws:ssm:eu-west-1:111111111111:managed-instance/*": "",
		"arn:aws:ec2:eu-west-1:111111111111:instance/*": "AccessDeniedException", "arn:aws:ssm:eu-west-1:111111111111:instance/*": "AccessDeniedException"} {
		w.user("sender", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ssm:*:*:document/*"},
			{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"`+resource+`","Condition":{"StringEquals":{"ssm:resourceTag/App":"till"}}}]}`)
		if out, code := w.ask("sender", "ssm", "SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id},
			"Parameters": object{"commands": []string{"true"}}}); code != want {
			t.Errorf("%s: %q %v", resource, code, out)
		}
	}
}

// TestDeregisteredNodeIsUndeliverable: what was sent before the node was taken away, and what is sent after.
func TestDeregisteredNodeIsUndeliverable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.machineOutside(nil)
	id := w.shell(object{"InstanceIds": []string{a.id}, "TimeoutSeconds": 30})
	delete(w.outside, a.id)
	w.pass(30 * time.Second)
	if got := w.status(id, a.id); got != "Failed/Undeliverable" {
		t.Error(got)
	}
	if _, code := w.ask("admin", "ssm", "SendCommand", object{"DocumentName": "AWS-RunShellScript", "InstanceIds": []string{a.id},
		"Parameters": object{"commands": []string{"true"}}}); code != "InvalidInstanceId" {
		t.Error(code)
	}
}

// BenchmarkSendToOneOfMany: naming a node looks at no other.
func BenchmarkSendToOneOfMany(b *testing.B) {
	w := newWorld(b)
	w.nodes(1000, map[string]string{"App": "web"})
	b.ReportAllocs()
	for b.Loop() {
		w.shell(object{"InstanceIds": []string{nodeID(7)}})
	}
}

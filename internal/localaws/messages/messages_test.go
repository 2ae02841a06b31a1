package messages

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The behaviour is tested where a whole world is at hand: internal/localaws/ssm/messages_test.go.

func TestHoldStaysBelowTheAgentsPatience(t *testing.T) {
	t.Parallel()
	const agentGivesUp = 20 * time.Second
	if s := New(nil, 0); s.hold <= 0 || s.hold >= agentGivesUp {
		t.Errorf("hold is %s", s.hold)
	}
}

// TestOperations: the six actions of the service authorization reference, no more.
func TestOperations(t *testing.T) {
	t.Parallel()
	api := New(nil, 0).API()
	var got []string
	for _, op := range api.Operations {
		got = append(got, op.Name)
	}
	want := []string{"GetMessages", "AcknowledgeMessage", "SendReply", "FailMessage", "DeleteMessage", "GetEndpoint"}
	if diff := cmp.Diff(want, got); diff != "" || api.Name != "ec2messages" || api.Target != "EC2WindowsMessageDeliveryService" {
		t.Errorf("%s %s: %s", api.Name, api.Target, diff)
	}
}

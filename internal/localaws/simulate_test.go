package localaws_test

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/node/simulate"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// simulated is a fleet without nodes that polls, and n simulated ones with control channels.
func simulated(t *testing.T, n int) (*fleet, *simulate.Fleet) {
	t.Helper()
	f := newFleet(t)
	f.ids = make([]string, n)
	instances := make(map[string]ec2.Instance, n)
	for i := range f.ids {
		f.ids[i] = fmt.Sprintf("i-%017x", i+1)
		instances[f.ids[i]] = ec2.Instance{ID: f.ids[i], Account: account, Region: region, Tags: map[string]string{"Fleet": "figures"},
			ProfileARN: "arn:aws:iam::" + account + ":instance-profile/Node"}
	}
	var reporters sync.Pool // connections
	nodes, err := simulate.Connect(t.Context(), simulate.Config{Endpoint: f.aws.Endpoint(), Region: region,
		Credentials: func(ctx context.Context, id string) (sigv4.Credentials, error) {
			return report(ctx, f.aws, instances[id], &reporters)
		}}, f.ids)
	check(t, err)
	return f, nodes
}

// report launches an instance, and reports for it as its agent would.
func report(ctx context.Context, aws *localaws.AWS, instance ec2.Instance, reporters *sync.Pool) (sigv4.Credentials, error) {
	if err := aws.Launch(ctx, instance); err != nil {
		return sigv4.Credentials{}, err
	}
	c, err := aws.InstanceCredentials(ctx, instance)
	if err != nil {
		return sigv4.Credentials{}, err
	}
	cred := sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
	w, _ := reporters.Get().(*wire)
	if w == nil {
		if w, err = dial(aws.Endpoint(), cred); err != nil {
			return sigv4.Credentials{}, err
		}
		runtime.SetFinalizer(w, func(w *wire) { _ = w.conn.Close() })
	}
	defer reporters.Put(w)
	w.cred = cred
	return cred, w.ask("ssm", "UpdateInstanceInformation", map[string]string{"InstanceId": instance.ID, "AgentName": "amazon-ssm-agent",
		"AgentVersion": "3.3.3050.0", "AgentStatus": "Active", "PlatformType": "Linux", "PlatformName": "Simulated", "ComputerName": instance.ID}, nil)
}

// toAll sends a command to all nodes, and gives the time until it has succeeded on each.
func (f *fleet) toAll(nodes int) time.Duration {
	f.t.Helper()
	w, err := dial(f.aws.Endpoint(), f.deploy)
	check(f.t, err)
	defer func() { _ = w.conn.Close() }()
	began := time.Now()
	answer, err := w.call("ssm", "SendCommand", []byte(`{"DocumentName":"AWS-RunShellScript","MaxConcurrency":"100%",
		"Targets":[{"Key":"tag:Fleet","Values":["figures"]}],"Parameters":{"commands":["true"]}}`))
	check(f.t, err)
	var sent struct{ Command struct{ CommandId string } }
	check(f.t, json.Unmarshal(answer, &sent))
	sending := time.Since(began)
	for {
		var out struct {
			Commands []struct {
				Status                      string
				TargetCount, CompletedCount int
			}
		}
		check(f.t, w.ask("ssm", "ListCommands", map[string]string{"CommandId": sent.Command.CommandId}, &out))
		if c := out.Commands[0]; c.Status == "Success" && c.TargetCount == nodes && c.CompletedCount == nodes {
			f.t.Logf("%d nodes: %s to send, %s to the end", nodes, sending, time.Since(began))
			return time.Since(began)
		}
		if time.Since(began) > 2*time.Minute {
			f.t.Fatalf("%+v after two minutes", out)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestSimulatedNodes: each takes a command once, and says so once.
func TestSimulatedNodes(t *testing.T) {
	t.Parallel()
	const n = 40
	f, nodes := simulated(t, n)
	defer f.close()
	defer nodes.Close()
	f.toAll(n)
	for range 500 {
		if nodes.Replied() == n {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if nodes.Taken() != n || nodes.Replied() != n || nodes.Err() != nil {
		t.Errorf("%d commands taken, %d replies acknowledged, %v", nodes.Taken(), nodes.Replied(), nodes.Err())
	}
}

package localaws

import (
	"context"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/node"
)

// InstanceCredentials are what EC2 gives to the machine of an instance.
func (a *AWS) InstanceCredentials(ctx context.Context, instance ec2.Instance) (node.Credentials, error) {
	return a.instanceCredentials(ctx, instance)
}

// Running counts the invocations that have not come to an end.
func (a *AWS) Running(ctx context.Context) (int, error) { return a.ssm.Running(ctx) }

// NodeLog is how a node's words reach the log.
func NodeLog(logf func(format string, args ...any), id string) func(format string, args ...any) {
	return (&AWS{config: Config{Logf: logf}}).nodeLog(id)
}

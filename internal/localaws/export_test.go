package localaws

import (
	"context"
)

// Running counts the invocations that have not come to an end.
func (a *AWS) Running(ctx context.Context) (int, error) { return a.ssm.Running(ctx) }

// NodeLog is how a node's words reach the log.
func NodeLog(logf func(format string, args ...any), id string) func(format string, args ...any) {
	return (&AWS{config: Config{Logf: logf}}).nodeLog(id)
}

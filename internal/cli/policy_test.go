package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"
)

// TestPolicyEvalInterrupted ends a run that waits for input.
func TestPolicyEvalInterrupted(t *testing.T) {
	t.Parallel()
	in, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := policyEvalCommand{}.Run(ctx, &Process{Stdin: in, Stdout: &bytes.Buffer{}})
	var coded interface{ ExitCode() int }
	if !errors.As(err, &coded) || coded.ExitCode() != exitInterrupted {
		t.Errorf("got %v", err)
	}
}

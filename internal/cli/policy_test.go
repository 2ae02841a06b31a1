package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
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

// TestPolicyInterrupted ends the commands that wait for one file on standard input.
func TestPolicyInterrupted(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"fmt", "-"}, {"explain", "--request", "-"}, {"explain", "--identity", "-", "--principal", "*", "--action", "a:b"}, {"compare", "-", "nowhere.json"},
	} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			t.Parallel()
			in, writer := io.Pipe()
			ctx, cancel := context.WithCancel(t.Context())
			go func() { // once the command reads, it is stopped
				_, _ = writer.Write([]byte("{"))
				cancel()
			}()
			defer time.AfterFunc(10*time.Second, func() { _ = writer.Close() }).Stop()
			process := Process{Args: append([]string{"policy"}, args...), Stdin: in, Stdout: io.Discard, Stderr: io.Discard,
				Getenv: func(string) string { return "" }}
			if code := Main(ctx, process); code != exitInterrupted {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// TestInterruptibleReads passes on what it reads, to the end.
func TestInterruptibleReads(t *testing.T) {
	t.Parallel()
	process := (&Process{Stdin: strings.NewReader("a policy")}).until(t.Context())
	if text, err := io.ReadAll(process.Stdin); err != nil || string(text) != "a policy" {
		t.Errorf("got %q, %v", text, err)
	}
}

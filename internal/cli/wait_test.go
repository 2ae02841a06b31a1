package cli

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestWaitWithoutAnEqualsSign(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	code := Main(context.Background(), Process{Args: []string{"deploy", "--wait", "10m"}, Stdin: strings.NewReader(""), Stdout: &said, Stderr: &said,
		Getenv: func(string) string { return "" }})
	if code != exitUsage || !strings.Contains(said.String(), "--wait=10m") {
		t.Errorf("exit %d: %s", code, said.String())
	}
}

//go:build unix

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestLintReadsFilesOnly: a pipe or a device has no end, and a large file is not read into memory.
func TestLintReadsFilesOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe.sh")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Skip("no named pipes here: ", err)
	}
	for _, name := range []string{pipe, os.DevNull} {
		if _, err := readLinted(name); err == nil {
			t.Errorf("%s is read", name)
		}
	}
	large := filepath.Join(dir, "large.json")
	if err := os.WriteFile(large, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(large, maxLinted+1); err != nil {
		t.Fatal(err)
	}
	if _, err := readLinted(large); !errors.Is(err, errTooLarge) {
		t.Errorf("too large: %v", err)
	}
	if err := os.Truncate(large, maxLinted); err != nil {
		t.Fatal(err)
	}
	if text, err := readLinted(large); err != nil || len(text) != maxLinted {
		t.Errorf("as large as allowed: %d bytes, %v", len(text), err)
	}
}

//go:build unix

package cli

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
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

// unreadable makes a folder with a pipeline, and one below that nobody can open, not even root: its name is too long.
func unreadable(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	const pipeline = "version: 0.2\nphases:\n  build:\n    commands:\n      - aws ssm list-documents\n"
	if err := os.WriteFile(filepath.Join(folder, "buildspec.yml"), []byte(pipeline), 0o600); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = root.Close() }()
	deep := strings.TrimSuffix(strings.Repeat(strings.Repeat("u", 250)+"/", 20), "/")
	if err := root.MkdirAll(deep, 0o700); err != nil {
		t.Skip("no folders of such names here: ", err)
	}
	if _, err := os.ReadDir(filepath.Join(folder, deep)); err == nil {
		t.Skip("every name can be opened here")
	}
	return folder
}

// TestLintOfAPartIsNotGreen: whatever is asked of lint, what could not be read is told, and the exit code says that it is not all.
func TestLintOfAPartIsNotGreen(t *testing.T) {
	t.Parallel()
	folder := unreadable(t)
	baseline := filepath.Join(t.TempDir(), "known.json")
	for _, args := range [][]string{{}, {"--fix"}, {"--severity", "error"}, {"-o", "json"}, {"--needs"}, {"--write-baseline", baseline}} {
		code, out := run(t, append(append([]string{"lint"}, args...), folder)...)
		if code != exitUsage || !strings.Contains(out, "not looked at: ") {
			t.Errorf("lint %v: exit code %d, want %d:\n%s", args, code, exitUsage, out)
		}
	}
	if exists(baseline) {
		t.Error("a baseline of a part was written")
	}
	if code, out := run(t, "lint", "--needs", filepath.Join(folder, "buildspec.yml")); code != exitOK || !strings.Contains(out, "ssm:ListDocuments") {
		t.Errorf("what can be read alone: exit code %d:\n%s", code, out)
	}
	if code, out := run(t, "lint", "--needs", folder); !strings.Contains(out, "ssm:ListDocuments") {
		t.Errorf("what is in the others is not told: exit code %d:\n%s", code, out)
	}
}

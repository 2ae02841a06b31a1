package cli

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnreadableFolder: one folder that cannot be read does not hide what is in the others, and is told.
func TestUnreadableFolder(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "a.sh"), []byte("aws ssm list-commands\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	place, err := placeOf(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer place.close()
	files, err := place.read(folder)
	if err != nil || len(files) != 1 || len(place.unread) != 0 {
		t.Fatalf("%v, %v, %v", files, err, place.unread)
	}
	refused := &fs.PathError{Op: "open", Path: "sub", Err: fs.ErrPermission}
	if err := place.left(folder, filepath.Join(folder, "sub"), refused); err != nil || len(place.unread) != 1 {
		t.Errorf("a folder below: %v, %v", err, place.unread)
	}
	if err := place.left(folder, folder, refused); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("the folder that was named: %v", err)
	}
}

// TestLintUnreadable: what is found elsewhere is told, and the exit code says that it is not all.
func TestLintUnreadable(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	name := filepath.Join(folder, "policy.json")
	if err := os.WriteFile(name, []byte(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	place, err := placeOf(folder)
	if err != nil {
		t.Fatal(err)
	}
	defer place.close()
	place.unread = []error{&fs.PathError{Op: "open", Path: "sub", Err: fs.ErrPermission}}
	var stdout, stderr bytes.Buffer
	process := &Process{Stdout: &stdout, Stderr: &stderr, Getenv: func(string) string { return "" }}
	c := &lintCommand{Files: []string{name}, Output: "text", Severity: "info"}
	err = c.run(process, place)
	var code interface{ ExitCode() int }
	if !errors.As(err, &code) || code.ExitCode() != exitUsage {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(stdout.String(), "SLW031") || !strings.Contains(stderr.String(), "not looked at: open sub: permission denied") {
		t.Errorf("stdout %s\nstderr %s", &stdout, &stderr)
	}
}

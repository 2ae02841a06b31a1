package cell

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLogIsNoLink: what the agent writes goes to the cell's directory, whoever made that.
func TestLogIsNoLink(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), filepath.Join(t.TempDir(), "other")
	if err := os.Symlink(other, filepath.Join(dir, LogFile)); err != nil {
		t.Fatal(err)
	}
	if log, err := openLog(dir); err == nil {
		t.Error("a link was opened")
		_ = log.Close()
	}
	if _, err := os.Stat(other); err == nil {
		t.Error("a file was made elsewhere")
	}
	if err := os.Remove(filepath.Join(dir, LogFile)); err != nil {
		t.Fatal(err)
	}
	log, err := openLog(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Error(err)
	}
}

package localaws_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// fill makes files, and the directories that they are in.
func fill(t *testing.T, dir string, files ...string) {
	t.Helper()
	for _, name := range files {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700))
		check(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
	}
}

// taken is a snapshot of a data directory, outside of it.
func taken(t *testing.T) (key, file string) {
	t.Helper()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "snapshot")
	key = filled(t, dir, "i-00000000000000001")
	check(t, localaws.Snapshot(t.Context(), dir, file, true))
	return key, file
}

// TestForeignDirectories: a directory that never was a data directory keeps everything, to the byte.
func TestForeignDirectories(t *testing.T) {
	t.Parallel()
	_, file := taken(t)
	for name, test := range map[string]struct {
		files         []string
		open, restore error
	}{
		"new":                           {},
		"a project":                     {[]string{"main.go", ".git/config"}, localaws.ErrForeign, localaws.ErrForeign},
		"a project with a lock":         {[]string{"main.go", "lock"}, localaws.ErrForeign, localaws.ErrForeign},
		"names that are like ours":      {[]string{"snapshot-of-mine", "local.json.bak", "restore-1a"}, localaws.ErrForeign, localaws.ErrForeign},
		"a state.db of another program": {[]string{"main.py", "state.db"}, localaws.ErrForeign, localaws.ErrForeign},
		"nodes of somebody":             {[]string{"nodes/a"}, nil, localaws.ErrForeign},
		"a local.json of somebody":      {[]string{"local.json"}, nil, localaws.ErrForeign},
		"emptied":                       {[]string{"lock"}, nil, nil},
		"begun and killed":              {[]string{"lock", "local.json.123", "restore-456/content/x"}, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for action, want := range map[string]error{"open": test.open, "restore": test.restore} {
				dir := t.TempDir()
				fill(t, dir, test.files...)
				before := tree(t, dir)
				var got error
				if action == "restore" {
					got = localaws.Restore(t.Context(), dir, file)
				} else if aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir}); err == nil {
					check(t, aws.Close(t.Context()))
				} else {
					got = err
				}
				if !errors.Is(got, want) {
					t.Errorf("%s: got %v, want %v", action, got, want)
				}
				if diff := cmp.Diff(before, tree(t, dir)); want != nil && diff != "" {
					t.Errorf("%s: -before +after\n%s", action, diff)
				}
				check(t, localaws.RemoveDir(dir))
			}
		})
	}
}

// TestStateOfAnotherProgram: what is called state.db among other files is neither emptied nor removed.
func TestStateOfAnotherProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	fill(t, dir, "main.py", "state.db", "nodes/a")
	_, stopped := localaws.StopKept(t.Context(), dir, true)
	for _, err := range []error{localaws.Reset(t.Context(), dir), stopped} {
		if !errors.Is(err, localaws.ErrForeign) {
			t.Errorf("got %v, want ErrForeign", err)
		}
	}
	for _, name := range []string{"main.py", "state.db", "nodes/a"} {
		if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(content) != name {
			t.Errorf("%s is %q, %v", name, content, err)
		}
	}
	if _, err := os.Lstat(filepath.Join(dir, "lock")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("there is a lock: %v", err)
	}
}

// TestForeignFiles: files that somebody put into a data directory outlive a restore, a reset and a removal, and are in no
// snapshot.
func TestForeignFiles(t *testing.T) {
	t.Parallel()
	key, file := taken(t)
	parent := t.TempDir()
	dir, link := filepath.Join(parent, "data"), filepath.Join(parent, "link")
	check(t, os.Symlink(dir, link))
	filled(t, dir, "i-00000000000000002")
	notes := []string{"mine/notes", "snapshot-1.tgz", "state.db.bak"}
	fill(t, dir, notes...)
	names := []string{"mine", "snapshot-1.tgz", "state.db.bak"}
	is := func(when string) {
		t.Helper()
		left, err := localaws.Foreign(dir)
		check(t, err)
		if diff := cmp.Diff(names, left); diff != "" {
			t.Fatalf("%s: -want +got\n%s", when, diff)
		}
		for _, name := range notes {
			if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(content) != name {
				t.Fatalf("%s: %s is %q, %v", when, name, content, err)
			}
		}
	}
	check(t, localaws.Restore(t.Context(), dir, file))
	is("after a restore")
	if got := keyOf(t, dir); got != key {
		t.Errorf("key %s, want %s", got, key)
	}
	again, clean := filepath.Join(parent, "again"), t.TempDir()
	check(t, localaws.Snapshot(t.Context(), dir, again, true))
	check(t, localaws.Restore(t.Context(), clean, again))
	if left, err := localaws.Foreign(clean); err != nil || len(left) > 0 {
		t.Errorf("from a snapshot: %v, %v", left, err)
	}
	check(t, localaws.RemoveDir(clean))
	check(t, localaws.Reset(t.Context(), dir))
	is("after a reset")
	if got := keyOf(t, dir); got == key {
		t.Error("the account is there after a reset")
	}
	check(t, localaws.RemoveDir(link))
	is("after a removal")
	for _, name := range notes {
		check(t, os.Remove(filepath.Join(dir, name)))
	}
	check(t, os.Remove(filepath.Join(dir, "mine")))
	check(t, localaws.RemoveDir(link))
	for _, path := range []string{dir, link} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", path, err)
		}
	}
}

// TestRestoreOfWhatIsInside: a snapshot in the data directory, by whatever path, and a data directory in use below it.
func TestRestoreOfWhatIsInside(t *testing.T) {
	t.Parallel()
	_, file := taken(t)
	dir, link := t.TempDir(), filepath.Join(t.TempDir(), "link")
	filled(t, dir, "i-00000000000000001")
	check(t, os.Symlink(dir, link))
	check(t, os.Rename(file, filepath.Join(dir, "nodes", "s.tgz")))
	before := tree(t, dir)
	for name, err := range map[string]error{
		"restored":           localaws.Restore(t.Context(), dir, filepath.Join(dir, "nodes", "s.tgz")),
		"through a link":     localaws.Restore(t.Context(), dir, filepath.Join(link, "nodes", "s.tgz")),
		"to a link":          localaws.Restore(t.Context(), link, filepath.Join(dir, "nodes", "s.tgz")),
		"taken into it":      localaws.Snapshot(t.Context(), dir, filepath.Join(dir, "new"), false),
		"taken deep into it": localaws.Snapshot(t.Context(), dir, filepath.Join(link, "nodes", "new"), false),
	} {
		if !errors.Is(err, localaws.ErrInside) {
			t.Errorf("%s: got %v, want ErrInside", name, err)
		}
	}
	check(t, os.Rename(filepath.Join(dir, "nodes", "s.tgz"), file))
	delete(before, "nodes/s.tgz")
	below, err := localaws.Open(t.Context(), localaws.Config{Dir: filepath.Join(dir, "nodes", "other")})
	check(t, err)
	for _, err := range []error{localaws.Restore(t.Context(), dir, file), localaws.Reset(t.Context(), dir)} {
		if !errors.Is(err, localaws.ErrInUse) || !strings.Contains(err.Error(), filepath.Join("nodes", "other")) {
			t.Errorf("over one in use: %v", err)
		}
	}
	check(t, below.Close(t.Context()))
	check(t, localaws.RemoveDir(filepath.Join(dir, "nodes", "other")))
	if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
	check(t, localaws.Restore(t.Context(), dir, file))
}

// TestFailedRestoreLeavesNothing: neither in a new directory, nor of the ones above it that were made.
func TestFailedRestoreLeavesNothing(t *testing.T) {
	t.Parallel()
	_, file := taken(t)
	check(t, os.Truncate(file, 1000))
	parent := t.TempDir()
	err := localaws.Restore(t.Context(), filepath.Join(parent, "a", "b"), file)
	if !errors.Is(err, localaws.ErrDamaged) {
		t.Errorf("got %v, want ErrDamaged", err)
	}
	if left := tree(t, parent); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
}

package localaws_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// filled is a data directory with an account, an instance, and a node's files; it gives the administrator's key.
func filled(t *testing.T, dir, instance string) (key string) {
	t.Helper()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	check(t, err)
	keys, err := aws.EnsureAccount(t.Context(), account)
	check(t, err)
	check(t, aws.Launch(t.Context(), ec2.Instance{ID: instance, Account: account, Region: "eu-west-1"}))
	check(t, aws.Close(t.Context()))
	node := filepath.Join(dir, "nodes", instance)
	for name, content := range map[string]string{"messages/m": "running", "work/app": "#!/bin/sh", "secret/key": "s"} {
		check(t, os.MkdirAll(filepath.Dir(filepath.Join(node, name)), 0o700))
		check(t, os.WriteFile(filepath.Join(node, name), []byte(content), 0o640))
	}
	check(t, os.Symlink("../../../outside", filepath.Join(node, "work", "link")))
	check(t, os.Chmod(filepath.Join(node, "secret"), 0o500))
	t.Cleanup(func() { _ = localaws.RemoveDir(dir) }) // it has a directory that is closed to its owner
	return keys.AccessKeyID
}

// tree lists a directory: modes and contents by name, without what belongs to a process.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, _ := filepath.Rel(dir, path)
		if err != nil || name == "." || name == "lock" || strings.HasPrefix(name, store.File) {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content, _ := os.ReadFile(path) // of a directory there is none
		if link, err := os.Readlink(path); err == nil {
			content = []byte(link)
		}
		out[name] = info.Mode().String() + " " + string(content)
		return nil
	})
	check(t, err)
	return out
}

func keyOf(t *testing.T, dir string) string {
	t.Helper()
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	check(t, err)
	keys, err := aws.EnsureAccount(t.Context(), account)
	check(t, err)
	check(t, aws.Close(t.Context()))
	return keys.AccessKeyID
}

// TestSnapshot: what was taken comes back, in place of whatever is there; without the nodes' file systems only what they
// remember of their commands does.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	for name, nodes := range map[string]bool{"state": false, "nodes": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, to, file := t.TempDir(), t.TempDir(), filepath.Join(t.TempDir(), "snapshot")
			key := filled(t, from, "i-00000000000000001")
			other := filled(t, to, "i-00000000000000002")
			check(t, localaws.Snapshot(t.Context(), from, file, nodes))
			info, err := os.Stat(file)
			check(t, err)
			if info.Mode().Perm() != 0o600 {
				t.Errorf("the snapshot has mode %v", info.Mode())
			}
			if err := localaws.Snapshot(t.Context(), from, file, nodes); !errors.Is(err, fs.ErrExist) {
				t.Errorf("over a file: %v", err)
			}
			check(t, localaws.Restore(t.Context(), to, file))
			want := tree(t, from)
			if !nodes {
				for name := range want {
					if strings.Contains(name, "/work") || strings.Contains(name, "/secret") {
						delete(want, name)
					}
				}
			}
			if diff := cmp.Diff(want, tree(t, to)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if got := keyOf(t, to); got != key || got == other {
				t.Errorf("key %s, want %s", got, key)
			}
			check(t, os.Chmod(filepath.Join(to, "nodes"), 0o700))
			check(t, localaws.Reset(t.Context(), to))
			if left := tree(t, to); len(left) > 0 {
				t.Errorf("after a reset there is %v", left)
			}
			if got := keyOf(t, to); got == key {
				t.Error("the account is there after a reset")
			}
		})
	}
}

// TestSnapshotOfARunningOne: it goes on, and what it has acknowledged is in the snapshot.
func TestSnapshotOfARunningOne(t *testing.T) {
	t.Parallel()
	aws, control := serve(t, t.TempDir(), "127.0.0.1:0")
	session, err := control.RoleCredentials(t.Context(), account, "node+1")
	check(t, err)
	file, to := filepath.Join(t.TempDir(), "snapshot"), t.TempDir()
	check(t, localaws.Snapshot(t.Context(), aws.Dir(), file, true))
	if left, _ := filepath.Glob(filepath.Join(aws.Dir(), "snapshot-*")); len(left) > 0 {
		t.Errorf("left over: %v", left)
	}
	for _, attempt := range []error{localaws.Restore(t.Context(), aws.Dir(), file), localaws.Reset(t.Context(), aws.Dir())} {
		if !errors.Is(attempt, localaws.ErrInUse) {
			t.Errorf("in use: %v", attempt)
		}
	}
	check(t, localaws.Restore(t.Context(), to, file))
	restored := open(t, to)
	events, err := restored.Events().List(t.Context(), gateway.Filter{Name: "IssueRoleCredentials"})
	if err != nil || len(events) != 1 {
		t.Errorf("%d events, %v", len(events), err)
	}
	if _, err := control.RoleCredentials(t.Context(), account, "node+1"); err != nil || session.AccessKeyID == "" {
		t.Errorf("afterwards: %v", err)
	}
}

// TestBadSnapshots: what cannot be restored leaves the old state as it is.
func TestBadSnapshots(t *testing.T) {
	t.Parallel()
	dir, good := t.TempDir(), filepath.Join(t.TempDir(), "snapshot")
	key := filled(t, dir, "i-00000000000000001")
	check(t, localaws.Snapshot(t.Context(), dir, good, true))
	before := tree(t, dir)
	content, err := os.ReadFile(good)
	check(t, err)
	newer := store.File
	const noSnapshot, damaged = "not a snapshot of a local AWS", "the snapshot is damaged: "
	says := map[string]string{
		"empty": noSnapshot, "no archive": noSnapshot, "no tar archive": noSnapshot, "no manifest": noSnapshot, "no format": noSnapshot,
		"a later format": "a snapshot of format 2: the state was written by a newer version",
		"cut":            damaged, "the end is cut": damaged, "the checksum is another": damaged, "a damaged database": damaged, "no database": "other is not of",
		"an empty database": damaged,
	}
	for name, archive := range map[string][]byte{
		"empty":                   {},
		"no archive":              []byte("hello"),
		"cut":                     content[:len(content)/2],
		"no tar archive":          zipped(t, strings.Repeat("hello", 1000)),
		"the end is cut":          content[:len(content)-1],
		"the checksum is another": append(append([]byte{}, content[:len(content)-8]...), 1, 2, 3, 4, 5, 6, 7, 8),
		"no format":               rewrite(t, content, change("slipway-snapshot.json", []byte(`{}`))),
		"an empty database":       rewrite(t, content, change(store.File, nil)),
		"no manifest":             rewrite(t, content, func(h *tar.Header, b []byte) []byte { h.Name += "x"; return b }),
		"a later format":          rewrite(t, content, change("slipway-snapshot.json", []byte(`{"format":2}`))),
		"a damaged database":      rewrite(t, content, change(store.File, []byte(strings.Repeat("x", 8192)))),
		"no database":             rewrite(t, content, func(h *tar.Header, b []byte) []byte { h.Name = strings.Replace(h.Name, newer, "other", 1); return b }),
		"a newer state":           rewrite(t, content, newerState(t)),
		"a way out":               rewrite(t, content, func(h *tar.Header, b []byte) []byte { h.Name = strings.Replace(h.Name, "nodes/", "../", 1); return b }),
		"through a link": rewrite(t, content, func(h *tar.Header, b []byte) []byte {
			h.Name = strings.Replace(h.Name, "work/app", "work/link/x", 1)
			return b
		}),
	} {
		file := filepath.Join(t.TempDir(), "snapshot")
		check(t, os.WriteFile(file, archive, 0o600))
		err := localaws.Restore(t.Context(), dir, file)
		if err == nil || !strings.Contains(err.Error(), "nothing was changed: "+says[name]) {
			t.Fatalf("%s: got %v, want %q", name, err, says[name])
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Fatalf("%s: -before +after\n%s", name, diff)
		}
	}
	if got := keyOf(t, dir); got != key {
		t.Errorf("key %s, want %s", got, key)
	}
}

// TestEndlessFile: a script can make a file of any size at once. Whoever asked for the snapshot can give up, and the writes that
// wait for it go on.
func TestEndlessFile(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "snapshot")
	filled(t, dir, "i-00000000000000001")
	aws, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	check(t, err)
	defer func() { check(t, aws.Close(t.Context())) }()
	check(t, aws.Serve("127.0.0.1:0"))
	_, err = aws.WriteControl(t.Context(), "eu-west-1")
	check(t, err)
	check(t, os.Truncate(filepath.Join(dir, "nodes", "i-00000000000000001", "work", "app"), 1<<40))
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := localaws.Snapshot(ctx, dir, file, true); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	ctx, cancel = context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := aws.EnsureAccount(ctx, "333333333333")
		done <- err
	}()
	select {
	case err := <-done:
		check(t, err)
	case <-ctx.Done():
		t.Fatal("writes still wait for the snapshot")
	}
}

// TestHostileSnapshots: what a snapshot says is where the state is stays in the data directory, whoever made it.
func TestHostileSnapshots(t *testing.T) {
	t.Parallel()
	dir, good := t.TempDir(), filepath.Join(t.TempDir(), "snapshot")
	filled(t, dir, "i-00000000000000001")
	check(t, localaws.Snapshot(t.Context(), dir, good, true))
	content, err := os.ReadFile(good)
	check(t, err)
	outside := t.TempDir()
	other := filepath.Join(outside, "other.db")
	db, err := store.Open(outside)
	check(t, err)
	check(t, errors.Join(db.Close(), os.Rename(filepath.Join(outside, store.File), other), os.Chmod(other, 0o644)))
	before, was := tree(t, dir), tree(t, outside)
	// link turns one file of the archive into a link, maybe of another name.
	link := func(name, as, to string) []byte {
		return rewrite(t, content, func(h *tar.Header, b []byte) []byte {
			if h.Name != name {
				return b
			}
			h.Name, h.Typeflag, h.Linkname = as, tar.TypeSymlink, to
			return nil
		})
	}
	const app = "nodes/i-00000000000000001/work/app"
	for name, archive := range map[string][]byte{
		"the state is elsewhere":             link(store.File, store.File, other),
		"its log is elsewhere":               link(app, store.File+"-wal", filepath.Join(outside, "made")),
		"the lock is elsewhere":              link(app, "lock", filepath.Join(outside, "made")),
		"programs are elsewhere":             link(app, "agent", outside),
		"a node is elsewhere":                link(app, "nodes/i-00000000000000002", outside),
		"a part of a node is elsewhere":      link(app, "nodes/i-00000000000000001/tmp", outside),
		"what a node remembers is elsewhere": link(app, "nodes/i-00000000000000001/messages/n", other),
		"a file of a process": rewrite(t, content, func(h *tar.Header, b []byte) []byte {
			h.Name = strings.Replace(h.Name, app, "restore-ready/content/x", 1)
			return b
		}),
	} {
		file := filepath.Join(t.TempDir(), "snapshot")
		check(t, os.WriteFile(file, archive, 0o600))
		if err := localaws.Restore(t.Context(), dir, file); err == nil {
			t.Errorf("%s was restored", name)
			check(t, localaws.Restore(t.Context(), dir, good))
		}
		if diff := cmp.Diff(before, tree(t, dir)); diff != "" {
			t.Errorf("%s: -before +after\n%s", name, diff)
		}
		if diff := cmp.Diff(was, tree(t, outside)); diff != "" {
			t.Errorf("%s: outside -before +after\n%.400s", name, diff)
		}
	}
}

// change replaces the content of one file of an archive.
func change(name string, content []byte) func(*tar.Header, []byte) []byte {
	return func(h *tar.Header, old []byte) []byte {
		if h.Name == name {
			return content
		}
		return old
	}
}

// newerState has the database of an archive say that it had a step which nobody here knows.
func newerState(t *testing.T) func(*tar.Header, []byte) []byte {
	return func(h *tar.Header, old []byte) []byte {
		if h.Name != store.File {
			return old
		}
		dir := t.TempDir()
		check(t, os.WriteFile(filepath.Join(dir, store.File), old, 0o600))
		db, err := store.Open(dir)
		check(t, err)
		_, err = db.ExecContext(t.Context(), `INSERT INTO store_migration (service, step) VALUES ('iam', 'later')`)
		check(t, errors.Join(err, db.Close()))
		changed, err := os.ReadFile(filepath.Join(dir, store.File))
		check(t, err)
		return changed
	}
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var out strings.Builder
	w := gzip.NewWriter(&out)
	_, err := io.WriteString(w, text)
	check(t, errors.Join(err, w.Close()))
	return []byte(out.String())
}

// rewrite makes another archive of one.
func rewrite(t *testing.T, content []byte, f func(*tar.Header, []byte) []byte) []byte {
	t.Helper()
	zip, err := gzip.NewReader(strings.NewReader(string(content)))
	check(t, err)
	var out strings.Builder
	packed := gzip.NewWriter(&out)
	from, to := tar.NewReader(zip), tar.NewWriter(packed)
	for {
		h, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		check(t, err)
		body, err := io.ReadAll(from)
		check(t, err)
		body = f(h, body)
		h.Size = int64(len(body))
		check(t, to.WriteHeader(h))
		_, err = to.Write(body)
		check(t, err)
	}
	check(t, errors.Join(to.Close(), packed.Close()))
	return []byte(out.String())
}

// TestKilledRestore: a restore that was killed after the new state was complete is completed by the next one to open the
// directory, from wherever it was; one that was killed before is forgotten.
func TestKilledRestore(t *testing.T) {
	t.Parallel()
	for _, stage := range []string{"staged", "ready", "cleared", "moved"} {
		t.Run(stage, func(t *testing.T) {
			t.Parallel()
			dir, from := t.TempDir(), t.TempDir()
			old := filled(t, dir, "i-00000000000000001")
			key := filled(t, from, "i-00000000000000002")
			check(t, os.Remove(filepath.Join(from, "lock")))
			name := "restore-ready"
			if stage == "staged" {
				name, key = "restore-123", old
			}
			ready := filepath.Join(dir, name)
			check(t, os.Mkdir(ready, 0o700))
			check(t, os.CopyFS(filepath.Join(ready, "content"), os.DirFS(from)))
			if stage == "cleared" || stage == "moved" {
				check(t, os.Remove(filepath.Join(dir, store.File)))
				check(t, os.Chmod(filepath.Join(dir, "nodes", "i-00000000000000001", "secret"), 0o700))
				check(t, os.RemoveAll(filepath.Join(dir, "nodes")))
				check(t, os.WriteFile(filepath.Join(ready, "cleared"), nil, 0o600))
			}
			if stage == "moved" {
				check(t, os.Rename(filepath.Join(ready, "content", store.File), filepath.Join(dir, store.File)))
			}
			if got := keyOf(t, dir); got != key {
				t.Errorf("key %s, want %s", got, key)
			}
			if left, _ := filepath.Glob(filepath.Join(dir, "restore-*")); len(left) > 0 {
				t.Errorf("left over: %v", left)
			}
		})
	}
}

package localaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// manifestName is the first file of a snapshot.
const manifestName = "slipway-snapshot.json"

// snapshotFormat is the version of the archive's layout; the state in it has versions of its own (package store).
const snapshotFormat = 1

// manifest says what a snapshot is.
type manifest struct {
	Format  int       `json:"format"`
	Created time.Time `json:"created"`
	// Nodes says that the nodes' file systems are in it; otherwise only what they remember of their commands is.
	Nodes bool `json:"nodes"`
}

// Snapshot writes the state of the local AWS on dir to a new file, for its owner alone: a tar archive with gzip. One that
// is running goes on, and makes the snapshot itself; writes wait meanwhile, so that what is in it belongs together. nodes
// asks for the nodes' file systems as well.
func Snapshot(ctx context.Context, dir, file string, nodes bool) error {
	if err := outside(file, dir); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	// The place is taken first: a snapshot that cannot be kept is not made.
	out, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	err = snapshotTo(ctx, dir, out, nodes)
	if err = errors.Join(err, out.Close()); err != nil {
		return errors.Join(fmt.Errorf("snapshot: %w", err), os.Remove(file))
	}
	return nil
}

func snapshotTo(ctx context.Context, dir string, out io.Writer, nodes bool) error {
	running, err := locked(dir)
	if err != nil {
		return err
	}
	if running {
		return runningSnapshot(ctx, dir, out, nodes)
	}
	if _, err := os.Stat(filepath.Join(dir, store.File)); err != nil {
		return err
	}
	lock, dir, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	db, err := store.Open(dir)
	if err != nil {
		return err
	}
	err = writeSnapshot(ctx, db, dir, out, manifest{Nodes: nodes, Created: time.Now()})
	return errors.Join(err, db.Close())
}

// runningSnapshot has the local AWS that runs on dir write a file in dir, and takes it from there.
func runningSnapshot(ctx context.Context, dir string, out io.Writer, nodes bool) error {
	control, err := ReadControl(dir)
	if err != nil {
		return err
	}
	answer, err := control.post(ctx, fmt.Sprintf("%s?nodes=%t", snapshotPath, nodes))
	if err != nil {
		return err
	}
	var made struct{ File string }
	if err := json.Unmarshal(answer, &made); err != nil {
		return err
	}
	path := filepath.Join(dir, filepath.Base(made.File))
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, in.Close(), os.Remove(path))
}

// snapshot writes a snapshot to a new file in the data directory and gives its name.
func (a *AWS) snapshot(ctx context.Context, nodes bool) (name string, err error) {
	if err := a.events.Flush(ctx); err != nil {
		return "", err
	}
	out, err := os.CreateTemp(a.config.Dir, snapshotPrefix) // mode 0600
	if err != nil {
		return "", err
	}
	err = writeSnapshot(ctx, a.db, a.config.Dir, out, manifest{Nodes: nodes, Created: time.Now()})
	if err = errors.Join(err, out.Close()); err != nil {
		return "", errors.Join(err, os.Remove(out.Name()))
	}
	return filepath.Base(out.Name()), nil
}

// writeSnapshot archives a data directory. Nothing is committed meanwhile: what a node remembers may be newer than the
// state then, never older, and a report that the state does not have is still to be sent.
func writeSnapshot(ctx context.Context, db *store.DB, dir string, out io.Writer, m manifest) error {
	temporary, err := os.MkdirTemp(dir, snapshotPrefix)
	if err != nil {
		return err
	}
	m.Format = snapshotFormat
	err = db.Tx(ctx, func(*store.Tx) error {
		state := filepath.Join(temporary, store.File)
		if err := db.CopyTo(ctx, state); err != nil {
			return err
		}
		return archiveAll(ctx, out, dir, state, m)
	})
	return errors.Join(err, os.RemoveAll(temporary))
}

func archiveAll(ctx context.Context, out io.Writer, dir, state string, m manifest) error {
	w := newArchive(ctx, out)
	text, err := json.Marshal(m)
	if err == nil {
		err = w.text(manifestName, text, m.Created)
	}
	if err == nil {
		err = w.add(state, store.File)
	}
	if err == nil {
		err = w.tree(dir, func(name string) bool { return inSnapshot(name, m.Nodes) })
	}
	return errors.Join(err, w.close())
}

// inSnapshot chooses among the files of a data directory: the state, not what belongs to a process or to somebody else, and
// of a node without its file systems only what it remembers of its commands.
func inSnapshot(name string, nodes bool) bool {
	parts := strings.Split(filepath.ToSlash(name), "/")
	if strings.HasPrefix(parts[0], store.File) || !slices.Contains(stateNames, parts[0]) {
		return false
	}
	return nodes || parts[0] != "nodes" || len(parts) < 3 || parts[2] == "messages" || parts[2] == "replies"
}

// removePassing deletes what a process that was killed left behind: its control file and unfinished snapshots.
func removePassing(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if name := entry.Name(); name != lockFile && name != readyName && passing(name) {
			err = errors.Join(err, node.Remove(filepath.Join(dir, name)))
		}
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// serveSnapshot answers the control endpoint.
func (c *control) serveSnapshot(w http.ResponseWriter, r *http.Request) {
	name, err := c.aws.snapshot(r.Context(), r.URL.Query().Get("nodes") == "true")
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	c.answer(w, struct{ File string }{name})
}

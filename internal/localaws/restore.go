package localaws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// A restore unpacks beside the state and checks what it has. The moment at which the new state counts is the renaming to
// readyName: before it the old state is whole, after it [completeRestore] moves the new one in, now or, after a kill, when
// the directory is opened next.
const (
	readyName   = restorePrefix + "ready"
	clearedName = "cleared" // in readyName: the old state is gone
	contentName = "content" // in readyName: the new state
)

// Restore puts a snapshot in the place of the state in dir. A local AWS that is running there keeps everything: the error
// is [ErrInUse]. A snapshot that cannot be read, is damaged, or was made by a newer version leaves the old state as it is.
// What the old state's commands left running is stopped.
func Restore(ctx context.Context, dir, file string) error {
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer func() { _ = in.Close() }()
	return replaceState(ctx, dir, func(content string) error {
		if err := extract(in, content, checkManifest); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if err := checkState(ctx, content); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		return nil
	})
}

// Reset empties the state in dir: accounts, commands, events and the nodes' file systems. The errors are those of
// [Restore].
func Reset(ctx context.Context, dir string) error {
	return replaceState(ctx, dir, func(string) error { return nil })
}

// replaceState has fill make a new state in an empty directory, and puts it in the place of the one in dir.
func replaceState(ctx context.Context, dir string, fill func(content string) error) error {
	lock, dir, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := errors.Join(completeRestore(dir), removePassing(dir)); err != nil {
		return err
	}
	staging, err := os.MkdirTemp(dir, restorePrefix)
	if err != nil {
		return err
	}
	content := filepath.Join(staging, contentName)
	if err = os.Mkdir(content, 0o700); err == nil {
		err = fill(content)
	}
	if err == nil {
		err = ignoreUnsupported(node.Stop(ctx, marker(dir), stopGrace))
	}
	if err == nil {
		err = os.Rename(staging, filepath.Join(dir, readyName))
	}
	if err != nil {
		return errors.Join(err, node.Remove(staging))
	}
	return completeRestore(dir)
}

func checkManifest(text []byte) error {
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		return fmt.Errorf("not a snapshot of a local AWS: %w", err)
	}
	if m.Format != snapshotFormat {
		return fmt.Errorf("a snapshot of format %d: %w", m.Format, store.ErrNewer)
	}
	return nil
}

// checkState reads the whole state, and opens it as a local AWS does: an older one is brought up to date, a newer one is
// refused.
func checkState(ctx context.Context, dir string) error {
	if _, err := os.Stat(filepath.Join(dir, store.File)); err != nil {
		return err
	}
	db, err := store.Open(dir)
	if err != nil {
		return err
	}
	if err := errors.Join(db.Check(ctx), db.Close()); err != nil {
		return err
	}
	aws, err := Open(ctx, Config{Dir: dir})
	if err != nil {
		return err
	}
	return errors.Join(aws.Close(ctx), os.Remove(filepath.Join(dir, lockFile)))
}

// completeRestore moves a new state in that waits for it. The caller has the lock.
func completeRestore(dir string) error {
	ready := filepath.Join(dir, readyName)
	if _, err := os.Stat(ready); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := clearOld(dir, filepath.Join(ready, clearedName)); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	content := filepath.Join(ready, contentName)
	entries, err := os.ReadDir(content)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	for _, entry := range entries {
		if err := os.Rename(filepath.Join(content, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return fmt.Errorf("restore: %w", err)
		}
	}
	return node.Remove(ready)
}

// clearOld removes the old state, once.
func clearOld(dir, cleared string) error {
	if _, err := os.Stat(cleared); err == nil {
		return nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if name := entry.Name(); name != lockFile && name != readyName {
			if err := node.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return os.WriteFile(cleared, nil, 0o600)
}

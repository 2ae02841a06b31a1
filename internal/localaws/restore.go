package localaws

import (
	"archive/tar"
	"compress/flate"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// ErrInside says that a snapshot's file is in the data directory, and would go with it.
var ErrInside = errors.New("the file is in the data directory itself")

// ErrDamaged says that a snapshot is not as it was written.
var ErrDamaged = errors.New("the snapshot is damaged")

var errNoSnapshot = errors.New("not a snapshot of a local AWS")

// Restore puts a snapshot in the place of the state in dir, which is a data directory, empty, or new; another one is left
// alone, and the error is [ErrForeign]. A local AWS that is running there, or below it, keeps everything: the error is
// [ErrInUse]. A snapshot that cannot be read, is damaged ([ErrDamaged]), is in dir ([ErrInside]), or was made by a newer
// version leaves the old state as it is. What the old state's commands left running is stopped. Files in dir that are not
// slipway's stay; see [Foreign].
func Restore(ctx context.Context, dir, file string) error {
	if err := outside(file, dir); err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	in, err := os.Open(file)
	if err != nil {
		return fmt.Errorf("restore: %w", err)
	}
	defer func() { _ = in.Close() }()
	return replaceState(ctx, dir, func(content string) error {
		err := asDamage(extract(in, content, checkManifest))
		if err == nil {
			err = forgetPolicy(content)
		}
		if err == nil {
			err = checkState(ctx, content)
		}
		if err != nil {
			return fmt.Errorf("%s: nothing was changed: %w", file, err)
		}
		return nil
	})
}

// outside refuses a file in dir. Neither has to be there.
func outside(file, dir string) error {
	paths := []string{filepath.Dir(file), dir}
	for i, path := range paths {
		resolved, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // one that is not there has nothing in it
		}
		if err == nil {
			resolved, err = filepath.Abs(resolved)
		}
		if err != nil {
			return err
		}
		paths[i] = resolved
	}
	if name, err := filepath.Rel(paths[1], paths[0]); err == nil && filepath.IsLocal(name) {
		return fmt.Errorf("%s: %w", file, ErrInside)
	}
	return nil
}

// asDamage adds [ErrDamaged] to what readers say of an archive that was cut or changed.
func asDamage(err error) error {
	var corrupt flate.CorruptInputError
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) ||
		errors.Is(err, tar.ErrHeader) || errors.As(err, &corrupt) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Reset empties the state in dir: accounts, commands, events and the nodes' file systems. The errors are those of
// [Restore]. Files that are not slipway's stay, and then an empty state does too: it goes on being a data directory.
func Reset(ctx context.Context, dir string) error {
	return replaceState(ctx, dir, func(content string) error {
		left, err := Foreign(dir)
		if err != nil || len(left) == 0 {
			return err
		}
		return os.WriteFile(filepath.Join(content, store.File), nil, 0o600)
	})
}

// replaceState has fill make a new state in an empty directory, and puts it in the place of the one in dir. When that fails,
// directories that it made are gone again.
func replaceState(ctx context.Context, dir string, fill func(content string) error) error {
	if err := mayReplace(dir); err != nil {
		return err
	}
	made, err := missing(dir)
	if err != nil {
		return err
	}
	lock, dir, err := lockDir(dir)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Close() }()
	if err := replaceLocked(ctx, dir, fill); err != nil {
		return errors.Join(err, removeMade(dir, made))
	}
	return nil
}

// missing lists the directories that are made with dir, from dir up.
func missing(dir string) (made []string, err error) {
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	for {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return made, err
		}
		made, dir = append(made, dir), filepath.Dir(dir)
	}
}

// removeMade deletes what a restore made that failed. Where somebody put something there meanwhile, it stays.
func removeMade(dir string, made []string) error {
	if len(made) == 0 {
		return nil
	}
	if left, err := names(dir); err != nil || len(left) != 1 || left[0] != lockFile {
		return err
	}
	if err := os.Remove(filepath.Join(dir, lockFile)); err != nil {
		return err
	}
	for _, path := range made {
		if err := os.Remove(path); err != nil {
			return nil //nolint:nilerr // not empty, so not only the restore's
		}
	}
	return nil
}

// replaceLocked is [replaceState] for a directory that the caller has the lock of.
func replaceLocked(ctx context.Context, dir string, fill func(content string) error) error {
	if err := errors.Join(completeRestore(dir), removePassing(dir), usedBelow(dir)); err != nil {
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
		return fmt.Errorf("%w: %w", errNoSnapshot, err)
	}
	if m.Format < 1 {
		return fmt.Errorf("%w: its manifest has no format", errNoSnapshot)
	}
	if m.Format != snapshotFormat {
		return fmt.Errorf("a snapshot of format %d: %w", m.Format, store.ErrNewer)
	}
	return nil
}

// checkState reads the whole state, and opens it as a local AWS does: an older one is brought up to date, a newer one is
// refused.
func checkState(ctx context.Context, dir string) error {
	info, err := os.Stat(filepath.Join(dir, store.File))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return fmt.Errorf("%w: there is no state in it", ErrDamaged)
	}
	if err != nil {
		return err
	}
	db, err := store.Open(dir)
	if err == nil {
		err = errors.Join(db.Check(ctx), db.Close())
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	if err != nil {
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

// clearOld removes the old state, once, and nothing that is not slipway's.
func clearOld(dir, cleared string) error {
	if _, err := os.Stat(cleared); err == nil {
		return nil
	}
	if err := removeOwn(dir, lockFile, readyName); err != nil {
		return err
	}
	return os.WriteFile(cleared, nil, 0o600)
}

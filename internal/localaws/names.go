package localaws

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/node"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// ErrForeign says that a directory holds files and is not a data directory: nothing of it is touched.
var ErrForeign = errors.New("the directory has other files in it, and is not a data directory")

// Names in a data directory that belong to one process, or to a restore: no snapshot holds them. A number follows the
// prefixes.
const (
	lockFile       = "lock"
	snapshotPrefix = "snapshot-"
	restorePrefix  = "restore-"
)

// stateNames are the names in a data directory that are its state. With those of [passing] they are all that slipway ever
// makes there, and so all that it ever deletes there.
var stateNames = []string{
	store.File, store.File + "-wal", store.File + "-shm", store.File + "-journal",
	"nodes", "agent", "cell-ca.pem", "cell-ca-key.pem",
}

// own says whether a file of a data directory is slipway's.
func own(name string) bool { return slices.Contains(stateNames, name) || passing(name) }

// passing says that a file of a data directory belongs to a process and not to the state.
func passing(name string) bool {
	return name == lockFile || name == ControlFile || name == readyName || numbered(name, ControlFile+".") ||
		numbered(name, snapshotPrefix) || numbered(name, restorePrefix)
}

// numbered says that nothing but a number, of a temporary file, follows the prefix.
func numbered(name, prefix string) bool {
	rest, ok := strings.CutPrefix(name, prefix)
	return ok && rest != "" && strings.Trim(rest, "0123456789") == ""
}

// names lists a directory; one that is not there is empty.
func names(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	list := make([]string, len(entries))
	for i, entry := range entries {
		list[i] = entry.Name()
	}
	return list, err
}

// Foreign lists the files in dir, sorted, that are not slipway's. A directory that is not there has none.
func Foreign(dir string) ([]string, error) {
	list, err := names(dir)
	return slices.DeleteFunc(list, own), err
}

// mayOpen refuses with [ErrForeign] to make a data directory of one that holds files of others.
func mayOpen(dir string) error {
	list, err := names(dir)
	if err != nil || hasState(list) {
		return err
	}
	return refuse(dir, slices.DeleteFunc(list, own))
}

// mayReplace refuses with [ErrForeign] to empty a directory that was never a data directory: without a state it has what
// a reset leaves, or nothing.
func mayReplace(dir string) error {
	list, err := names(dir)
	if err != nil || hasState(list) {
		return err
	}
	if slices.Contains(list, lockFile) { // the first that is made and the last that is deleted
		list = slices.DeleteFunc(list, passing)
	}
	return refuse(dir, list)
}

// hasState says that a directory with these files is a data directory. The state of a restore which was killed may still
// wait. Among other files one that happens to be called state.db is not enough: slipway's was never without the lock.
func hasState(list []string) bool {
	if slices.Contains(list, readyName) {
		return true
	}
	foreign := slices.ContainsFunc(list, func(name string) bool { return !own(name) })
	return slices.Contains(list, store.File) && (!foreign || slices.Contains(list, lockFile))
}

func refuse(dir string, files []string) error {
	if len(files) == 0 {
		return nil
	}
	return fmt.Errorf("%s: %w, such as %s", dir, ErrForeign, files[0])
}

// removeOwn deletes what is slipway's in a directory, but for what is to be kept.
func removeOwn(dir string, keep ...string) error {
	list, err := names(dir)
	if err != nil {
		return err
	}
	for _, name := range list {
		if own(name) && !slices.Contains(keep, name) {
			if err := node.Remove(filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// RemoveDir deletes a data directory with its nodes' file systems, and the symbolic link that dir may be. Files that are
// not slipway's stay, and with them the directory: [Foreign] lists them.
func RemoveDir(dir string) error {
	resolved, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		resolved = dir
	} else if err != nil {
		return err
	}
	if err := errors.Join(removeOwn(resolved, lockFile), os.RemoveAll(filepath.Join(resolved, lockFile))); err != nil {
		return err
	}
	if left, err := names(resolved); err != nil || len(left) > 0 {
		return err
	}
	for _, path := range []string{resolved, dir} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

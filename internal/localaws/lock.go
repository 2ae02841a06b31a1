package localaws

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// ErrInUse says that another process has the data directory.
var ErrInUse = errors.New("another local AWS is using this data directory")

// Whoever asks whether a lock is taken has it for a moment, so taking it is tried for a little longer than that.
const (
	lockTries = 10
	lockPause = 20 * time.Millisecond
)

// lockDir makes dir and takes its lock, which goes with the process. It gives the directory's one name, absolute and
// without symbolic links.
func lockDir(dir string) (*os.File, string, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, "", fmt.Errorf("local AWS: %w", err)
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err == nil {
		resolved, err = filepath.Abs(resolved)
	}
	if err != nil {
		return nil, "", fmt.Errorf("local AWS: %w", err)
	}
	for try := range lockTries {
		if try > 0 {
			time.Sleep(lockPause)
		}
		lock, err := tryLock(filepath.Join(resolved, lockFile))
		if lock != nil || err != nil {
			return lock, resolved, err
		}
	}
	return nil, "", fmt.Errorf("local AWS in %s: %w", dir, ErrInUse)
}

// tryLock gives nil where another process has the lock, or has just deleted it with its directory.
func tryLock(path string) (*os.File, error) {
	lock, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("local AWS: %w", err)
	}
	if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
		mine, err := lock.Stat()
		there, gone := os.Stat(path)
		if err == nil && gone == nil && os.SameFile(mine, there) {
			return lock, nil
		}
	}
	return nil, lock.Close()
}

// usedBelow looks for another data directory below dir that a process has.
func usedBelow(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case errors.Is(err, fs.ErrPermission):
			return fs.SkipDir // as overlay mounts make them
		case err != nil || !d.Type().IsRegular() || d.Name() != lockFile || filepath.Dir(path) == dir:
			return err
		}
		below := filepath.Dir(path)
		if _, err := os.Lstat(filepath.Join(below, store.File)); err != nil {
			return nil
		}
		if used, err := locked(below); !used || err != nil {
			return err
		}
		return fmt.Errorf("local AWS in %s: %w", below, ErrInUse)
	})
}

// locked says whether a process has the data directory.
func locked(dir string) (bool, error) {
	lock, err := os.Open(filepath.Join(dir, lockFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("local AWS: %w", err)
	}
	defer func() { _ = lock.Close() }()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil, nil
}

package localaws

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse says that another process has the data directory.
var ErrInUse = errors.New("another local AWS is using this data directory")

const lockFile = "lock"

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
	lock, err := os.OpenFile(filepath.Join(resolved, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, "", fmt.Errorf("local AWS: %w", err)
	}
	for try := range lockTries {
		if try > 0 {
			time.Sleep(lockPause)
		}
		if err = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err == nil {
			return lock, resolved, nil
		}
	}
	_ = lock.Close()
	return nil, "", fmt.Errorf("local AWS in %s: %w", dir, ErrInUse)
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

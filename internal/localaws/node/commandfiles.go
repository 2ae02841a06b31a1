package node

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// commandFiles is the directory of one script of a command. Scripts write there too, and before this one is run another may
// have: so no link is followed that leads out of the commands' directory, and no file is taken that is there already.
type commandFiles struct {
	*os.Root // of all commands
	dir      string
}

// openCommands makes dir, which is somewhere in the directory of all commands.
func openCommands(all, dir string) (*commandFiles, error) {
	if err := os.MkdirAll(all, 0o755); err != nil {
		return nil, err
	}
	name, err := filepath.Rel(all, dir)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(all)
	if err != nil {
		return nil, err
	}
	if err := root.MkdirAll(name, 0o700); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return &commandFiles{root, name}, nil
}

// create makes a file in the place of what is there.
func (c *commandFiles) create(name string, flags int, mode fs.FileMode) (*os.File, error) {
	name = filepath.Join(c.dir, name)
	if err := c.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return c.OpenFile(name, flags|os.O_CREATE|os.O_EXCL, mode)
}

// output are the files of what a script prints. They are opened for appending, so that several processes that write do not
// overwrite each other.
func (c *commandFiles) output() (stdout, stderr *os.File, err error) {
	if stdout, err = c.create("stdout", os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, nil, fmt.Errorf("keep the script's output: %w", err)
	}
	if stderr, err = c.create("stderr", os.O_RDWR|os.O_APPEND, 0o600); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("keep the script's output: %w", err), stdout.Close())
	}
	return stdout, stderr, nil
}

// writeExecutable is [writeExecutable] in the directory.
func (c *commandFiles) writeExecutable(name string, content []byte) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	file, err := c.create(name, os.O_WRONLY, 0o700)
	if err != nil {
		return err
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// writeExecutable writes a script that is about to be executed. No process is forked meanwhile: between its fork and
// its exec a child holds the open file, and a file that anybody may still write to cannot be executed (ETXTBSY).
func writeExecutable(path string, content []byte, mode os.FileMode) error {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	return os.WriteFile(path, content, mode)
}

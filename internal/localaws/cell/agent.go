package cell

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// binaries are the agent's programs. The first one starts the second, and that one the others.
var binaries = []string{"amazon-ssm-agent", "ssm-agent-worker", "ssm-document-worker", "ssm-session-worker"}

// usual is where packages of the agent put it.
var usual = []string{"/usr/bin", "/snap/amazon-ssm-agent/current"}

// MissingError says that the agent is not installed where it was looked for.
type MissingError struct {
	Missing []string // the programs that were not found, or not beside each other
	Looked  []string // the directories
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("amazon-ssm-agent: %s not found in %s", strings.Join(e.Missing, ", "), strings.Join(e.Looked, ", "))
}

// Hint says what to do about it.
func (e *MissingError) Hint() string {
	return "install the package amazon-ssm-agent (https://docs.aws.amazon.com/systems-manager/latest/userguide/manually-install-ssm-agent-linux.html; " +
		"the service need not be started), or name the directory of its programs with --agent-dir"
}

// Find gives the directory that holds the agent's programs: dir if it is not empty, else the first one of path (a PATH)
// and of the usual places. The error is a [*MissingError] where there is none.
func Find(dir, path string) (string, error) {
	looked := append(filepath.SplitList(path), usual...)
	if dir != "" {
		looked = []string{dir}
	}
	none := &MissingError{Missing: binaries}
	for _, place := range looked {
		if place == "" || slices.Contains(none.Looked, place) {
			continue
		}
		none.Looked = append(none.Looked, place)
		missing := missingIn(place)
		if len(missing) == 0 {
			return filepath.Abs(place)
		}
		if len(missing) < len(none.Missing) {
			none.Missing = missing
		}
	}
	return "", none
}

func missingIn(dir string) (missing []string) {
	for _, name := range binaries {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || !info.Mode().IsRegular() || info.Mode()&0o111 == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}

// Install copies the agent's programs from one directory to another. The agent starts only workers that belong to root,
// and in a user namespace root is who started it: the files of the machine's root are nobody's there. What is there
// already, with the time and the size of the original, stays.
func Install(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("install the agent: %w", err)
	}
	for _, name := range binaries {
		if err := copyProgram(filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			return fmt.Errorf("install the agent: %w", err)
		}
	}
	return nil
}

func copyProgram(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = source.Close() }() // it was only read
	info, err := source.Stat()
	if err != nil {
		return err
	}
	old, err := os.Stat(to)
	if err == nil && old.Size() == info.Size() && old.ModTime().Equal(info.ModTime()) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	// Under another name first: a copy that was interrupted must not be taken for the program.
	file, err := os.CreateTemp(filepath.Dir(to), filepath.Base(to)+".*")
	if err != nil {
		return err
	}
	_, err = io.Copy(file, source)
	err = errors.Join(err, file.Chmod(0o755), file.Chown(os.Geteuid(), os.Getegid()), file.Close())
	if err == nil {
		err = os.Chtimes(file.Name(), info.ModTime(), info.ModTime())
	}
	if err == nil {
		err = os.Rename(file.Name(), to)
	}
	if err != nil {
		return errors.Join(err, os.Remove(file.Name()))
	}
	return nil
}

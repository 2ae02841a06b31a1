package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/slipway-cd/slipway/internal/finding"
)

// readBaseline reads the file of --baseline. Whoever named another file by mistake is not told to write a baseline there.
func readBaseline(name string) (*finding.Baseline, error) {
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage(err, "slipway lint --write-baseline "+name+" writes it")
	}
	if err != nil {
		return nil, usage(err, "")
	}
	baseline, err := finding.ReadBaseline(text)
	hint := "slipway lint --write-baseline " + name + " writes it anew"
	if errors.Is(err, finding.ErrNoBaseline) {
		hint = "name the file that --write-baseline wrote"
	}
	if err != nil {
		return nil, usage(fmt.Errorf("%s: %w", name, err), hint)
	}
	return baseline, nil
}

// mayBeBaseline refuses to write a baseline over something else: that would be gone. What is not there yet, is empty, or is no
// file that holds anything, such as a pipe, may be written.
func mayBeBaseline(name string) error {
	if name == "" {
		return nil
	}
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if _, err := os.Stat(filepath.Dir(name)); err != nil {
			return usage(fmt.Errorf("--write-baseline: %w", err), "make the folder first, or name a file elsewhere")
		}
		return nil
	case err != nil:
		return usage(fmt.Errorf("--write-baseline: %w", err), "")
	case info.IsDir():
		return usage(fmt.Errorf("--write-baseline: %s is a folder", name), "name a file in it")
	case !info.Mode().IsRegular() || info.Size() == 0:
		return nil
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return usage(fmt.Errorf("--write-baseline: %w", err), "")
	}
	if _, err := finding.ReadBaseline(text); errors.Is(err, finding.ErrNoBaseline) {
		return usage(fmt.Errorf("--write-baseline would overwrite %s, which is there: %w", name, err), "name another file, or remove that one")
	}
	return nil
}

package node

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// StubCalls gives the command lines of the stubs that were called on a node since a time, oldest first. dir is the
// node's own directory.
func StubCalls(dir string, since time.Time) ([]string, error) {
	file, err := os.Open(filepath.Join(dir, StubLog))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the calls of stubs: %w", err)
	}
	defer func() { _ = file.Close() }()
	var calls []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		// 2026-11-22T05:00:00Z /working/directory: docker compose up
		stamp, rest, _ := strings.Cut(lines.Text(), " ")
		_, call, ok := strings.Cut(rest, ": ")
		at, err := time.Parse(time.RFC3339, stamp)
		// Scripts can write here too: what is no record is passed over. The log counts in seconds.
		if err == nil && ok && !at.Before(since.Truncate(time.Second)) {
			calls = append(calls, call)
		}
	}
	return calls, lines.Err()
}

package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// journal remembers, in files, which commands were begun and which replies the service has not got yet. It is what
// keeps a command from being run twice, and its result from being lost, when the node stops or the service is away.
type journal struct {
	dir string

	mu   sync.Mutex
	last int // number of the newest reply
}

// States of a command in the journal.
const (
	stateRunning = "running"
	stateDone    = "done"
)

// pending is a reply that is to be sent.
type pending struct {
	MessageID string
	ReplyID   string
	Payload   string
	Final     bool
	path      string
}

func (j *journal) messagePath(messageID string) string {
	return filepath.Join(j.dir, "messages", messageID)
}

// state gives the state of a command, empty if it is new.
func (j *journal) state(messageID string) (string, error) {
	b, err := os.ReadFile(j.messagePath(messageID))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the journal: %w", err)
	}
	return string(b), nil
}

// begin records that a command is going to be run.
func (j *journal) begin(messageID string) error {
	return replaceFile(j.messagePath(messageID), []byte(stateRunning))
}

// forget takes begin back: the command was not run, and may be delivered again.
func (j *journal) forget(messageID string) error {
	if err := os.Remove(j.messagePath(messageID)); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

// interrupted lists the commands that an earlier run of the node began and has no final reply for.
func (j *journal) interrupted() ([]string, error) {
	replies, err := j.queued()
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(j.dir, "messages"))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var ids []string
	for _, entry := range entries {
		id := entry.Name()
		if strings.HasSuffix(id, temporary) {
			continue
		}
		state, err := j.state(id)
		if err != nil {
			return nil, err
		}
		answered := slices.ContainsFunc(replies, func(p pending) bool { return p.Final && p.MessageID == id })
		if state == stateRunning && !answered {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// add queues a reply. The final one ends the command; if the node dies between the two files, interrupted sees the
// reply.
func (j *journal) add(p pending) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.count(); err != nil {
		return err
	}
	j.last++
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := replaceFile(filepath.Join(j.dir, "replies", fmt.Sprintf("%09d", j.last)), b); err != nil {
		return err
	}
	if !p.Final {
		return nil
	}
	return replaceFile(j.messagePath(p.MessageID), []byte(stateDone))
}

// count finds the newest number once. The caller holds mu.
func (j *journal) count() error {
	if j.last > 0 {
		return nil
	}
	names, err := j.names()
	if err != nil || len(names) == 0 {
		return err
	}
	_, err = fmt.Sscanf(names[len(names)-1], "%d", &j.last)
	return err
}

func (j *journal) names() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(j.dir, "replies"))
	if err != nil {
		return nil, fmt.Errorf("read the journal: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), temporary) {
			names = append(names, entry.Name())
		}
	}
	slices.Sort(names)
	return names, nil
}

// queued gives the replies that were not sent yet, the oldest first.
func (j *journal) queued() ([]pending, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	names, err := j.names()
	if err != nil {
		return nil, err
	}
	var replies []pending
	for _, name := range names {
		p := pending{path: filepath.Join(j.dir, "replies", name)}
		b, err := os.ReadFile(p.path)
		if err != nil {
			return nil, fmt.Errorf("read the journal: %w", err)
		}
		if err := json.Unmarshal(b, &p); err != nil {
			return nil, fmt.Errorf("read the journal: %s: %w", name, err)
		}
		replies = append(replies, p)
	}
	return replies, nil
}

// sent drops a reply.
func (j *journal) sent(p pending) error {
	if err := os.Remove(p.path); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

const temporary = ".new"

// replaceFile writes a file so that it is there completely or not at all.
func replaceFile(path string, content []byte) error {
	if err := os.WriteFile(path+temporary, content, 0o600); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := os.Rename(path+temporary, path); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	return nil
}

package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// Enclosure is a sandbox that has namespaces of the network and of names as well, and in which one program runs from the
// beginning to the end. There is no way out of its network but sockets that this process answers on.
type Enclosure struct {
	Ports []*os.File // the sockets, in the order of the configuration; they are the caller's to close

	helper *helperRun
	limits string
}

// Enclose makes an enclosure and starts its program. The error is [ErrNoEnclosure] where the system forbids one.
func Enclose(cfg EnclosureConfig) (*Enclosure, error) {
	if !initialised.Load() {
		return nil, fmt.Errorf("%w: this program cannot start its helper", ErrNoEnclosure)
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, err
	}
	cfg.Dir = dir
	box := cfg.Sandbox
	guards, err := box.prepare(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s, limits, err := newSetup(cfg.Dir, box, guards)
	if err != nil {
		return nil, err
	}
	s.Private = true
	s.Cell = &cellSetup{HostName: cfg.HostName, Address: cfg.Address, Files: cfg.Files, Append: cfg.Append, Absent: cfg.Absent, Mounts: cfg.Mounts, Ports: cfg.Ports}
	// What a built-in node of this directory kept uses the same copies-on-write.
	earlier := &holder{marker: box.Marker, instance: cfg.InstanceID, logf: func(string, ...any) {}}
	if err := earlier.stopEarlier(); err != nil {
		return nil, err
	}
	helper, more, err := run(s)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoEnclosure, err)
	}
	e := &Enclosure{Ports: helper.ports, helper: helper, limits: joinLimits(append(limits, more...)...)}
	if err := e.start(request{Argv: cfg.Argv, Dir: "/", Env: cfg.environment(box)}, cfg.Log); err != nil {
		return nil, errors.Join(err, e.Close(), closeAll(e.Ports))
	}
	return e, nil
}

func (e *Enclosure) start(r request, log *os.File) error {
	if len(e.Ports) == 0 {
		return errors.New("start in the cell: its sockets did not arrive")
	}
	if err := sendMessage(e.helper.conn, command{ID: 1, Request: r}, log, log); err != nil {
		return fmt.Errorf("start in the cell: %w", err)
	}
	var a answer
	if err := receive(e.helper.conn, &a, nil); err != nil {
		return fmt.Errorf("start in the cell: %w", err)
	}
	if a.Err != "" {
		return errors.New("start in the cell: " + a.Err)
	}
	return nil
}

// Limits says in one line what the sandbox cannot do on this system; it is empty where nothing is missing.
func (e *Enclosure) Limits() string { return e.limits }

// Wait returns when the program has ended, or the enclosure with it, and says how.
func (e *Enclosure) Wait() error {
	var a answer
	if err := receive(e.helper.conn, &a, nil); err != nil {
		return errors.New("the cell ended")
	}
	if a.Err != "" {
		return errors.New(a.Err)
	}
	return fmt.Errorf("exit status %d", a.Code)
}

// Close kills everything in the enclosure and returns when it is gone.
func (e *Enclosure) Close() error {
	// Not by closing the connection, at which the helper would end by itself: a script may have stopped that.
	err := e.helper.cmd.Process.Kill()
	if errors.Is(err, os.ErrProcessDone) {
		err = nil
	}
	<-e.helper.gone
	if closeErr := e.helper.conn.Close(); err == nil && !errors.Is(closeErr, net.ErrClosed) {
		err = closeErr
	}
	return err
}

// flat is a path as the name of a file.
func flat(path string) string { return strings.ReplaceAll(strings.Trim(path, "/"), "/", "-") }

package node

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// initialised is set by MaybeInit. Without it the program must not be run again as a helper: it would do its own
// work a second time instead.
var initialised atomic.Bool

// stopEarlier is how long an application that an earlier run kept may take to end before it is made to.
const stopEarlier = 2 * time.Second

// holder is the node's side of the helper process that holds the node's namespaces. All commands of a node run in
// the same ones, so that they see each other's files and processes as on a real machine, and so that an overlay is
// never mounted twice. The helper is started when the first command comes.
type holder struct {
	setup    setup
	limits   []string
	marker   string
	instance string
	logf     func(format string, args ...any)

	mu      sync.Mutex
	helper  *helperRun // nil before the first command, and after its end
	last    *helperRun // the one before
	next    int
	started map[int]chan answer
	running map[int]chan ended
	closed  bool
}

// helperRun is one run of the helper.
type helperRun struct {
	conn *net.UnixConn
	cmd  *exec.Cmd
	gone chan struct{} // is closed when the process has ended

	ports []*os.File // listening sockets of an enclosure, in the order of its setup
}

// newHolder finds out what this system allows, and starts nothing that stays.
func newHolder(cfg *Config, guards []guard) (*holder, error) {
	if !initialised.Load() {
		return nil, errors.New("this program cannot start the sandbox's helper")
	}
	s, limits, err := newSetup(cfg.Dir, cfg.Sandbox, guards)
	if err != nil {
		return nil, err
	}
	h := &holder{setup: s, limits: limits, marker: cfg.Sandbox.Marker, instance: cfg.InstanceID, logf: cfg.Logf,
		started: map[int]chan answer{}, running: map[int]chan ended{}}
	if err := removeTrials(s.Dir); err != nil {
		return nil, err
	}
	return h, h.try(cfg.Sandbox.Keep)
}

// trialPrefix begins the names of the copies-on-write of a trial.
const trialPrefix = "trial-"

// removeTrials deletes what a process that was killed during a trial has left.
func removeTrials(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), trialPrefix) {
			err = errors.Join(err, Remove(filepath.Join(dir, entry.Name())))
		}
	}
	return err
}

// try makes the mounts for a moment, with copies-on-write of their own: those of the node may be in use by what an
// earlier run kept.
func (h *holder) try(keep bool) error {
	const open = "scripts can signal all processes of this user"
	if keep {
		h.limits = append(h.limits, open+": what they start goes on after the end")
		return h.trial(h.setup)
	}
	h.setup.Private = true
	private := h.trial(h.setup)
	if private == nil {
		return nil
	}
	h.setup.Private = false
	if err := h.trial(h.setup); err != nil {
		return err
	}
	h.limits = append(h.limits, open+", and what they start without the node's environment goes on: "+private.Error())
	return nil
}

func (h *holder) trial(s setup) (err error) {
	if s.Layers, err = os.MkdirTemp(s.Dir, trialPrefix+"*"); err != nil {
		return err
	}
	s.Trial = true
	helper, limits, err := run(s)
	if err == nil {
		h.limits = append(h.limits, limits...)
		err = errors.Join(helper.conn.Close(), helper.await())
	}
	return errors.Join(err, Remove(s.Layers))
}

// run starts a helper and waits for its mounts.
func run(s setup) (*helperRun, []string, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("reach the sandbox's helper: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "helper"), os.NewFile(uintptr(fds[1]), "node")
	defer ours.Close()
	cmd, err := helperCommand(theirs, s)
	if err != nil {
		return nil, nil, errors.Join(err, theirs.Close())
	}
	gone := make(chan struct{}) // is closed when the process has ended
	err = startWatched(cmd, gone)
	if closeErr := theirs.Close(); err == nil && closeErr != nil {
		err = closeErr
	}
	if err != nil {
		return nil, nil, fmt.Errorf("this system does not let us make user and mount namespaces: %w", err)
	}
	i := &helperRun{cmd: cmd, gone: gone}
	limits, err := i.handshake(ours, s)
	if err != nil {
		// Its own words are in err; how it ended after that adds nothing.
		_ = cmd.Process.Kill()
		<-i.gone
		return nil, nil, errors.Join(err, closeAll(i.ports))
	}
	return i, limits, nil
}

// startWatched starts a process and closes gone when it has ended. The thread stays until then: a process that wants to be
// killed when its parent ends means the thread that started it.
func startWatched(cmd *exec.Cmd, gone chan<- struct{}) error {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is gone, one way or the other
			close(gone)
		}
	}()
	return <-started
}

func closeAll(files []*os.File) error {
	var errs []error
	for _, f := range files {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// await waits for the helper's end, which must have been told to end. It ends at once unless something is wrong.
func (i *helperRun) await() error {
	select {
	case <-i.gone:
		return nil
	case <-time.After(killGrace):
	}
	if err := i.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("end the sandbox: %w", err)
	}
	<-i.gone
	return nil
}

// start makes sure that there is a helper. The caller holds mu.
func (h *holder) start() error {
	if h.closed {
		return errors.New("the node is closed")
	}
	if h.helper != nil {
		return nil
	}
	if h.last != nil {
		if err := h.last.await(); err != nil {
			return err
		}
	}
	if err := h.stopEarlier(); err != nil {
		return err
	}
	helper, _, err := run(h.setup)
	if err != nil {
		return fmt.Errorf("start the sandbox: %w", err)
	}
	h.helper, h.last = helper, helper
	go h.read(helper)
	return nil
}

// stopEarlier ends what still uses an earlier mount of the node's file system: to mount copies-on-write a second time
// beside it would have no defined result.
func (h *holder) stopEarlier() error {
	ours := func() ([]Process, error) {
		all, err := Processes(h.marker)
		return slices.DeleteFunc(all, func(p Process) bool { return p.InstanceID != h.instance }), err
	}
	kept, err := ours()
	if err != nil || len(kept) == 0 {
		return err
	}
	if err := stop(context.Background(), ours, stopEarlier); err != nil {
		return err
	}
	who := "an earlier run kept on this node"
	if h.last != nil {
		who = "the sandbox left when it ended"
	}
	h.logf("stopped %d processes that %s: its file system is mounted anew", len(kept), who)
	return nil
}

// spawn starts a process inside. A helper that died is started anew.
func (h *holder) spawn(r request, stdout, stderr *os.File) (process, error) {
	h.mu.Lock()
	if err := h.start(); err != nil {
		h.mu.Unlock()
		return process{}, err
	}
	h.next++
	helper, id, begun, done := h.helper, h.next, make(chan answer, 1), make(chan ended, 1)
	h.started[id], h.running[id] = begun, done
	err := sendMessage(helper.conn, command{ID: id, Request: r}, stdout, stderr)
	if err != nil {
		delete(h.started, id)
		delete(h.running, id)
	}
	h.mu.Unlock()
	if err != nil {
		return process{}, fmt.Errorf("reach the sandbox's helper: %w", err)
	}
	a := <-begun
	if a.Err != "" {
		return process{}, errors.New(a.Err)
	}
	return process{done: done, group: func() error { return h.killGroup(helper, id, a.PID) }}, nil
}

// killGroup kills a script's process group. In a process namespace only the helper knows which that is, and without
// the helper nothing of it is left.
func (h *holder) killGroup(helper *helperRun, id, pid int) error {
	if !h.setup.Private {
		return killGroup(pid)
	}
	h.mu.Lock()
	lost := h.helper != helper
	var err error
	if !lost {
		err = sendMessage(helper.conn, command{ID: id, Kill: true})
	}
	h.mu.Unlock()
	if lost || err != nil {
		return helper.await()
	}
	return nil
}

// read hands the helper's answers to those who wait for them, and tells them all when it is gone.
func (h *holder) read(helper *helperRun) {
	for {
		var a answer
		err := receive(helper.conn, &a, nil)
		h.mu.Lock()
		if err != nil {
			h.lost(helper)
			h.mu.Unlock()
			return
		}
		if begun := h.started[a.ID]; begun != nil {
			delete(h.started, a.ID)
			begun <- a
			if a.Err != "" {
				delete(h.running, a.ID)
			}
		} else if done := h.running[a.ID]; done != nil && a.Ended {
			delete(h.running, a.ID)
			done <- endedOf(a)
		}
		h.mu.Unlock()
	}
}

func endedOf(a answer) ended {
	if a.Err != "" {
		return ended{err: errors.New(a.Err)}
	}
	return ended{code: a.Code, how: a.How}
}

// lost ends every wait. The caller holds mu.
func (h *holder) lost(helper *helperRun) {
	const gone = "the node's sandbox ended while the script ran"
	for id, begun := range h.started {
		begun <- answer{ID: id, Err: gone}
	}
	for _, done := range h.running {
		done <- ended{err: errors.New(gone)}
	}
	h.started, h.running = map[int]chan answer{}, map[int]chan ended{}
	_ = helper.conn.Close() // nothing is in flight any more
	if h.helper == helper {
		h.helper = nil
	}
}

// Close ends the helper and waits for that. It kills the scripts that still run, and with a process namespace all that
// they started; without one, applications in process groups of their own go on.
func (h *holder) Close() error {
	h.mu.Lock()
	h.closed = true
	helper := h.helper
	h.helper = nil
	h.mu.Unlock()
	if helper == nil {
		return nil
	}
	return errors.Join(helper.conn.Close(), helper.await())
}

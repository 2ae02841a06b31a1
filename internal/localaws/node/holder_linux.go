package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// initialised is set by MaybeInit. Without it the program must not be run again as a helper: it would do its own
// work a second time instead.
var initialised atomic.Bool

// holder is the node's side of the helper process that holds the node's namespaces. All commands of a node run in
// the same mount namespace, so that they see each other's files and pid files as on a real machine, and so that an
// overlay is never mounted twice.
type holder struct {
	setup  setup
	limits string

	mu      sync.Mutex
	conn    *net.UnixConn
	cmd     *exec.Cmd
	next    int
	started map[int]chan answer
	running map[int]chan ended
	closed  bool
}

// overlayPlaces are where a script may write and keep its changes, in a copy of the node's own.
var overlayPlaces = []string{"/etc", "/home", "/opt", "/root", "/srv", "/usr/local", "/var"}

// sockets are what an allowed program needs of /run.
var sockets = map[string]string{
	"docker":    "/run/docker.sock",
	"podman":    "/run/podman",
	"systemctl": "/run/systemd",
}

func newHolder(dir string, box Sandbox, guards []guard) (*holder, error) {
	if !initialised.Load() {
		return nil, errors.New("this program cannot start the sandbox's helper")
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, err
	}
	s := setup{Dir: dir, Tools: hiddenTools(box.Path)}
	for _, cache := range box.Caches {
		real, err := filepath.EvalSymlinks(cache)
		if err != nil {
			return nil, err
		}
		s.Caches = append(s.Caches, real)
	}
	slices.Sort(s.Caches)
	for _, place := range overlayPlaces {
		if info, err := os.Lstat(place); err == nil && info.IsDir() && !touches(place, append(s.Caches, dir)) {
			s.Overlays = append(s.Overlays, place)
		}
	}
	for _, program := range box.Allow {
		if path := sockets[program]; path != "" {
			if _, err := os.Stat(path); err == nil {
				s.Sockets = append(s.Sockets, path)
			}
		}
	}
	for _, g := range guards {
		for _, program := range g.covers {
			s.Covers = append(s.Covers, [2]string{filepath.Join(dir, "guards", filepath.Base(g.script)), program})
		}
	}
	h := &holder{setup: s}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h, h.start()
}

// hiddenTools finds the directories of a PATH that the node's own /tmp and /run would hide: a toolchain that was
// unpacked into /tmp, the whole system on NixOS. Of a directory bin it is the one above, where the rest of the
// toolchain is.
func hiddenTools(path string) []string {
	var tools []string
	for _, dir := range filepath.SplitList(path) {
		dir = filepath.Clean(dir)
		if !touches("/tmp", []string{dir}) && !touches("/run", []string{dir}) || filepath.Dir(dir) == "/" {
			continue
		}
		if above := filepath.Dir(dir); filepath.Base(dir) == "bin" && filepath.Dir(above) != "/" {
			dir = above
		}
		if info, err := os.Stat(dir); err == nil && info.IsDir() && !slices.Contains(tools, dir) {
			tools = append(tools, dir)
		}
	}
	slices.Sort(tools) // what is inside another one comes after it
	return tools
}

// touches tells whether one of dirs is inside place, or place inside one of them.
func touches(place string, dirs []string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		return strings.HasPrefix(dir+"/", place+"/") || strings.HasPrefix(place+"/", dir+"/")
	})
}

// start runs the helper and waits for its mounts. The caller holds mu.
func (h *holder) start() error {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("reach the sandbox's helper: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(fds[0]), "helper"), os.NewFile(uintptr(fds[1]), "node")
	defer ours.Close()
	defer theirs.Close()
	cmd, err := helperCommand(theirs)
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("this system does not let us make user and mount namespaces: %w", err)
	}
	conn, limits, err := handshake(ours, h.setup)
	if err != nil {
		// Its own words are in err; how it ended after that adds nothing.
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return err
	}
	h.conn, h.cmd, h.limits = conn, cmd, strings.Join(limits, "; ")
	h.started, h.running = map[int]chan answer{}, map[int]chan ended{}
	go h.read(conn, cmd)
	return nil
}

// helperCommand is this program, to be run in new user and mount namespaces in which it is root.
func helperCommand(socket *os.File) (*exec.Cmd, error) {
	uids, gids, err := idMaps()
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{initName},
		Env:        []string{},
		Dir:        "/",
		ExtraFiles: []*os.File{socket},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:                 syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
			UidMappings:                uids,
			GidMappings:                gids,
			GidMappingsEnableSetgroups: mayChangeGroups(),
			Setpgid:                    true, // a Ctrl-C is for slipway, which then lets commands end
		},
	}, nil
}

// idMaps makes an ordinary user root of the namespace; root keeps all users that it has.
func idMaps() (uids, gids []syscall.SysProcIDMap, err error) {
	if os.Geteuid() != 0 {
		return []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}, []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}, nil
	}
	if uids, err = ownMap("/proc/self/uid_map"); err != nil {
		return nil, nil, err
	}
	gids, err = ownMap("/proc/self/gid_map")
	return uids, gids, err
}

// mayChangeGroups is for root only, and not for root of a namespace that was made without it.
func mayChangeGroups() bool {
	b, err := os.ReadFile("/proc/self/setgroups")
	return err == nil && os.Geteuid() == 0 && strings.TrimSpace(string(b)) == "allow"
}

func ownMap(path string) ([]syscall.SysProcIDMap, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the user namespace: %w", err)
	}
	var ids []syscall.SysProcIDMap
	for line := range strings.Lines(string(b)) {
		var inside, outside, size int
		if _, err := fmt.Sscan(line, &inside, &outside, &size); err != nil {
			return nil, fmt.Errorf("read the user namespace: %s: %w", path, err)
		}
		ids = append(ids, syscall.SysProcIDMap{ContainerID: inside, HostID: inside, Size: size})
	}
	return ids, nil
}

// handshake sends the setup and reads what became of it.
func handshake(socket *os.File, s setup) (*net.UnixConn, []string, error) {
	c, err := net.FileConn(socket)
	if err != nil {
		return nil, nil, fmt.Errorf("reach the sandbox's helper: %w", err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, nil, errors.Join(errors.New("reach the sandbox's helper: not a Unix socket"), c.Close())
	}
	if err := sendMessage(conn, s); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("reach the sandbox's helper: %w", err), conn.Close())
	}
	var a answer
	if err := receive(conn, &a, nil); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("the sandbox's helper ended: %w", err), conn.Close())
	}
	if a.Err != "" {
		return nil, nil, errors.Join(errors.New(a.Err), conn.Close())
	}
	return conn, a.Limits, nil
}

// spawn starts a process inside. A helper that died is started anew.
func (h *holder) spawn(r request, stdout, stderr *os.File) (process, error) {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return process{}, errors.New("the node is closed")
	}
	if h.conn == nil {
		if err := h.start(); err != nil {
			h.mu.Unlock()
			return process{}, fmt.Errorf("start the sandbox again: %w", err)
		}
	}
	h.next++
	id, begun, done := h.next, make(chan answer, 1), make(chan ended, 1)
	h.started[id], h.running[id] = begun, done
	err := sendMessage(h.conn, command{ID: id, Request: r}, stdout, stderr)
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
	return process{pid: a.PID, done: done}, nil
}

// read hands the helper's answers to those who wait for them, and tells them all when it is gone.
func (h *holder) read(conn *net.UnixConn, cmd *exec.Cmd) {
	for {
		var a answer
		err := receive(conn, &a, nil)
		h.mu.Lock()
		if err != nil {
			h.lost(conn)
			h.mu.Unlock()
			_ = cmd.Wait() // it is gone, one way or the other
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
	return ended{code: a.Code}
}

// lost ends every wait. The caller holds mu.
func (h *holder) lost(conn *net.UnixConn) {
	const gone = "the node's sandbox ended while the script ran"
	for id, begun := range h.started {
		begun <- answer{ID: id, Err: gone}
	}
	for _, done := range h.running {
		done <- ended{err: errors.New(gone)}
	}
	h.started, h.running = map[int]chan answer{}, map[int]chan ended{}
	_ = conn.Close() // nothing is in flight any more
	if h.conn == conn {
		h.conn = nil
	}
}

// Close ends the helper, which kills the scripts that still run. Applications in sessions of their own go on.
func (h *holder) Close() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.closed = true
	if h.conn == nil {
		return nil
	}
	conn := h.conn
	h.conn = nil
	return conn.Close()
}

package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The helper is this program, run in stages. The first makes the mounts, in a user namespace that owns them. The
// others, and all scripts, are in a second one inside it: there every mount is locked as it is, and nobody has a right
// over the namespace that could change one. A stage that has a right which scripts must not get cannot be traced:
// its memory belongs to a user namespace above theirs, or it has given the right up before the first of them starts.
const (
	stageSeal  = "seal"  // gives up what a script must not have, and becomes stageServe
	stageServe = "serve" // starts commands for the node
	stageReap  = "reap"  // what the first stage becomes: it waits, and is init where there is a process namespace
)

// MaybeInit makes the sandbox possible. It must be the first thing in main, and in TestMain of every package whose
// tests run nodes: when the program was started as a sandbox's helper, MaybeInit does the helper's work and ends the
// process. Otherwise it returns at once.
func MaybeInit() {
	if len(os.Args) == 0 || os.Args[0] != initName {
		initialised.Store(true)
		return
	}
	// The one place outside main that ends the process: as a helper, this program has no other main.
	if err := helper(os.Args[1:]); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func helper(args []string) error {
	// Capabilities belong to threads: the one that gives them up is the one that goes on.
	runtime.LockOSThread()
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		return err
	}
	// The connection to the node, which every stage but the last inherits. It must not be collected, and so closed,
	// while a stage goes on.
	socket := os.NewFile(3, "node")
	defer runtime.KeepAlive(socket)
	switch {
	case len(args) == 0:
		return build(socket)
	case len(args) == 2 && args[0] == stageSeal:
		return report(socket, seal(args[1]))
	case len(args) == 2 && args[0] == stageServe:
		return serve(socket, args[1])
	case len(args) == 2 && args[0] == stageReap:
		return reap(args[1])
	}
	return fmt.Errorf("stage %q is not one", args)
}

// connect makes a connection of the socket, which stays open.
func connect(socket *os.File) (*net.UnixConn, error) {
	c, err := net.FileConn(socket)
	if err != nil {
		return nil, err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.New("descriptor 3 is not a Unix socket")
	}
	return conn, nil
}

// report tells the node why there will be no sandbox.
func report(socket *os.File, err error) error {
	if err == nil {
		return nil
	}
	conn, connErr := connect(socket)
	if connErr != nil {
		return errors.Join(err, connErr)
	}
	return errors.Join(err, sendMessage(conn, answer{Err: err.Error()}))
}

// build is the first stage: it makes the mounts, starts the next stage inside, and becomes the one that waits.
func build(socket *os.File) error {
	conn, err := connect(socket)
	if err != nil {
		return err
	}
	var s setup
	if err := receive(conn, &s, nil); err != nil {
		return err
	}
	view, err := s.mount()
	if err != nil {
		return report(socket, err)
	}
	if s.Cell != nil {
		if err := s.Cell.enter(conn); err != nil {
			return report(socket, err)
		}
	}
	child, err := startInside(socket, view)
	if err != nil {
		return report(socket, err)
	}
	// So that the node notices when the server ends.
	if err := errors.Join(conn.Close(), socket.Close()); err != nil {
		return err
	}
	if err := dropBounds(nil); err != nil {
		return err
	}
	return syscall.Exec("/proc/self/exe", []string{initName, stageReap, strconv.Itoa(child)}, nil)
}

// startInside starts the next stage in the second pair of namespaces, as the same users.
func startInside(socket *os.File, view view) (int, error) {
	limits, err := json.Marshal(view.limits)
	if err != nil {
		return 0, err
	}
	uids, err := ownMap("/proc/self/uid_map")
	if err != nil {
		return 0, err
	}
	gids, err := ownMap("/proc/self/gid_map")
	if err != nil {
		return 0, err
	}
	cmd := &exec.Cmd{
		Path: view.self, Args: []string{initName, stageSeal, string(limits)}, Env: []string{}, Dir: "/",
		ExtraFiles: []*os.File{socket},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS, UidMappings: uids, GidMappings: gids,
			GidMappingsEnableSetgroups: mayChangeGroups(),
		},
	}
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("this system does not let us lock the mounts in a second user namespace: %w", err)
	}
	return cmd.Process.Pid, nil
}

// seal is the second stage. It ends as the third: only a program that begins anew has no thread with old rights.
func seal(limits string) error {
	// Until now it had to be writable, for the maps of this namespace. What is below /proc/sys belongs to the
	// machine, and to its root in any namespace.
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/proc", unix.AT_RECURSIVE, attr); err != nil {
		return fmt.Errorf("make /proc read-only: %w", err)
	}
	if !ownsAll() {
		// With one user there is nobody whom a program with the set-user-id bit could become. With all of them,
		// sudo and su are programs that scripts use.
		if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("rule out new privileges: %w", err)
		}
	}
	if err := dropBounds(keptCapabilities); err != nil {
		return err
	}
	return fmt.Errorf("begin anew: %w", syscall.Exec("/proc/self/exe", []string{initName, stageServe, limits}, nil))
}

// keptCapabilities are what scripts of an installation's kind need as root of their namespace: over files and
// processes of its users, and none over mounts, devices, the kernel or other programs' memory.
var keptCapabilities = []uintptr{
	unix.CAP_CHOWN, unix.CAP_DAC_OVERRIDE, unix.CAP_FOWNER, unix.CAP_FSETID, unix.CAP_KILL, unix.CAP_SETGID,
	unix.CAP_SETUID, unix.CAP_SETPCAP, unix.CAP_NET_BIND_SERVICE, unix.CAP_SYS_CHROOT,
}

// dropBounds takes all capabilities but those kept from what this thread executes next, for ever.
func dropBounds(keep []uintptr) error {
	for c := uintptr(0); ; c++ {
		// EINVAL: this kernel has no more of them.
		if _, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, c, 0, 0, 0); errors.Is(err, unix.EINVAL) {
			break
		} else if err != nil {
			return fmt.Errorf("read the capabilities: %w", err)
		}
		if slices.Contains(keep, c) {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, c, 0, 0, 0); err != nil {
			return fmt.Errorf("give up capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up the ambient capabilities: %w", err)
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&header, &data[0]); err != nil {
		return fmt.Errorf("read the capabilities: %w", err)
	}
	data[0].Inheritable, data[1].Inheritable = 0, 0
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("give up the inheritable capabilities: %w", err)
	}
	return nil
}

// reap waits for everything that ends here, until the server does. What is left in the process namespace then is
// killed by the kernel.
func reap(server string) error {
	pid, err := strconv.Atoi(server)
	if err != nil {
		return err
	}
	for {
		ended, err := syscall.Wait4(-1, nil, 0, nil)
		switch {
		case errors.Is(err, syscall.EINTR):
		case err != nil || ended == pid:
			return err
		}
	}
}

// serve is the third stage: it starts commands until the node is gone.
func serve(socket *os.File, limits string) error {
	conn, err := connect(socket)
	if err != nil {
		return err
	}
	if err := socket.Close(); err != nil { // no script is to inherit it
		return err
	}
	var a answer
	if err := json.Unmarshal([]byte(limits), &a.Limits); err != nil {
		return err
	}
	if err := sendMessage(conn, a); err != nil {
		return err
	}
	return (&server{conn: conn, groups: map[int]int{}}).serve()
}

// server starts commands for the node.
type server struct {
	conn *net.UnixConn

	mu     sync.Mutex
	groups map[int]int // process groups of running scripts, by command
}

func (s *server) serve() error {
	for {
		var c command
		var files []*os.File
		if err := receive(s.conn, &c, &files); err != nil {
			s.killAll() // the node is gone: a script without anybody to answer to must not go on
			return nil
		}
		if c.Kill {
			s.kill(c.ID)
			continue
		}
		if err := s.start(c, files); err != nil {
			return err
		}
	}
}

func (s *server) start(c command, files []*os.File) error {
	defer func() {
		for _, f := range files {
			f.Close()
		}
	}()
	if len(files) != 2 {
		return sendMessage(s.conn, answer{ID: c.ID, Err: "the script's output files did not arrive"})
	}
	pid, wait, err := start(c.Request, files[0], files[1])
	if err != nil {
		return sendMessage(s.conn, answer{ID: c.ID, Err: err.Error()})
	}
	s.mu.Lock()
	s.groups[c.ID] = pid
	s.mu.Unlock()
	if err := sendMessage(s.conn, answer{ID: c.ID, PID: pid}); err != nil {
		s.killAll()
		return err
	}
	go s.finish(c.ID, wait)
	return nil
}

func (s *server) finish(id int, wait func() ended) {
	e := wait()
	s.mu.Lock()
	delete(s.groups, id)
	s.mu.Unlock()
	a := answer{ID: id, Ended: true, Code: e.code, How: e.how}
	if e.err != nil {
		a.Err = e.err.Error()
	}
	// If the node is gone, serve notices as well.
	_ = sendMessage(s.conn, a)
}

// kill is for a script whose time is over; one that has ended is left alone.
func (s *server) kill(id int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if pid, ok := s.groups[id]; ok {
		_ = killGroup(pid) // the node waits for the end, and says so if none comes
	}
}

func (s *server) killAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pid := range s.groups {
		_ = killGroup(pid) // there is nobody left to tell
	}
}

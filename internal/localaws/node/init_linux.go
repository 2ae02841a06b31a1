package node

import (
	"errors"
	"net"
	"os"
	"runtime"
	"sync"

	"golang.org/x/sys/unix"
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
	if err := helper(); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

// helper sets up the mounts, then starts commands until the node is gone.
func helper() error {
	// The thread that gives up a capability is the one that starts every command.
	runtime.LockOSThread()
	c, err := net.FileConn(os.NewFile(3, "node"))
	if err != nil {
		return err
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return errors.New("descriptor 3 is not a Unix socket")
	}
	unix.CloseOnExec(3)
	var s setup
	if err := receive(conn, &s, nil); err != nil {
		return err
	}
	limits, err := s.mount()
	if err == nil {
		// Commands are root of their namespace, but cannot mount: what is read-only stays so.
		err = unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0)
	}
	if err != nil {
		return errors.Join(err, sendMessage(conn, answer{Err: err.Error()}))
	}
	if err := sendMessage(conn, answer{Limits: limits}); err != nil {
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
	a := answer{ID: id, Ended: true, Code: e.code}
	if e.err != nil {
		a.Err = e.err.Error()
	}
	// If the node is gone, serve notices as well.
	_ = sendMessage(s.conn, a)
}

func (s *server) killAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, pid := range s.groups {
		_ = killGroup(pid) // there is nobody left to tell
	}
}

package node

import (
	"encoding/json"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// maxMessage bounds a message between the node and its helper; a command's environment travels in one.
const maxMessage = 512 << 10

// maxFiles bounds what comes with one.
const maxFiles = 8

// setup tells the helper what to mount.
type setup struct {
	Dir      string
	Caches   []string
	Tools    []string // what PATH needs of the host's /tmp and /run, read-only
	Overlays []string
	Sockets  []string    // of the host's /run, for programs that were allowed
	Covers   [][2]string // a guard's script, the program that it is mounted over
	Hide     []string    // what of the host's is not to be seen; parents come before what is in them
	Layers   string      // where the overlays keep what is written
	Trial    bool        // the layers are empty ones, to see what works
	Private  bool        // there is a process namespace, which wants its own /proc
	Cell     *cellSetup  // nil for the sandbox of a built-in node
}

// cellSetup is what an [Enclosure] has beyond a sandbox.
type cellSetup struct {
	HostName string
	Address  string
	Files    map[string]string // these are in the place of the machine's, by path
	Append   map[string]string // what is added to files that are there, by path
	Absent   []string          // directories of the machine that are empty ones here
	Mounts   [][2]string       // a directory, where it is mounted read-only
	Ports    []Port
}

// command is what the helper is asked to start; two descriptors, stdout and stderr, come with it. With Kill it is to
// kill what it started under that ID.
type command struct {
	ID      int
	Kill    bool
	Request request
}

// answer is what the helper says: once after setup (ID 0), then twice for each command.
type answer struct {
	ID     int
	PID    int
	Ended  bool
	Code   int
	How    string // the end in words
	Err    string
	Limits []string
	Ports  int // so many sockets come with it, those of an enclosure
}

// sendMessage writes v and hands over files.
func sendMessage(conn *net.UnixConn, v any, files ...*os.File) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if len(b) > maxMessage {
		return fmt.Errorf("a message of %d bytes is too long", len(b))
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = conn.WriteMsgUnix(b, rights, nil)
	return err
}

// receive reads a message into v and the files that came with it into files.
func receive(conn *net.UnixConn, v any, files *[]*os.File) error {
	b, oob := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(maxFiles*4))
	n, oobn, _, _, err := conn.ReadMsgUnix(b, oob)
	if err != nil {
		return err
	}
	if n == 0 {
		return net.ErrClosed
	}
	if files != nil && oobn > 0 {
		if *files, err = filesOf(oob[:oobn]); err != nil {
			return err
		}
	}
	return json.Unmarshal(b[:n], v)
}

func filesOf(oob []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			return nil, err
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			files = append(files, os.NewFile(uintptr(fd), "output"))
		}
	}
	return files, nil
}

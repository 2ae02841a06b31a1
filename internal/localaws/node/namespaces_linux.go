package node

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// helperCommand is this program, to be run in new user and mount namespaces in which it is root; where the setup is a
// private one, in one of processes as well, and for a cell in those of the network and of names.
func helperCommand(socket *os.File, s setup) (*exec.Cmd, error) {
	uids, gids, err := idMaps()
	if err != nil {
		return nil, err
	}
	flags := uintptr(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS)
	if s.Private {
		flags |= syscall.CLONE_NEWPID
	}
	if s.Cell != nil {
		flags |= syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC
	}
	return &exec.Cmd{
		Path:       "/proc/self/exe",
		Args:       []string{initName},
		Env:        []string{},
		Dir:        "/",
		ExtraFiles: []*os.File{socket},
		SysProcAttr: &syscall.SysProcAttr{
			Cloneflags:                 flags,
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

// handshake sends the setup and reads what became of it. An enclosure's sockets come first.
func (i *helperRun) handshake(socket *os.File, s setup) (limits []string, err error) {
	c, err := net.FileConn(socket)
	if err != nil {
		return nil, fmt.Errorf("reach the sandbox's helper: %w", err)
	}
	conn, ok := c.(*net.UnixConn)
	if !ok {
		return nil, errors.Join(errors.New("reach the sandbox's helper: not a Unix socket"), c.Close())
	}
	if err := sendMessage(conn, s); err != nil {
		return nil, errors.Join(fmt.Errorf("reach the sandbox's helper: %w", err), conn.Close())
	}
	for {
		var a answer
		if err := receive(conn, &a, &i.ports); err != nil {
			return nil, errors.Join(fmt.Errorf("the sandbox's helper ended: %w", err), conn.Close())
		}
		if a.Err != "" {
			return nil, errors.Join(errors.New(a.Err), conn.Close())
		}
		if a.Ports == 0 {
			i.conn = conn
			return a.Limits, nil
		}
	}
}

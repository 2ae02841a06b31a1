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

// helperCommand is this program, to be run in new user and mount namespaces in which it is root; private gives it one
// of processes as well.
func helperCommand(socket *os.File, private bool) (*exec.Cmd, error) {
	uids, gids, err := idMaps()
	if err != nil {
		return nil, err
	}
	flags := uintptr(syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS)
	if private {
		flags |= syscall.CLONE_NEWPID
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

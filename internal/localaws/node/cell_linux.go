package node

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// This file is what the helper does for an [Enclosure] beside what it does for every sandbox.

// opaque marks a directory of a copy-on-write that hides what is below it.
const opaque = "user.overlay.opaque"

// empty makes those directories of place begin empty that are to be absent.
func (c *cellSetup) empty(place, upper string) error {
	for _, path := range c.Absent {
		if !inside(path, place) {
			continue
		}
		dir := filepath.Join(upper, strings.TrimPrefix(path, place))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Setxattr(dir, opaque, []byte("y"), 0); err != nil {
			return fmt.Errorf("leave out %s: %w", path, err)
		}
	}
	return nil
}

// furnish puts the cell's own files in place. It needs the copies-on-write, so that readOnly, what is wrong with them,
// must be empty.
func (s setup) furnish(readOnly []string) error {
	if len(readOnly) > 0 {
		return fmt.Errorf("overlay file systems are needed: %s", strings.Join(readOnly, "; "))
	}
	for path, content := range s.Cell.Files {
		if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("furnish the cell: %w", err)
		}
		if err := s.put(path, content); err != nil {
			return err
		}
	}
	done := map[string]bool{}
	for path, content := range s.Cell.Append {
		real, err := filepath.EvalSymlinks(path)
		if err != nil || done[real] {
			continue // not there, or another name of one that is done
		}
		done[real] = true
		before, err := os.ReadFile(real)
		if err != nil {
			return fmt.Errorf("furnish the cell: %w", err)
		}
		text, _, _ := strings.Cut(string(before), content) // of an earlier time
		if err := s.put(real, text+content); err != nil {
			return err
		}
	}
	return nil
}

// put writes a file, or mounts one over it where the directory is somebody else's.
func (s setup) put(path, content string) error {
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if err == nil {
		err = renew(path, content)
	}
	if err == nil {
		return nil
	}
	own := filepath.Join(s.Layers, "file-"+flat(path))
	if ownErr := os.WriteFile(own, []byte(content), 0o644); ownErr != nil {
		return fmt.Errorf("furnish the cell: %w", ownErr)
	}
	b, bindErr := detach(own, path)
	if bindErr == nil {
		bindErr = b.attach()
	}
	if bindErr != nil {
		return fmt.Errorf("furnish the cell: %w", errors.Join(err, bindErr))
	}
	return nil
}

func renew(path, content string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o644)
}

// enter names the machine, makes its network and hands the sockets to the node.
func (c *cellSetup) enter(conn *net.UnixConn) error {
	// However slipway ends, the cell ends with it.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(c.HostName)); err != nil {
		return fmt.Errorf("name the cell: %w", err)
	}
	files, err := c.network()
	if err != nil {
		return fmt.Errorf("make the cell's network: %w", err)
	}
	// Commands are root of the cell, and root may listen on every port.
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0); err != nil {
		return errors.Join(fmt.Errorf("make the cell's network: %w", err), closeAll(files))
	}
	return errors.Join(sendMessage(conn, answer{Ports: len(files)}, files...), closeAll(files))
}

// open makes the socket, which belongs to the network that it is made in.
func (p Port) open() (*os.File, error) {
	addr, err := netip.ParseAddrPort(p.Address)
	if err != nil {
		return nil, err
	}
	kind := unix.SOCK_STREAM
	if p.Network == "udp" {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_INET, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), p.Address)
	err = unix.Bind(fd, &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()})
	if err == nil && kind == unix.SOCK_STREAM {
		err = unix.Listen(fd, syscall.SOMAXCONN)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

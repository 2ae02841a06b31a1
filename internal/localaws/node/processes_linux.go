package node

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
)

// Processes lists the processes of the nodes with a marker, by process id. It finds those of the calling user only.
func Processes(marker string) ([]Process, error) {
	dirs, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("find the processes of nodes: %w", err)
	}
	var found []Process
	for _, dir := range dirs {
		pid, err := strconv.Atoi(dir.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		// A process that ends now, or is somebody else's, cannot be read: it is not one of ours.
		environ, err := os.ReadFile(filepath.Join("/proc", dir.Name(), "environ"))
		if err != nil {
			continue
		}
		if instance, ok := markedInstance(environ, marker); ok {
			found = append(found, Process{PID: pid, InstanceID: instance, Command: commandLine(pid)})
		}
	}
	if len(found) == 0 {
		return nil, nil
	}
	slices.SortFunc(found, func(a, b Process) int { return a.PID - b.PID })
	sockets := listeningSockets()
	for i := range found {
		found[i].Listening = listening(found[i].PID, sockets)
	}
	return found, nil
}

func markedInstance(environ []byte, marker string) (string, bool) {
	for entry := range bytes.SplitSeq(environ, []byte{0}) {
		if instance, ok := strings.CutPrefix(string(entry), markerName+"="+marker+"/"); ok {
			return instance, true
		}
	}
	return "", false
}

func commandLine(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return ""
	}
	return strings.Join(strings.Split(strings.TrimRight(string(b), "\x00"), "\x00"), " ")
}

// listeningSockets maps inodes of listening TCP sockets to their addresses.
func listeningSockets() map[string]string {
	sockets := map[string]string{}
	for _, path := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		b, err := os.ReadFile(path)
		if err != nil {
			continue // no IPv6, for one
		}
		for line := range strings.Lines(string(b)) {
			if inode, addr, ok := parseSocket(line); ok {
				sockets[inode] = addr
			}
		}
	}
	return sockets
}

// parseSocket reads a line of /proc/net/tcp: number, local address, remote address, state, …, inode.
func parseSocket(line string) (inode, addr string, ok bool) {
	const listen = "0A"
	f := strings.Fields(line)
	if len(f) < 10 || f[3] != listen {
		return "", "", false
	}
	host, port, ok := strings.Cut(f[1], ":")
	if !ok {
		return "", "", false
	}
	p, err := strconv.ParseUint(port, 16, 16)
	raw, hexErr := hex.DecodeString(host)
	if err != nil || hexErr != nil || len(raw)%4 != 0 {
		return "", "", false
	}
	// The kernel prints words of 32 bits in the order of the machine.
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	ip, valid := netip.AddrFromSlice(raw)
	if !valid {
		return "", "", false
	}
	return f[9], netip.AddrPortFrom(ip.Unmap(), uint16(p)).String(), true
}

func listening(pid int, sockets map[string]string) []string {
	dir := fmt.Sprintf("/proc/%d/fd", pid)
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil // it ended
	}
	var addrs []string
	for _, entry := range entries {
		link, err := os.Readlink(filepath.Join(dir, entry.Name()))
		if err != nil {
			continue
		}
		inode := strings.TrimSuffix(strings.TrimPrefix(link, "socket:["), "]")
		if addr := sockets[inode]; addr != "" && !slices.Contains(addrs, addr) {
			addrs = append(addrs, addr)
		}
	}
	slices.Sort(addrs)
	return addrs
}

// signal terminates or kills; a process that is gone is no error.
func signal(pid int, kill bool) error {
	s := syscall.SIGTERM
	if kill {
		s = syscall.SIGKILL
	}
	if err := syscall.Kill(pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		return err
	}
	return nil
}

package node

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// devices are those of the machine that a node has too. All others are what root must not reach: disks, memory.
var devices = []string{"null", "zero", "full", "random", "urandom", "tty"}

// detachDevices takes copies of the device nodes. One that the machine does not have, a node does without.
func detachDevices() []bind {
	var binds []bind
	for _, name := range devices {
		path := filepath.Join("/dev", name)
		b, err := detach(path, path)
		if err != nil {
			continue
		}
		// Their modes and owners are the machine's. This does not keep anybody from writing to the device.
		attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOEXEC}
		if err := unix.MountSetattr(b.fd, "", unix.AT_EMPTY_PATH, attr); err != nil {
			_ = unix.Close(b.fd)
			continue
		}
		binds = append(binds, b)
	}
	return binds
}

// mountDevices makes the node's own /dev. Where that is not possible the machine's stays, and the limits say so.
func mountDevices(devices []bind) (limits []string) {
	const flags = unix.MS_NOSUID | unix.MS_NOEXEC
	if err := unix.Mount("dev", "/dev", "tmpfs", flags, "mode=755,size=64k"); err != nil {
		return []string{"scripts have the devices of this machine that the user has: " + err.Error()}
	}
	for _, b := range devices {
		if err := b.attach(); err != nil {
			limits = append(limits, b.to+" is missing: "+err.Error())
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1",
		"stderr": "/proc/self/fd/2", "ptmx": "pts/ptmx"} {
		if err := os.Symlink(target, "/dev/"+name); err != nil {
			limits = append(limits, "/dev/"+name+" is missing: "+err.Error())
		}
	}
	limits = append(limits, mountInDev("shm", "tmpfs", unix.MS_NODEV, "mode=1777")...)
	limits = append(limits, mountInDev("pts", "devpts", unix.MS_NOEXEC, "newinstance,ptmxmode=0666,mode=0620")...)
	if err := unix.MountSetattr(unix.AT_FDCWD, "/dev", 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		limits = append(limits, "/dev is writable: "+err.Error())
	}
	return limits
}

func mountInDev(name, kind string, flags uintptr, options string) (limits []string) {
	path := filepath.Join("/dev", name)
	err := os.Mkdir(path, 0o755)
	if err == nil {
		err = unix.Mount(name, path, kind, unix.MS_NOSUID|flags, options)
	}
	if err != nil {
		limits = append(limits, path+" is missing: "+err.Error())
	}
	return limits
}

// executable is this program, to be mounted where nobody can write to it: a script that gets hold of what the server is
// executed from must not get the file of the machine.
type executable struct {
	fd int // -1 if its file is gone: it was replaced while it runs
}

func detachSelf() (executable, error) {
	path, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return executable{}, fmt.Errorf("find this program: %w", err)
	}
	real, err := os.Stat("/proc/self/exe")
	if err != nil {
		return executable{}, fmt.Errorf("find this program: %w", err)
	}
	if named, err := os.Stat(path); err != nil || !os.SameFile(named, real) || strings.HasSuffix(path, " (deleted)") {
		return executable{-1}, nil
	}
	b, err := detach(path, "")
	if err != nil {
		return executable{-1}, nil
	}
	return executable{b.fd}, nil
}

// attachIn mounts it in a directory, or a copy of it, read-only, and gives its path there.
func (p executable) attachIn(dir string) (string, error) {
	path := filepath.Join(dir, "init")
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return "", fmt.Errorf("place the sandbox's helper: %w", err)
	}
	if err := p.write(path); err != nil {
		return "", fmt.Errorf("place the sandbox's helper: %w", err)
	}
	b := bind{p.fd, path}
	if p.fd < 0 {
		var err error
		if b, err = detach(path, path); err != nil {
			return "", err
		}
	}
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(b.fd, "", unix.AT_EMPTY_PATH, attr); err != nil {
		return "", fmt.Errorf("place the sandbox's helper: %w", err)
	}
	return path, b.attach()
}

// write makes the file to mount over: an empty one, or the copy.
func (p executable) write(path string) error {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o700)
	if err != nil {
		return err
	}
	if p.fd >= 0 {
		return to.Close()
	}
	from, err := os.Open("/proc/self/exe")
	if err == nil {
		_, err = io.Copy(to, from)
		_ = from.Close() // it was only read
	}
	if closeErr := to.Close(); err == nil {
		err = closeErr
	}
	return err
}

package node

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// view is what mount made of the file system.
type view struct {
	self   string   // this program, where nobody can write to it
	limits []string // what did not work without being fatal
}

// mount builds the node's view of the file system: everything read-only, places in the node's directory and the caches
// writable, /run, /tmp and /dev its own, copies-on-write where programs expect to write, and nothing to be seen of
// what is to be hidden.
func (s setup) mount() (v view, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return v, fmt.Errorf("separate the mounts: %w", err)
	}
	resolver := readResolver()
	if s.Cell != nil {
		resolver.path = "" // a cell has a name server of its own
	}
	devices := detachDevices()
	program, err := detachSelf()
	if err != nil {
		return v, err
	}
	binds, tools, err := s.detachWritable()
	if err != nil {
		return v, err
	}
	again, err := s.detachHidden()
	if err != nil {
		return v, err
	}
	if err := makeReadOnly(append(tools, again.tools...)); err != nil {
		return v, err
	}
	if err := s.mountProc(); err != nil {
		return v, err
	}
	v.limits = append(v.limits, mountDevices(devices)...)
	for _, b := range binds {
		if err := b.attach(); err != nil {
			return v, err
		}
	}
	if err := resolver.write(); err != nil {
		v.limits = append(v.limits, err.Error())
	}
	readOnly := s.overlays()
	if s.Cell != nil {
		if err := s.furnish(readOnly); err != nil {
			return v, err
		}
	}
	v.limits = append(v.limits, readOnly...)
	v.limits = append(v.limits, s.coverPrograms()...)
	hidden, err := s.hide(again.binds)
	if err != nil {
		return v, err
	}
	v.limits = append(v.limits, hidden...)
	if v.self, err = program.attachIn(s.Dir); err != nil {
		return v, err
	}
	if err := s.lockDir(); err != nil {
		return v, err
	}
	return v, os.Chdir("/")
}

// lockDir makes the node's directory read-only, but for the places in it that are the scripts'. The node, which is outside
// of the sandbox, keeps files of its own there: a link that a script put in the place of one would lead it to any file of the
// machine. The places are mounts, which cannot be moved away.
func (s setup) lockDir() error {
	var own []bind
	for _, name := range []string{"home", "tmp", "run", "work", "commands", StubLog} {
		path := filepath.Join(s.Dir, name)
		b, err := detach(path, path)
		if err != nil {
			return err
		}
		own = append(own, b)
	}
	stubs, err := detach(filepath.Join(s.Dir, StubLog), stubLogForAll)
	if err != nil {
		return err
	}
	own = append(own, stubs)
	if err := unix.MountSetattr(unix.AT_FDCWD, s.Dir, 0, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}); err != nil {
		return fmt.Errorf("make %s read-only: %w", s.Dir, err)
	}
	for _, b := range own {
		if err := b.attach(); err != nil {
			return err
		}
	}
	return nil
}

// errNoProc says that there can be no process namespace.
const errNoProc = "this system does not let us mount /proc for processes of their own"

// mountProc gives a process namespace its own /proc. Without one, the machine's is to be writable again, for a moment:
// see seal.
func (s setup) mountProc() error {
	if !s.Private {
		attr := &unix.MountAttr{Attr_clr: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(unix.AT_FDCWD, "/proc", 0, attr); err != nil {
			return fmt.Errorf("use /proc: %w", err)
		}
		return nil
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("%s: %w", errNoProc, err)
	}
	return nil
}

// detachWritable takes copies of what is mounted again, in this order, when the rest is read-only: before that, and
// before /tmp and /run, where they may be, are covered. tools, a part of binds, become read-only too.
func (s setup) detachWritable() (binds, tools []bind, err error) {
	places := [][2]string{{filepath.Join(s.Dir, "tmp"), "/tmp"}, {filepath.Join(s.Dir, "run"), "/run"}}
	first := len(places)
	for _, path := range s.Tools {
		places = append(places, [2]string{path, path})
	}
	if s.Cell != nil {
		places = append(places, s.Cell.Mounts...)
	}
	last := len(places)
	for _, path := range slices.Concat([]string{s.Dir}, s.Caches, s.Sockets) {
		places = append(places, [2]string{path, path})
	}
	for _, place := range places {
		b, err := detach(place[0], place[1])
		if err != nil {
			return nil, nil, err
		}
		binds = append(binds, b)
	}
	return binds, binds[first:last], nil
}

// makeReadOnly is for everything that is mounted, and for the detached tools.
func makeReadOnly(tools []bind) error {
	attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", unix.AT_RECURSIVE, attr); err != nil {
		return fmt.Errorf("make the file system read-only: %w", err)
	}
	for _, b := range tools {
		if err := unix.MountSetattr(b.fd, "", unix.AT_RECURSIVE|unix.AT_EMPTY_PATH, attr); err != nil {
			return fmt.Errorf("make %s read-only: %w", b.to, err)
		}
	}
	return nil
}

// bind is a detached mount and where it belongs.
type bind struct {
	fd int
	to string
}

func detach(from, to string) (bind, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, from, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return bind{}, fmt.Errorf("mount %s: %w", from, err)
	}
	return bind{fd, to}, nil
}

// attach mounts it. The place may have been covered by the node's own /tmp or /run, so it is made anew there.
func (b bind) attach() error {
	if _, err := os.Lstat(b.to); errors.Is(err, os.ErrNotExist) {
		if err := b.makePlace(); err != nil {
			return fmt.Errorf("mount %s: %w", b.to, err)
		}
	}
	if err := unix.MoveMount(b.fd, "", unix.AT_FDCWD, b.to, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return fmt.Errorf("mount %s: %w", b.to, err)
	}
	return unix.Close(b.fd)
}

func (b bind) makePlace() error {
	var st unix.Stat_t
	if err := unix.Fstat(b.fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT == unix.S_IFDIR {
		return os.MkdirAll(b.to, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(b.to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(b.to, nil, 0o644)
}

// overlays mounts the copies-on-write. Where the kernel or the file system cannot do that, the place stays as it is,
// read-only.
func (s setup) overlays() (limits []string) {
	var failed []string
	var reason error
	for _, place := range s.Overlays {
		if err := s.overlay(place); err != nil {
			failed, reason = append(failed, place), err
		}
	}
	if len(failed) > 0 {
		limits = append(limits, fmt.Sprintf("%s stay read-only: %v", strings.Join(failed, ", "), reason))
	}
	return limits
}

func (s setup) overlay(place string) error {
	dir := filepath.Join(s.Layers, flat(place))
	upper := filepath.Join(dir, "upper")
	if _, err := os.Stat(upper); errors.Is(err, os.ErrNotExist) {
		levels := 2
		if s.Trial {
			levels = 0
		}
		if err := copyDirectories(place, upper, levels); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "work"), 0o755); err != nil {
		return err
	}
	if s.Cell != nil {
		if err := s.Cell.empty(place, upper); err != nil {
			return err
		}
	}
	if unix.Access(place, unix.R_OK|unix.X_OK) != nil {
		// An ordinary user cannot even look into /root: the node's own is an empty one.
		b, err := detach(upper, place)
		if err != nil {
			return err
		}
		return b.attach()
	}
	// Relative names: no comma or colon of the directory's path gets into the options.
	if err := os.Chdir(dir); err != nil {
		return err
	}
	return unix.Mount("overlay", place, "overlay", 0, "lowerdir="+place+",upperdir=upper,workdir=work,userxattr")
}

// copyDirectories makes the upper layer's directories, some levels deep, as those of the machine. When an ordinary
// user is root of the namespace, the machine's directories belong to a user that does not exist there, and nothing
// could be installed into /usr/local/bin; those of the upper layer are the node's own. Files stay as they are: an
// ordinary user's script can replace a file of the machine's root there, but not write into it.
func copyDirectories(from, to string, levels int) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(to, info.Mode()&(os.ModePerm|os.ModeSticky)|0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(from)
	if levels == 0 || err != nil || ownsAll() {
		return nil // what cannot be read is not copied
	}
	for _, entry := range entries {
		if entry.IsDir() {
			if err := copyDirectories(filepath.Join(from, entry.Name()), filepath.Join(to, entry.Name()), levels-1); err != nil {
				return err
			}
		}
	}
	return nil
}

// ownsAll tells whether the namespace has more users than one, as it does when slipway runs as root.
func ownsAll() bool {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return false
	}
	f := strings.Fields(string(b))
	return len(f) != 3 || f[2] != "1"
}

// coverPrograms mounts refusals over guarded programs, so that their full paths are refused too.
func (s setup) coverPrograms() (limits []string) {
	for _, c := range s.Covers {
		b, err := detach(c[0], c[1])
		if err == nil {
			err = b.attach()
		}
		if err != nil {
			limits = append(limits, c[1]+" is refused by its name only: "+err.Error())
		}
	}
	return limits
}

// resolver is the file that /etc/resolv.conf leads to, when it is in /run, which is covered.
type resolver struct {
	path    string
	content []byte
}

func readResolver() resolver {
	path, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil || !strings.HasPrefix(path, "/run/") {
		return resolver{}
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return resolver{} // the commands could not read it either
	}
	return resolver{path, content}
}

func (r resolver) write() error {
	if r.path == "" {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(r.path), 0o755); err != nil {
		return fmt.Errorf("keep %s: %w", r.path, err)
	}
	if err := os.WriteFile(r.path, r.content, 0o644); err != nil {
		return fmt.Errorf("keep %s: %w", r.path, err)
	}
	return nil
}

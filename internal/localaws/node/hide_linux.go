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

// inside tells whether a path is a directory or in it.
func inside(path, dir string) bool {
	return strings.HasPrefix(path+"/", strings.TrimSuffix(dir, "/")+"/")
}

// hidden resolves what is to be hidden: what exists, by its real path, but for what is a node's own and for caches,
// which are there to be used. limits names what cannot be told.
func hidden(paths []string, dir string, caches []string) (hide, limits []string) {
	for _, path := range paths {
		if !filepath.IsAbs(path) {
			limits = append(limits, fmt.Sprintf("%s is not hidden: not an absolute path", path))
			continue
		}
		real, err := filepath.EvalSymlinks(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			limits = append(limits, fmt.Sprintf("%s is not hidden: %v", path, err))
			continue
		}
		if real != "/" && !inside(real, dir) && !slices.Contains(caches, real) && !slices.Contains(hide, real) {
			hide = append(hide, real)
		}
	}
	slices.SortFunc(hide, byPath)
	return hide, limits
}

// byPath puts a directory before what is in it: a/b before a/b/c, and both before a/b-c.
func byPath(a, b string) int { return slices.Compare(strings.Split(a, "/"), strings.Split(b, "/")) }

// shown are what is mounted again in hidden directories; tools, a part of binds, become read-only.
type shown struct{ binds, tools []bind }

// detachHidden takes second copies of what is inside hidden directories and is to be seen all the same.
func (s setup) detachHidden() (again shown, err error) {
	for i, path := range slices.Concat(s.Tools, []string{s.Dir}, s.Caches) {
		if !slices.ContainsFunc(s.Hide, func(dir string) bool { return inside(path, dir) }) {
			continue
		}
		b, err := detach(path, path)
		if err != nil {
			return again, err
		}
		again.binds = append(again.binds, b)
		if i < len(s.Tools) {
			again.tools = append(again.tools, b)
		}
	}
	return again, nil
}

// hide mounts something empty over everything that is to be hidden, and binds on top. The order is that of the
// paths: what is hidden inside a cache is hidden, and what is shown inside something hidden is shown.
func (s setup) hide(binds []bind) (limits []string, err error) {
	empty := filepath.Join(s.Layers, "empty")
	if err := os.MkdirAll(s.Layers, 0o755); err != nil {
		return nil, fmt.Errorf("hide files: %w", err)
	}
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		return nil, fmt.Errorf("hide files: %w", err)
	}
	paths := slices.Clone(s.Hide)
	mounts := map[string]bind{}
	for _, b := range binds {
		paths, mounts[b.to] = append(paths, b.to), b
	}
	slices.SortFunc(paths, byPath)
	for _, path := range paths {
		if b, ok := mounts[path]; ok {
			err = b.attach()
		} else if hideErr := hideOne(path, empty); hideErr != nil {
			limits = append(limits, fmt.Sprintf("%s is not hidden: %v", path, hideErr))
		}
		if err != nil {
			return limits, err
		}
	}
	return append(limits, s.lockHidden()...), nil
}

// hideOne covers a directory with an empty one, or a file with an empty one. What another cover hides is not there.
func hideOne(path, empty string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.IsDir():
		return unix.Mount("hidden", path, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=16m")
	}
	b, err := detach(empty, path)
	if err != nil {
		return err
	}
	return b.attach()
}

// lockHidden makes hidden directories read-only, so that nothing is written there in the belief that it lasts. Those
// in a copy-on-write were writable to scripts and stay so.
func (s setup) lockHidden() (limits []string) {
	for _, path := range s.Hide {
		if slices.ContainsFunc(s.Overlays, func(place string) bool { return inside(path, place) }) {
			continue
		}
		attr := &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		err := unix.MountSetattr(unix.AT_FDCWD, path, 0, attr)
		// EINVAL: it is no mount, being hidden by another one.
		if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, unix.EINVAL) {
			limits = append(limits, fmt.Sprintf("%s is writable, but what is written there is lost: %v", path, err))
		}
	}
	return limits
}

package localaws

import (
	"archive/tar"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// attributePrefix is how tar archives keep extended attributes.
const attributePrefix = "SCHILY.xattr."

// attributes are the extended attributes of a node's file: overlay file systems keep in them what was deleted.
func attributes(path string, info fs.FileInfo) (map[string]string, error) {
	if !info.IsDir() && !info.Mode().IsRegular() {
		return nil, nil
	}
	names := make([]byte, 4096)
	n, err := unix.Llistxattr(path, names)
	if errors.Is(err, unix.ENOTSUP) || n == 0 {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	records := map[string]string{}
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names[:n]), "\x00"), "\x00") {
		if !strings.HasPrefix(name, "user.") {
			continue
		}
		value := make([]byte, 4096)
		size, err := unix.Lgetxattr(path, name, value)
		if err != nil {
			return nil, err
		}
		records[attributePrefix+name] = string(value[:size])
	}
	return records, nil
}

func setAttributes(root *os.Root, dir, name string, h *tar.Header) error {
	for key, value := range h.PAXRecords {
		attribute, ok := strings.CutPrefix(key, attributePrefix)
		if !ok {
			continue
		}
		if info, err := root.Lstat(name); err != nil || info.Mode()&fs.ModeSymlink != 0 {
			return errors.Join(fmt.Errorf("%s cannot have attributes", name), err)
		}
		if err := unix.Lsetxattr(filepath.Join(dir, name), attribute, []byte(value), 0); err != nil {
			return fmt.Errorf("%s: set %s: %w", name, attribute, err)
		}
	}
	return nil
}

// special makes what an overlay file system puts in the place of a deleted file: a device without a number. Others are
// refused.
func special(root *os.Root, name string, h *tar.Header) error {
	if h.Typeflag != tar.TypeChar || h.Devmajor != 0 || h.Devminor != 0 {
		return fmt.Errorf("%s is of an unknown kind %q", name, h.Typeflag)
	}
	parent, err := root.Open(filepath.Dir(name)) // inside of root, whatever links lead there
	if err != nil {
		return err
	}
	return errors.Join(unix.Mknodat(int(parent.Fd()), filepath.Base(name), unix.S_IFCHR, 0), parent.Close())
}

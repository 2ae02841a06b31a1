package localaws

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// archive writes a tar archive with gzip, until ctx ends: a script may have made a file that has no end.
type archive struct {
	ctx context.Context
	zip *gzip.Writer
	tar *tar.Writer
}

func newArchive(ctx context.Context, out io.Writer) *archive {
	// Fast: writes wait while a snapshot is made.
	zip, _ := gzip.NewWriterLevel(out, gzip.BestSpeed) // the level is a valid one
	return &archive{ctx: ctx, zip: zip, tar: tar.NewWriter(zip)}
}

func (a *archive) close() error { return errors.Join(a.tar.Close(), a.zip.Close()) }

// text adds a file with this content.
func (a *archive) text(name string, content []byte, at time.Time) error {
	err := a.tar.WriteHeader(&tar.Header{Name: name, Mode: 0o600, Size: int64(len(content)), ModTime: at, Format: tar.FormatPAX})
	if err == nil {
		_, err = a.tar.Write(content)
	}
	return err
}

// tree adds everything under dir that is wanted. Names are relative to dir.
func (a *archive) tree(dir string, wanted func(name string) bool) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		name, relErr := filepath.Rel(dir, path)
		switch {
		case errors.Is(err, fs.ErrNotExist), name == ".":
			return nil // it was there a moment ago
		case err != nil || relErr != nil:
			return errors.Join(err, relErr)
		case !wanted(name) && d.IsDir():
			return fs.SkipDir
		case !wanted(name):
			return nil
		}
		return a.add(path, name)
	})
}

// add adds one file, directory or link. Sockets and pipes are left out: they are nothing without their process. So are links
// that [extraction.one] would refuse.
func (a *archive) add(path, name string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || info.Mode()&(fs.ModeSocket|fs.ModeNamedPipe) != 0 || info.Mode()&fs.ModeSymlink != 0 && !mayLink(name) {
		return err
	}
	link := ""
	if info.Mode()&fs.ModeSymlink != 0 {
		if link, err = os.Readlink(path); err != nil {
			return err
		}
	}
	header, err := tar.FileInfoHeader(info, link)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	header.Name, header.Format = filepath.ToSlash(name), tar.FormatPAX
	if header.PAXRecords, err = attributes(path, info); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return a.tar.WriteHeader(header)
	}
	return a.content(path, header)
}

// content adds a regular file. One that grows is cut where it was, one that shrinks is filled up: scripts may be writing.
func (a *archive) content(path string, header *tar.Header) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	if err := a.tar.WriteHeader(header); err != nil {
		return err
	}
	n, err := io.Copy(a.tar, interruptible{a.ctx, io.LimitReader(in, header.Size)})
	if err == nil && n < header.Size {
		_, err = io.CopyN(a.tar, interruptible{a.ctx, zeros{}}, header.Size-n)
	}
	return err
}

// interruptible reads until ctx ends.
type interruptible struct {
	ctx context.Context
	io.Reader
}

// Read reads.
func (r interruptible) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.Reader.Read(p)
}

// zeros is an endless file of zeros.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// extract unpacks an archive into dir, which is new. manifest gets the first file; nothing is written before it is
// accepted.
func extract(in io.Reader, dir string, manifest func([]byte) error) error {
	zip, err := gzip.NewReader(in)
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errNoSnapshot
	}
	if err != nil {
		return err
	}
	root, err := os.OpenRoot(dir) // no name in the archive leads out of it
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	x := &extraction{root: root, dir: dir}
	archive := tar.NewReader(zip)
	first, err := archive.Next()
	if errors.Is(err, tar.ErrHeader) || errors.Is(err, io.EOF) {
		return errNoSnapshot
	}
	if err != nil {
		return err
	}
	if first.Name != manifestName || first.Size > 1<<16 {
		return errNoSnapshot
	}
	text, err := io.ReadAll(archive)
	if err == nil {
		err = manifest(text)
	}
	for err == nil {
		var header *tar.Header
		if header, err = archive.Next(); err == nil {
			err = x.one(header, archive)
		}
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := io.Copy(io.Discard, zip); err != nil { // the checksum of it all is at the end
		return err
	}
	return x.finish()
}

// extraction unpacks files. Directories get their modes at the end: one may be closed to its owner.
type extraction struct {
	root        *os.Root
	dir         string
	directories []*tar.Header
}

func (x *extraction) one(h *tar.Header, content io.Reader) error {
	name := filepath.Clean(filepath.FromSlash(h.Name))
	switch first, _, _ := strings.Cut(filepath.ToSlash(name), "/"); {
	case passing(first):
		return fmt.Errorf("%s is of a process, and in no snapshot", h.Name)
	case !slices.Contains(stateNames, first):
		return fmt.Errorf("%s is not of a local AWS's state", h.Name)
	case h.Typeflag == tar.TypeSymlink && !mayLink(name):
		return fmt.Errorf("%s must not be a link", h.Name)
	}
	switch h.Typeflag {
	case tar.TypeDir:
		x.directories = append(x.directories, h)
		return x.root.MkdirAll(name, 0o700)
	case tar.TypeSymlink:
		return x.root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		if err := x.file(name, h, content); err != nil {
			return err
		}
		return setAttributes(x.root, x.dir, name, h)
	default:
		return special(x.root, name, h)
	}
}

// mayLink says whether a file of a data directory may be a symbolic link. Only what is in the places of a node that its
// scripts have may, for links there are followed by them; those among the files of this process would lead it elsewhere.
func mayLink(name string) bool {
	parts := strings.Split(filepath.ToSlash(name), "/")
	return len(parts) > 3 && parts[0] == "nodes" && parts[2] != "messages" && parts[2] != "replies"
}

func (x *extraction) file(name string, h *tar.Header, content io.Reader) error {
	out, err := x.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return errors.Join(err, out.Chmod(h.FileInfo().Mode().Perm()), out.Close())
}

func (x *extraction) finish() error {
	var errs []error
	for i := len(x.directories) - 1; i >= 0; i-- {
		h := x.directories[i]
		name := filepath.FromSlash(strings.TrimSuffix(h.Name, "/"))
		errs = append(errs, setAttributes(x.root, x.dir, name, h), x.root.Chmod(name, h.FileInfo().Mode()))
	}
	return errors.Join(errs...)
}

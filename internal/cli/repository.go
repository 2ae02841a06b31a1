package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint"
)

// repository is the folder that files are named in: the nearest one above that has .git or .github.
type repository struct {
	// root is absolute, and so is here: the folder in which slipway was started.
	root, here string
	folder     *os.Root
	// unread says which files and folders could not be read where others could. What people did not write is among them,
	// and is no failure.
	unread []error
	// missed is true where one of them was named, whatever it is, or is the release file of the folder.
	missed bool
}

// placeOf finds the repository of a folder; the folder itself where there is none.
func placeOf(folder string) (*repository, error) {
	here, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	r := &repository{root: here, here: here}
	for at := here; ; at = filepath.Dir(at) {
		if exists(filepath.Join(at, ".git")) || exists(filepath.Join(at, ".github")) {
			r.root = at
			break
		}
		if at == filepath.Dir(at) {
			break
		}
	}
	// A root, not os.DirFS: a link in the repository must not lead out of it.
	r.folder, err = os.OpenRoot(r.root)
	return r, err
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}

func (r *repository) close() { _ = r.folder.Close() }

func (r *repository) files() fs.FS { return boundedFS{r.folder.FS()} }

// boundedFS gives no file that is larger than any that lint reads.
type boundedFS struct{ fs.FS }

// ReadFile implements fs.ReadFileFS.
func (f boundedFS) ReadFile(name string) ([]byte, error) {
	info, err := fs.Stat(f.FS, name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxLinted {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	return fs.ReadFile(f.FS, name)
}

// name is a file's name in the repository; as it was given where it lies elsewhere.
func (r *repository) name(given string) string {
	absolute := given
	if !filepath.IsAbs(given) {
		absolute = filepath.Join(r.here, given)
	}
	relative, err := filepath.Rel(r.root, absolute)
	if err != nil || relative == ".." || strings.HasPrefix(relative, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(given)
	}
	return filepath.ToSlash(relative)
}

// shown is how a file is named to who started slipway here.
func (r *repository) shown(name string) string {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return name
	}
	relative, err := filepath.Rel(r.here, filepath.Join(r.root, filepath.FromSlash(name)))
	if err != nil {
		return name
	}
	return relative
}

// The bounds of what is linted at once.
const (
	maxLinted      = 8 << 20 // an account dump is the largest
	maxLintedFiles = 10_000
)

// readAll reads what is named, each file once. What cannot be read hides nothing of the rest; the error has all of that.
func (r *repository) readAll(named []string, in *lint.Input) error {
	var wrong []error
	seen := map[string]bool{}
	for _, name := range named {
		files, err := r.read(name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for _, f := range files {
			if !seen[f.Name] {
				seen[f.Name] = true
				in.Files = append(in.Files, f)
			}
		}
	}
	r.unread, r.missed = append(r.unread, wrong...), r.missed || len(wrong) > 0
	return errors.Join(wrong...)
}

// read gives the file of a name, or those in a folder that lint knows.
func (r *repository) read(name string) ([]lint.File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		return r.walk(name)
	}
	content, err := readLinted(name)
	if err != nil {
		return nil, err
	}
	if isArchive(content) {
		return nil, fmt.Errorf("%s: %w: terraform show -json %[1]s > plan.json, and lint that", name, errArchive)
	}
	f := lint.File{Name: r.name(name), Content: content}
	if lint.KindOf(f) == lint.KindNone && noText(content) {
		return nil, fmt.Errorf("%s: %w", name, errNoText)
	}
	if lint.KindOf(f) == lint.KindNone {
		return nil, fmt.Errorf("%s: not a file that lint knows: slipway lint --help lists what it reads", name)
	}
	return []lint.File{f}, nil
}

// passed are folders that hold what others wrote, or what nobody did.
var passed = []string{".git", "node_modules", "vendor", ".terraform", ".venv", "testdata", "cdk.out", ".aws-sam", ".serverless"}

func (r *repository) walk(folder string) ([]lint.File, error) {
	var files []lint.File
	looked := 0
	err := filepath.WalkDir(folder, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return r.left(folder, name, err)
		}
		if entry.IsDir() {
			if name != folder && slices.Contains(passed, entry.Name()) {
				return filepath.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() || !lint.Promising(entry.Name()) {
			return nil
		}
		if looked++; looked > maxLintedFiles {
			return fmt.Errorf("%s: more than %d files: name the folders that matter", folder, maxLintedFiles)
		}
		content, err := readLinted(name)
		if err != nil {
			return r.left(folder, name, err)
		}
		f := lint.File{Name: r.name(name), Content: content}
		if lint.KindOf(f) != lint.KindNone {
			files = append(files, f)
		} else if noText(content) { // its name says that it were a script, or a policy
			return r.left(folder, name, fmt.Errorf("%s: %w", name, errNoText))
		}
		return nil
	})
	return files, err
}

// left notes what cannot be read, so that one such folder does not hide what is in the others. What was named itself is an
// error.
func (r *repository) left(folder, name string, err error) error {
	if name == folder {
		return err
	}
	r.unread = append(r.unread, err)
	return nil
}

// partly says whether something that people wrote could not be read: what is found is a part then, and no answer is green.
func (r *repository) partly() bool {
	return r.missed || slices.ContainsFunc(r.unread, func(err error) bool { return !errors.Is(err, errTooLarge) && !errors.Is(err, errNoText) })
}

// What is told, and is no failure: nobody wrote it by hand.
var (
	errTooLarge = errors.New("larger than what lint reads")
	errNoText   = errors.New("not a script, nor another file that lint knows: it is binary, or not in UTF-8")
)

func noText(content []byte) bool { return bytes.IndexByte(content, 0) >= 0 }

// readLinted reads a file that people write. A pipe or a device is none: reading it may never end.
func readLinted(name string) ([]byte, error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: not a file: lint reads no pipes and devices", name)
	}
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxLinted+1))
	if err == nil && len(content) > maxLinted {
		err = fmt.Errorf("%s: %w (%d bytes)", name, errTooLarge, maxLinted)
	}
	return content, err
}

package release

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"
	"unicode/utf8"
)

// MaxInline is how many bytes a script may have to be a part of its SSM document, which takes 64 KB in all. A larger
// one travels through the record's bucket.
const MaxInline = 48_000

// maxCommands bounds the commands that a shared document is sent with.
const maxCommands = 40_000

// maxScript is how many bytes a script may have at all: what is larger is no script.
const maxScript = 5_000_000

// readScript reads a script from the release file's folder, and says what is wrong with it and what would be right.
func readScript(files fs.FS, written string) (content, problem, hint string) {
	name := path.Clean(written)
	switch {
	case strings.Contains(written, `\`):
		return "", "has a backslash in its path", "write " + strings.ReplaceAll(written, `\`, "/")
	case path.IsAbs(written) || !fs.ValidPath(name):
		return "", "is outside the release file's folder", "move it beside the release file, or into a folder below"
	case name == ".":
		return "", "is a directory", "name the file"
	case files == nil:
		return "", "does not exist", ""
	}
	data, problem, hint := readRegular(files, name)
	if problem != "" {
		return "", problem, hint
	}
	problem, hint = wrongWithScript(data)
	return string(data), problem, hint
}

// readRegular reads a regular file that is not too large; anything else, such as a pipe, might never end.
func readRegular(files fs.FS, name string) (data []byte, problem, hint string) {
	info, err := fs.Stat(files, name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, "does not exist", nearestFile(files, name)
	case err != nil:
		return nil, "cannot be read: " + err.Error(), ""
	case info.IsDir():
		return nil, "is a directory", "name a file in it"
	case !info.Mode().IsRegular():
		return nil, "is not a regular file", ""
	}
	file, err := files.Open(name)
	if err != nil {
		return nil, "cannot be read: " + err.Error(), ""
	}
	data, err = io.ReadAll(io.LimitReader(file, maxScript+1))
	if err = errors.Join(err, file.Close()); err != nil {
		return nil, "cannot be read: " + err.Error(), ""
	}
	if len(data) > maxScript {
		return nil, fmt.Sprintf("is larger than %d MB", maxScript/1_000_000),
			"let the script fetch what is large on the node"
	}
	return data, "", ""
}

// wrongWithScript says what would make a script fail on a node, or change on the way there.
func wrongWithScript(data []byte) (problem, hint string) {
	text := string(data)
	switch {
	case strings.TrimSpace(text) == "":
		return "is empty", "what it does not do cannot be shipped: write it, or leave the step out"
	case strings.Contains(text, "\x00"):
		return "has a NUL byte: it is not a shell script", "name a shell script that runs the program"
	case strings.Contains(text, "\r\n"):
		line := 1 + strings.Count(text[:strings.Index(text, "\r\n")], "\n")
		return fmt.Sprintf("has Windows line ends (line %d), which a shell takes for part of the commands", line),
			"save it with LF line ends: sed -i 's/\\r$//', and *.sh text eol=lf in .gitattributes"
	case strings.HasPrefix(text, "\ufeff"):
		return "begins with a byte order mark, which hides its #! line", "save it as UTF-8 without BOM"
	case !utf8.ValidString(text):
		return "is not UTF-8: an SSM document can hold nothing else", "save it as UTF-8"
	}
	if kind := CertainSecretIn(text); kind != "" {
		return "holds " + kind, noSecrets
	}
	return "", ""
}

// nearestFile suggests a script of the same folder.
func nearestFile(files fs.FS, name string) string {
	entries, err := fs.ReadDir(files, path.Dir(name))
	if err != nil {
		return fmt.Sprintf("there is no folder %s beside the release file", quote(path.Dir(name)))
	}
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() {
			names = append(names, entry.Name())
		}
	}
	if near := Nearest(path.Base(name), names); near != "" {
		return fmt.Sprintf("did you mean %q?", path.Join(path.Dir(name), near))
	}
	return "scripts are looked for beside the release file"
}

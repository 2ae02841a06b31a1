package release

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the .want files")

// scripts is the folder of every release file in testdata.
func scripts() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	return fstest.MapFS{
		"hooks/before.sh":    &fstest.MapFile{Data: []byte("#!/bin/sh\ntrue\n"), Mode: 0o755},
		"hooks/plain.sh":     &fstest.MapFile{Data: []byte("#!/bin/sh\ntrue\n"), Mode: 0o644},
		"hooks/bare.sh":      &fstest.MapFile{Data: []byte("true\n"), Mode: 0o755},
		"runbooks/warm.yaml": file("schemaVersion: \"0.3\"\n"),
		"release.sh":         file("echo release\n"),
		"validate.sh":        file("echo validate\n"),
		"scripts/release.sh": file("#!/bin/sh\necho release from scripts\n"),
		"large.sh":           file(strings.Repeat("echo large\n", 5000)),
		"huge.sh":            file(strings.Repeat("echo huge\n", 500_001)),
		"nul.sh":             file("\x7fELF\x00\x01"),
		"crlf.sh":            file("echo one\necho two\r\n"),
		"empty.sh":           file(" \n\t\n"),
		"bom.sh":             file("\ufeff#!/bin/sh\n"),
		"latin1.sh":          file("echo gr\xfc\xdfe\n"),
		"secret.sh":          file("export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\n"),
	}
}

// settings are the lines "# --set name=value" that a file in testdata begins with.
func settings(src string) map[string]string {
	set := map[string]string{}
	lines := bufio.NewScanner(strings.NewReader(src))
	for lines.Scan() {
		setting, ok := strings.CutPrefix(lines.Text(), "# --set ")
		if !ok {
			break
		}
		name, value, _ := strings.Cut(setting, "=")
		set[name] = value
	}
	return set
}

// sources gives the files of a folder of testdata.
func sources(tb testing.TB, dir string) map[string][]byte {
	tb.Helper()
	paths, err := filepath.Glob(filepath.Join("testdata", dir, "*.yaml"))
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no files in testdata/%s: %v", dir, err)
	}
	files := map[string][]byte{}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		files[path] = src
	}
	return files
}

// compare compares a text with path's .want file, or writes it there.
func compare(t *testing.T, path, got string) {
	t.Helper()
	path = strings.TrimSuffix(path, ".yaml") + ".want"
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", path, diff)
	}
}

func TestBad(t *testing.T) {
	t.Parallel()
	for path, src := range sources(t, "bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			release, err := Parse("slipway.yaml", src, Options{Files: scripts(), Set: settings(string(src))})
			var list Errors
			if !errors.As(err, &list) || release != nil {
				t.Fatalf("Parse = %+v, %v; want Errors and no release", release, err)
			}
			if len(list) > maxErrors {
				t.Errorf("%d errors, want at most %d", len(list), maxErrors)
			}
			compare(t, path, err.Error()+"\n")
		})
	}
}

func TestGood(t *testing.T) {
	t.Parallel()
	for path, src := range sources(t, "good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			release, err := Parse("slipway.yaml", src, Options{Files: scripts(), Set: settings(string(src))})
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.MarshalIndent(release, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			compare(t, path, string(got)+"\n")
		})
	}
}

// The line that is shown is the line that the YAML library counted, whatever ends lines.
func TestSourceLineFitsPosition(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"LF": "# one\n# two\n  colour: x\n", "CRLF": "# one\r\n# two\r\n  colour: x\r\n", "CR": "# one\r# two\r  colour: x\r",
		"next line": "# one\u0085# two\n  colour: x\n", "line separator": "# one\u2028# two\u2029  colour: x\n",
		"byte order mark": "\ufeff# one\n# two\n  colour: x\n",
	} {
		_, err := Parse("slipway.yaml", []byte(src), Options{})
		var list Errors
		if !errors.As(err, &list) {
			t.Fatalf("%s: error %v, want Errors", name, err)
		}
		e := list[0]
		for _, other := range list {
			if strings.Contains(other.Message, "colour") {
				e = other
			}
		}
		got := Error{Line: e.Line, Column: e.Column, Source: e.Source}
		if diff := cmp.Diff(Error{Line: 3, Column: 3, Source: "  colour: x"}, got, cmp.AllowUnexported(Error{})); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestExamples(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("../../examples/*/slipway.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, path := range paths {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Parse(path, src, Options{Files: os.DirFS(filepath.Dir(path))}); err != nil {
			t.Error(err)
		}
	}
}

// errors.As finds the single errors, and a folder's odd files are refused without being read.
func TestOddScripts(t *testing.T) {
	t.Parallel()
	files := scripts()
	files["pipe.sh"] = &fstest.MapFile{Mode: fs.ModeNamedPipe}
	tests := map[string]struct {
		files  fs.FS
		script string
		want   string
	}{
		"a pipe":         {files, "pipe.sh", `script "pipe.sh" is not a regular file`},
		"no folder":      {nil, "release.sh", `script "release.sh" does not exist`},
		"missing folder": {files, "nowhere/release.sh", `script "nowhere/release.sh" does not exist`},
		"unreadable":     {unreadable{files}, "release.sh", `script "release.sh" cannot be read: permission denied`},
	}
	for name, tt := range tests {
		src := strings.Replace(fmt.Sprintf(small, "web", "dev", "timeout: 1m"), "release.sh", tt.script, 1)
		_, err := Parse("slipway.yaml", []byte(src), Options{Files: tt.files})
		var one *Error
		if !errors.As(err, &one) {
			t.Errorf("%s: error %v, want an Error", name, err)
			continue
		}
		if one.Message != tt.want {
			t.Errorf("%s: %q, want %q", name, one.Message, tt.want)
		}
	}
}

// unreadable has files that cannot be opened.
type unreadable struct{ fstest.MapFS }

func (unreadable) Open(string) (fs.File, error) { return nil, fs.ErrPermission }

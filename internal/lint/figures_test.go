package lint

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"golang.org/x/tools/txtar"
)

var figures = flag.Bool("figures", false, "measure lint of 60 workflow files, whole process, and print it, best of five")

// workflows are as many workflow files as asked for, from the corpus, in a folder like that of a repository.
func workflows(t testing.TB, count int) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(corpus, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for len(files) < count {
		for _, name := range names {
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range archive.Files {
				if f.Name == ".github/workflows/deploy.yml" && len(files) < count {
					files[fmt.Sprintf(".github/workflows/w%02d.yml", len(files))] = f.Data
				}
			}
		}
	}
	return files
}

// TestFigures prints how long `slipway lint` of 60 workflows takes, as a whole process; about 300 ms are wanted:
//
//	go test ./internal/lint -run '^TestFigures$' -figures -v
func TestFigures(t *testing.T) {
	if !*figures {
		t.Skip("measured with -figures only")
	}
	folder := t.TempDir()
	program := filepath.Join(folder, "slipway")
	if out, err := exec.Command("go", "build", "-o", program, "../../cmd/slipway").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for name, content := range workflows(t, 60) {
		name = filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var best time.Duration
	for range 5 {
		command := exec.Command(program, "lint", ".github/workflows")
		command.Dir, command.Stdout = folder, io.Discard
		began := time.Now()
		var exit *exec.ExitError
		if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
			t.Fatalf("lint ended with %v, want findings and exit code 1", err)
		}
		if took := time.Since(began); best == 0 || took < best {
			best = took
		}
	}
	t.Logf("slipway lint of 60 workflows, whole process: %s, target about 300 ms", best.Round(time.Millisecond))
}

// BenchmarkSixtyWorkflows is the same within a process.
func BenchmarkSixtyWorkflows(b *testing.B) {
	repository := fstest.MapFS{}
	in := Input{Repository: repository}
	for name, content := range workflows(b, 60) {
		repository[name] = &fstest.MapFile{Data: content, Mode: fs.ModePerm}
		in.Files = append(in.Files, File{Name: name, Content: content})
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(Run(in).Findings) == 0 {
			b.Fatal("nothing is found")
		}
	}
}

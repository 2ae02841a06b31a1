package lint

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var show = flag.Bool("show", false, "print the findings of the corpus with the lines that they are about")

// corpus holds pipelines, one repository a file, after the shapes of public ones: what is wrong with each is listed under
// want, as file:line and code, and was checked by hand.
const corpus = "testdata/corpus"

// TestCorpus: the right findings at the right lines, and none in what is right. R17, R20, R28, R33, R58, R89, R90, R91, R93,
// R98, R121.
func TestCorpus(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob(filepath.Join(corpus, "*.txtar"))
	if err != nil || len(names) < 48 {
		t.Fatalf("%d pipelines, %v", len(names), err)
	}
	good := 0
	for _, name := range names {
		clean := strings.HasPrefix(filepath.Base(name), "good_")
		if clean {
			good++
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			want, got := linted(t, archive)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			if clean != (len(want) == 0) {
				t.Errorf("%d findings are wanted", len(want))
			}
		})
	}
	if good < 8 {
		t.Errorf("only %d of them are right", good)
	}
}

// linted is what an archive wants, and what is found in it.
func linted(t *testing.T, archive *txtar.Archive) (want, got []string) {
	t.Helper()
	repository := fstest.MapFS{}
	in := Input{Repository: repository}
	for _, f := range archive.Files {
		if f.Name == "want" {
			for line := range strings.Lines(string(f.Data)) {
				want = append(want, strings.TrimSpace(line))
			}
			continue
		}
		repository[f.Name] = &fstest.MapFile{Data: f.Data, Mode: fs.ModePerm}
		in.Files = append(in.Files, File{Name: f.Name, Content: f.Data})
	}
	for _, f := range Run(in).Findings {
		got = append(got, fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Code))
		if *show {
			line := strings.Split(string(repository[f.File].Data), "\n")[f.Line-1]
			fmt.Fprintf(os.Stdout, "%s %s:%d:%d %s\n      | %s\n      %s\n", t.Name(), f.File, f.Line, f.Column, f.Code, line, f.Message)
		}
	}
	return want, got
}

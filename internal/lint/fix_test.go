package lint

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"

	"github.com/slipway-cd/slipway/internal/finding"
)

// TestFixesMend: what --fix writes takes away what it is for and brings nothing new, and a second time there is nothing
// left to do. Over every file that has something wrong.
func TestFixesMend(t *testing.T) {
	t.Parallel()
	archives, err := filepath.Glob(filepath.Join(codes, "*.txtar"))
	if err != nil || len(archives) == 0 {
		t.Fatalf("%d files, %v", len(archives), err)
	}
	for _, name := range archives {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			in := Input{}
			for _, f := range archive.Files {
				if name, ok := strings.CutPrefix(f.Name, "bad/"); ok {
					in.Files = append(in.Files, File{Name: name, Content: f.Data})
				}
			}
			before := in.lintedAs(t)
			for _, f := range before {
				if strings.Contains(f.Fix+f.Message, "${Partition}") {
					t.Errorf("a placeholder of AWS's reference is to be written: %s", f)
				}
			}
			mended := in.fix(t, before)
			after := in.lintedAs(t)
			for code, n := range count(after) {
				if n > count(before)[code]-count(mended)[code] {
					t.Errorf("%s: %d before, %d mended, %d after", code, count(before)[code], count(mended)[code], n)
				}
			}
			if again := in.fix(t, after); len(again) > 0 && len(again) >= len(mended) {
				t.Errorf("fixed a second time: %v", again)
			}
		})
	}
}

// lintedAs lints the files as they are now.
func (in *Input) lintedAs(t *testing.T) []finding.Finding {
	t.Helper()
	repository := fstest.MapFS{}
	for _, f := range in.Files {
		repository[f.Name] = &fstest.MapFile{Data: f.Content}
	}
	in.Repository = repository
	return Run(*in).Findings
}

// fix carries out all fixes, and gives what they mended.
func (in *Input) fix(t *testing.T, findings []finding.Finding) []finding.Finding {
	t.Helper()
	var all []finding.Finding
	for i, f := range in.Files {
		of := slices.DeleteFunc(slices.Clone(findings), func(x finding.Finding) bool { return x.File != f.Name })
		fixed, mended, err := finding.Fix(f.Content, of)
		if err != nil {
			t.Fatal(err)
		}
		in.Files[i].Content = fixed
		all = append(all, mended...)
	}
	return all
}

func count(findings []finding.Finding) map[finding.Code]int {
	n := map[finding.Code]int{}
	for _, f := range findings {
		n[f.Code]++
	}
	return n
}

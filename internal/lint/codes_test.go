package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/slipway-cd/slipway/internal/finding"
)

// codes has, for every rule, a file that has what it looks for and a near twin that has not: testdata/codes/SLW012.txtar
// holds bad/… and good/…, each a repository of its own, and want, which lists every finding of the code in bad as
// file:line:column, relative to bad.
const codes = "testdata/codes"

// elsewhere are rules that are about more than files that lint reads, with the test that shows them.
var elsewhere = map[finding.Code]string{
	"SLW147": "internal/lint/needs: TestProve, TestR005TheTrapFromItsWorkflow",
	"SLW148": "internal/lint/needs: TestProve",
	"SLW138": "internal/lint/shell: TestUnlooked",
	"SLW127": "internal/lint/pipelines: TestUsage",
	"SLW243": "internal/lint/policies: TestR019PullRequestsThatDeploy",
	"SLW903": "internal/lint: TestEncodings",
}

func TestEveryCode(t *testing.T) {
	t.Parallel()
	rules := Rules()
	for _, rule := range rules {
		if elsewhere[rule.Code] != "" {
			continue
		}
		t.Run(string(rule.Code), func(t *testing.T) {
			t.Parallel()
			testCode(t, &rule)
		})
	}
	entries, err := os.ReadDir(codes)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		code := finding.Code(strings.TrimSuffix(e.Name(), ".txtar"))
		if !slices.ContainsFunc(rules, func(r finding.Rule) bool { return r.Code == code }) {
			t.Errorf("%s is of no rule", e.Name())
		}
	}
}

// testCode holds a rule against its file.
func testCode(t *testing.T, rule *finding.Rule) {
	t.Helper()
	archive, err := txtar.ParseFile(filepath.Join(codes, string(rule.Code)+".txtar"))
	if err != nil {
		t.Fatalf("%s has no file that has it, and no near twin: %v", rule.Name, err)
	}
	bad, good := places(archive, "bad", rule.Code), places(archive, "good", rule.Code)
	var want []string
	for _, f := range archive.Files {
		if f.Name == "want" {
			want = strings.Fields(string(f.Data))
		}
	}
	if len(want) == 0 {
		t.Error("want is empty")
	}
	if diff := cmp.Diff(want, bad); diff != "" {
		t.Errorf("bad: -want +got:\n%s", diff)
	}
	if len(good) > 0 {
		t.Errorf("good has it too: %v", good)
	}
}

// flagged are the requirements that a linter carries out, wholly or by its part: those of the rows marked FLAG, and what
// the table of wrong pipelines has (R98, W1 to W12).
var flagged = []string{
	"R2", "R4", "R5", "R7", "R8", "R17", "R19", "R21", "R22", "R25", "R27", "R28", "R29", "R30", "R31", "R32", "R33", "R36", "R37",
	"R39", "R40", "R41", "R42", "R43", "R44", "R45", "R46", "R47", "R49", "R50", "R51", "R56", "R57", "R58", "R59",
	"R61", "R63", "R64", "R65", "R69", "R71", "R72", "R73", "R74", "R76", "R79", "R82", "R83", "R86", "R88", "R89", "R91", "R92",
	"R93", "R95", "R96", "R97", "R106", "R117", "R118", "R119", "R121", "R125",
	"W1", "W2", "W3", "W4", "W5", "W6", "W7", "W8", "W9", "W10", "W11", "W12",
}

// TestRequirements runs, by requirement, the files of the rules that carry it out: TestRequirements/R044.
func TestRequirements(t *testing.T) {
	t.Parallel()
	rules := map[string][]finding.Rule{}
	for _, rule := range Rules() {
		for _, r := range rule.Requirements {
			rules[r] = append(rules[r], rule)
		}
	}
	for _, r := range flagged {
		if len(rules[r]) == 0 {
			t.Errorf("%s is no rule's", r)
		}
	}
	for r, of := range rules {
		number, err := strconv.Atoi(r[1:])
		if err != nil || !strings.Contains("RW", r[:1]) {
			t.Errorf("%q is no requirement", r)
		}
		t.Run(fmt.Sprintf("%c%03d", r[0], number), func(t *testing.T) {
			t.Parallel()
			for i := range of {
				if elsewhere[of[i].Code] == "" {
					testCode(t, &of[i])
				}
			}
		})
	}
}

// TestElsewhereIsSomewhere: the tests that are said to show a rule exist.
func TestElsewhereIsSomewhere(t *testing.T) {
	t.Parallel()
	for code, where := range elsewhere {
		folder, names, _ := strings.Cut(where, ": ")
		files, err := filepath.Glob(filepath.Join("../..", folder, "*_test.go"))
		if err != nil || len(files) == 0 {
			t.Errorf("%s: no tests in %s, %v", code, folder, err)
		}
		var text strings.Builder
		for _, file := range files {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			text.Write(content)
		}
		for name := range strings.SplitSeq(names, ", ") {
			if !strings.Contains(text.String(), "func "+name+"(") || !strings.Contains(text.String(), string(code)) {
				t.Errorf("%s: %s has no %s that names it", code, folder, name)
			}
		}
	}
}

// places lints the files below a folder of an archive, and gives where it found the code.
func places(archive *txtar.Archive, folder string, code finding.Code) []string {
	repository := fstest.MapFS{}
	in := Input{Repository: repository}
	for _, f := range archive.Files {
		if name, ok := strings.CutPrefix(f.Name, folder+"/"); ok {
			repository[name] = &fstest.MapFile{Data: f.Data, Mode: fs.ModePerm}
			in.Files = append(in.Files, File{Name: name, Content: f.Data})
		}
	}
	var list []string
	for _, f := range Run(in).Findings {
		if f.Code == code {
			list = append(list, fmt.Sprintf("%s:%d:%d", f.File, f.Line, f.Column))
		}
	}
	return list
}

var (
	codeForm = regexp.MustCompile(`^SLW[0-9]{3}$`)
	nameForm = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
)

// TestRulesAreWhole: every rule says all that a finding needs, and no two share a code or a name.
func TestRulesAreWhole(t *testing.T) {
	t.Parallel()
	names, seen := map[string]bool{}, map[finding.Code]bool{}
	for _, r := range Rules() {
		if !codeForm.MatchString(string(r.Code)) || seen[r.Code] {
			t.Errorf("%s %s: the code is not new, or has another form", r.Code, r.Name)
		}
		if !nameForm.MatchString(r.Name) || names[r.Name] {
			t.Errorf("%s %s: the name is not new, or has another form", r.Code, r.Name)
		}
		seen[r.Code], names[r.Name] = true, true
		if r.Severity == "" || r.Subject == "" || r.Fix == "" {
			t.Errorf("%s: no severity, subject or fix", r.Code)
		}
		for _, sentence := range []string{r.Title, r.Why} {
			if !strings.HasSuffix(sentence, ".") || strings.ContainsAny(sentence, "\n") {
				t.Errorf("%s: %q is not a sentence", r.Code, sentence)
			}
		}
		if !strings.HasPrefix(r.Source, "https://") {
			t.Errorf("%s: no page that it rests on", r.Code)
		}
	}
}

package finding

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestBaselineKnowsFindingsThatMoved(t *testing.T) {
	t.Parallel()
	before := "one\nbad\nbad\n"
	found := []Finding{testRule.At("f", 2, 1, "", "bad"), testRule.At("f", 3, 1, "", "bad")}
	b := NewBaseline(found, func(string) []byte { return []byte(before) })
	read, err := ReadBaseline(b.JSON())
	if err != nil {
		t.Fatal(err)
	}
	after := "zero\none\n  bad\nbad\nbad\nworse\n"
	now := []Finding{
		testRule.At("f", 3, 3, "", "bad"), testRule.At("f", 4, 1, "", "bad"), testRule.At("f", 5, 1, "", "bad"), testRule.At("f", 6, 1, "", "worse"),
	}
	all := func(string) bool { return true }
	left, gone := read.New(now, func(string) []byte { return []byte(after) }, all)
	if diff := cmp.Diff(now[2:], left); diff != "" || gone != 0 {
		t.Errorf("%d gone; -want +got:\n%s", gone, diff)
	}
	left, gone = read.New(now[:1], func(string) []byte { return []byte(after) }, all)
	if len(left) != 0 || gone != 1 {
		t.Errorf("of one that is left, and one that was mended: %v, %d gone", left, gone)
	}
	if _, gone = read.New(nil, func(string) []byte { return []byte(after) }, func(file string) bool { return file != "f" }); gone != 0 {
		t.Errorf("of a file that was not looked at %d are gone", gone)
	}
	if left, _ = read.New([]Finding{testRule.At("g", 3, 1, "", "bad")}, func(string) []byte { return []byte(after) }, all); len(left) != 1 {
		t.Error("the same in another file is not new")
	}
}

func TestBaselinesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "{}", `{"version":2,"findings":[]}`, `{"version":1,"finding":[]}`} {
		if b, err := ReadBaseline([]byte(text)); err == nil {
			t.Errorf("%q is read as %v", text, b)
		}
	}
}

func TestFix(t *testing.T) {
	t.Parallel()
	edit := func(line, from, to int, text string) Edit { return Edit{line, from, line, to, text} }
	with := func(edits ...Edit) Finding {
		f := testRule.At("f", edits[0].Line, edits[0].Column, "", "bad")
		f.Edits = edits
		return f
	}
	for name, test := range map[string]struct {
		findings []Finding
		want     string
		mended   int
	}{
		"one":            {[]Finding{with(edit(1, 1, 4, "uno"))}, "uno two\nthree\n", 1},
		"two":            {[]Finding{with(edit(2, 1, 6, "tre")), with(edit(1, 5, 8, "due"))}, "one due\ntre\n", 2},
		"of one finding": {[]Finding{with(edit(1, 1, 4, "uno"), edit(2, 6, 6, "!"))}, "uno two\nthree!\n", 1},
		"overlapping":    {[]Finding{with(edit(1, 1, 5, "")), with(edit(1, 2, 3, "x"))}, "two\nthree\n", 1},
		"all or nothing": {[]Finding{with(edit(1, 1, 4, "uno")), with(edit(1, 2, 3, "x"), edit(2, 1, 1, "y"))}, "uno two\nthree\n", 1},
		"a whole line":   {[]Finding{with(Edit{1, 1, 2, 1, ""})}, "three\n", 1},
		"no edit":        {[]Finding{testRule.At("f", 1, 1, "", "bad")}, "one two\nthree\n", 0},
	} {
		got, mended, err := Fix([]byte("one two\nthree\n"), test.findings)
		if err != nil || string(got) != test.want || len(mended) != test.mended {
			t.Errorf("%s: %q, %d mended, %v; want %q, %d", name, got, len(mended), err, test.want, test.mended)
		}
	}
	for _, wrong := range []Edit{{0, 1, 1, 1, ""}, {1, 1, 9, 1, ""}, {1, 3, 1, 2, ""}, {1, 1, 1, 99, ""}} {
		if _, _, err := Fix([]byte("one two\n"), []Finding{with(wrong)}); err == nil {
			t.Errorf("%v is not in the file, and no error", wrong)
		}
	}
}

func FuzzFix(f *testing.F) {
	f.Add("one\ntwo\n", 1, 1, 1, 4, "x", 2, 1)
	f.Fuzz(func(t *testing.T, text string, l1, c1, l2, c2 int, put string, l3, c3 int) {
		a, b := testRule.At("f", 1, 1, "", "a"), testRule.At("f", 1, 1, "", "b")
		a.Edits, b.Edits = []Edit{{l1, c1, l2, c2, put}}, []Edit{{l3, c3, l3, c3, put}}
		got, mended, err := Fix([]byte(text), []Finding{a, b})
		if err == nil && len(mended) == 0 && string(got) != text {
			t.Errorf("nothing mended, and %q became %q", text, got)
		}
	})
}

// TestSARIF: a report for code scanning names rules, places in characters, fixes, and what is suppressed.
func TestSARIF(t *testing.T) {
	t.Parallel()
	f := testRule.At("a b.sh", 1, 4, "", "bad")
	f.Edits = []Edit{{1, 4, 1, 7, "good"}}
	hidden := Ignored{Finding: testRule.At("a b.sh", 2, 1, "", "bad"), Reason: "as agreed"}
	text, err := SARIF(Report{Findings: []Finding{f}, Ignored: []Ignored{hidden}}, []Rule{reasonlessRule, testRule}, "v1.2.3",
		func(string) []byte { return []byte("é bad\nbad\n") })
	if err != nil {
		t.Fatal(err)
	}
	var log sarifLog
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != 2 || run.Tool.Driver.Rules[run.Results[0].RuleIndex].ID != "SLW104" || run.Tool.Driver.Version != "v1.2.3" {
		t.Fatalf("%s", text)
	}
	at := run.Results[0].Locations[0].Physical
	if at.Artifact.URI != "a%20b.sh" || at.Region != (sarifRegion{StartLine: 1, StartColumn: 3}) {
		t.Errorf("place %+v", at)
	}
	replaced := run.Results[0].Fixes[0].Changes[0].Replacements[0]
	if replaced.Deleted != (sarifRegion{1, 3, 1, 6}) || replaced.Inserted.Text != "good" {
		t.Errorf("fix %+v", replaced)
	}
	if s := run.Results[1].Suppressions; len(s) != 1 || s[0].Justification != "as agreed" || len(run.Results[0].Suppressions) != 0 {
		t.Errorf("suppressions %v", s)
	}
	if run.Results[0].Fingerprints["slipway/v1"] == run.Results[1].Fingerprints["slipway/v1"] {
		t.Error("two findings with one fingerprint")
	}
	if _, err := SARIF(Report{Findings: []Finding{f}}, []Rule{reasonlessRule}, "", func(string) []byte { return nil }); err == nil {
		t.Error("a finding of no rule is written")
	}
}

func TestTextIsHarmless(t *testing.T) {
	t.Parallel()
	f := testRule.At("x\x1b[2J.sh", 1, 1, "", "says %s", "a\nb\x1b]0;z\a")
	if text := Text([]Finding{f, f}); strings.ContainsAny(text, "\x1b\a") || strings.Count(text, "why:") != 1 || strings.Count(text, "\n") != 5 {
		t.Errorf("%q", text)
	}
	if Worst(nil) != "" || Worst([]Finding{{Severity: Info}, {Severity: Error}, {Severity: Warning}}) != Error {
		t.Error("the worst severity is wrong")
	}
	if got := Count([]Finding{{Severity: Info}, {Severity: Error}, {Severity: Info}}); got != "1 error, 2 info" {
		t.Errorf("counted %q", got)
	}
}

// TestWhatIsNoBaseline: what is something else is told apart, in plain words; a byte order mark makes nothing else of it.
func TestWhatIsNoBaseline(t *testing.T) {
	t.Parallel()
	const whole = `{"version": 1, "findings": []}`
	for text, want := range map[string]string{
		whole: "", "\ufeff" + whole: "", whole + "\n": "",
		"":                               "it is empty",
		"[]":                             "it is a JSON array",
		`"x"`:                            "it is a JSON string",
		"app: shop\n":                    "it is not JSON",
		whole[:20]:                       "or cut off",
		whole + "x":                      "something follows it",
		"{}":                             "it has no version",
		"null":                           "it has no version",
		`{"version": "1"}`:               "its version is a string",
		`{"version": 1, "statement": 1}`: `unknown field "statement"`,
	} {
		_, err := ReadBaseline([]byte(text))
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", text, err)
		case want != "" && (!errors.Is(err, ErrNoBaseline) || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "json:")):
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	if _, err := ReadBaseline([]byte(`{"version": 2, "findings": []}`)); err == nil || errors.Is(err, ErrNoBaseline) {
		t.Errorf("another version: %v", err)
	}
}

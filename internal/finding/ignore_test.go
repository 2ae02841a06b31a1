package finding

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var testRule = Rule{Code: "SLW104", Name: "a-test", Severity: Error, Title: "It is wrong.", Why: "It does not work.", Source: "https://example.com", Fix: "mend it"}

func knownOnly(codes ...Code) func(Code) bool {
	return func(c Code) bool {
		for _, k := range codes {
			if k == c {
				return true
			}
		}
		return false
	}
}

// TestIgnore: what a comment hides, and what is wrong with comments. Findings of SLW104 are where a line has "bad".
func TestIgnore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string // line and code of what is left
		hid  []string // line and reason
	}{
		"none":                         {"bad\n", []string{"1 SLW104"}, nil},
		"behind":                       {"bad # slipway:ignore SLW104 as agreed\nbad\n", []string{"2 SLW104"}, []string{"1 as agreed"}},
		"above":                        {"  # slipway:ignore SLW104 as agreed\n\n  # more\n  bad\nbad\n", []string{"5 SLW104"}, []string{"4 as agreed"}},
		"behind is not above":          {"x # slipway:ignore SLW104 as agreed\nbad\n", []string{"2 SLW104", "1 SLW902"}, nil},
		"whole file":                   {"bad\n# slipway:ignore-file SLW104 generated\nbad\n", nil, []string{"1 generated", "3 generated"}},
		"with a dash":                  {"bad # slipway:ignore SLW104 -- as agreed\n", nil, []string{"1 as agreed"}},
		"several, one of them in vain": {"bad # slipway:ignore SLW104, SLW105 as agreed\n", []string{"1 SLW902"}, []string{"1 as agreed"}},
		"no reason":                    {"bad # slipway:ignore SLW104\n", []string{"1 SLW104", "1 SLW901"}, nil},
		"no code":                      {"bad # slipway:ignore as agreed\n", []string{"1 SLW104", "1 SLW901"}, nil},
		"nothing":                      {"bad # slipway:ignore", []string{"1 SLW104", "1 SLW901"}, nil},
		"only dashes":                  {"bad # slipway:ignore SLW104 --\n", []string{"1 SLW104", "1 SLW901"}, nil},
		"another word":                 {"bad # slipway:ignored SLW104 x\n", []string{"1 SLW104"}, nil},
		"not a comment":                {"bad#slipway:ignore SLW104 x\n", []string{"1 SLW104"}, nil},
		"no such rule":                 {"x # slipway:ignore SLW999 as agreed\n", []string{"1 SLW902"}, nil},
		"at the end":                   {"bad\n# slipway:ignore SLW104 as agreed", []string{"1 SLW104", "2 SLW902"}, nil},
		"windows":                      {"# slipway:ignore SLW104 as agreed\r\nbad\r\n", nil, []string{"2 as agreed"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var found []Finding
			for i, line := range strings.Split(test.text, "\n") {
				if strings.HasPrefix(strings.TrimSpace(line), "bad") {
					found = append(found, testRule.At("f", i+1, 1, "", "bad"))
				}
			}
			left, ignored := Ignore("f", []byte(test.text), found, knownOnly("SLW104", "SLW105"))
			var got, hid []string
			for _, f := range left {
				got = append(got, fmt.Sprintf("%d %s", f.Line, f.Code))
			}
			for _, ig := range ignored {
				hid = append(hid, fmt.Sprintf("%d %s", ig.Line, ig.Reason))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("left: -want +got:\n%s", diff)
			}
			if diff := cmp.Diff(test.hid, hid); diff != "" {
				t.Errorf("ignored: -want +got:\n%s", diff)
			}
		})
	}
}

// FuzzIgnore: of any text nothing is lost: a finding is left or ignored, and every comment's place is in the text.
func FuzzIgnore(f *testing.F) {
	f.Add("bad # slipway:ignore SLW104 x\n# slipway:ignore-file SLW104 y")
	f.Fuzz(func(t *testing.T, text string) {
		found := []Finding{testRule.At("f", 1, 1, "", "bad"), testRule.At("f", 2, 1, "", "bad")}
		left, ignored := Ignore("f", []byte(text), found, knownOnly("SLW104"))
		n := len(ignored)
		lines := strings.Split(text, "\n")
		for _, l := range left {
			if l.Code == testRule.Code {
				n++
			} else if l.Line > len(lines) || l.Column > len(lines[l.Line-1]) {
				t.Errorf("%d:%d is not in the text", l.Line, l.Column)
			}
		}
		if n != len(found) {
			t.Errorf("%d of %d findings are accounted for", n, len(found))
		}
	})
}

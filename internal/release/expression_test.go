package release

import (
	"regexp"
	"strings"
	"testing"
)

// TestExpressionsMatchAsRegexpDoes: counting the length by itself changes nothing.
func TestExpressionsMatchAsRegexpDoes(t *testing.T) {
	t.Parallel()
	if len(expressions) < 20 {
		t.Fatalf("only %d expressions", len(expressions))
	}
	counting := 0
	for _, e := range expressions {
		re := regexp.MustCompile(e.text)
		_, _, most, ok := counted(e.text)
		if ok {
			counting++
		}
		for _, s := range []string{
			"", "a", "A-b.c", "dev", "i-0123456789abcdef0", "é", "a b", "a\nb", "\xff", "100%", "[", "]", strings.Repeat("a", most),
			strings.Repeat("a", most+1), strings.Repeat("é", most), strings.Repeat("é", most+1), strings.Repeat("é", most/2+1) + "\x00",
		} {
			if e.MatchString(s) != re.MatchString(s) {
				t.Errorf("%s on %q: %t, and regexp says otherwise", e.text, s, e.MatchString(s))
			}
		}
	}
	if counting < 5 {
		t.Errorf("only %d expressions count", counting)
	}
}

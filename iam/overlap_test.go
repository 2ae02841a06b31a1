package iam

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestOverlap(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 3000)
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"*", "", true}, {"a*", "*b", true}, {"a*c", "ab*d", false}, {"a?c", "abc", true}, {"a*", "b*", false},
		{"arn:x:*:document/shop-*", "arn:x:eu:document/*", true}, {"*a*", "*b*", true}, {"a?c", "aéc", true}, {"?", "??", false},
		{long, long + "b", true}, // too long to be told
	} {
		if got := Overlap(tt.a, tt.b); got != tt.want || Overlap(tt.b, tt.a) != tt.want {
			t.Errorf("%.20q and %.20q: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

// FuzzOverlap: a pattern overlaps a text exactly if it matches it.
func FuzzOverlap(f *testing.F) {
	f.Add("arn:aws:s3:::shop/*", "arn:aws:s3:::shop/x")
	f.Add("a?c*", "aéc")
	f.Fuzz(func(t *testing.T, pattern, text string) {
		if len(pattern)*len(text) > maxOverlap || strings.ContainsAny(text, "*?") || !utf8.ValidString(pattern) || !utf8.ValidString(text) {
			return
		}
		var g glob
		if err := compileGlob(&g, pattern, syntax{wildcards: true}); err != nil {
			return
		}
		if got, want := Overlap(pattern, text), g.match(text, Context{}); got != want {
			t.Errorf("%q and %q overlap: %v; the pattern matches: %v", pattern, text, got, want)
		}
	})
}

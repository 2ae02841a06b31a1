package ec2

import (
	"strings"
	"testing"
)

func TestWildcard(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, value string
		want           bool
	}{
		{"", "", true}, {"", "a", false}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "ab", false},
		{"?", "a", true}, {"?", "", false}, {"a?c", "abc", true}, {"**", "x", true}, {"*a*b", "xaxbxb", true},
		{`\*`, "*", true}, {`\*`, "a", false}, {`\?x`, "?x", true}, {`a\`, `a\`, true}, {"abc", "ab", false}, {"ab", "abc", false},
	} {
		if got := wildcard(tc.pattern, tc.value); got != tc.want {
			t.Errorf("%q on %q: %t", tc.pattern, tc.value, got)
		}
	}
}

func FuzzWildcard(f *testing.F) {
	f.Add("a*b?", "axxb")
	f.Add(`\**`, "*")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		got := wildcard(pattern, value)
		if !strings.ContainsAny(pattern, `*?\`) && got != (pattern == value) {
			t.Errorf("%q on %q: %t", pattern, value, got)
		}
		if got && !wildcard("*"+pattern, "x"+value) {
			t.Errorf("a star before %q loses %q", pattern, value)
		}
	})
}

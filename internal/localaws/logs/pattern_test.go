package logs

import (
	"strings"
	"testing"
)

func TestPattern(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, message string
		want             bool
	}{
		{"", "anything", true}, {" ", "anything", true},
		{"ERROR", "[ERROR 400] BAD REQUEST", true}, {"ERROR", "error", false}, {"ERROR BAD", "BAD ERROR", true}, {"ERROR GOOD", "BAD ERROR", false},
		{`"400] BAD"`, "[ERROR 400] BAD REQUEST", true}, {`"400 BAD"`, "[ERROR 400] BAD REQUEST", false}, {`"a \"b\""`, `a "b"`, true}, {`"a\\b"`, `a\b`, true}, {`"a\nb"`, `a\nb`, true},
		{"-DEBUG", "INFO", true}, {"-DEBUG", "DEBUG", false}, {"ERROR -BAD", "BAD ERROR", false}, {`-"a b"`, "a b", false},
		{"?ERROR ?WARN", "WARN", true}, {"?ERROR ?WARN", "INFO", false}, {"?INFO ?DEBUG REQUEST", "[WARN] REQUEST", true}, {"?INFO REQUEST", "INFO", false},
		{"%AUTHORIZED%", "UNAUTHORIZED", true}, {`%^\d+ x%`, "12 x", true}, {`%^\d+ x%`, "y 12 x", false}, {"-%[Ee]rror|[Ff]ail%", "Fail", false}, {"ERROR %4[0-9]+%", "ERROR 404", true},
	} {
		p, err := parsePattern(tc.pattern)
		if err != nil {
			t.Errorf("%q: %v", tc.pattern, err)
		} else if got := p.matches(tc.message); got != tc.want {
			t.Errorf("%q on %q: %t", tc.pattern, tc.message, got)
		}
	}
}

func TestBadPatterns(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"{ $.x = 1 }", "[a,b]", "foo.bar", "a-b", `"open`, `""`, "-", "?", "a ?", `"a"b`, "%open", "%%", "%a(b)%", "%é%", "%a**%", "%[%", strings.Repeat("x", 1025)} {
		if p, err := parsePattern(bad); err == nil {
			t.Errorf("%q was read as %+v", bad, p)
		}
	}
}

// FuzzPattern: no pattern breaks the parser; a single plain word matches exactly where it is.
func FuzzPattern(f *testing.F) {
	for _, seed := range []string{"ERROR -x", `?"a b" ?c`, "%a+%", `"\"`, "{}", "- -", "ERROR"} {
		f.Add(seed, "an ERROR message")
	}
	f.Fuzz(func(t *testing.T, text, message string) {
		p, err := parsePattern(text)
		if err != nil {
			return
		}
		got := p.matches(message)
		if word := strings.TrimSpace(text); word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
			if got != strings.Contains(message, word) {
				t.Errorf("%q on %q: %t", text, message, got)
			}
		}
	})
}

func FuzzCursor(f *testing.F) {
	f.Add("f/0000000000000000000100000000000000000002/s")
	f.Add("b/-000000000000000000100000000000000000002/s")
	f.Fuzz(func(t *testing.T, token string) {
		c, err := parseCursor(token)
		if err != nil || c == nil {
			return
		}
		again, err := parseCursor(c.String())
		if err != nil || *again != *c {
			t.Errorf("%q becomes %q: %v", token, c, err)
		}
	})
}

package plan

import (
	"encoding/base64"
	"regexp"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/release"
)

// FuzzUnpack: whatever the script, its text ends where its delimiter stands, arrives unchanged, and holds nothing
// that SSM would substitute.
func FuzzUnpack(f *testing.F) {
	for _, s := range []string{"", "echo\n", "SLIPWAY_SCRIPT\nSLIPWAY_SCRIPT_2", "{{ x }}", "\xff\x00\r", `\`, "{\n{"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, content string) {
		lines := unpack(content)
		body := strings.Join(lines[1:len(lines)-1], "\n")
		delimiter := lines[len(lines)-1]
		if strings.Contains(body, delimiter) {
			t.Errorf("the text contains its delimiter %s", delimiter)
		}
		if strings.Contains(strings.Join(lines, "\n"), "{{") {
			t.Error("SSM would substitute")
		}
		// The file ends in a line feed, whether the script did or not.
		want, got := strings.TrimSuffix(content, "\n")+"\n", body+"\n"
		if strings.HasPrefix(lines[0], "base64 ") {
			decoded, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(body, "\n", ""))
			if err != nil {
				t.Fatal(err)
			}
			want, got = content, string(decoded)
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

// FuzzQuotable: a value that a quotable pattern admits never leaves its quotes.
func FuzzQuotable(f *testing.F) {
	f.Add(release.DefaultPattern, "v1")
	f.Add(`^(a|b')$`, "b'")
	f.Add(`(?i)^[k-z]+$`, "\u212a")
	f.Add(`^a$|b`, "'b")
	f.Add(`^(?s:.)$`, "'")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		if !quotable(pattern) {
			return
		}
		re, err := regexp.Compile(pattern)
		if err != nil {
			t.Fatalf("a pattern that does not compile is quotable: %v", err)
		}
		if re.MatchString(value) && strings.ContainsAny(value, breaking+"\n\x00") {
			t.Errorf("%s admits %q", pattern, value)
		}
	})
}

// FuzzQuote: a shell reads a quoted word as what was quoted, and SSM finds nothing in it to substitute.
func FuzzQuote(f *testing.F) {
	f.Add("it's")
	f.Add("{{{{")
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, s string) {
		quoted := quote(s)
		if got := unquote(quoted); got != s || strings.Contains(quoted, "{{") {
			t.Errorf("%s reads as %q, want %q", quoted, got, s)
		}
	})
}

// unquote reads a word as a shell does, as far as quote needs it.
func unquote(word string) string {
	var b strings.Builder
	inside := false
	for i := 0; i < len(word); i++ {
		switch {
		case word[i] == '\'':
			inside = !inside
		case word[i] == '\\' && !inside && i+1 < len(word):
			i++
			b.WriteByte(word[i])
		default:
			b.WriteByte(word[i])
		}
	}
	if inside {
		return "a quote is left open"
	}
	return b.String()
}

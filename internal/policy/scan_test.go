package policy

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// scanned says whether a text is one value to the scanner.
func scanned(text string) bool {
	s := scanner{src: text}
	if _, err := s.value(0); err != nil {
		return false
	}
	s.space()
	return s.at == len(text)
}

var texts = []string{
	"", " ", "0", "-0", "01", "-", "1.", "1.5", ".5", "1e", "1e+", "1E-7", "+1", "--1", "0x1", "1 2",
	`""`, `"`, `"\"`, `"\\"`, `"\u12`, `"\u12G4"`, `"\uD83D\uDE00"`, `"\ud800"`, `"\x"`, "\"\t\"", "\"\\u0\x1900\"", "\"\x7f\"", `"é"`,
	"true", "tru", "truefalse", "null", "nul", "false ", "{}", "{,}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1 "b":2}`, `{a:1}`, `{"a":1,"a":2}`,
	"[]", "[,]", "[1,]", "[1 2]", "[[]", "[]]", "\t[\r\n1 , 2 ]\n", "\v1", `{"\u0061":[{"b":null}]}`,
}

// TestScanner agrees with encoding/json on what is JSON.
func TestScanner(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		if got, want := scanned(text), json.Valid([]byte(text)); got != want {
			t.Errorf("%q is JSON: %v, want %v", text, got, want)
		}
	}
}

func TestUnquote(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`""`: "", `"a"`: "a", `"\"\\\/\b\n"`: "\"\\/\b\n", `"\u00e9\ud83d\ude00"`: "é😀", `"\ud800"`: "\ufffd",
	} {
		if got, err := unquote(text); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", text, got, err, want)
		}
	}
}

// TestCacheIsBounded keeps what is used, and drops what is not.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	var c cache[int]
	made := map[string]int{}
	get := func(text string) {
		c.get(text, func(string) int { made[text]++; return 0 })
	}
	big := strings.Repeat("x", maxCacheBytes/8)
	for i := range 64 {
		get("often")
		get(big + strings.Repeat("y", i))
	}
	if made["often"] != 1 || made[big] != 1 {
		t.Errorf("made %d and %d times", made["often"], made[big])
	}
	if get(big); made[big] != 2 {
		t.Errorf("what was not used for long is still there")
	}
	if c.size > maxCacheBytes || len(c.young)+len(c.old) > 20 {
		t.Errorf("%d bytes in %d and %d entries", c.size, len(c.young), len(c.old))
	}
}

// FuzzScanner agrees with encoding/json on what is JSON, but for what is nested too deep or not UTF-8.
func FuzzScanner(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.Count(text, "[")+strings.Count(text, "{") > maxDepth {
			return
		}
		if got, want := scanned(text), json.Valid([]byte(text)); got != want {
			t.Errorf("%q is JSON: %v, want %v", text, got, want)
		}
	})
}

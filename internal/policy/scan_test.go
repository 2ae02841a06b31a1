package policy

import (
	"encoding/json"
	"regexp"
	"strconv"
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
	`""`, `"`, `"\"`, `"\\"`, `"\u12`, `"\u12G4"`, `"\uD83D\uDE00"`, `"\x"`, "\"\t\"", "\"\\u0\x1900\"", "\"\x7f\"", `"é"`,
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

// TestScannerHalves refuses what encoding/json replaces.
func TestScannerHalves(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`"\ud800"`, `"\uDC00"`, `"\ud800\ud800"`, `"\ud800x"`, `"\ud800\n"`, `"\udc00\ud800"`, `{"\ud800":1}`} {
		if scanned(text) {
			t.Errorf("%s has half a character, and is taken", text)
		}
	}
}

func TestUnquote(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`""`: "", `"a"`: "a", `"\"\\\/\b\n"`: "\"\\/\b\n", `"\u00e9\ud83d\ude00"`: "é😀",
	} {
		if got, err := unquote(text); err != nil || got != want {
			t.Errorf("%s: %q %v, want %q", text, got, err, want)
		}
	}
}

// TestCacheIsBounded keeps what is used, and drops what is not.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	const most = 1000
	var c cache[string, int]
	made := map[string]int{}
	get := func(text string) {
		if _, ok := c.find(text, most); !ok {
			made[text]++
			c.put(text, 0, most/8, most)
		}
	}
	for i := range 64 {
		get("often")
		get(strconv.Itoa(i))
	}
	if made["often"] != 1 || made["0"] != 1 {
		t.Errorf("made %d and %d times", made["often"], made["0"])
	}
	if get("0"); made["0"] != 2 {
		t.Errorf("what was not used for long is still there")
	}
	if c.size > most || len(c.young)+len(c.old) > 16 {
		t.Errorf("%d bytes in %d and %d entries", c.size, len(c.young), len(c.old))
	}
	// What is used grows: first all that there was, then one more.
	for i := range 64 {
		for j := range i {
			get("more" + strconv.Itoa(j))
			if c.size > most {
				t.Fatalf("%d bytes in a generation of at most %d", c.size, most)
			}
		}
	}
	if c.put("heavy", 0, most/2, most); c.young["heavy"].weight != 0 {
		t.Errorf("what would drive out all others is kept")
	}
}

// surrogate finds escapes that may be half a character, which encoding/json replaces.
var surrogate = regexp.MustCompile(`(?i)\\ud[89a-f]`)

// FuzzScanner agrees with encoding/json on what is JSON, but for what is nested too deep, not UTF-8 or half a character.
func FuzzScanner(f *testing.F) {
	for _, text := range texts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || strings.Count(text, "[")+strings.Count(text, "{") > maxDepth || surrogate.MatchString(text) {
			return
		}
		if got, want := scanned(text), json.Valid([]byte(text)); got != want {
			t.Errorf("%q is JSON: %v, want %v", text, got, want)
		}
	})
}

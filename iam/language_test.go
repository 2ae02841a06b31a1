package iam

import (
	"testing"

	"pgregory.net/rapid"
)

// shortWords are all strings of up to four of some characters.
var shortWords = func() []string {
	out := []string{""}
	for from, length := 0, 0; length < 4; length++ {
		to := len(out)
		for _, w := range out[from:to] {
			for _, r := range "abA:é" {
				out = append(out, w+string(r))
			}
		}
		from = to
	}
	return out
}()

func drawLanguage(t *rapid.T) *language {
	l := &language{}
	fold := rapid.SampledFrom([]folding{nil, foldLetters}).Draw(t, "fold")
	for range rapid.IntRange(1, 2).Draw(t, "patterns") {
		parts := rapid.SliceOfN(rapid.SampledFrom([]part{
			{kind: partText, text: "a"}, {kind: partText, text: "b"}, {kind: partText, text: ":"}, {kind: partText, text: "É"},
			{kind: partAny}, {kind: partAnyInSegment}, {kind: partStar}, {kind: partStar, tight: true},
		}), 0, 5).Draw(t, "parts")
		l.add(parts, fold)
	}
	return l
}

// naive matches without an automaton: a star takes nothing, or one character and then what it can.
func naive(parts []part, s []rune, fold bool) bool {
	if len(parts) == 0 {
		return len(s) == 0
	}
	p, any := parts[0], len(s) > 0
	switch p.kind {
	case partStar:
		return naive(parts[1:], s, fold) || any && (!p.tight || s[0] != ':') && naive(parts, s[1:], fold)
	case partAny:
		return any && naive(parts[1:], s[1:], fold)
	case partAnyInSegment:
		return any && s[0] != ':' && naive(parts[1:], s[1:], fold)
	}
	_, equal := startsWith(string(s), p.text, fold)
	return equal && naive(parts[1:], s[1:], fold)
}

func TestLanguageHasWhatItsPatternMatches(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom([]part{
			{kind: partText, text: "a"}, {kind: partText, text: ":"}, {kind: partText, text: "É"},
			{kind: partAny}, {kind: partAnyInSegment}, {kind: partStar}, {kind: partStar, tight: true},
		}), 0, 5).Draw(t, "parts")
		for _, fold := range []bool{false, true} {
			l := &language{}
			if l.add(parts, nil); fold {
				l = &language{}
				l.add(parts, foldLetters)
			}
			for _, w := range shortWords {
				if l.has(w) != naive(parts, []rune(w), fold) {
					t.Fatalf("%v, fold %v: %q is %v", parts, fold, w, l.has(w))
				}
			}
		}
	})
}

func TestWordMeetsItsRequirements(t *testing.T) {
	t.Parallel()
	found := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		var requirements []requirement
		for range rapid.IntRange(1, 4).Draw(t, "requirements") {
			requirements = append(requirements, requirement{drawLanguage(t), rapid.Bool().Draw(t, "want")})
		}
		meets := func(s string) bool {
			for _, q := range requirements {
				if q.language.has(s) != q.want {
					return false
				}
			}
			return true
		}
		b := &budget{1 << 20}
		word, ok := b.word(requirements)
		if found[ok]++; ok && !meets(word) {
			t.Fatalf("%q does not meet them", word)
		}
		for _, w := range shortWords {
			if meets(w) && (!ok || len([]rune(w)) < len([]rune(word))) {
				t.Fatalf("got %q, %v, but %q meets them", word, ok, w)
			}
		}
	})
	if !t.Failed() && (found[true] == 0 || found[false] == 0) {
		t.Errorf("only %v: the property shows nothing", found)
	}
}

func TestGenerousLanguage(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]map[string]bool{
		"a*":  {"a": false, "ab": true},
		"*":   {"": false, "b": true},
		"*a*": {"a": false, "ba": false, "bab": true},
		"ab":  {"ab": true},
	} {
		l := patternLanguage(pattern).generous()
		for word, in := range want {
			if l.has(word) != in {
				t.Errorf("%s, %q: got %v", pattern, word, !in)
			}
		}
	}
}

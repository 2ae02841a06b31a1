package release

import (
	"regexp/syntax"
	"slices"
)

// Anchored says whether a match of an allowedPattern can only be the whole text: ^a|b$ is not. Each alternative may have anchors
// of its own: ^a$|^b$.
func Anchored(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpCapture:
		return Anchored(re.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !Anchored(sub) })
	case syntax.OpConcat:
		return at(re, 0, syntax.OpBeginText) && at(re, -1, syntax.OpEndText)
	}
	return false
}

// at says whether a match begins, or ends, with an anchor. Go factors ^a$|^b$ into ^(?:a$|b$).
func at(re *syntax.Regexp, place int, anchor syntax.Op) bool {
	switch re.Op {
	case anchor:
		return true
	case syntax.OpCapture:
		return at(re.Sub[0], place, anchor)
	case syntax.OpAlternate:
		return !slices.ContainsFunc(re.Sub, func(sub *syntax.Regexp) bool { return !at(sub, place, anchor) })
	case syntax.OpConcat:
		if place < 0 {
			return at(re.Sub[len(re.Sub)-1], place, anchor)
		}
		return at(re.Sub[0], place, anchor)
	}
	return false
}

// Admits finds one of the characters in what an allowedPattern can match.
func Admits(re *syntax.Regexp, characters string) (rune, bool) {
	for _, c := range characters {
		if canMatch(re, c) {
			return c, true
		}
	}
	for _, sub := range re.Sub {
		if c, found := Admits(sub, characters); found {
			return c, true
		}
	}
	return 0, false
}

// canMatch says whether the expression itself, not those within it, matches texts that contain the character.
func canMatch(re *syntax.Regexp, c rune) bool {
	switch re.Op {
	case syntax.OpAnyChar:
		return true
	case syntax.OpAnyCharNotNL:
		return c != '\n'
	case syntax.OpLiteral:
		return slices.Contains(re.Rune, c)
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if re.Rune[i] <= c && c <= re.Rune[i+1] {
				return true
			}
		}
	}
	return false
}

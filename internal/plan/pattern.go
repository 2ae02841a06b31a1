package plan

import "regexp/syntax"

// breaking are the characters that could leave single quotes in a shell, or that an agent could treat specially
// while it substitutes; every control character counts as well.
const breaking = `'"\{}$` + "\u0085\u2028\u2029"

// quotable says whether every text that a pattern admits stays data when an agent writes it between single quotes.
// uncertain: how old agents escape is not documented, so every doubtful pattern is refused.
func quotable(pattern string) bool {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return false
	}
	// Agents search; they do not match in full. Only ^…$ around the whole expression confines the value.
	if re.Op != syntax.OpConcat || len(re.Sub) < 2 ||
		re.Sub[0].Op != syntax.OpBeginText || re.Sub[len(re.Sub)-1].Op != syntax.OpEndText {
		return false
	}
	return admitsNoBreaking(re)
}

func admitsNoBreaking(re *syntax.Regexp) bool {
	switch re.Op {
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return false
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if breaks(r, r) {
				return false
			}
		}
	case syntax.OpCharClass:
		for i := 0; i+1 < len(re.Rune); i += 2 {
			if breaks(re.Rune[i], re.Rune[i+1]) {
				return false
			}
		}
	}
	for _, sub := range re.Sub {
		if !admitsNoBreaking(sub) {
			return false
		}
	}
	return true
}

// breaks says whether a breaking character lies between lo and hi.
func breaks(lo, hi rune) bool {
	if lo < ' ' || lo <= 0x7f && hi >= 0x7f {
		return true
	}
	for _, r := range breaking {
		if lo <= r && r <= hi {
			return true
		}
	}
	return false
}

package iam

import (
	"errors"
	"strings"
)

// arnComparer compares ARNs part by part: a wildcard does not reach over a colon, except in the last part,
// which may hold colons itself.
type arnComparer struct {
	parts []glob
	// whole is used for a value that only becomes an ARN with the request: a lone star, or a variable.
	whole []glob
}

var errNoARN = errors.New("not an ARN: it has fewer than five colons")

func compileARN(value string, variables bool) (comparer, error) {
	how := syntax{wildcards: true, variables: variables}
	texts, hasVariable := splitARNPattern(value, variables)
	if len(texts) < arnParts {
		// uncertain: AWS does not say what a shorter value matches.
		if value != "*" && !hasVariable {
			return nil, errNoARN
		}
		out := &arnComparer{whole: make([]glob, 1)}
		return out, compileGlob(&out.whole[0], value, how)
	}
	out := &arnComparer{parts: make([]glob, len(texts))}
	for i, text := range texts {
		if err := compileGlob(&out.parts[i], text, how); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// splitARNPattern divides at the first five colons that are not inside of a policy variable.
func splitARNPattern(value string, variables bool) (parts []string, hasVariable bool) {
	start := 0
scan:
	for i := 0; i < len(value) && len(parts) < arnParts-1; i++ {
		if variables && strings.HasPrefix(value[i:], "${") {
			hasVariable = true
			n := VariableLength(value[i:])
			if n == 0 {
				break scan // not closed: an error that compiling the value reports
			}
			i += n - 1
			continue
		}
		if value[i] == ':' {
			parts = append(parts, value[start:i])
			start = i + 1
		}
	}
	return append(parts, value[start:]), hasVariable
}

func (a *arnComparer) compare(value string, c Context) (bool, bool) {
	parts, ok := splitARN(value)
	if !ok {
		// uncertain: AWS does not say what becomes of a value that is no ARN, which its own keys never have.
		return false, true
	}
	if a.whole != nil {
		result := matchAny(a.whole, value, c)
		return result == matchYes, result != matchUnclear
	}
	ok = true
	for i := range a.parts {
		switch matchAny(a.parts[i:i+1], parts[i], c) {
		case matchNo:
			return false, true
		case matchUnclear:
			ok = false
		}
	}
	return ok, ok
}

package needs

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// bound is a document with all that a file does not tell about a call decided: for the call, or against it.
func bound(d *iam.Document, need *Need, resource string, favourable bool) *iam.Document {
	out := *d
	out.Statements = slices.Clone(d.Statements)
	for i := range out.Statements {
		st := &out.Statements[i]
		open := strings.Contains(resource, "*") && resource != "*" && touches(st, resource)
		unknown := slices.ContainsFunc(st.Conditions, func(c iam.Condition) bool { return !known(c.Key, need) })
		if !open && !unknown && !variables(st) {
			continue
		}
		if (st.Effect == iam.Allow) == favourable {
			st.Conditions = slices.DeleteFunc(slices.Clone(st.Conditions), func(c iam.Condition) bool { return !known(c.Key, need) })
			if open || variables(st) {
				st.Resources, st.NotResources = []string{"*"}, nil
			}
			continue
		}
		if unknown || open && !covers(st, resource) || variables(st) {
			st.Actions, st.NotActions = []string{"slipway:Never"}, nil
		}
	}
	return &out
}

// known says whether a file tells the value of a condition key.
func known(key string, need *Need) bool {
	return strings.EqualFold(key, "aws:SecureTransport") || strings.EqualFold(key, "aws:RequestedRegion") && need.Region != ""
}

// variables says whether a statement's resources have policy variables, whose values a file does not tell.
func variables(st *iam.Statement) bool {
	has := func(r string) bool { return strings.Contains(r, "${") }
	return slices.ContainsFunc(st.Resources, has) || slices.ContainsFunc(st.NotResources, has)
}

// touches says whether a statement may be about something that the pattern of a resource stands for.
func touches(st *iam.Statement, resource string) bool {
	if len(st.NotResources) > 0 {
		return true
	}
	return slices.ContainsFunc(st.Resources, func(r string) bool { return overlap(r, resource) })
}

// covers says whether a statement is about all that the pattern of a resource stands for: a pattern that takes the
// other's * for a letter like any other has one of its own there.
func covers(st *iam.Statement, resource string) bool {
	const letter = "\x00"
	text := strings.ReplaceAll(resource, "*", letter)
	return slices.ContainsFunc(st.Resources, func(r string) bool { return !strings.Contains(r, "?") && overlap(r, text) && len(r) <= longest })
}

// longest is how long patterns are that are compared; longer ones are taken to overlap.
const longest = 512

// overlap says whether there is a text that two patterns with * and ? both match.
func overlap(a, b string) bool {
	if len(a) > longest || len(b) > longest {
		return true
	}
	// reach[j] says whether a[:i] and b[:j] can stand for the same text.
	reach := make([]bool, len(b)+1)
	reach[0] = true
	for j := range len(b) {
		reach[j+1] = reach[j] && b[j] == '*'
	}
	for i := range len(a) {
		next := make([]bool, len(b)+1)
		next[0] = reach[0] && a[i] == '*'
		for j := range len(b) {
			if a[i] == '*' || b[j] == '*' {
				next[j+1] = reach[j+1] || next[j]
			} else {
				next[j+1] = reach[j] && (a[i] == b[j] || a[i] == '?' || b[j] == '?')
			}
		}
		reach = next
	}
	return reach[len(b)]
}

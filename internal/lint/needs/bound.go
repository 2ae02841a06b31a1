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
	return slices.ContainsFunc(st.Resources, func(r string) bool { return iam.Overlap(r, resource) })
}

// covers says whether a statement is about all that the pattern of a resource stands for: a pattern that takes the
// other's * for a letter like any other has one of its own there.
func covers(st *iam.Statement, resource string) bool {
	const letter = "\x00"
	text := strings.ReplaceAll(resource, "*", letter)
	return slices.ContainsFunc(st.Resources, func(r string) bool { return !strings.Contains(r, "?") && len(r) <= longest && iam.Overlap(r, text) })
}

// longest is how long patterns are that can be said to cover others: a resource has no more.
const longest = 512

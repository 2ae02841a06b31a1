package ci

import (
	"fmt"
	"regexp"
	"strings"
)

// pinnedUse matches what an action is pinned to; whoever raises a pin does not change the pipeline.
var pinnedUse = regexp.MustCompile(`(?m)^(\s*(?:- )?uses: [A-Za-z0-9_.-]+/[A-Za-z0-9_./-]+@)\S+(?: #.*)?$`)

// looked matches the date in the header.
var looked = regexp.MustCompile(`looked up \d{4}-\d{2}-\d{2}`)

// Drift says where a file that is there differs from what would be rendered; empty when it does not, but for the pins of
// actions.
func Drift(name, have, want string) string {
	if leveled(have) == leveled(want) {
		return ""
	}
	old, due := strings.Split(leveled(have), "\n"), strings.Split(leveled(want), "\n")
	at := 0
	for at < min(len(old), len(due)) && old[at] == due[at] {
		at++
	}
	return fmt.Sprintf("%s:%d: differs from what the release needs\n  there: %s\n  due:   %s", name, at+1, lineAt(old, at), lineAt(due, at))
}

// leveled is a file without what may differ.
func leveled(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return looked.ReplaceAllString(pinnedUse.ReplaceAllString(text, "${1}PIN"), "looked up")
}

func lineAt(lines []string, i int) string {
	if i < len(lines) {
		return strings.TrimRight(lines[i], " ")
	}
	return "(nothing)"
}

package escalation

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestR116TheDocsListEveryTechnique: the table of docs/escalation.md is the table of techniques.
func TestR116TheDocsListEveryTechnique(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/escalation.md")
	if err != nil {
		t.Fatal(err)
	}
	const head = "| technique | kind | calls | reaches | if |\n|---|---|---|---|---|\n"
	_, table, ok := strings.Cut(string(page), head)
	if !ok {
		t.Fatalf("docs/escalation.md has no table that begins with\n%s", head)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	var rows []string
	for i := range techniques {
		rows = append(rows, docsRow(&techniques[i]))
	}
	if diff := cmp.Diff(rows, strings.Split(strings.TrimSpace(table), "\n")); diff != "" {
		t.Errorf("docs/escalation.md differs (- the techniques):\n%s", diff)
	}
}

func docsRow(x *technique) string {
	var calls []string
	if x.action != "" {
		calls = append(calls, "`"+x.action+"`")
	}
	for _, alternatives := range x.then {
		text := "`" + strings.Join(alternatives, "` or `") + "`"
		if x.thenType != "" {
			text += " (" + x.thenType + ")"
		}
		calls = append(calls, text)
	}
	to := map[object]string{
		onRole: "the role", onUser: "the user", onPolicy: "whoever has the policy", onBoundary: "whose boundary it is", onGroup: "the group's members",
		onNode: "the role on the node", onSAML: "the roles that trust the provider",
	}[x.object]
	switch {
	case x.joins && x.gain != gainGroup:
		to = "any user"
	case x.made:
		to = "the account"
	case x.gain == gainGroup:
		to = "any user, with the group's policies"
	}
	var conditions []string
	if x.assumes {
		conditions = append(conditions, "its trust policy allows it")
	}
	if x.service != "" {
		conditions = append(conditions, "`"+x.service+"` may assume it")
	}
	if x.unless != "" {
		conditions = append(conditions, x.unless)
	}
	return fmt.Sprintf("| [%s](%s) | %s | %s | %s | %s |", x.name, x.source, x.kind, strings.Join(calls, " + "), to, strings.Join(conditions, "; "))
}

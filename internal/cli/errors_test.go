package cli

import (
	"bytes"
	"errors"
	"strings"
	"testing"
)

// An error quotes what others wrote: who locks a stage and why, what a service answered.
func TestReportIsHarmless(t *testing.T) {
	t.Parallel()
	token := "ghp_" + strings.Repeat("a1B2", 9)
	for _, actions := range []string{"", "true"} {
		var stderr bytes.Buffer
		process := Process{Stdout: &stderr, Stderr: &stderr, Getenv: func(name string) string {
			return map[string]string{"GITHUB_ACTIONS": actions}[name]
		}}
		evil := "\x1b]0;owned\a\x1b[2J\u202ebob: " + token + "\n::add-mask::a\r::set-env name=PATH::x ##[group]"
		code := report(process, &failure{code: exitRefused, err: errors.New("shop/prod is locked by " + evil), hint: "ask " + evil})
		got := stderr.String()
		if code != exitRefused || !strings.HasPrefix(got, "slipway: shop/prod is locked by ") || !strings.Contains(got, "\n  hint: ask ") {
			t.Errorf("exit %d, %q", code, got)
		}
		if strings.ContainsAny(got, "\x1b\a\r\u202e") || strings.Contains(got, token) {
			t.Errorf("it gets through: %q", got)
		}
		if actions != "" && (strings.Contains(got, "\n::") || strings.Contains(got, "##[")) {
			t.Errorf("the runner finds a command: %q", got)
		}
	}
}

package iam

import (
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	context := NewContext(map[string][]string{"aws:username": {"ann"}, "a:star": {"*"}, "a:two": {"x", "y"}})
	all := syntax{wildcards: true, variables: true}
	tests := map[string]struct {
		pattern string
		how     syntax
		yes, no string // separated by blanks
	}{
		"text":             {"abc", all, "abc", "ab abcd Abc"},
		"star":             {"a*c", all, "ac abc a/:c", "a ca acb"},
		"stars":            {"*a**b*", all, "ab xaxbx", "ba a"},
		"question mark":    {"a?c", all, "abc aéc a日c", "ac abbc"},
		"question at end":  {"a??", all, "abc a日é", "ab a日"},
		"star, then two":   {"*??", all, "ab 日本 xyz", "a 日"},
		"two in between":   {"*??*", all, "ab 日本 xyz", "a 日"},
		"overlap":          {"*aba", all, "aba ababa xaba", "ab abab"},
		"no wildcards":     {"a*", syntax{}, "a*", "ab"},
		"case":             {"SSM:Send*", syntax{wildcards: true, fold: true}, "ssm:sendcommand SSM:SEND", "ssm:sen"},
		"case, not ASCII":  {"É", syntax{fold: true}, "é É", "e"},
		"Kelvin is no k":   {"k", syntax{fold: true}, "k K", "\u212a"},
		"variable":         {"home/${aws:username}/*", all, "home/ann/x", "home/bob/x home/${aws:username}/x"},
		"variable's case":  {"${AWS:UserName}", all, "ann", "Ann"},
		"literal variable": {"${aws:username}", syntax{wildcards: true}, "${aws:username}", "ann"},
		"value is literal": {"x${a:star}", all, "x*", "xy"},
		"absent":           {"${a:none}*", all, "", "a ${a:none}"},
		"default":          {"${a:none, 'no one'}!", syntax{variables: true}, "", "no!"},
		"default, used":    {"${a:none,'dev'}", all, "dev", "prod"},
		"default, unused":  {"${aws:username, 'dev'}", all, "ann", "dev"},
		"several values":   {"${a:two}", all, "", "x y xy"},
		"escapes":          {"${*}${?}${$}{x}", all, "*?${x}", "ab${x}"},
		"lone dollar":      {"$a$", all, "$a$", "a"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := globOf(tt.pattern, tt.how)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range strings.Fields(tt.yes) {
				if !g.match(s, context) {
					t.Errorf("%q does not match %q", tt.pattern, s)
				}
			}
			for _, s := range strings.Fields(tt.no) {
				if g.match(s, context) {
					t.Errorf("%q matches %q", tt.pattern, s)
				}
			}
		})
	}
}

// TestGlobIsNotExponential would take years if the matcher went back to every star.
func TestGlobIsNotExponential(t *testing.T) {
	t.Parallel()
	g, err := globOf(strings.Repeat("a*", 200)+"b", syntax{wildcards: true})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan bool, 1)
	go func() { done <- g.match(strings.Repeat("a", 20_000), Context{}) }()
	select {
	case matched := <-done:
		if matched {
			t.Error("matches without a b")
		}
	case <-time.After(10 * time.Second):
		t.Fatal("did not end")
	}
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "axxbyc", false)
	f.Add("*??", "日", true)
	f.Add("**a", "Aa", true)
	f.Fuzz(func(t *testing.T, pattern, s string, fold bool) {
		if len(pattern) > 100 || len(s) > 100 || !utf8.ValidString(pattern) || !utf8.ValidString(s) {
			t.Skip()
		}
		if fold && !(isASCII(pattern) && isASCII(s)) {
			t.Skip() // regexp folds the Kelvin sign
		}
		g, err := globOf(pattern, syntax{wildcards: true, fold: fold})
		if err != nil {
			t.Fatal(err)
		}
		expression := strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(regexp.QuoteMeta(pattern))
		flags := "(?s)"
		if fold {
			flags = "(?si)"
		}
		if got, want := g.match(s, Context{}), regexp.MustCompile(flags+"^"+expression+"$").MatchString(s); got != want {
			t.Errorf("%q on %q: got %v, want %v", pattern, s, got, want)
		}
	})
}

func globOf(pattern string, how syntax) (g glob, err error) {
	err = compileGlob(&g, pattern, how)
	return g, err
}

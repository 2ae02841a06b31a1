package release

import (
	"strings"
	"testing"
)

// secretExamples are one of each kind, made up.
var secretExamples = []struct{ text, is string }{
	{"AKIA" + strings.Repeat("Z7", 8), "an AWS access key id"},
	{"ghp_" + strings.Repeat("a1", 18), "a GitHub token"},
	{"github_pat_" + strings.Repeat("a1", 12), "a GitHub token"},
	{"Secret_Access_Key: " + strings.Repeat("aB3+", 10), "an AWS secret access key"},
	{"-----BEGIN RSA PRIVATE KEY-----\nabc\ndef\n-----END RSA PRIVATE KEY-----", "a private key"},
	{"-----BEGIN PRIVATE KEY-----\nabc", "a private key"},
}

func TestR119RedactOutputTakesSecretsOut(t *testing.T) {
	t.Parallel()
	for _, tt := range secretExamples {
		got := RedactOutput("before " + tt.text)
		if got != "before [redacted: "+tt.is+"]" {
			t.Errorf("RedactOutput(%q) = %q", tt.text, got)
		}
		if CertainSecretIn(tt.text) != tt.is {
			t.Errorf("%q is %q to the release file, and something else here", tt.text, CertainSecretIn(tt.text))
		}
	}
	if got := RedactOutput("commit 0831e1a8a1ac4257a1fdc831b48c41070831e1a8, the secret of success"); strings.Contains(got, "redacted") {
		t.Errorf("what is no secret is redacted: %q", got)
	}
}

// Colours that a program puts into a secret, or between its name and itself, are taken away before it is shown.
func TestR119ColoursHideNoSecret(t *testing.T) {
	t.Parallel()
	for _, tt := range secretExamples {
		for _, colour := range []string{"\x1b[0;32m", "\x1b[m\x1b[K", "\x1b[38:5:1m"} {
			middle := strings.IndexAny(tt.text, "_:IK") + 1
			got := RedactOutput("\x1b[1mbefore\x1b[0m " + colour + tt.text[:middle] + colour + tt.text[middle:])
			if got != "before [redacted: "+tt.is+"]" {
				t.Errorf("%q in %q: %q", colour, tt.text, got)
			}
		}
	}
	if got := RedactOutput("\x1b[31mred\x1b[0m secret"); got != "\x1b[31mred\x1b[0m secret" {
		t.Errorf("a text without a secret lost its colours: %q", got)
	}
}

// Every kind that the release file refuses must pass the filter in front of the patterns.
func TestR119TheFilterKnowsEveryKind(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, tt := range secretExamples {
		seen[tt.is] = mayHoldSecret(tt.text)
	}
	for _, kind := range secretKinds {
		if !seen[kind.is] {
			t.Errorf("%s: no example, or the filter leaves it out", kind.is)
		}
	}
}

func TestR119AKeyThatComesInParts(t *testing.T) {
	t.Parallel()
	var r LineRedactor
	var got strings.Builder
	for _, part := range []string{"hello\n", "-----BEGIN PRIVATE KEY-----\nMII1", "MII2\n", "MII3\n-----END PRIVATE KEY-----\nafter\n", "the end\n"} {
		got.WriteString(r.Redact(part))
	}
	want := "hello\n[redacted: a private key][redacted: more of a private key][redacted: the end of a private key]\nafter\nthe end\n"
	if got.String() != want {
		t.Errorf("got %q, want %q", got.String(), want)
	}
}

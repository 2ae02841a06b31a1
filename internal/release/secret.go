package release

import (
	"regexp"
	"strings"
)

// secretKinds are the secrets that have a shape of their own. The list is short on purpose: what it finds is
// certainly a secret.
var secretKinds = []struct {
	is      string
	pattern *regexp.Regexp
}{
	{"an AWS access key id", regexp.MustCompile(`\b(?:AKIA|ASIA)[A-Z0-9]{16}\b`)},
	{"a private key", regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)},
	{"a GitHub token", regexp.MustCompile(`\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}`)},
	{
		"an AWS secret access key",
		regexp.MustCompile(`(?i)secret_?access_?key["']?\s*[=:]\s*["']?[A-Za-z0-9/+]{40}`),
	},
}

// bareSecretKey is what a secret access key looks like by itself; so do other things, see isBareSecretKey.
var bareSecretKey = regexp.MustCompile(`(?:^|[^A-Za-z0-9/+=])([A-Za-z0-9/+]{40})(?:$|[^A-Za-z0-9/+=])`)

var hexadecimal = regexp.MustCompile(`^(?:[0-9a-f]+|[0-9A-F]+)$`)

// secretIn names the kind of secret that a text contains; empty when there is none. A secret access key without
// a name before it is only found when it is the whole text: within a command it could be a path.
func secretIn(s string) string {
	if kind := CertainSecretIn(s); kind != "" {
		return kind
	}
	if len(s) == 40 && bareSecretKey.MatchString(s) && isBareSecretKey(s) {
		return "what looks like an AWS secret access key"
	}
	return ""
}

// CertainSecretIn names the kind of secret that a text certainly contains; empty when there is none.
func CertainSecretIn(s string) string {
	for _, kind := range secretKinds {
		if kind.pattern.MatchString(s) {
			return kind.is
		}
	}
	return ""
}

// isBareSecretKey tells a secret access key from a git commit (40 hexadecimal digits), a path and a long word:
// a random key of 40 characters has capitals, small letters and digits, and hardly ever more than two slashes.
func isBareSecretKey(s string) bool {
	return !hexadecimal.MatchString(s) && strings.Count(s, "/") <= 2 &&
		strings.ContainsAny(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") &&
		strings.ContainsAny(s, "abcdefghijklmnopqrstuvwxyz") && strings.ContainsAny(s, "0123456789")
}

// mask hides the secrets in a text that will be printed; its length stays, so that carets still point right.
func mask(s string) string {
	hide := func(found string) string { return strings.Repeat("*", len(found)) }
	for _, kind := range secretKinds {
		s = kind.pattern.ReplaceAllStringFunc(s, hide)
	}
	return bareSecretKey.ReplaceAllStringFunc(s, func(found string) string {
		key := bareSecretKey.FindStringSubmatch(found)[1]
		if !isBareSecretKey(key) {
			return found
		}
		return strings.Replace(found, key, hide(key), 1)
	})
}

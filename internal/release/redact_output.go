package release

import (
	"regexp"
	"strings"
)

// A private key is more than its first line; one whose end is missing goes on to the end of the text.
var (
	wholePrivateKey = regexp.MustCompile(`(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)`)
	privateKeyBegin = regexp.MustCompile(`-----BEGIN [A-Z ]*PRIVATE KEY-----`)
	privateKeyEnd   = regexp.MustCompile(`-----END [A-Z ]*PRIVATE KEY-----`)
)

// RedactOutput takes out of a text what is certainly a secret, and says what it was (R119). What a script prints and what an
// error says passes it before it is shown or kept.
func RedactOutput(text string) string {
	if strings.Contains(text, "\x1b[") { // colours go before a text is shown, and then nothing parts a secret any more
		if plain := colours.ReplaceAllString(text, ""); mayHoldSecret(plain) && redacted(plain) != plain {
			return redacted(plain)
		}
	}
	if !mayHoldSecret(text) {
		return text
	}
	return redacted(text)
}

// colours are the sequences that programs put between letters: how they look, and that the rest of the line is empty.
var colours = regexp.MustCompile(`\x1b\[[0-9;:]*[mK]`)

func redacted(text string) string {
	text = wholePrivateKey.ReplaceAllString(text, "[redacted: a private key]")
	for _, kind := range secretKinds {
		text = kind.pattern.ReplaceAllString(text, "[redacted: "+kind.is+"]")
	}
	return text
}

// mayHoldSecret spares nearly every text the patterns. What secretKinds finds contains one of these.
func mayHoldSecret(text string) bool {
	for _, part := range []string{"AKIA", "ASIA", "PRIVATE KEY", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"} {
		if strings.Contains(text, part) {
			return true
		}
	}
	return strings.Contains(strings.ToLower(text), "secret")
}

// LineRedactor is RedactOutput for a text that comes in parts, each of whole lines: a private key may span several.
// The zero LineRedactor is ready.
type LineRedactor struct{ inKey bool }

// Redact redacts the next part.
func (r *LineRedactor) Redact(part string) string {
	if r.inKey {
		end := privateKeyEnd.FindStringIndex(part)
		if end == nil {
			return "[redacted: more of a private key]"
		}
		r.inKey = false
		return "[redacted: the end of a private key]" + r.Redact(part[end[1]:])
	}
	if begins := privateKeyBegin.FindAllStringIndex(part, -1); begins != nil {
		r.inKey = !privateKeyEnd.MatchString(part[begins[len(begins)-1][1]:])
	}
	return RedactOutput(part)
}

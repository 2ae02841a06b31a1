package release

import "strings"

// Redact takes what is a secret for the release file's own rules out of a text that will be kept: a text that is one
// goes whole, one that contains one loses it. Texts that hold none stay as they are.
func Redact(text string) string {
	if kind := secretIn(text); kind != "" {
		if masked := mask(text); masked != text && secretIn(masked) == "" && !strings.Contains(text, "PRIVATE KEY") {
			return masked
		}
		return "(left out: " + kind + ")"
	}
	return mask(text)
}

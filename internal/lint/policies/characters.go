package policies

import (
	"bytes"
	"unicode"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
	"github.com/slipway-cd/slipway/internal/finding"
)

var charactersRule = finding.Rule{
	Code: "SLW226", Name: "policy-characters", Severity: finding.Warning, Subject: finding.Policy,
	Title:  "The policy's text has a character that IAM does not take.",
	Why:    "IAM takes the characters up to U+00FF only, so the policy is refused where the file is handed over as it is.",
	Source: "https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreatePolicy.html", Fix: `write it as \uXXXX`, Requirements: []string{"R30"},
}

// ByteOrderMark is what begins a file of some editors, in UTF-8.
const ByteOrderMark = "\xef\xbb\xbf"

// characters reports the first character of a policy in JSON that IAM refuses in its text, wherever it stands: a policy is
// matched against [\t\n\r\x20-\xFF]+ before it is read. What is written with an escape is no such character.
func (l *linter) characters(name string, content []byte, kind iam.PolicyKind) {
	if !yaml.IsJSON(content) {
		return
	}
	if bytes.HasPrefix(content, []byte(ByteOrderMark)) {
		f := charactersRule.At(name, 1, 1, "take the first three bytes of the file away", "the file begins with a byte order mark")
		f.Edits = []finding.Edit{{Line: 1, Column: 1, EndLine: 1, EndColumn: 1 + len(ByteOrderMark)}}
		l.found = append(l.found, f)
		return
	}
	if kind != iam.IdentityPolicy && kind != iam.TrustPolicy { // other services have other patterns
		return
	}
	line, start := 1, 0
	for at, r := range string(content) {
		switch {
		case r == '\n':
			line, start = line+1, at+1
		case r > unicode.MaxLatin1 && r != utf8.RuneError:
			l.found = append(l.found, charactersRule.At(name, line, at-start+1, "", "%q stands in the text", r))
			return
		}
	}
}

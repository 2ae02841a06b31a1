package policy

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/iam"
)

// appendDecision appends the answer to a line.
func appendDecision(dst []byte, id string, d iam.Decision) []byte {
	dst = appendID(dst, id)
	dst = append(dst, `,"decision":"`...)
	dst = append(dst, d.Outcome.String()...)
	dst = append(dst, `","decisive":[`...)
	for i := range d.Decisive {
		if i > 0 {
			dst = append(dst, ',')
		}
		ref := &d.Decisive[i]
		dst = append(dst, `{"policy":`...)
		dst = appendString(dst, ref.Policy)
		dst = append(dst, `,"statement":`...)
		dst = appendString(dst, ref.Statement)
		dst = append(dst, `,"effect":`...)
		dst = appendString(dst, string(ref.Effect))
		dst = append(dst, '}')
	}
	return append(dst, "]}\n"...)
}

// appendError appends the answer to a line that has none.
func appendError(dst []byte, id string, err error) []byte {
	dst = appendID(dst, id)
	dst = append(dst, `,"decision":"Error","error":`...)
	dst = appendString(dst, err.Error())
	return append(dst, "}\n"...)
}

// appendID opens the answer with the id as it was written.
func appendID(dst []byte, id string) []byte {
	if id == "" {
		id = "null"
	}
	dst = append(dst, `{"id":`...)
	return append(dst, id...)
}

// appendString appends a JSON string.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= utf8.RuneSelf || c == '"' || c == '\\' {
			quoted, _ := json.Marshal(s) // a string can always be marshalled
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

package shell

import (
	"fmt"
	"regexp"
	"strings"
)

// expression is GitHub's own substitution, which happens before a shell sees the script.
var expression = regexp.MustCompile(`(?s)\$\{\{.*?\}\}`)

// expressions are those of a text, by what stands in their place while it is parsed.
type expressions map[string]string

// withoutExpressions puts a name of the same length in the place of each expression, so that every place stays what it is.
func withoutExpressions(text string) (string, expressions) {
	if !strings.Contains(text, "${{") {
		return text, nil
	}
	found := expressions{}
	return expression.ReplaceAllStringFunc(text, func(e string) string {
		for n := len(found); ; n++ {
			number := fmt.Sprintf("%d", n)
			name := "_" + strings.Repeat("x", max(0, len(e)-len(number)-2)) + number + "_"
			if found[name] == "" && !strings.Contains(text, name) {
				found[name] = strings.TrimSpace(e[len("${{") : len(e)-len("}}")])
				return name
			}
		}
	}), found
}

// split parts a text into what is written and expressions, in their order.
func (es expressions) split(text string, written, filled func(string)) {
	for len(es) > 0 && text != "" {
		at, name := -1, ""
		for n := range es {
			if i := strings.Index(text, n); i >= 0 && (at < 0 || i < at) {
				at, name = i, n
			}
		}
		if at < 0 {
			break
		}
		if at > 0 {
			written(text[:at])
		}
		filled(es[name])
		text = text[at+len(name):]
	}
	if text != "" {
		written(text)
	}
}

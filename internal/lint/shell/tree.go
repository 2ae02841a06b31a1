package shell

import (
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// What AWS answers is a tree of maps, lists and texts, of which scripts take parts with --query and jq. Only the forms that
// they use to follow commands are known; of any other the result is not known.

// take walks a path through a tree: Command.CommandId, CommandInvocations[0].Status, [].Status, [Status,StatusDetails].
// fields are the names at its end. ok is false where the form is not known.
func take(tree any, query string) (result any, fields []string, ok bool) {
	for part := range strings.SplitSeq(query, " | ") {
		part = strings.TrimSpace(part)
		if tree, fields, ok = takePart(tree, strings.TrimPrefix(part, "@.")); !ok {
			return nil, fields, false
		}
	}
	return tree, fields, ok
}

func takePart(tree any, query string) (any, []string, bool) {
	if inner, ok := strings.CutPrefix(query, "length("); ok {
		inner, fields, ok := takePart(tree, strings.TrimSuffix(inner, ")"))
		list, is := inner.([]any)
		return float64(len(list)), fields, ok && is
	}
	var fields []string
	for query != "" {
		switch {
		case query[0] == '.':
			query = query[1:]
		case query[0] == '[':
			end := closing(query)
			if end < 0 {
				return nil, fields, false
			}
			inside := query[1:end]
			query = query[end+1:]
			if inside == "" || inside == "*" {
				return project(tree, query, fields)
			}
			if n, err := strconv.Atoi(inside); err == nil {
				tree = element(tree, n)
				continue
			}
			if inside[0] == '?' {
				kept, ok := filter(tree, inside[1:])
				if !ok {
					return nil, append(fields, identifiers(inside+" "+query)...), false
				}
				got, names, ok := project(kept, query, fields)
				return got, append(identifiers(inside), names...), ok
			}
			return selects(tree, inside, query, fields)
		case query[0] == '{':
			return nil, append(fields, identifiers(query)...), false
		default:
			end := strings.IndexAny(query, ".[ |")
			if end < 0 {
				end = len(query)
			}
			name := strings.Trim(query[:end], `"`)
			if !isName(name) {
				return nil, identifiers(query), false
			}
			query = query[end:]
			fields = []string{name}
			m, _ := tree.(map[string]any)
			tree = m[name]
			if query != "" && (query[0] == ' ' || query[0] == '|') {
				return nil, identifiers(name + query), false
			}
		}
	}
	return tree, fields, true
}

// closing finds the end of a bracket at the beginning.
func closing(q string) int {
	depth := 0
	for i := range len(q) {
		switch q[i] {
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// project takes the same of every element of a list.
func project(tree any, rest string, fields []string) (any, []string, bool) {
	list, _ := tree.([]any)
	out := []any{}
	for _, one := range list {
		got, names, ok := takePart(one, strings.TrimPrefix(rest, "."))
		if !ok {
			return nil, names, false
		}
		fields = names
		if got != nil {
			out = append(out, got)
		}
	}
	if len(list) == 0 {
		fields = identifiers(rest)
	}
	return out, fields, true
}

// filter keeps the elements of a list for which a condition holds: Status=='Failed' || Status!='Success'. One about what is
// not known, an instance's id, holds.
func filter(tree any, condition string) (any, bool) {
	list, _ := tree.([]any)
	kept := []any{}
	for _, one := range list {
		m, _ := one.(map[string]any)
		holds := false
		for either := range strings.SplitSeq(condition, "||") {
			all := true
			for part := range strings.SplitSeq(either, "&&") {
				c := comparison.FindStringSubmatch(strings.TrimSpace(part))
				if c == nil {
					return nil, false
				}
				text, _ := m[c[1]].(string)
				unknown := !value{s: text + c[3]}.known()
				all = all && (unknown || (text == c[3]) == (c[2] == "=="))
			}
			holds = holds || all
		}
		if holds {
			kept = append(kept, one)
		}
	}
	return kept, true
}

var comparison = regexp.MustCompile("^(\\w+)\\s*(==|!=)\\s*[`'\"]+([^`'\"]*)[`'\"]+$")

func element(tree any, n int) any {
	list, _ := tree.([]any)
	if n < 0 {
		n += len(list)
	}
	if n < 0 || n >= len(list) {
		return nil
	}
	return list[n]
}

// selects is [a,b].
func selects(tree any, inside, rest string, fields []string) (any, []string, bool) {
	if rest != "" || !strings.Contains(inside, ",") && !isName(inside) {
		return nil, append(fields, identifiers(inside+" "+rest)...), false
	}
	out := []any{}
	var all []string
	for name := range strings.SplitSeq(inside, ",") {
		got, names, ok := takePart(tree, strings.TrimSpace(name))
		if !ok {
			return nil, append(all, names...), false
		}
		out, all = append(out, got), append(all, names...)
	}
	return out, all, true
}

// identifiers are the names in a query that is not understood.
func identifiers(q string) []string {
	return strings.FieldsFunc(q, func(r rune) bool {
		return r != '_' && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9')
	})
}

// asText is --output text: columns with tabs, a line for each row; None for nothing.
func asText(tree any) string {
	switch t := tree.(type) {
	case nil:
		return "None\n"
	case string:
		return t + "\n"
	case float64:
		return strconv.Itoa(int(t)) + "\n"
	case []any:
		flat := !slices.ContainsFunc(t, func(v any) bool {
			switch v.(type) {
			case nil, string, float64:
				return false
			}
			return true
		})
		var parts []string
		for _, v := range t {
			parts = append(parts, strings.TrimSuffix(asText(v), "\n"))
		}
		if len(t) == 0 {
			return ""
		}
		if flat {
			return strings.Join(parts, "\t") + "\n"
		}
		return strings.Join(parts, "\n") + "\n"
	case map[string]any:
		var parts []string
		for _, k := range sortedKeys(t) {
			if s, ok := t[k].(string); ok {
				parts = append(parts, s)
			}
		}
		return strings.Join(parts, "\t") + "\n"
	}
	return "\n"
}

func sortedKeys(m map[string]any) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// asJSON is --output json, with the indents of the CLI's: scripts look through it line by line. What is not known stays
// recognisable.
func asJSON(tree any) string { return encoded(tree, "    ") }

// encoded is JSON; in one line where there is no indent.
func encoded(tree any, indent string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", indent)
	if e.Encode(tree) != nil {
		return "null\n"
	}
	return strings.NewReplacer(`\u0001`, string(opens), `\u0002`, string(closes)).Replace(b.String())
}

// fromJSON reads it back.
func fromJSON(s string) (any, bool) {
	s = strings.NewReplacer(string(opens), `\u0001`, string(closes), `\u0002`).Replace(s)
	var tree any
	if json.Unmarshal([]byte(s), &tree) != nil {
		return nil, false
	}
	return tree, true
}

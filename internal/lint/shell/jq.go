package shell

import (
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

// jq takes a part of JSON. What it builds, and what it takes by other ways than a path, is not known.
func jq(s *state, c *syntax.CallExpr, args []value) flow {
	s.status = 0
	var program, built value
	raw, null, exits, has := false, false, false, false
	var files []value
	for i := 1; i < len(args); i++ {
		a := args[i]
		switch {
		case slices.Contains([]string{"--arg", "--argjson", "--rawfile", "--slurpfile"}, a.s) && i+2 < len(args):
			built = cat(built, cat(text(" "), args[i+2]))
			i += 2
		case strings.HasPrefix(a.s, "-") && len(a.s) > 1:
			raw = raw || strings.Contains(a.s, "r") && !strings.HasPrefix(a.s, "--") || a.s == "--raw-output"
			null = null || strings.Contains(a.s, "n") && !strings.HasPrefix(a.s, "--") || a.s == "--null-input"
			exits = exits || strings.Contains(a.s, "e") && !strings.HasPrefix(a.s, "--") || a.s == "--exit-status"
		case !has:
			program, has = a, true
		default:
			files = append(files, a)
		}
	}
	if null {
		s.print(cat(opaque(program.s+built.s, built.from...).with(program.from), text("\n")), s.source.at(c))
		return onward
	}
	in := s.readAll()
	if len(files) > 0 {
		in = s.w.content(files[0])
	}
	s.jq(c, in, program, raw, exits)
	return onward
}

func (s *state) jq(c *syntax.CallExpr, in, program value, raw, exits bool) {
	if strings.TrimSpace(in.s) == "" { // no input, no output
		if exits {
			s.status = 4
		}
		return
	}
	s.w.pay(16 * len(in.s))
	tree, ok := fromJSON(in.s)
	if !ok && in.known() {
		s.status = 5 // jq: parse error
		s.write(s.streams.err, text("jq: parse error\n"), s.source.at(c))
		return
	}
	got, fields, understood := jqPath(tree, program.s)
	if !ok || !understood {
		v := opaque("jq "+program.s+" "+in.s, narrowed(in, identifiers(program.s))...)
		s.print(cat(v, text("\n")), s.source.at(c))
		if exits {
			s.status = boolCode(s.w.decide(c))
		}
		return
	}
	if exits && got == nil {
		s.status = 1
	}
	out := value{from: narrowed(in, fields)}
	if list, many := got.(results); many {
		for _, one := range list {
			out.s += jqText(one, raw)
		}
	} else {
		out.s = jqText(got, raw)
	}
	s.print(out, s.source.at(c))
}

// results are several results.
type results []any

func jqText(v any, raw bool) string {
	if t, ok := v.(string); ok && raw {
		return t + "\n"
	}
	return encoded(v, "")
}

// narrowed are origins that know now which field was taken.
func narrowed(v value, fields []string) []*origin {
	if len(fields) == 0 {
		return v.from
	}
	var list []*origin
	for _, o := range v.from {
		n := *o
		n.field = fields[len(fields)-1]
		list = append(list, &n)
	}
	return list
}

// jqPath follows .a.b[0].c, .list[].c, a // "default" and | length.
func jqPath(tree any, program string) (any, []string, bool) {
	var fields []string
	for stage := range strings.SplitSeq(program, "|") {
		stage = strings.TrimSpace(stage)
		first, fallback, _ := strings.Cut(stage, "//")
		first = strings.TrimSpace(first)
		if many, ok := tree.(results); ok {
			out := results{}
			for _, one := range many {
				got, names, fine := jqStage(one, first)
				if !fine {
					return nil, names, false
				}
				out, fields = append(out, got), append(fields, names...)
			}
			tree = out
			continue
		}
		got, names, ok := jqStage(tree, first)
		if !ok {
			return nil, append(fields, names...), false
		}
		fields = append(fields, names...)
		if got == nil && fallback != "" {
			fallback = strings.TrimSpace(fallback)
			if fallback == "empty" {
				return results{}, fields, true
			}
			if got, ok = fromJSON(fallback); !ok {
				return nil, fields, false
			}
		}
		tree = got
	}
	return tree, fields, true
}

func jqStage(tree any, stage string) (any, []string, bool) {
	if stage == "length" {
		if list, ok := tree.([]any); ok {
			return float64(len(list)), nil, true
		}
		return nil, nil, false
	}
	path, ok := strings.CutPrefix(stage, ".")
	if !ok || strings.ContainsAny(path, " ()=<>,?*") {
		return nil, identifiers(stage), false
	}
	got, fields, ok := takePart(tree, path)
	if list, is := got.([]any); is && strings.Contains(path, "[]") {
		return results(list), fields, ok
	}
	return got, fields, ok
}

package shell

import (
	"strconv"
	"strings"
	"time"
)

// epoch is when runs begin, in seconds: any time does.
const epoch = 1_700_000_000

func (w *world) now() int {
	w.asked++
	return epoch + int(w.clock/time.Second)
}

// since is SECONDS, which was begun anew with a number.
func (w *world) since(begun value) value {
	n, err := strconv.Atoi(begun.s)
	if err != nil {
		return opaque("SECONDS")
	}
	return text(strconv.Itoa(n + w.now() - epoch))
}

// environment is the value of a variable that no script sets.
func (w *world) environment(name string, script int) (value, bool) {
	switch name {
	case "GITHUB_OUTPUT", "GITHUB_ENV", "GITHUB_STEP_SUMMARY", "GITHUB_STATE", "GITHUB_PATH":
		return text("/github/" + name), true
	case "IFS", "PIPESTATUS", "OPTARG", "REPLY":
		return value{}, false
	}
	if v, ok := w.env[name]; ok {
		return v, true
	}
	if raw, ok := w.sequence.Scripts[script].Env[name]; ok {
		return w.filled(raw, script), true
	}
	if provided(name) {
		return opaque(name), true
	}
	if w.texts.assigned[name] { // it will be, but is not yet
		return value{}, false
	}
	return opaque(name), true
}

// provided says whether a runner gives a variable.
func provided(name string) bool {
	return strings.HasPrefix(name, "GITHUB_") || strings.HasPrefix(name, "RUNNER_") || strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "CODEBUILD_")
}

// filled is a text from outside of a script with its expressions filled in.
func (w *world) filled(raw string, script int) value {
	rest, v := raw, value{}
	for {
		at := expression.FindStringIndex(rest)
		if at == nil {
			return cat(v, text(rest))
		}
		v = cat(v, text(rest[:at[0]]))
		v = cat(v, w.expression(strings.TrimSpace(rest[at[0]+len("${{"):at[1]-len("}}")]), script))
		rest = rest[at[1]:]
	}
}

// expression is the value of ${{ e }}.
func (w *world) expression(e string, script int) value {
	s := &w.sequence.Scripts[script]
	for range 4 {
		other, ok := s.Aliases[e]
		if !ok {
			break
		}
		e = other
	}
	if v, ok := w.outputs[e]; ok {
		return v
	}
	if name, ok := strings.CutPrefix(e, "env."); ok {
		if v, ok := w.env[name]; ok {
			return v
		}
		if raw, ok := s.Env[name]; ok && !strings.Contains(raw, e) {
			return w.filled(raw, script)
		}
	}
	var from []*origin
	for _, name := range secretsOf(e) {
		from = append(from, &origin{kind: ofSecret, name: name})
	}
	return opaque("${{ "+e+" }}", from...)
}

// secretsOf are the secrets that an expression is made of.
func secretsOf(e string) []string {
	var list []string
	for rest := e; ; {
		_, after, ok := strings.Cut(rest, "secrets.")
		if !ok {
			break
		}
		end := strings.IndexFunc(after, func(r rune) bool {
			return r != '_' && r != '-' && (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
		})
		if end < 0 {
			end = len(after)
		}
		list = append(list, after[:end])
		rest = after[end:]
	}
	if strings.TrimSpace(e) == "github.token" {
		list = append(list, "GITHUB_TOKEN")
	}
	return list
}

// finish takes over what a script gave to those after it, and leaves the files empty for the next.
func (w *world) finish(s *Script) {
	for key, v := range assignments(w.files["/github/GITHUB_OUTPUT"]) {
		w.outputs["steps."+s.Name+".outputs."+key] = v
	}
	for key, v := range assignments(w.files["/github/GITHUB_ENV"]) {
		w.env[key] = v
	}
	delete(w.files, "/github/GITHUB_OUTPUT")
	delete(w.files, "/github/GITHUB_ENV")
}

// assignments reads name=value lines, and name<<END … END.
func assignments(v value) map[string]value {
	found := map[string]value{}
	lines := v.lines()
	for i := 0; i < len(lines); i++ {
		name, rest, ok := strings.Cut(lines[i].s, "=")
		if begin, end, is := strings.Cut(lines[i].s, "<<"); is && (!ok || len(begin) < len(name)) {
			held := value{from: v.from}
			for i++; i < len(lines) && lines[i].s != end; i++ {
				held = cat(held, cat(lines[i], text("\n")))
			}
			found[begin] = held.trimmed()
			continue
		}
		if ok {
			found[name] = value{s: rest, from: v.from}
		}
	}
	return found
}

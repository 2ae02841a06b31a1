package plan

import (
	_ "embed"
	"encoding/base64"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/release"
)

// shellShebang matches the first line of a script for a shell that knows set -e.
var shellShebang = regexp.MustCompile(`^#!\s*(\S*/)?(env\s+(-S\s*)?)?(\S*/)?(ba|da|k|z|a|mk|y)?sh(\s|$)`)

// wrapping is a script, and what its wrapper must know.
type wrapping struct {
	app, stage string
	// step is the command's name, and name that of the document's step.
	step, name string
	script     *release.Script
	parameters []release.Parameter
	// blob is set for a script that the document does not hold: the document's step before has fetched it.
	blob *Blob
	// limit is the script's execution timeout.
	limit time.Duration
	// last is true of the document's last script: with it the command is done on the node.
	last bool
}

// The parts of the wrapper that are the same for every script.
var (
	//go:embed wrapper_begin.sh
	wrapperBegin string
	//go:embed wrapper_end.sh
	wrapperEnd string
)

// wrap turns a script into the lines of aws:runShellScript. The agent joins them into one file, which it runs as it
// is: by the shebang of its first line, without HOME under systemd, and with some exit codes taken for orders. The
// wrapper gives the script a dependable surrounding, one deploy at a time on a node, and output whose end is never lost.
func wrap(w wrapping) []string {
	s := w.script
	lines := []string{
		"#!/bin/sh",
		"# Made by slipway from " + scriptName(s.Path) + ": change it there.",
		`[ -n "${HOME:-}" ] || HOME=/root`,
		`PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}`,
		// At the end: what the node puts first in its PATH stays first.
		`case ":$PATH:" in *:/usr/local/bin:*) ;; *) PATH=$PATH:/usr/local/bin ;; esac`,
		"export HOME PATH",
	}
	for _, p := range w.parameters {
		lines = append(lines, exportParameter(p)...)
	}
	lines = append(lines, w.variables()...)
	lines = append(lines, code(wrapperBegin)...)
	if w.blob != nil {
		lines = append(lines, takeFetched(w.blob)...)
	} else {
		lines = append(lines, unpack(s.Content)...)
	}
	lines = append(lines, interpreter(s.Content)...)
	return append(lines, code(wrapperEnd)...)
}

// variables are what the constant parts of the wrapper know of this script.
func (w wrapping) variables() []string {
	sum, last := "", "0"
	if w.blob != nil {
		sum = w.blob.SHA256
	}
	if w.last {
		last = "1"
	}
	return []string{
		"sw_app=" + quote(w.app) + " sw_stage=" + quote(w.stage) + " sw_step=" + quote(w.step) + " sw_name=" + quote(w.name),
		"sw_path=" + quote(w.script.Path) + " sw_file=" + quote(scriptName(w.script.Path)),
		"sw_limit=" + strconv.Itoa(seconds(w.limit)) + " sw_last=" + last + " sw_sum=" + sum,
		"sw_user=" + quote(w.script.RunAs) + " sw_where=" + quote(w.script.WorkingDirectory),
	}
}

// code is a part of the wrapper as it travels: a document takes 64 KB, which are for the user's scripts.
func code(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			lines = append(lines, line)
		}
	}
	return lines
}

// takeFetched makes the script of the file that the step before has fetched, if it is the right one.
func takeFetched(b *Blob) []string {
	return []string{
		`[ -f ` + b.file() + ` ] || sw_fail "SCRIPT_MISSING: the script was not fetched to $PWD"`,
		`cat ` + b.file() + ` >"$sw_script" || exit 1`,
		`sw_got=$(sha256sum <"$sw_script" 2>/dev/null || openssl dgst -sha256 -r <"$sw_script" 2>/dev/null)`,
		`[ "${sw_got%% *}" = "$sw_sum" ] || sw_fail "CHECKSUM_MISMATCH: what was fetched has SHA-256 ${sw_got%% *}, the release's script $sw_sum: it is not run"`,
	}
}

// scriptName is the script's base name, for messages of the shell; what could mean something to it is dropped.
func scriptName(file string) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r) {
			return r
		}
		return '_'
	}, path.Base(file))
	if strings.Trim(name, ".") == "" {
		return "script"
	}
	return name
}

// exportParameter hands a parameter to the script under its own name. Agents from 3.3.2746.0 on put the value into
// SSM_<name>; older ones replace {{ name }} in the text, which is safe only where the pattern admits nothing that
// could leave the quotes. Where it does, an old agent must fail.
func exportParameter(p release.Parameter) []string {
	missing := `SSM_` + p.Name + `='{{ ` + p.Name + ` }}'`
	if !quotable(patternOf(p)) {
		missing = `{ echo "slipway: parameter ` + p.Name +
			` needs SSM Agent 3.3.2746.0 or later on this node" >&2; exit 1; }`
	}
	return []string{
		`[ -n "${SSM_` + p.Name + `+x}" ] || ` + missing,
		`export ` + p.Name + `="$SSM_` + p.Name + `"`,
	}
}

// unpack writes the script to its file.
func unpack(content string) []string {
	command, text := "cat", content
	if !plain(content) {
		command, text = "base64 -d", wrapBase64(content)
	}
	delimiter := "SLIPWAY_SCRIPT"
	for n := 2; strings.Contains(text, delimiter); n++ {
		delimiter = "SLIPWAY_SCRIPT_" + strconv.Itoa(n)
	}
	lines := []string{command + ` >"$sw_script" <<'` + delimiter + `' || exit 1`}
	lines = append(lines, strings.Split(strings.TrimSuffix(text, "\n"), "\n")...)
	return append(lines, delimiter)
}

// plain says whether a script survives the way as it is: SSM would substitute {{…}}, JSON holds no invalid UTF-8, a
// shell drops NUL, and the line end that a here-document adds would change the meaning of a last backslash.
func plain(content string) bool {
	return utf8.ValidString(content) && !strings.Contains(content, "{{") &&
		!strings.ContainsAny(content, "\x00\r") && !strings.HasSuffix(content, `\`)
}

func wrapBase64(content string) string {
	const width = 76
	encoded := base64.StdEncoding.EncodeToString([]byte(content))
	var b strings.Builder
	for len(encoded) > width {
		b.WriteString(encoded[:width])
		b.WriteByte('\n')
		encoded = encoded[width:]
	}
	b.WriteString(encoded)
	return b.String()
}

// interpreter makes "$@" what runs the script: the interpreter of its own shebang, else the strictest shell of the node.
// It is named, so that a temporary directory mounted noexec does no harm.
func interpreter(content string) []string {
	if own := shebang(content); own != "" {
		bash := ""
		if bashShebang.MatchString(content) {
			bash = "1"
		}
		return []string{"sw_bash=" + bash, "set -- " + own + ` "$sw_script"`}
	}
	return []string{
		"if command -v bash >/dev/null 2>&1; then",
		`sw_bash=1; set -- bash -Eeuo pipefail "$sw_script"`,
		"else",
		`sw_bash=; set -- /bin/sh -eu "$sw_script"`,
		"fi",
	}
}

// bashShebang matches a script whose own shebang is bash, by whatever way.
var bashShebang = regexp.MustCompile(`^#!\s*\S*(/env\s+(-S\s*)?(\S*/)?|/)?bash(\s|$)`)

// shebang gives the command that the kernel would make of a script's first line: the interpreter, and everything
// behind it as one argument. Empty when there is none.
func shebang(content string) string {
	first, _, _ := strings.Cut(content, "\n")
	line, ok := strings.CutPrefix(first, "#!")
	if !ok {
		return ""
	}
	line = strings.Trim(line, " \t\r")
	if line == "" {
		return ""
	}
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		return quote(line)
	}
	return quote(line[:end]) + " " + quote(strings.TrimLeft(line[end:], " \t"))
}

// quote makes one shell word of s. A {{ cannot come out of it: SSM would substitute it.
func quote(s string) string {
	s = strings.ReplaceAll(s, "'", `'\''`)
	for strings.Contains(s, "{{") {
		s = strings.Replace(s, "{{", "{''{", 1)
	}
	return "'" + s + "'"
}

package plan

import (
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

// wrap turns a script into the lines of aws:runShellScript. The agent joins them into one file, which it runs as it
// is: by the shebang of its first line, without HOME under systemd, and with some exit codes taken for orders. The
// wrapper gives the script a dependable surrounding, and its output streams untouched.
func wrap(w wrapping) []string {
	s, parameters := w.script, w.parameters
	name := scriptName(s.Path)
	lines := []string{
		"#!/bin/sh",
		"# Made by slipway from " + name + ": change it there.",
		`[ -n "${HOME:-}" ] || HOME=/root`,
		`PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}`,
		// At the end: what the node puts first in its PATH stays first.
		`case ":$PATH:" in *:/usr/local/bin:*) ;; *) PATH=$PATH:/usr/local/bin ;; esac`,
		"export HOME PATH",
	}
	for _, p := range parameters {
		lines = append(lines, exportParameter(p)...)
	}
	lines = append(lines,
		// The agent ends a script at its timeout with SIGKILL, and then nothing can clean up: what lies there for
		// longer than any script may run (two days) is such a rest.
		`find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'slipway.????????' -type d -user "$(id -u)" -mtime +2 -exec rm -rf {} + 2>/dev/null || :`,
		`slipway_dir=$(mktemp -d "${TMPDIR:-/tmp}/slipway.XXXXXXXX") || exit 1`,
		`trap 'rm -rf "$slipway_dir"' EXIT`,
		"trap 'exit 129' HUP; trap 'exit 130' INT; trap 'exit 143' TERM",
		`slipway_script="$slipway_dir/`+name+`"`,
	)
	lines = append(lines, unpack(s.Content)...)
	lines = append(lines, "slipway_code=0")
	lines = append(lines, run(s.Content)...)
	return append(lines, remap...)
}

// remap ends the wrapper. 137, 168, 169 and 194 are orders to the agent: a program of the user that happens to exit
// with one of them must not be reported as timed out or succeeded, nor reboot the node (R108).
var remap = []string{
	"case $slipway_code in",
	`137) slipway_why="killed, most often because memory ran out; the agent would report a timeout" ;;`,
	`168) slipway_why="the agent would report success and skip the remaining steps" ;;`,
	`169) slipway_why="the agent would skip the remaining steps" ;;`,
	`194) slipway_why="the agent would reboot the node and run the script again" ;;`,
	`*) exit "$slipway_code" ;;`,
	"esac",
	`echo "slipway: the script exited with $slipway_code ($slipway_why); reported as 1" >&2`,
	"exit 1",
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
	lines := []string{command + ` >"$slipway_script" <<'` + delimiter + `' || exit 1`}
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

// run starts the script: with the interpreter of its own shebang, else with the strictest shell of the node. The
// interpreter is named, so that a temporary directory mounted noexec does no harm. Input is empty, as a script that
// asks questions would wait for its timeout.
func run(content string) []string {
	if interpreter := shebang(content); interpreter != "" {
		return []string{interpreter + ` "$slipway_script" </dev/null || slipway_code=$?`}
	}
	return []string{
		"if command -v bash >/dev/null 2>&1; then",
		`  bash -Eeuo pipefail "$slipway_script" </dev/null || slipway_code=$?`,
		"else",
		`  /bin/sh -eu "$slipway_script" </dev/null || slipway_code=$?`,
		"fi",
	}
}

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

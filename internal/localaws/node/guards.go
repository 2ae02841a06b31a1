package node

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// guard is a program that is refused.
type guard struct {
	script string   // the refusal
	covers []string // the program itself, wherever PATH has it; a sandbox mounts the refusal over it
}

// writeGuards puts a refusal for every guarded program into dir, and takes away those of programs allowed since.
func writeGuards(dir string, box Sandbox) ([]guard, error) {
	old, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the guards: %w", err)
	}
	for _, entry := range old {
		if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
			return nil, fmt.Errorf("renew the guards: %w", err)
		}
	}
	var guards []guard
	for _, program := range slices.Concat(box.Stubs, box.Guards) {
		stub := slices.Contains(box.Stubs, program)
		if !stub && slices.Contains(box.Allow, program) || slices.ContainsFunc(guards, func(g guard) bool { return filepath.Base(g.script) == program }) {
			continue
		}
		if program == "" || program != filepath.Base(program) || shellWord(program) != program {
			return nil, fmt.Errorf("guard %q: want the plain name of a program", program)
		}
		path := filepath.Join(dir, program)
		content := refusal(program)
		if stub {
			content = recorder(program, filepath.Join(filepath.Dir(dir), StubLog))
		}
		if err := writeExecutable(path, []byte(content), 0o755); err != nil {
			return nil, fmt.Errorf("write the guard of %s: %w", program, err)
		}
		guards = append(guards, guard{script: path, covers: locate(program, box.Path)})
	}
	return guards, nil
}

// StubLog is the file in a node's directory that the calls of stubs are recorded in: a line each, with the time, the
// working directory and the command line.
const StubLog = "stubs.log"

// stubLogForAll is where a sandbox has the same file for users of the node who may not enter its directory.
const stubLogForAll = "/run/slipway-stubs.log"

// recorder stands in for a program that a rehearsal must not really run.
func recorder(program, log string) string {
	return "#!/bin/sh\n" +
		"log=" + shellWord(log) + "\n" +
		"[ -w \"$log\" ] || log=" + stubLogForAll + "\n" +
		"printf '%s %s: %s\\n' \"$(date -u +%Y-%m-%dT%H:%M:%SZ)\" \"$PWD\" '" + program + "'\"${*:+ $*}\" >>\"$log\" || exit 126\n" +
		"echo \"slipway: recorded, not run: " + program + "${*:+ $*}\" >&2\n"
}

func refusal(program string) string {
	return "#!/bin/sh\n" +
		"echo 'slipway: " + program + " is refused on a built-in node: it would act on this machine. " +
		"Declare it in the release file, under local.allow to run it really or under local.stubs to have it recorded.' >&2\n" +
		"exit 126\n"
}

// locate finds a program by its own name. A link to a program of another name is left out: to cover busybox because
// reboot points to it would break everything else that busybox is.
func locate(program, path string) []string {
	var found []string
	for _, dir := range filepath.SplitList(path + ":" + standardPath) {
		real, err := filepath.EvalSymlinks(filepath.Join(dir, program))
		if err != nil || filepath.Base(real) != program || slices.Contains(found, real) {
			continue
		}
		if info, err := os.Stat(real); err == nil && info.Mode().IsRegular() && strings.HasPrefix(real, "/") {
			found = append(found, real)
		}
	}
	return found
}

package pipelines

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// afterFailure finds what post_build ships although the build failed: CodeBuild goes from a build that failed to post_build
// all the same (R90). What stands in front of the send and may need what the build makes, or looks at how it went, is taken
// for a guard.
func (c *checker) afterFailure(b *build) {
	if !b.mayFail() {
		return
	}
	commands := b.get("phases", "post_build", "commands").items()
	if slices.ContainsFunc(commands, func(n node) bool { return guards.MatchString(n.text()) }) {
		return
	}
	for _, call := range b.callsIn("post_build") {
		if shipsByItself(call) && b.hasFiles(call) {
			c.add(&afterFailureRule, placeOf(call), "",
				"post_build runs after a build that failed too: %s ships then", strings.Join(call.Strings()[:min(3, len(call.Words))], " "))
			return
		}
		if !trivial(call) && !(call.Service != "" && !readsFiles(call)) {
			return
		}
	}
}

// guards are ways to ask how the build went, or what it left.
var guards = regexp.MustCompile(`CODEBUILD_BUILD_SUCCEEDING|\[\[|\(\(|\b(if|case|while|until)\b`)

// mayFail says whether a build has a command that can end it, and goes on to post_build then.
func (b *build) mayFail() bool {
	switch b.get("phases", "build", "on-failure").text() {
	case "", "CONTINUE":
	default: // ABORT ends the build; what comes after the last RETRY is not said
		return false
	}
	return slices.ContainsFunc(b.callsIn("build"), func(call *shell.Call) bool { return call.Hidden == "" && !trivial(call) })
}

// callsIn are the calls that stand in a phase's commands.
func (b *build) callsIn(phase string) []*shell.Call {
	commands := b.get("phases", phase, "commands").items()
	if len(commands) == 0 {
		return nil
	}
	last := commands[len(commands)-1].scalar()
	from, _ := commands[0].scalar().place(0)
	to, _ := last.place(len(last.value))
	var list []*shell.Call
	for i := range b.sequence.program.Calls {
		if call := &b.sequence.program.Calls[i]; call.File == b.source.name && from <= call.Line && call.Line <= to {
			list = append(list, call)
		}
	}
	return list
}

// trivial says whether a program neither fails nor needs anything.
func trivial(call *shell.Call) bool {
	name := path.Base(call.Words[0].Text)
	return slices.Contains([]string{"echo", "printf", "export", "set", "true", ":", "sleep", "date", "cd", "pwd", "ls", "env", "jq", "cut"}, name)
}

// shipsByItself says whether a call ships something that stands ready whether or not the build went well.
func shipsByItself(call *shell.Call) bool {
	for _, words := range [][]string{
		{"aws", "ssm", "send-command"}, {"aws", "ssm", "start-automation-execution"}, {"aws", "deploy", "create-deployment"},
		{"aws", "ecs", "update-service"}, {"slipway", "deploy"},
	} {
		if call.Runs(words[0], words[1:]...) {
			return call.Hidden == "" && !call.Has("--local")
		}
	}
	return false
}

// readsFiles says whether a call of AWS takes files that the build may have made.
func readsFiles(call *shell.Call) bool {
	return slices.Contains([]string{"s3", "cloudformation", "deploy"}, call.Service) ||
		slices.ContainsFunc(call.Words, func(w shell.Word) bool {
			return strings.Contains(w.Written, "file://") || strings.Contains(w.Written, "fileb://")
		})
}

// hasFiles says whether the files that a call takes lie in the repository.
func (b *build) hasFiles(call *shell.Call) bool {
	for _, w := range call.Words {
		_, file, takes := strings.Cut(w.Written, "file://")
		if !takes {
			continue
		}
		if _, ok := readOf(b.sequence, path.Clean(file)); !ok {
			return false
		}
	}
	return true
}

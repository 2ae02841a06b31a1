package release

import (
	"io/fs"
	"path"
	"strings"
)

type hooksFile struct{ before, after located[string] }

var hooksTable = mapping[hooksFile]{
	label: "hooks", example: "{before: hooks/before.sh, after: hooks/after.sh}",
	fields: []field[hooksFile]{
		optional("before", text(hookPath), func(h *hooksFile) *located[string] { return &h.before }, "none",
			"Runs after the proof and before anything is sent. An exit code other than 0 refuses the stage. An executable "+
				"script with a #! line, beside the release file or in a folder below; it has 10 minutes."),
		optional("after", text(hookPath), func(h *hooksFile) *located[string] { return &h.after }, "none",
			"Runs when the stage has its verdict, whatever that is, and does not change it. As before."),
	},
}

var hookPath = rule{is: "the path of an executable script", example: "hooks/before.sh", check: notBlank}

// hooks reads a stage's hooks, and reports what is wrong with them.
func (b *builder) hooks(l located[hooksFile]) Hooks {
	if !l.ok() {
		return Hooks{}
	}
	if len(l.node.Content) == 0 {
		b.errorf(l.node, "for example "+hooksTable.example, "hooks has neither before nor after")
	}
	return Hooks{Before: b.hook(l.value.before), After: b.hook(l.value.after)}
}

func (b *builder) hook(written located[string]) *Hook {
	if !written.ok() {
		return nil
	}
	content, problem, hint := readScript(b.files, written.value)
	if problem == "" {
		problem, hint = b.wrongWithHook(written.value, content)
	}
	if problem != "" {
		b.errorf(written.node, hint, "hook %s %s", quote(written.value), problem)
		return nil
	}
	return &Hook{Path: written.value, Content: content}
}

// wrongWithHook says what keeps the system from running a script. Both are asked for: a script without a #! line is run by
// nobody but a shell, and one that is not executable would have to be read for whom its #! line names.
func (b *builder) wrongWithHook(written, content string) (problem, hint string) {
	if !strings.HasPrefix(content, "#!") {
		return "has no #! line, by which the system knows what runs it", "begin it with #!/bin/sh, or whatever runs it"
	}
	info, err := fs.Stat(b.files, path.Clean(written))
	const anybody = 0o111
	switch {
	case err != nil:
		return "cannot be read: " + err.Error(), ""
	case info.Mode()&anybody == 0:
		return "is not executable", "chmod +x " + written + "; in git also: git update-index --chmod=+x " + written
	}
	return "", ""
}

package pipelines

import (
	"io/fs"
	"sort"
	"strings"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/shell"
)

// phases of a build, in their order.
var phases = []string{"install", "pre_build", "build", "post_build"}

// build is a buildspec.
type build struct {
	node
	sequence *sequence
}

// Build finds what is wrong with a buildspec of CodeBuild, and with the scripts of the repository that it calls.
func Build(file string, content []byte, a Against, files fs.FS) []finding.Finding {
	c := newChecker(a)
	root, err := read(file, content)
	if err != nil || !root.isMap() {
		why := "it is not a mapping"
		if err != nil {
			why = err.Error()
		}
		c.add(&syntaxRule, Place{file, 1, 1}, "", "CodeBuild would not read it: %s", why)
		return c.list()
	}
	b := readBuild(newRepository(files), root)
	c.sequence(b.sequence)
	c.ofBuild(b)
	c.afterFailure(b)
	return c.list()
}

// readBuild makes a sequence of the commands of a buildspec. All commands of version 0.2 run in one shell, which ends with
// the first that fails; those of 0.1 each in a shell of its own (buildspec versions).
func readBuild(r *repository, root node) *build {
	b := &build{root, &sequence{}}
	texts := []*joined{{}}
	for _, phase := range phases {
		for _, list := range []string{"commands", "finally"} {
			for _, command := range root.get("phases", phase, list).items() {
				if r.left--; r.left < 0 {
					break
				}
				if root.get("version").text() == "0.1" && texts[len(texts)-1].text != "" {
					texts = append(texts, &joined{})
				}
				texts[len(texts)-1].add(command.scalar())
			}
		}
	}
	interpreter := root.get("env", "shell").text()
	if interpreter == "" {
		interpreter = "sh"
	}
	for _, t := range texts {
		b.sequence.Scripts = append(b.sequence.Scripts, shell.Script{
			File: root.source.name, Text: t.text, Interpreter: interpreter, Errexit: true, Env: b.variables(), Place: t.place,
		})
	}
	b.sequence.analyze(r)
	return b
}

// variables are those whose value the buildspec tells. One from Secrets Manager is written as GitHub writes a secret, which
// is how package shell knows it.
func (b *build) variables() map[string]string {
	all := map[string]string{}
	b.get("env", "variables").each(func(key, value node) { all[key.Value] = value.text() })
	b.get("env", "secrets-manager").each(func(key, _ node) { all[key.Value] = "${{ secrets." + key.Value + " }}" })
	return all
}

// joined is a text of several values, each at its place.
type joined struct {
	text    string
	parts   []scalar
	begins  []int // of each part in the text
	newline []int // beginnings of the text's lines
}

func (j *joined) add(sc scalar) {
	if j.text == "" {
		j.newline = []int{0}
	}
	j.parts, j.begins = append(j.parts, sc), append(j.begins, len(j.text))
	text := sc.value
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	for i := range len(text) {
		if text[i] == '\n' {
			j.newline = append(j.newline, len(j.text)+i+1)
		}
	}
	j.text += text
}

// place maps a line and a column of the text to those of the file.
func (j *joined) place(line, column int) (int, int) {
	if len(j.parts) == 0 {
		return 1, 1
	}
	offset := len(j.text)
	if line >= 1 && line <= len(j.newline) {
		offset = j.newline[line-1] + column - 1
	}
	part := max(0, sort.SearchInts(j.begins, offset+1)-1)
	return j.parts[part].place(offset - j.begins[part])
}

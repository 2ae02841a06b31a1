package release

import (
	"bytes"
	"io/fs"

	"go.yaml.in/yaml/v4"
)

// Options are what Parse needs besides the file's text.
type Options struct {
	// Files is rooted at the release file's folder; scripts are read from it. nil is a folder without files.
	Files fs.FS
	// Set has the values of --set; they override the defaults under variables.
	Set map[string]string
}

// Parse reads a release file. name is what messages call it. The error, if there is one, is of type [Errors], with
// everything that is wrong in the order of the file, at most ten.
func Parse(name string, src []byte, opts Options) (*Release, error) {
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	r := newReport(name, src)
	root := load(r, src)
	if root == nil {
		return nil, r.err()
	}
	w := &walker{report: r, variables: newVariables(opts.Set)}
	written, ok := fileTable.decode(w, root, "the release file")
	if ok {
		w.checkSet()
	}
	b := &builder{walker: w, files: opts.Files, root: root, file: written}
	release := b.release()
	if err := r.err(); err != nil {
		return nil, err
	}
	return release, nil
}

// builder checks what belongs together, and makes the Release.
type builder struct {
	*walker
	files fs.FS
	root  *yaml.Node
	file  file
}

func (b *builder) release() *Release {
	f := b.file
	r := &Release{
		File: b.walker.file, App: f.app.value, Region: f.region.value, CI: b.ci(), Roles: b.roles(), Operators: b.operators(),
		Accounts: map[string]string{}, Variables: b.variables.used,
	}
	if f.accounts.ok() && len(f.accounts.value) == 0 && len(f.accounts.node.Content) == 0 {
		b.errorf(f.accounts.node, `for example accounts: {dev: "111111111111"}`, "accounts is empty: want at least one")
	}
	for _, account := range f.accounts.value {
		r.Accounts[account.key.value] = account.value.value
	}
	b.stageNames()
	b.needs()
	r.Record = b.record()
	for _, s := range f.stages.value {
		r.Stages = append(r.Stages, b.stage(s))
	}
	b.recordAccount(r)
	b.documentNames(r.Stages)
	r.Local = b.local(r.Stages)
	return r
}

// values drops the places of a list's items.
func values(list []located[string]) []string {
	var texts []string
	for _, item := range list {
		texts = append(texts, item.value)
	}
	return texts
}

// unique reports the second of two equal items.
func (b *builder) unique(list []located[string], what string) {
	seen := map[string]bool{}
	for _, item := range list {
		if seen[item.value] {
			b.errorf(item.node, "keep one of them", "%s has %s twice", what, quote(item.value))
		}
		seen[item.value] = true
	}
}

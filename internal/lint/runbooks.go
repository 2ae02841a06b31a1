package lint

import (
	"bytes"

	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/documents"
	"github.com/slipway-cd/slipway/internal/lint/policies"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// runbooks holds the runbooks among the files against the roles among them, once for all: with the first document (R43).
func (in Input) runbooks(f File) []finding.Finding {
	if !bytes.Contains(f.Content, []byte("assumeRole")) {
		return nil
	}
	var docs []documents.File
	for _, o := range in.Files {
		if KindOf(o) == KindDocument && bytes.Contains(o.Content, []byte("assumeRole")) {
			docs = append(docs, documents.File{Name: o.Name, Content: o.Content})
		}
	}
	if docs[0].Name != f.Name {
		return nil
	}
	return documents.Against(docs, in.givenRoles())
}

// givenRoles are the roles of the files: of folders as slipway renders them, of templates, plans and account dumps.
func (in Input) givenRoles() *roles.Set {
	set := &roles.Set{}
	folders, names := map[string]map[string][]byte{}, map[string][]string{}
	for _, o := range in.Files {
		switch KindOf(o) {
		case KindPolicy:
			root, ok := policies.Folder(o.Name)
			if !ok {
				continue
			}
			if folders[root] == nil {
				folders[root] = map[string][]byte{}
			}
			folders[root][o.Name], names[root] = o.Content, append(names[root], o.Name)
		case KindTemplate, KindPlan, KindAccount:
			if read, _ := given.Read(o.Name, o.Content, given.Options{}); read != nil {
				set.Roles = append(set.Roles, read.Roles...)
			}
		}
	}
	for root, files := range folders {
		set.Roles = append(set.Roles, policies.RolesIn(files, names[root]).Roles...)
	}
	return set
}

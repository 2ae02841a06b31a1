package release

import (
	"cmp"

	"go.yaml.in/yaml/v4"
)

// toolsAccount is the short name of the account that is neither of a stage nor of data: where pipelines live (R82).
const toolsAccount = "tools"

// ci makes what the file says of the pipeline, of which there is one kind at most.
func (b *builder) ci() CI {
	if !b.file.ci.ok() {
		return CI{}
	}
	c := b.file.ci.value
	b.toolsRole(c)
	kinds := 0
	for _, kind := range ciTable.names() {
		if b.hasKey(b.file.ci.node, kind) {
			kinds++
		}
	}
	switch {
	case kinds == 0:
		b.missing(b.file.ci.node, Key{Name: "github", Example: githubTable.example}, "ci")
	case kinds > 1:
		b.errorf(b.file.ci.node, "keep one of them: each would be another way into the roles", "ci has more than one of %s", listed(ciTable.names()))
	case c.github.ok():
		return CI{GitHub: b.github(c.github)}
	case c.gitlab.ok():
		return CI{GitLab: b.gitlab(c.gitlab)}
	case c.build.ok():
		account, id := b.tools(c.build.value.account, c.build.node, "codebuild")
		return CI{CodeBuild: &CodeBuild{Project: c.build.value.project.value, Account: account, AccountID: id}}
	case c.users.ok() && c.users.value:
		account, id := b.tools(located[string]{}, c.users.node, "users")
		return CI{Users: &Users{Account: account, AccountID: id}}
	}
	return CI{}
}

func (b *builder) github(g located[githubFile]) *GitHub {
	v := g.value
	if v.ownerID.ok() != v.repositoryID.ok() {
		b.errorf(g.node, "gh api repos/OWNER/NAME --jq '.owner.id, .id' prints both",
			"github has one of owner-id and repository-id: a token's subject has both or neither")
	}
	for _, l := range []struct {
		name    string
		located located[string]
	}{{"branch", v.branch}, {"tags", v.tags}} {
		if v.environments.value && l.located.ok() {
			b.errorf(l.located.node, "leave it out, or set environments to false",
				"%s has no effect: with environments a token names its environment, not its ref", l.name)
		}
	}
	branch := v.branch.value
	if branch == "" && !v.environments.value && !v.tags.ok() {
		branch = "main"
	}
	return &GitHub{
		Repository: v.repository.value, OwnerID: v.ownerID.value, RepositoryID: v.repositoryID.value,
		Environments: v.environments.value, Branch: branch, Tags: v.tags.value, Workflow: v.workflow.value,
	}
}

func (b *builder) gitlab(g located[gitlabFile]) *GitLab {
	v := g.value
	branch := v.branch.value
	if branch == "" && !v.tags.ok() {
		branch = "main"
	}
	return &GitLab{Project: v.project.value, Branch: branch, Tags: v.tags.value, Host: cmp.Or(v.host.value, "gitlab.com")}
}

// tools is the account that a pipeline's own principal lives in. It must be none that a stage ships to: what runs there
// could become what deploys to it, and to all others (R82).
func (b *builder) tools(named located[string], at *yaml.Node, kind string) (account, id string) {
	account = cmp.Or(named.value, toolsAccount)
	id = b.knownAccount(account)
	switch {
	case named.ok():
		at = named.node
		b.accountID(named) // tells of a name that is not there
	case id == "" && b.file.accounts.ok() && !b.hasKey(b.file.accounts.node, account):
		b.errorf(at, `add accounts: {tools: "…"}, an account that no stage ships to`, "%s needs an account of its own, and accounts has no tools", kind)
	}
	for _, s := range b.file.stages.value {
		if stage := s.value; id != "" && b.knownAccount(stage.account.value) == id {
			b.errorf(at, "name an account that no stage ships to",
				"%s lives in account %s, which stage %s ships to: whoever administers that could deploy to every stage",
				kind, quote(account), quote(stage.name.value))
			break
		}
	}
	return account, id
}

// knownAccount is the id of an account by its short name; empty where it has none.
func (b *builder) knownAccount(name string) string {
	for _, entry := range b.file.accounts.value {
		if entry.key.value == name {
			return entry.value.value
		}
	}
	return ""
}

// toolsRole: the names of a pipeline's own principal must fit into IAM's bound.
func (b *builder) toolsRole(c ciFile) {
	longest := ""
	switch {
	case c.build.ok():
		longest = b.file.app.value + "-CodeBuildRole"
	case c.users.value:
		longest = b.file.app.value + "-GitHubActionsUser"
	}
	if len(longest) > maxRoleName && b.file.app.ok() {
		b.errorf(b.file.app.node, "shorten app", "%s would have %d characters: IAM takes at most %d", longest, len(longest), maxRoleName)
	}
}

package release

// The tables of ci: who deploys, and so whom the roles trust.

type ciFile struct {
	github located[githubFile]
	gitlab located[gitlabFile]
	build  located[codebuildFile]
	users  located[bool]
}

type githubFile struct {
	repository, branch, tags, workflow, ownerID, repositoryID located[string]
	environments                                              located[bool]
}

type gitlabFile struct{ project, branch, tags, host located[string] }

type codebuildFile struct{ project, account located[string] }

var (
	numericID = rule{is: "a numeric id", example: `"1234567"`, pattern: expr(`^[0-9]{1,20}$`)}
	// Neither a colon nor a wildcard: both become part of the token subject in a trust policy.
	repositoryName = rule{
		is: "a repository of GitHub, owner/name", example: "acme/shop",
		pattern: expr(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$`),
	}
	branchName = rule{
		is: "a branch name of letters, digits and . _ / -", example: "main",
		pattern: expr(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$`),
	}
	// A wildcard stays within the tag: it is the end of a subject, and no tag has a colon.
	tagPattern = rule{
		is: "a tag, or a pattern of tags in which * stands for anything", example: `"v*"`,
		pattern: expr(`^[A-Za-z0-9*][A-Za-z0-9._/*-]{0,99}$`),
	}
	workflowFile = rule{
		is:      "a workflow with its ref, owner/name/.github/workflows/FILE@REF, in whose ref a * stands for anything",
		example: "acme/ci/.github/workflows/deploy.yml@refs/heads/main",
		pattern: expr(`^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}/\.github/workflows/[A-Za-z0-9._-]{1,100}\.ya?ml@` +
			`(?:refs/(?:heads|tags)/[A-Za-z0-9*][A-Za-z0-9._/*-]{0,99}|[0-9a-f]{40})$`),
	}
	projectPath = rule{
		is: "a project of GitLab with its groups, group/project", example: "acme/shop",
		pattern: expr(`^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+$`),
	}
	hostName = rule{
		is: "the host name of a GitLab", example: "gitlab.example.com",
		pattern: expr(`^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?)+$`),
	}
	buildProject = rule{
		is: "the name of a project of CodeBuild", example: "shop-deploy",
		pattern: expr(`^[A-Za-z0-9][A-Za-z0-9_-]{1,149}$`), // CodeBuild's model: ProjectName
	}
)

var ciTable = mapping[ciFile]{
	label: "ci", example: "{github: {repository: acme/shop}}",
	fields: []field[ciFile]{
		optional("github", githubTable.typ(), func(c *ciFile) *located[githubFile] { return &c.github }, "",
			"GitHub Actions, whose workflows assume the roles over OIDC, without stored keys."),
		optional("gitlab", gitlabTable.typ(), func(c *ciFile) *located[gitlabFile] { return &c.gitlab }, "",
			"GitLab CI/CD, whose jobs assume the roles over OIDC, without stored keys."),
		optional("codebuild", codebuildTable.typ(), func(c *ciFile) *located[codebuildFile] { return &c.build }, "",
			"CodeBuild, or CodePipeline that runs it: the service role <app>-CodeBuildRole in the tools account assumes the stages' roles."),
		optional("users", boolean(), func(c *ciFile) *located[bool] { return &c.users }, "false",
			"For those who still need access keys, in whichever pipeline: the user <app>-GitHubActionsUser in the tools account, with the "+
				"managed policy /managed/<app>-GithubActionsCrossAccountPolicy, assumes the stages' roles. No pipeline is rendered for it. Keys do not expire and can be stolen: prefer github."),
	},
}

var githubTable = mapping[githubFile]{
	label: "github", example: "{repository: acme/shop}",
	fields: []field[githubFile]{
		required("repository", text(repositoryName),
			func(g *githubFile) *located[string] { return &g.repository },
			"The repository whose workflows may deploy, owner/name."),
		optional("environments", boolean(), func(g *githubFile) *located[bool] { return &g.environments }, "false",
			"Whether each stage deploys in the GitHub environment of the same name; then only that environment may "+
				"assume the stage's roles."),
		optional("branch", text(branchName), func(g *githubFile) *located[string] { return &g.branch }, "main, unless tags or environments is given",
			"The branch that deploys, when environments is false."),
		optional("tags", text(tagPattern), func(g *githubFile) *located[string] { return &g.tags }, "none",
			"The tags that deploy, when environments is false: a pattern, in which * stands for anything. Whoever may push such a tag deploys."),
		optional("workflow", text(workflowFile), func(g *githubFile) *located[string] { return &g.workflow }, "any",
			"The only workflow, reusable ones among them, whose jobs may assume the roles: the claim job_workflow_ref, besides "+
				"the subject. A * in the ref stands for anything."),
		optional("owner-id", text(numericID), func(g *githubFile) *located[string] { return &g.ownerID }, "",
			"Numeric id of the owner, for repositories whose token subject has the immutable form; with "+
				"repository-id."),
		optional("repository-id", text(numericID), func(g *githubFile) *located[string] { return &g.repositoryID },
			"", "Numeric id of the repository; with owner-id."),
	},
}

var gitlabTable = mapping[gitlabFile]{
	label: "gitlab", example: "{project: acme/shop}",
	fields: []field[gitlabFile]{
		required("project", text(projectPath), func(g *gitlabFile) *located[string] { return &g.project },
			"The project whose jobs may deploy, with its groups."),
		optional("branch", text(branchName), func(g *gitlabFile) *located[string] { return &g.branch }, "main, unless tags is given",
			"The branch that deploys. A subject of GitLab's names no environment: protect the branch, and approve deployments in GitLab."),
		optional("tags", text(tagPattern), func(g *gitlabFile) *located[string] { return &g.tags }, "none",
			"The tags that deploy: a pattern, in which * stands for anything."),
		optional("host", text(hostName), func(g *gitlabFile) *located[string] { return &g.host }, "gitlab.com",
			"The GitLab that issues the tokens; their audience is https://HOST."),
	},
}

var codebuildTable = mapping[codebuildFile]{
	label: "codebuild", example: "{project: shop-deploy}",
	fields: []field[codebuildFile]{
		required("project", text(buildProject), func(c *codebuildFile) *located[string] { return &c.project },
			"The project whose builds deploy."),
		optional("account", text(shortName), func(c *codebuildFile) *located[string] { return &c.account }, "tools",
			"Short name of the account that the project is in: one without a stage."),
	},
}

package plan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/internal/release"
)

// newRoles lists the stage's roles: Deploy, or Trigger and Verify; then Node; then the pipeline's own principal.
func newRoles(r *release.Release, rs *release.Stage) []Role {
	role := func(kind RoleKind, purpose string) Role {
		return Role{
			Kind: kind, Account: rs.AccountID, Name: r.App + "-" + rs.Name + "-" + string(kind), Path: rolePath(r), Purpose: purpose,
		}
	}
	entered := []Role{role(KindDeploy, "Ships the release to the stage's nodes, and reads on each what became of it.")}
	if rs.Split {
		entered = []Role{
			role(KindTrigger, "Publishes the release's documents and queues its commands; it cannot read what became of them."),
			role(KindVerify, "Reads what became of the commands, and cancels them on interrupt; it cannot send any."),
		}
	}
	own, ok := pipelineRole(r)
	for i := range entered {
		letIn(&entered[i], r.CI, rs.Name)
		if ok {
			entered[i].From = own.ARN()
		}
	}
	node := role(KindNode, "Lets the stage's nodes report to Systems Manager and receive commands.")
	if slices.ContainsFunc(rs.Targets.Instances, managedNode) {
		// As AWS has it for hybrid activations ("Create the IAM service role required for Systems Manager in hybrid and
		// multicloud environments").
		node.Source = "arn:aws:ssm:" + rs.Region + ":" + rs.AccountID + ":*"
	}
	if rs.Targets.NodeRole != "" {
		node.exists(rs.Targets.NodeRole)
	}
	roles := append(entered, node)
	if r.Operators != nil {
		operator := role(KindOperator, "Lets people look at the stage's deploys, resume, cancel and roll back; it can publish nothing.")
		operator.People = people(r.Operators, rs.AccountID)
		roles = append(roles, operator)
	}
	if ok {
		roles = append(roles, own)
	}
	if b := r.Roles.Boundary; b != nil {
		for i := range roles {
			// A boundary is of roles; a user holds one policy. What there is already has its own.
			if roles[i].Kind != KindUser && !roles[i].Exists() {
				roles[i].Boundary = "arn:aws:iam::" + roles[i].Account + ":policy/" + b.Name
			}
		}
	}
	return roles
}

// suffix is the end of the name of a permission set's role: 16 characters. A star would let in a permission set whose name
// goes on where this one ends (Operators_Admin).
var suffix = strings.Repeat("?", 16)

// exists puts a role that is there already, with its path if it has one, in the place of one that would be rendered.
func (r *Role) exists(name string) {
	r.Extension = "arn:aws:iam::" + r.Account + ":policy" + r.Path + r.Name
	at := strings.LastIndexByte(name, '/') + 1
	r.Path, r.Name = "/"+name[:at], name[at:]
	r.Purpose = "Is there already, and is not slipway's: with the policy attached it " + strings.ToLower(r.Purpose[:1]) + r.Purpose[1:]
}

// people are the ARNs by which operators are known: those of the roles of permission sets have a random end, and the region
// of the directory in their path (IAM Identity Center user guide, "Referencing permission sets in resource policies").
func people(o *release.Operators, account string) (arns []string) {
	arn := "arn:aws:iam::" + account
	for _, name := range o.Roles {
		arns = append(arns, arn+":role/"+name)
	}
	for _, name := range o.Users {
		arns = append(arns, arn+":user/"+name)
	}
	for _, name := range o.PermissionSets {
		arns = append(arns, arn+":role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_"+name+"_"+suffix,
			arn+":role/aws-reserved/sso.amazonaws.com/*/AWSReservedSSO_"+name+"_"+suffix)
	}
	return arns
}

func rolePath(r *release.Release) string { return cmp.Or(r.Roles.Path, RolePath) }

// pipelineRole is the principal of AWS that the pipeline itself has, where it has one: it may assume the stages' roles, and
// nothing else; that of builds may also write their log.
func pipelineRole(r *release.Release) (own Role, ok bool) {
	switch {
	case r.CI.CodeBuild != nil:
		region := r.Region
		if region == "" {
			region = "*"
		}
		return Role{
			Kind: KindCodeBuild, Account: r.CI.CodeBuild.AccountID, Name: r.App + "-" + string(KindCodeBuild), Path: rolePath(r),
			Source:  "arn:aws:codebuild:" + region + ":" + r.CI.CodeBuild.AccountID + ":project/" + r.CI.CodeBuild.Project,
			Purpose: "The service role of the pipeline's builds: it assumes the stages' roles.",
		}, true
	case r.CI.Users != nil:
		return Role{
			Kind: KindUser, Account: r.CI.Users.AccountID, Name: r.App + "-" + string(KindUser), Path: rolePath(r),
			Purpose: "The user whose access keys the pipeline has: it assumes the stages' roles. The keys do not expire; prefer tokens (ci.github).",
		}, true
	}
	return Role{}, false
}

// letIn writes down whose tokens may assume a role.
func letIn(role *Role, ci release.CI, stage string) {
	switch {
	case ci.GitHub != nil:
		role.Subjects, role.Workflow = subjectsOf(ci.GitHub, stage), ci.GitHub.Workflow
	case ci.GitLab != nil:
		role.Issuer = ci.GitLab.Host
		project := "project_path:" + ci.GitLab.Project + ":ref_type:"
		if ci.GitLab.Branch != "" {
			role.Subjects = append(role.Subjects, project+"branch:ref:"+ci.GitLab.Branch)
		}
		if ci.GitLab.Tags != "" {
			role.Subjects = append(role.Subjects, project+"tag:ref:"+ci.GitLab.Tags)
		}
	}
}

// subjectsOf gives the token subjects with which a stage's jobs of GitHub enter.
func subjectsOf(g *release.GitHub, stage string) []string {
	repository := g.Repository
	owner, name, ok := strings.Cut(g.Repository, "/")
	if ok && g.OwnerID != "" && g.RepositoryID != "" {
		repository = owner + "@" + g.OwnerID + "/" + name + "@" + g.RepositoryID
	}
	if g.Environments {
		return []string{"repo:" + repository + ":environment:" + stage}
	}
	branch := g.Branch
	if branch == "" && g.Tags == "" {
		branch = "main"
	}
	var subjects []string
	if branch != "" {
		subjects = append(subjects, "repo:"+repository+":ref:refs/heads/"+branch)
	}
	if g.Tags != "" {
		subjects = append(subjects, "repo:"+repository+":ref:refs/tags/"+g.Tags)
	}
	return subjects
}

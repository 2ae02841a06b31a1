package plan

import "strings"

// enter adds the calls with which each of the pipeline's roles begins.
func (b *builder) enter() {
	for i := range b.stage.Roles {
		r := &b.stage.Roles[i]
		if r.Kind.Shared() {
			b.startBuild(r)
		}
	}
	for i := range b.stage.Roles {
		r := &b.stage.Roles[i]
		if r.Kind == KindNode || r.Kind == KindAutomation || r.Kind == KindTest || r.Kind == KindOperator || r.Kind.Shared() {
			continue
		}
		b.assume(r)
		b.add(Call{
			Role: r.Kind, Action: "sts:GetCallerIdentity", NoPermission: true,
			When: Always, Often: "once", BeforeSend: 1, OnResume: true,
			Reason: "Tells account and principal, so that a deploy never runs in the wrong account unnoticed.",
		})
	}
}

// startBuild adds the assumption of a project's service role by CodeBuild (R85), and what CodeBuild itself does with it: without
// the log it ends a build before its first command (AWS CodeBuild user guide, "Allow CodeBuild to interact with other AWS
// services"). A user has keys, and assumes nothing first.
func (b *builder) startBuild(own *Role) {
	if own.Kind != KindCodeBuild {
		return
	}
	b.add(Call{
		Role: KindBuilds, Action: "sts:AssumeRole", Resources: []Resource{{ARN: own.ARN(), Type: "role"}},
		When: Always, Often: "at the start of each build", BeforeSend: 1, OnResume: true,
		Reason: "CodeBuild assumes the project's service role for the build; its trust policy decides.",
	})
	group, stream := buildLog(own, "log-group"), buildLog(own, "log-stream")
	build := func(action string, resource Resource, often, reason string) {
		b.add(Call{
			Role: KindCodeBuild, Action: action, Resources: []Resource{resource}, When: OnBuild, Often: often, Reason: reason,
			For: writeBuildLog.sid, OnResume: true,
		})
	}
	build("logs:CreateLogGroup", group, "once", "CodeBuild makes the log group of the project where it is not there.")
	build("logs:CreateLogStream", stream, "at the start of each build", "CodeBuild makes a stream for the log of a build.")
	build("logs:PutLogEvents", stream, "while a build runs", "CodeBuild writes the log of a build.")
}

// buildLog is the log group of a project's builds, which has the project's name unless the project says another, and its
// streams; see [builder.logs].
func buildLog(own *Role, as string) Resource {
	parts := strings.SplitN(own.Source, ":", 6) // arn:aws:codebuild:<region>:<account>:project/<name>
	region, project := parts[3], strings.TrimPrefix(parts[5], "project/")
	why := perBuild
	if region == "*" {
		why = inAnyRegion
	}
	return Resource{
		ARN:  "arn:aws:logs:" + region + ":" + own.Account + ":log-group:/aws/codebuild/" + project + ":*",
		Type: as, Pattern: why,
	}
}

// assume adds the calls by which a role of the stage is assumed. Where the pipeline's own principal does, both halves are
// needed: that principal's policy and the role's trust policy (R84).
func (b *builder) assume(r *Role) {
	call := Call{Resources: []Resource{{ARN: r.ARN(), Type: "role"}}, When: Always, Often: "once", BeforeSend: 1, OnResume: true}
	if r.Kind == KindTest { // when its turn comes, and not to resume anything
		call.When, call.Often, call.BeforeSend, call.OnResume = OnTest, "once per test", 0, false
	}
	own := b.stage.own()
	switch {
	case len(r.Subjects) > 0:
		call.Role, call.Action = r.identity(), "sts:AssumeRoleWithWebIdentity"
		call.Reason = "The workflow enters the account with its GitHub token; the role's trust policy decides."
		if call.Role == KindGitLab {
			call.Reason = "The job enters the account with its GitLab token; the role's trust policy decides."
		}
	case own != nil:
		call.Role, call.Action = own.Kind, "sts:AssumeRole"
		call.Reason = "The pipeline enters the account from its own; its policy and the role's trust policy decide."
	default:
		return
	}
	b.add(call)
	if own != nil && own.Kind == KindUser {
		b.add(Call{
			Role: KindUser, Action: "sts:TagSession", Resources: call.Resources, When: OnTags, Often: "with each assumption",
			Reason: "aws-actions/configure-aws-credentials tags the sessions that it makes: both sides must allow that too.",
		})
	}
}

// enters says whether a call is one by which a role of the stage is entered by the pipeline.
func (b *builder) enters(c *Call) bool {
	return c.Role == KindGitHub || c.Role == KindGitLab || c.Assumes()
}

// Assumes says whether a call is one with which the pipeline's own principal enters a role of a stage, so that both its policies
// and the role's trust policy decide.
func (c *Call) Assumes() bool { return c.Role.Shared() && strings.HasPrefix(c.Action, "sts:") }

// own is the pipeline's own principal; nil where it has none.
func (s *Stage) own() *Role {
	for i := range s.Roles {
		if s.Roles[i].Kind.Shared() {
			return &s.Roles[i]
		}
	}
	return nil
}

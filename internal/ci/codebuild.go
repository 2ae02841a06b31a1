package ci

import (
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
)

// File is a file that was rendered.
type File struct{ Name, Content string }

// CodeBuild renders one buildspec a stage, in the order of the stages. The build enters the stage's role from the
// project's own service role: that of ci.codebuild, or one of the stage's account where the release names no CI.
func CodeBuild(r *release.Release, p *plan.Plan, o Options) ([]File, error) {
	if other := otherThan(r.CI, "codebuild"); other != "" {
		return nil, &Error{"the release has ci." + other + ": its roles let no builds of CodeBuild in",
			"write ci: {codebuild: {project: NAME}} in its place, and render the roles again"}
	}
	if err := checkSet(o.Set); err != nil {
		return nil, err
	}
	var files []File
	for _, j := range newJobs(r, p) {
		if j.split || j.whole != "" {
			return nil, &Error{fmt.Sprintf("stage %q is split: a build has one role, and would need Trigger and Verify", j.stage.Name),
				"leave split out, or render for GitHub"}
		}
		files = append(files, File{"buildspec-" + j.stage.Name + ".yml", buildspec(r, j, o)})
	}
	return files, nil
}

func buildspec(r *release.Release, j job, o Options) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	role, _ := j.stage.Role(plan.KindDeploy)
	header(&b, "codebuild", o.File)
	line("# Stage %s. What the project needs besides this file:", j.stage.Name)
	if own, ok := j.stage.Role(plan.KindCodeBuild); ok {
		line("# - it is the project %s in account %s, with the service role %s", r.CI.CodeBuild.Project, own.Account, own.ARN())
		line("# - its log is in the group /aws/codebuild/%s, as it is by default", r.CI.CodeBuild.Project)
	} else {
		line("# - its service role, in account %s, may sts:AssumeRole on %s", role.Account, role.ARN())
		line("# - its service role may write the log of its builds, as that which CodeBuild's console makes may")
	}
	line("# - its service role may read the project's source: where that is, the release does not say")
	line("# - its timeout is at least %d minutes: the commands take %s at the most", plan.JobMinutes(j.limit), plan.Clock(j.limit))
	line("# - at most one build at a time (concurrent build limit 1)")
	for _, need := range j.needs {
		line("# - it runs after stage %s has succeeded: an earlier action of the pipeline", need)
	}
	line("version: 0.2")
	line("env:")
	line("  shell: bash")
	line("  variables:")
	line("    AWS_CONFIG_FILE: /tmp/slipway-aws-config")
	line("phases:")
	line("  install:")
	line("    runtime-versions: {golang: latest}")
	line("    commands:")
	line("      - GOBIN=/usr/local/bin go install github.com/slipway-cd/slipway/cmd/slipway@%s", module(o.Module))
	line("  build:")
	line("    commands:")
	line("      - |")
	line("        cat >\"$AWS_CONFIG_FILE\" <<'CONFIG'")
	line("        [profile slipway]")
	line("        role_arn = %s", role.ARN())
	line("        credential_source = EcsContainer")
	line("        CONFIG")
	line("      - |")
	line("        %s", strings.Join(deployWords(r, j, o), " "))
	return b.String()
}

// module is the version of slipway's module to install.
func module(version string) string {
	if version == "" {
		return "latest"
	}
	return version
}

// deployWords is the command line of a deploy, each word safe for a shell and for YAML.
func deployWords(r *release.Release, j job, o Options) []string {
	words := []string{"slipway", "deploy", "--profile", "slipway", "--stage", j.stage.Name}
	if o.File != "slipway.yaml" {
		words = append(words, "-f", quoted(o.File))
	}
	if o.Policies != "" {
		words = append(words, "--policies", quoted(o.Policies))
	}
	for _, constant := range constants(o.Set) {
		words = append(words, "--set", quoted(constant))
	}
	if _, used := r.Variables[versionVariable]; used {
		words = append(words, "--set", `version="$CODEBUILD_RESOLVED_SOURCE_VERSION"`)
	}
	return words
}

// quoted is one word of a shell.
func quoted(s string) string {
	if strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/@+=,-") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// otherThan is the key under ci that the release has where it is not the one of a rendering; empty for none.
func otherThan(c release.CI, kind string) string {
	for _, k := range []struct {
		name string
		set  bool
	}{{"github", c.GitHub != nil}, {"gitlab", c.GitLab != nil}, {"codebuild", c.CodeBuild != nil}, {"users", c.Users != nil}} {
		if k.set && k.name != kind {
			return k.name
		}
	}
	return ""
}

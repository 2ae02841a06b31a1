package cli

import (
	"cmp"
	"os"
	"os/user"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/record"
	"github.com/slipway-cd/slipway/internal/ship"
)

// aboutFlags are what the record says of a deploy, where CI's own environment does not say it.
type aboutFlags struct {
	Reason string `placeholder:"TEXT" help:"Why, for the lock and the record."`
	Actor  string `placeholder:"NAME" help:"Who ships it (default: what CI says, or the user)."`
	Commit string `placeholder:"SHA" help:"The commit that is shipped (default: what CI says)."`
}

// about says who ships what: from the flags, from what GitHub and CodeBuild put into the environment, and from the
// machine. git is not asked.
func (f aboutFlags) about(process *Process, l *loaded) ship.About {
	env := process.Getenv
	about := ship.About{
		Version: l.release.Variables["version"], Reason: f.Reason,
		Commit: cmp.Or(f.Commit, env("GITHUB_SHA"), env("CODEBUILD_RESOLVED_SOURCE_VERSION")),
		Actor:  cmp.Or(f.Actor, env("GITHUB_ACTOR"), env("CODEBUILD_INITIATOR"), env("USER"), env("LOGNAME")),
		Host:   host(env),
	}
	if about.Actor == "" {
		if u, err := user.Current(); err == nil {
			about.Actor = u.Username
		}
	}
	return about
}

// host is the place that a person would look at: the run's page, or the machine.
func host(env func(string) string) string {
	switch {
	case env("GITHUB_RUN_ID") != "":
		return env("GITHUB_SERVER_URL") + "/" + env("GITHUB_REPOSITORY") + "/actions/runs/" + env("GITHUB_RUN_ID")
	case env("CODEBUILD_BUILD_ID") != "":
		return env("CODEBUILD_BUILD_ID")
	}
	name, err := os.Hostname()
	if err != nil {
		return ""
	}
	return name
}

// recordBucket is where the release keeps its record, as a role may reach it; nil where it keeps none.
func recordBucket(p *plan.Plan, config awsclient.Config) record.Bucket {
	if p.Record == nil {
		return nil
	}
	return awsclient.NewBucket(config, p.Record.Region, p.Record.Bucket, p.Record.Account)
}

package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
)

// githubFlags describe the workflow job that `slipway local env --github` stands in for.
type githubFlags struct {
	Repository     string `name:"github" placeholder:"OWNER/REPO" help:"What a workflow job of this repository gets to ask for its OIDC token with, in place of keys."`
	Ref            string `placeholder:"REF" help:"With --github: the job's ref (default: refs/heads/main)."`
	Environment    string `placeholder:"NAME" help:"With --github: the job's environment."`
	Event          string `placeholder:"NAME" help:"With --github: the event that started the job (default: push)."`
	OwnerID        string `placeholder:"N" help:"With --github: the id of the repository's owner."`
	RepositoryID   string `placeholder:"N" help:"With --github: the id of the repository. With both ids the subject is repo:O@ID/R@ID:…"`
	ClassicSubject bool   `help:"With --github: the subject is repo:O/R:… although there are ids."`
	JobWorkflowRef string `placeholder:"REF" help:"With --github: the reusable workflow that the job is of."`
}

// check refuses flags about a job when none is asked for, and fills in what is not said about one.
func (g *githubFlags) check() error {
	if g.Repository == "" {
		if *g != (githubFlags{}) {
			return usage(errors.New("--ref, --environment, --event, --owner-id, --repository-id, --classic-subject and --job-workflow-ref are of --github"), "add --github OWNER/REPO")
		}
		return nil
	}
	g.Ref, g.Event = cmp.Or(g.Ref, "refs/heads/main"), cmp.Or(g.Event, "push")
	return nil
}

func (g *githubFlags) claims() sts.Claims {
	return sts.Claims{
		Repository: g.Repository, OwnerID: g.OwnerID, RepositoryID: g.RepositoryID, ClassicSubject: g.ClassicSubject,
		Environment: g.Environment, Ref: g.Ref, EventName: g.Event, JobWorkflowRef: g.JobWorkflowRef,
	}
}

// job prints the exports of a workflow job, which has no keys: it gets them from STS for its token.
func (g *githubFlags) job(ctx context.Context, process *Process, control localaws.Control, other bool) error {
	if other {
		return usage(errors.New("--github has no --account and no --role"), "the job's token and a role's trust policy decide who it becomes")
	}
	claims := g.claims()
	if err := claims.Check(); err != nil {
		return usage(fmt.Errorf("--github: %w", err), "for example --github acme/shop --ref refs/heads/main")
	}
	job, err := control.GitHubJob(ctx, claims)
	if err != nil {
		return err
	}
	_, err = io.WriteString(process.Stdout, exports(control, "", "", "")+
		export("ACTIONS_ID_TOKEN_REQUEST_URL", job.URL)+export("ACTIONS_ID_TOKEN_REQUEST_TOKEN", job.Token))
	return err
}

// exports are the lines that point every AWS client at the local AWS, and only there.
func exports(control localaws.Control, key, secret, token string) string {
	var b strings.Builder
	for _, v := range [][2]string{
		{"AWS_ENDPOINT_URL", control.Endpoint}, {"AWS_REGION", control.Region}, {"AWS_DEFAULT_REGION", control.Region},
		{"AWS_ACCESS_KEY_ID", key}, {"AWS_SECRET_ACCESS_KEY", secret}, {"AWS_SESSION_TOKEN", token},
	} {
		b.WriteString(export(v[0], v[1]))
	}
	b.WriteString("unset AWS_PROFILE\n")
	return b.String()
}

// export sets a variable of the shell, or removes it when the value is empty.
func export(name, value string) string {
	if value == "" {
		return "unset " + name + "\n"
	}
	return fmt.Sprintf("export %s='%s'\n", name, strings.ReplaceAll(value, "'", `'\''`))
}

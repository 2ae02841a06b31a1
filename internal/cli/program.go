package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/ship"
	"github.com/slipway-cd/slipway/internal/ui"
)

// program is a program of the repository that slipway runs on its own machine.
type program struct {
	// path is relative to folder, which is the release file's: it starts there.
	path, folder string
	env          []string
	limit        time.Duration
	tell         func(line string)
	// whole is true where its end is that of all that it started: a test's children have the Test role's credentials, and would act
	// with them after the verdict, while the next stage is shipped. A hook may leave something running, such as a tunnel that is
	// closed after the deploy.
	whole bool
}

// run runs it to its end. What it prints is told line by line, without what is certainly a secret.
func (p program) run(ctx context.Context) error {
	path, err := filepath.Abs(filepath.Join(p.folder, filepath.FromSlash(p.path)))
	if err != nil {
		return err
	}
	errOver := fmt.Errorf("%s was not done after %s, and was ended", p.path, p.limit)
	ctx, cancel := context.WithTimeoutCause(ctx, p.limit, errOver)
	defer cancel()
	command := exec.CommandContext(ctx, path)
	command.Dir, command.Env = p.folder, p.env // the last of a name counts
	out := &hookOutput{tell: p.tell}
	command.Stdout, command.Stderr = out, out
	ownGroup(command)
	// Also for what it left running with its output open: slipway does not wait for that.
	command.WaitDelay = hookGrace
	err = command.Run()
	out.flush()
	if p.whole {
		killGroup(command)
	}
	switch {
	case context.Cause(ctx) != nil && err != nil:
		killGroup(command)
		return fmt.Errorf("%w (%w)", context.Cause(ctx), err)
	case errors.Is(err, exec.ErrWaitDelay):
		return nil
	case err != nil:
		return fmt.Errorf("%s: %w", p.path, err)
	}
	return nil
}

// tester runs tests of a stage.
func (p *place) tester(terminal *ui.UI, stage *plan.Stage, config ship.Config) func(context.Context, plan.Test) error {
	return func(ctx context.Context, test plan.Test) error { return p.runTest(ctx, terminal, stage, config, test) }
}

// runTest runs a test of a stage, with the credentials of its Test role and no others (R91, R94).
func (p *place) runTest(ctx context.Context, terminal *ui.UI, stage *plan.Stage, config ship.Config, test plan.Test) error {
	if test.Run.Path == "" {
		return errors.New("the release has it no more")
	}
	terminal.Note("stage %s: test %s: %s", stage.Name, test.Name, test.Run.Path)
	credentials, err := p.testCredentials(ctx, stage)
	if err != nil {
		return err
	}
	env := append(withoutAccess(os.Environ(), p.loaded.release.CI), credentials...)
	env = append(env,
		"SLIPWAY_APP="+p.loaded.plan.App, "SLIPWAY_STAGE="+stage.Name, "SLIPWAY_STEP="+test.Name,
		"SLIPWAY_VERSION="+config.About.Version, "SLIPWAY_COMMIT="+config.About.Commit, "SLIPWAY_RUN_ID="+config.RunID)
	return program{
		path: test.Run.Path, folder: filepath.Dir(p.loaded.flags.File), env: env, limit: time.Duration(test.Timeout) * time.Second, whole: true,
		tell: func(line string) { terminal.Note("  %s | %s", test.Name, line) },
	}.run(ctx)
}

// testCredentials assumes the Test role of a stage, and gives what a program needs to act as it.
func (p *place) testCredentials(ctx context.Context, stage *plan.Stage) ([]string, error) {
	config, err := p.testEntrance(ctx, stage)
	if err != nil {
		return nil, err
	}
	keys, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("the Test role could not be assumed: %w", err)
	}
	env := []string{
		"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_SESSION_TOKEN=" + keys.SessionToken,
		"AWS_REGION=" + stage.Region, "AWS_DEFAULT_REGION=" + stage.Region, "AWS_EC2_METADATA_DISABLED=true",
	}
	switch {
	case p.local != nil:
		env = append(env, "AWS_ENDPOINT_URL="+p.local.Endpoint())
	case p.flags.EndpointURL != "":
		env = append(env, "AWS_ENDPOINT_URL="+p.flags.EndpointURL)
	}
	return env, nil
}

// testEntrance enters the Test role of a stage as the pipeline enters: with a token where there are any, also in a job that has
// the deploy's credentials in its environment already; else by AssumeRole with what is there.
func (p *place) testEntrance(ctx context.Context, stage *plan.Stage) (awsclient.Config, error) {
	role, ok := stage.Role(plan.KindTest)
	if !ok {
		return awsclient.Config{}, fmt.Errorf("stage %s has no Test role", stage.Name)
	}
	if p.local != nil {
		return p.entrance(ctx, stage, plan.KindTest)
	}
	options := awsclient.Options{Region: stage.Region, Profile: p.flags.Profile, EndpointURL: p.flags.EndpointURL}
	url, token := p.process.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL"), p.process.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	byToken := p.loaded.release.CI.GitHub != nil && url != "" && token != ""
	if byToken {
		options.Credentials = awsclient.Nobody
	}
	config, err := awsclient.Load(ctx, options)
	switch {
	case err != nil:
		return config, err
	case byToken:
		return awsclient.EnterGitHub(ctx, config, awsclient.GitHubToken(&http.Client{Timeout: tokenWithin}, url, token), role.ARN(), sessionName)
	}
	return awsclient.EnterRole(ctx, config, role.ARN(), sessionName), nil
}

// tokenWithin bounds one request for a token.
const tokenWithin = 30 * time.Second

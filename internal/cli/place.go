package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/rehearse"
	"github.com/slipway-cd/slipway/internal/ui"
)

// placeFlags say where a command ships to: AWS, or a local AWS.
type placeFlags struct {
	Local       bool   `help:"Use an AWS in this process: accounts, roles and nodes are made from the release."`
	Data        string `placeholder:"DIR" help:"With --local: keep its state in DIR, for resume and for the next deploy."`
	Policies    string `placeholder:"DIR" help:"Use these roles in place of the rendered ones, in the layout of roles render."`
	EndpointURL string `name:"endpoint-url" placeholder:"URL" help:"Send every request there in place of AWS."`
	Profile     string `placeholder:"NAME" help:"A profile of the shared AWS configuration."`
	AssumeRole  string `name:"assume-role-arn" placeholder:"ARN" help:"Assume this role with the credentials that are there, and do everything as it."`
}

// roleARN is the form of a role's ARN, with its path.
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]+$`)

func (f placeFlags) check() error {
	switch {
	case f.Data != "" && !f.Local:
		return usage(errors.New("--data keeps a local AWS, and --local is not given"), "add --local")
	case f.Local && (f.EndpointURL != "" || f.Profile != "" || f.AssumeRole != ""):
		return usage(errors.New("--local brings its own endpoint and credentials"), "leave out --endpoint-url, --profile and --assume-role-arn")
	case f.AssumeRole != "" && !roleARN.MatchString(f.AssumeRole):
		return usage(fmt.Errorf("--assume-role-arn: %q is not the ARN of a role", f.AssumeRole), "for example arn:aws:iam::111111111111:role/shop-prod-Deploy")
	}
	return nil
}

// place is where a release is shipped to. local is nil for AWS itself.
type place struct {
	flags   placeFlags
	process *Process
	loaded  *loaded
	local   *localaws.AWS
	dir     string
	// temporary is true when dir goes when nothing runs in it any more.
	temporary bool
	// keep lets the applications that scripts started go on; asked is true where the user said so.
	keep, asked bool
}

// openAWS is the AWS that the environment points at.
func openAWS(process *Process, flags placeFlags, l *loaded) *place {
	return &place{flags: flags, process: process, loaded: l}
}

// openPlace opens AWS, or a local AWS with its port open. seed fills a local one before its nodes start; keep lets the
// applications on them go on after it.
func openPlace(ctx context.Context, process *Process, flags placeFlags, l *loaded, keep bool, seed func(context.Context, *localaws.AWS) error) (*place, error) {
	if !flags.Local {
		return openAWS(process, flags, l), nil
	}
	p := &place{flags: flags, process: process, loaded: l, dir: flags.Data, keep: keep}
	if p.dir == "" {
		dir, err := os.MkdirTemp("", "slipway-local-")
		if err != nil {
			return nil, fmt.Errorf("local AWS: %w", err)
		}
		p.dir, p.temporary = dir, true
	}
	nodes, err := nodePolicy(l, process)
	if err == nil {
		nodes.Keep = keep
		p.local, err = openLocal(ctx, process, localaws.Config{Dir: p.dir, Nodes: nodes})
	}
	if err != nil {
		return nil, errors.Join(runs(p.dir, err), p.removeTemporary())
	}
	if err := p.start(ctx, seed); err != nil {
		return nil, errors.Join(closeLocal(ctx, p.local, err), p.removeTemporary())
	}
	return p, nil
}

// nodePolicy says what local nodes may do. A home is needed only where the release names one.
func nodePolicy(l *loaded, process *Process) (localaws.NodePolicy, error) {
	home, err := os.UserHomeDir()
	for variable, dir := range l.release.Local.Caches {
		if err != nil && strings.HasPrefix(dir, "~/") && process.Getenv(variable) == "" {
			return localaws.NodePolicy{}, usage(fmt.Errorf("local.caches %s: %s: %w", variable, dir, err), "set HOME, or "+variable)
		}
	}
	policy := rehearse.NodePolicy(l.release, home, process.Getenv)
	policy.Hide = private(home)
	return policy, nil
}

// private are the places in a home that hold keys. Scripts on built-in nodes see nothing of them.
func private(home string) []string {
	if home == "" {
		return nil
	}
	var paths []string
	for _, name := range []string{".aws", ".ssh", ".config", ".docker", ".kube", ".gnupg", ".netrc", ".git-credentials", ".npmrc"} {
		paths = append(paths, filepath.Join(home, name))
	}
	return paths
}

func (p *place) start(ctx context.Context, seed func(context.Context, *localaws.AWS) error) error {
	if err := seed(ctx, p.local); err != nil {
		return err
	}
	if err := p.local.KeepNodes(); err != nil {
		return err
	}
	if err := p.local.Serve("127.0.0.1:0"); err != nil {
		return err
	}
	if err := p.local.StartNodes(ctx); err != nil {
		return err
	}
	if err := p.local.AwaitNodes(ctx, nodesUp); err != nil {
		return err
	}
	_, err := p.local.WriteControl(ctx, p.loaded.plan.Stages[0].Region)
	return err
}

// nodesUp is how long the nodes of a local AWS may take to report before the deploy goes on without them; the
// preflight then says which are missing.
const nodesUp = 5 * time.Second

// entrances gives the configurations that send and that watch in a stage.
func (p *place) entrances(ctx context.Context, stage *plan.Stage) (send, watch awsclient.Config, err error) {
	sendKind, watchKind := stage.Pipeline()
	if send, err = p.entrance(ctx, stage, sendKind); err != nil || sendKind == watchKind {
		return send, send, err
	}
	watch, err = p.entrance(ctx, stage, watchKind)
	return send, watch, err
}

// entrance enters one role of a stage: with a token of the built-in issuer, with GitHub's own token, or not at all
// when the environment's credentials are there already.
func (p *place) entrance(ctx context.Context, stage *plan.Stage, kind plan.RoleKind) (awsclient.Config, error) {
	role, ok := stage.Role(kind)
	if !ok {
		return awsclient.Config{}, fmt.Errorf("stage %s has no %s role", stage.Name, kind)
	}
	token := p.tokens(stage)
	if p.local != nil && p.loaded.release.CI.GitLab != nil {
		return awsclient.Config{}, usage(errors.New("--local has no tokens of GitLab's, and the roles of this release let in only those"),
			"leave ci.gitlab out for a try with --local")
	}
	if p.local != nil {
		own, ok, err := rehearse.Own(ctx, p.local, stage)
		if err != nil {
			return awsclient.Config{}, err
		}
		if ok {
			keys := awsclient.SessionKeys(own.AccessKeyID, own.SecretAccessKey, own.SessionToken)
			return awsclient.EnterRole(ctx, awsclient.ForEndpoint(p.local.Endpoint(), stage.Region, keys), role.ARN(), sessionName), nil
		}
	}
	switch {
	case p.local != nil && token == nil:
		return p.asAdministrator(ctx, stage.Region, role)
	case p.local != nil:
		config := awsclient.ForEndpoint(p.local.Endpoint(), stage.Region, awsclient.Nobody)
		return awsclient.EnterGitHub(ctx, config, token, role.ARN(), sessionName)
	}
	options := awsclient.Options{Region: stage.Region, Profile: p.flags.Profile, EndpointURL: p.flags.EndpointURL}
	if token != nil {
		options.Credentials = awsclient.Nobody
	}
	config, err := awsclient.Load(ctx, options)
	switch {
	case err != nil:
		return config, err
	case p.flags.AssumeRole != "":
		return awsclient.EnterRole(ctx, config, p.flags.AssumeRole, sessionName), nil
	case token == nil:
		return config, nil
	}
	return awsclient.EnterGitHub(ctx, config, token, role.ARN(), sessionName)
}

// sessionName is the role session's name in CloudTrail.
const sessionName = "slipway"

// tokens gives the source of GitHub's tokens, or nil where the ambient credentials are to be used.
func (p *place) tokens(stage *plan.Stage) awsclient.TokenSource {
	if p.loaded.release.CI.GitHub == nil {
		return nil
	}
	if p.local != nil {
		return rehearse.Token(p.local, p.loaded.release, stage.Name)
	}
	url, token := p.process.Getenv("ACTIONS_ID_TOKEN_REQUEST_URL"), p.process.Getenv("ACTIONS_ID_TOKEN_REQUEST_TOKEN")
	if url == "" || token == "" || p.process.Getenv("AWS_ACCESS_KEY_ID") != "" || p.flags.Profile != "" || p.flags.AssumeRole != "" {
		return nil
	}
	return awsclient.GitHubToken(&http.Client{Timeout: 30 * time.Second}, url, token)
}

// asAdministrator enters a role of a release without CI: its trust policy admits the account.
func (p *place) asAdministrator(ctx context.Context, region string, role plan.Role) (awsclient.Config, error) {
	keys, err := p.local.EnsureAccount(ctx, role.Account)
	if err != nil {
		return awsclient.Config{}, err
	}
	config := awsclient.ForEndpoint(p.local.Endpoint(), region, awsclient.Keys(keys.AccessKeyID, keys.SecretAccessKey))
	return awsclient.EnterRole(ctx, config, role.ARN(), sessionName), nil
}

// close ends a local AWS: running commands may end, and applications are stopped unless they are to be kept.
func (p *place) close(ctx context.Context, terminal *ui.UI) error {
	if p.local == nil {
		return nil
	}
	running, err := p.local.Drain(context.WithoutCancel(ctx), drainLimit)
	if running > 0 {
		terminal.Note("still running on the local nodes after %s: %s", drainLimit, commandCount(running, ""))
	}
	err = errors.Join(err, p.tellStubs(ctx, terminal))
	kept, keepErr := p.applications(ctx, terminal)
	err = errors.Join(err, keepErr, p.local.Close(ctx))
	if kept {
		return err
	}
	return errors.Join(err, p.removeTemporary())
}

// tellStubs says which programs were recorded in place of run: a success did not need them.
func (p *place) tellStubs(ctx context.Context, terminal *ui.UI) error {
	calls, err := p.local.StubCalls(context.WithoutCancel(ctx))
	if err != nil || len(calls) == 0 {
		return err
	}
	const most = 3
	shown := strings.Join(calls[:min(most, len(calls))], "; ")
	if len(calls) > most {
		shown += "; …"
	}
	terminal.Note("recorded and not run, as local.stubs says: %d calls (%s)", len(calls), shown)
	return nil
}

// applications stops what scripts left running, or lists it when it is to go on; kept says that something does.
func (p *place) applications(ctx context.Context, terminal *ui.UI) (kept bool, err error) {
	if !p.keep {
		return false, p.local.StopProcesses(context.WithoutCancel(ctx))
	}
	processes, err := p.local.Processes()
	if err != nil || len(processes) == 0 {
		if p.asked {
			terminal.Note("nothing that the scripts started is still running")
		}
		return false, err
	}
	terminal.Note("still running, in %s:", p.local.Dir())
	for _, process := range processes {
		line := fmt.Sprintf("  %s  pid %d  %s", process.InstanceID, process.PID, process.Command)
		for _, address := range process.Listening {
			line += "  http://" + address
		}
		terminal.Note("%s", line)
	}
	remove := ""
	if p.temporary {
		remove = " --remove"
	}
	terminal.Note("stop them with: slipway local stop --data %s%s", p.local.Dir(), remove)
	return true, nil
}

func (p *place) removeTemporary() error {
	if !p.temporary {
		return nil
	}
	return localaws.RemoveDir(filepath.Clean(p.dir))
}

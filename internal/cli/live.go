package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/awsclient"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// liveFlags read roles from AWS.
type liveFlags struct {
	Live        bool   `help:"Read the release's roles from AWS, and change nothing there: needs credentials that may read them (iam:GetRole, iam:ListRolePolicies, iam:GetRolePolicy, iam:ListAttachedRolePolicies, iam:ListInstanceProfilesForRole, iam:GetPolicy, iam:GetPolicyVersion)."`
	Profile     string `placeholder:"NAME" help:"With --live: the profile of the shared AWS configuration."`
	EndpointURL string `name:"endpoint-url" placeholder:"URL" help:"With --live: send every request there in place of AWS."`
}

// live reads the plan's roles of the account that the credentials belong to. Those of other accounts are told to be unknown,
// unless they were given.
func (l *loaded) live(ctx context.Context, f *liveFlags, given *roles.Set) (*roles.Set, error) {
	_, region := l.places()
	if region == "" && len(l.plan.Stages) > 0 {
		region = l.plan.Stages[0].Region
	}
	config, err := awsclient.Load(ctx, awsclient.Options{Region: region, Profile: f.Profile, EndpointURL: f.EndpointURL})
	if err != nil {
		return nil, usage(err, "") // a profile that is not there, or a configuration that cannot be read
	}
	client := &awsclient.IAM{Config: config, Now: time.Now}
	account, err := client.Account(ctx)
	if err != nil {
		return nil, notRead(ctx, fmt.Errorf("find out whose credentials these are: %w", err))
	}
	r := liveReader{client: client, account: account, dump: liveDump{Policies: []*awsclient.LivePolicy{}}}
	for i := range l.plan.Stages {
		for _, role := range l.plan.Stages[i].Roles {
			if slices.ContainsFunc(given.Roles, func(g roles.Role) bool { return g.Account == role.Account && g.Name == role.Name && !g.Adds }) {
				continue
			}
			if err := r.read(ctx, role); err != nil {
				return nil, notRead(ctx, fmt.Errorf("role %s: %w", role.Name, err))
			}
		}
	}
	set, err := r.set()
	if err != nil {
		return nil, notRead(ctx, err)
	}
	return set, nil
}

// notRead is that AWS could not be asked, or did not answer: nothing is refuted by that, and nothing is proved.
func notRead(ctx context.Context, err error) error {
	failed := &failure{code: exitUnknown, err: fmt.Errorf("--live: it cannot be told, because AWS could not be read: %w", err)}
	var api interface{ ErrorCode() string }
	switch {
	case ctx.Err() != nil:
		return interrupted()
	case awsclient.NoCredentials(err):
		failed.err = errors.New("--live: it cannot be told, because there are no AWS credentials: neither the environment, nor a shared configuration file, nor an instance role has them")
		failed.hint = "set AWS_PROFILE, or give --profile NAME, or log in (`aws sso login`); --policies FILE needs none"
	case errors.As(err, &api):
		failed.hint = "`aws sts get-caller-identity` tells whether the credentials are good"
	default:
		failed.hint = "look at the network, a proxy and --endpoint-url; --policies FILE needs no network: `aws iam get-account-authorization-details` writes one"
	}
	return failed
}

// liveDump is what was read, in the shape of GetAccountAuthorizationDetails: one reader reads both.
type liveDump struct {
	RoleDetailList []*awsclient.LiveRole
	Policies       []*awsclient.LivePolicy
}

// liveReader reads roles, each once.
type liveReader struct {
	client  *awsclient.IAM
	account string
	seen    []string
	dump    liveDump
	unknown []roles.Role // those that could not be read
	texts   []string     // the ARNs of policies that were read
}

func (r *liveReader) read(ctx context.Context, role plan.Role) error {
	if slices.Contains(r.seen, role.ARN()) {
		return nil
	}
	r.seen = append(r.seen, role.ARN())
	if role.Account != r.account {
		r.doubt(role, fmt.Sprintf("it is in account %s, and the credentials are of %s: prove it with credentials of that account, or give it with --policies", role.Account, r.account))
		return nil
	}
	live, err := r.client.Role(ctx, role.Name)
	switch {
	case awsclient.Denied(err):
		r.doubt(role, "it could not be read: "+err.Error())
		return nil
	case err != nil:
		return err
	case live == nil:
		return nil
	}
	r.dump.RoleDetailList = append(r.dump.RoleDetailList, live)
	arns := make([]string, 0, len(live.AttachedManagedPolicies)+1)
	for _, a := range live.AttachedManagedPolicies {
		arns = append(arns, a.PolicyArn)
	}
	if live.PermissionsBoundary != nil {
		arns = append(arns, live.PermissionsBoundary.PermissionsBoundaryArn)
	}
	return r.policies(ctx, arns)
}

// policies reads the texts of managed policies. One that may not be read is one whose text nobody gave.
func (r *liveReader) policies(ctx context.Context, arns []string) error {
	for _, arn := range arns {
		if slices.Contains(r.texts, arn) {
			continue
		}
		r.texts = append(r.texts, arn)
		p, err := r.client.Policy(ctx, arn)
		switch {
		case awsclient.Denied(err):
		case err != nil:
			return err
		default:
			r.dump.Policies = append(r.dump.Policies, p)
		}
	}
	return nil
}

func (r *liveReader) doubt(role plan.Role, why string) {
	r.unknown = append(r.unknown, roles.Role{Account: role.Account, Name: role.Name, Path: role.Path, Kind: role.Kind, Doubts: []string{why}})
}

// set gives what was read. Policies are named by role, since there is no file.
func (r *liveReader) set() (*roles.Set, error) {
	text, err := json.Marshal(r.dump)
	if err != nil {
		return nil, err
	}
	set, findings := given.Read("account "+r.account, text, given.Options{})
	if err := given.Error(findings); err != nil {
		return nil, err
	}
	for i := range set.Roles {
		role := &set.Roles[i]
		role.Place = roles.Place{}
		for j := range role.Policies {
			p := &role.Policies[j]
			p.Document = renamed(p.Document, path.Join(role.Account, role.Name, p.Name))
		}
		for j := range role.Attached {
			role.Attached[j].Document = renamed(role.Attached[j].Document, role.Attached[j].ARN)
		}
		role.Trust = renamed(role.Trust, path.Join(role.Account, role.Name, "trust"))
		role.Boundary = renamed(role.Boundary, path.Join(role.Account, role.Name, "boundary"))
	}
	set.Roles = append(set.Roles, r.unknown...)
	return set, nil
}

// renamed names a policy that was read from AWS, without places in a text that nobody has. The document may be shared.
func renamed(d *iam.Document, name string) *iam.Document {
	if d == nil {
		return nil
	}
	out := *d
	out.Name, out.Statements = name, slices.Clone(d.Statements)
	for i := range out.Statements {
		out.Statements[i].Pos, out.Statements[i].Places = iam.Position{}, iam.Places{}
	}
	return &out
}

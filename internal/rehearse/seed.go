// Package rehearse puts a release into a local AWS: its accounts, its roles as rendered or as given, its nodes; and
// enters it as CI would, with a token of GitHub's through the roles' trust policies.
package rehearse

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam/managed"
	"github.com/slipway-cd/slipway/internal/localaws"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sts"
	"github.com/slipway-cd/slipway/internal/plan"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/roles"
)

// NodePolicy is what the release declares about its local nodes. home stands for a leading ~ in a cache's path, and
// getenv gives a cache's variable the value that it has already, if any.
func NodePolicy(r *release.Release, home string, getenv func(string) string) localaws.NodePolicy {
	policy := localaws.NodePolicy{
		Path: getenv("PATH"), Guards: release.GuardedPrograms, Allow: r.Local.Allow, Stubs: r.Local.Stubs,
		Caches: map[string]string{},
	}
	for variable, dir := range r.Local.Caches {
		if set := getenv(variable); set != "" {
			dir = set
		} else if rest, ok := strings.CutPrefix(dir, "~/"); ok {
			dir = home + "/" + rest
		}
		policy.Caches[variable] = dir
	}
	return policy
}

// Accounts makes the accounts of the plan, with the buckets that the release writes to.
func Accounts(ctx context.Context, aws *localaws.AWS, p *plan.Plan) error {
	for _, stage := range p.Stages {
		if _, err := aws.EnsureAccount(ctx, stage.Account); err != nil {
			return fmt.Errorf("account %s: %w", stage.Account, err)
		}
		if err := aws.TrustGitHub(ctx, stage.Account); err != nil {
			return fmt.Errorf("account %s: %w", stage.Account, err)
		}
	}
	return buckets(ctx, aws, p)
}

// buckets makes the record's bucket, and those for output, which an account's owner would make before the first deploy.
func buckets(ctx context.Context, aws *localaws.AWS, p *plan.Plan) error {
	if p.Record != nil {
		if _, err := aws.EnsureAccount(ctx, p.Record.Account); err != nil {
			return fmt.Errorf("account %s: %w", p.Record.Account, err)
		}
		if err := aws.EnsureBucket(ctx, p.Record.Account, p.Record.Region, p.Record.Bucket); err != nil {
			return fmt.Errorf("record: %w", err)
		}
	}
	for _, stage := range p.Stages {
		for _, step := range stage.Steps {
			if step.Output.Bucket == "" || p.Record != nil && step.Output.Bucket == p.Record.Bucket {
				continue
			}
			if err := aws.EnsureBucket(ctx, stage.Account, stage.Region, step.Output.Bucket); err != nil {
				return fmt.Errorf("stage %s: output of step %s: %w", stage.Name, step.Name, err)
			}
		}
	}
	return nil
}

// Alarms makes the alarms that the rollouts name, as OK: the release's owner has them in AWS. One that is there keeps its state.
func Alarms(ctx context.Context, aws *localaws.AWS, p *plan.Plan) error {
	for _, stage := range p.Stages {
		for _, step := range stage.Steps {
			if step.Rollout.Alarm == "" {
				continue
			}
			if err := aws.EnsureAlarm(ctx, stage.Account, stage.Region, step.Rollout.Alarm); err != nil {
				return fmt.Errorf("stage %s: alarm %s: %w", stage.Name, step.Rollout.Alarm, err)
			}
		}
	}
	return nil
}

// Roles puts the roles into the accounts, each with exactly the policies of the set, and the policies of its buckets. A role that the plan needs and
// the set lacks is not made: it is missing here as it would be in AWS.
func Roles(ctx context.Context, aws *localaws.AWS, set *roles.Set) error {
	for _, role := range set.Roles {
		if _, err := aws.EnsureAccount(ctx, role.Account); err != nil {
			return fmt.Errorf("account %s: %w", role.Account, err)
		}
		spec := iam.RoleSpec{
			Account: role.Account, Name: role.Name, Path: role.Path,
			Policies: map[string][]byte{}, Own: map[string][]byte{}, InstanceProfile: role.Kind == plan.KindNode,
		}
		if role.Adds {
			return fmt.Errorf("role %s in account %s is there already in AWS, and what it is was not given: give it with --policies DIR", role.Name, role.Account)
		}
		if role.Trust == nil {
			return fmt.Errorf("role %s in account %s has no trust.json: nobody could assume it", role.Name, role.Account)
		}
		spec.Trust = role.Trust.JSON()
		for _, policy := range role.Policies {
			spec.Policies[policy.Name] = policy.Document.JSON()
		}
		for _, a := range role.Attached {
			if strings.HasPrefix(a.ARN, managed.Prefix) || a.Document == nil {
				spec.Managed = append(spec.Managed, a.ARN)
			} else {
				spec.Own[a.ARN] = a.Document.JSON()
			}
		}
		if role.Boundary != nil {
			spec.Boundary = role.Boundary.JSON()
		}
		if err := aws.PutRole(ctx, spec); err != nil {
			return fmt.Errorf("role %s in account %s: %w", role.Name, role.Account, err)
		}
	}
	if err := users(ctx, aws, set); err != nil {
		return err
	}
	for _, bucket := range set.Buckets {
		if err := aws.PutBucketPolicy(ctx, bucket.Account, bucket.Name, bucket.Policy.JSON()); err != nil {
			return fmt.Errorf("account %s: %w", bucket.Account, err)
		}
	}
	return nil
}

// Nodes launches the instances that the stages' targets mean.
func Nodes(ctx context.Context, aws *localaws.AWS, r *release.Release, p *plan.Plan) error {
	for _, stage := range p.Stages {
		node, _ := stage.Role(plan.KindNode)
		profile := "arn:aws:iam::" + stage.Account + ":instance-profile" + node.Path + node.Name
		for i, id := range InstanceIDs(r, p.App, stage) {
			tags := map[string]string{"Name": fmt.Sprintf("%s-%s-%d", p.App, stage.Name, i+1)}
			for _, tag := range stage.Targets.Tags {
				tags[tag.Key] = tag.Values[0]
			}
			err := aws.Launch(ctx, ec2.Instance{
				ID: id, Account: stage.Account, Region: stage.Region, Tags: tags, ProfileARN: profile,
				PrivateIP: fmt.Sprintf("10.0.%d.%d", i/250, 4+i%250), State: "running",
			})
			if err != nil {
				return fmt.Errorf("stage %s: node %s: %w", stage.Name, id, err)
			}
		}
	}
	return nil
}

// InstanceIDs are the ids of a stage's local nodes: those the release names, or as many as it wants, each always with
// the same id.
func InstanceIDs(r *release.Release, app string, stage plan.Stage) []string {
	if len(stage.Targets.Instances) > 0 {
		return stage.Targets.Instances
	}
	count := stage.Targets.Min
	if n, ok := r.Local.Nodes[stage.Name]; ok {
		count = n
	}
	ids := make([]string, count)
	for i := range ids {
		sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s/%d", app, stage.Account, stage.Name, i))
		ids[i] = "i-0" + hex.EncodeToString(sum[:8])
	}
	return ids
}

// Token gives the tokens that GitHub would give to the workflow run that deploys a stage.
func Token(aws *localaws.AWS, r *release.Release, stage string) func(ctx context.Context, audience string) (string, error) {
	return func(_ context.Context, audience string) (string, error) {
		gh := r.CI.GitHub
		claims := sts.Claims{
			Repository: gh.Repository, OwnerID: gh.OwnerID, RepositoryID: gh.RepositoryID,
			Ref: "refs/heads/" + gh.Branch, Actor: "slipway-local", EventName: "push", Audience: audience,
		}
		if gh.Environments {
			claims.Environment = stage
		}
		return aws.MintGitHubToken(claims)
	}
}

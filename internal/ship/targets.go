package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/slipway-cd/slipway/internal/awsclient"
)

// identify finds out who deploys, and that it is the stage's account: a deploy with the wrong credentials must end
// here and not with an instance that cannot be found.
func (r *runner) identify(ctx context.Context) error {
	if err := r.identifyAs(ctx, r.sender); err != nil {
		return err
	}
	if r.watcher != r.sender && !r.sendsOnly() {
		return r.identifyAs(ctx, r.watcher)
	}
	return nil
}

func (r *runner) identifyAs(ctx context.Context, a *api) error {
	const name = "sts:GetCallerIdentity"
	if a.creds == nil {
		return noCredentials("none were given")
	}
	// Asked for by themselves: a principal that cannot be entered is a different problem from an API that fails.
	_, err := call(ctx, r, a, name, nil, func(ctx context.Context) (aws.Credentials, error) {
		got, err := a.creds.Retrieve(ctx)
		if err != nil {
			err = fmt.Errorf("get credentials: %w", err)
		}
		return got, err
	})
	if awsclient.NoCredentials(err) && ctx.Err() == nil {
		return noCredentials("neither the environment, nor a shared configuration file, nor an instance role has them")
	} else if err != nil {
		return err
	}
	out, err := call(ctx, r, a, name, nil, func(ctx context.Context) (*sts.GetCallerIdentityOutput, error) {
		return a.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	})
	if err != nil {
		return err
	}
	a.principal = aws.ToString(out.Arn)
	if account := aws.ToString(out.Account); account != r.stage.Account {
		return &refusal{problem: Problem{Code: CodeWrongAccount, API: name, Principal: a.principal, Message: fmt.Sprintf(
			"%s belongs to account %s, stage %s is in %s", a.principal, account, r.stage.Name, r.stage.Account),
			Hint: "use credentials of the stage's account, or correct the account in the release file"}}
	}
	r.event(Event{Kind: EventIdentity, Message: a.principal})
	return nil
}

// noCredentials is the first thing that a new user meets.
func noCredentials(why string) error {
	return &refusal{problem: Problem{Code: CodeCredentials, Message: "no AWS credentials: " + why, Hint: "in GitHub Actions the job needs " +
		"`permissions: id-token: write`; elsewhere set AWS_PROFILE, or pass --profile NAME, or log in (`aws sso login`); " +
		"`slipway deploy --local` needs none"}}
}

// resolve finds the nodes that the targets are now.
func (r *runner) resolve(ctx context.Context) error {
	if len(r.cfg.Nodes) > 0 {
		r.nodes = slices.Sorted(slices.Values(r.cfg.Nodes))
		return nil
	}
	targets := r.stage.Targets
	if len(targets.Instances) > 0 {
		r.nodes = slices.Clone(targets.Instances)
	}
	ids := slices.DeleteFunc(slices.Clone(targets.Instances), func(id string) bool { return !strings.HasPrefix(id, "i-") })
	if len(targets.Instances) > 0 && (len(ids) == 0 || r.cfg.SkipPreflight) {
		return r.enough(nil)
	}
	if len(ids) == 0 && len(targets.Tags) == 0 {
		return &refusal{problem: Problem{Code: CodeNoTargets, Message: "the target matches nothing: it names neither instances nor tags"}}
	}
	instances, err := r.instances(ctx, ids)
	switch {
	case err != nil && r.cfg.SkipPreflight && classify(err) == denied:
		r.event(Event{Kind: EventWarning, Message: "the targets are not known beforehand: " + err.Error()})
		return nil
	case err != nil:
		return r.missingInstance(err)
	case len(ids) > 0:
		return r.namedNodes(ids, instances)
	}
	return r.taggedNodes(instances)
}

// instances describes instances by their ids, or those that the targets' tags find.
func (r *runner) instances(ctx context.Context, ids []string) ([]awsclient.Instance, error) {
	var filters []awsclient.InstanceFilter
	if len(ids) == 0 {
		for _, t := range r.stage.Targets.Tags {
			filters = append(filters, awsclient.InstanceFilter{Name: "tag:" + t.Key, Values: t.Values})
		}
	}
	return pages(ctx, r, r.watcher, "ec2:DescribeInstances", func(ctx context.Context, token *string) ([]awsclient.Instance, *string, error) {
		page, next, err := r.watcher.ec2.DescribeInstances(ctx, ids, filters, aws.ToString(token))
		return page, &next, err
	})
}

// missingInstance says what an id that EC2 does not know means.
func (r *runner) missingInstance(err error) error {
	var failed *callError
	if errors.As(err, &failed) && strings.HasPrefix(errorCode(err), "InvalidInstanceID") {
		return &refusal{problem: Problem{Code: CodeNoTargets, API: failed.api, Principal: failed.principal, Message: fmt.Sprintf(
			"the target matches nothing: %s in account %s, region %s", plain(failed.err), r.stage.Account, r.stage.Region),
			Hint: "an instance id changes when the instance is replaced; targets by tags do not"}}
	}
	return err
}

// namedNodes checks that every instance that the stage names is there and runs.
func (r *runner) namedNodes(ids []string, instances []awsclient.Instance) error {
	states := map[string]string{}
	for _, i := range instances {
		states[i.ID] = i.State
	}
	var idle []string
	for _, id := range ids {
		switch state, ok := states[id]; {
		case !ok:
			idle = append(idle, id+" does not exist")
		case state != "running":
			idle = append(idle, id+" is "+state)
		}
	}
	return r.enough(idle)
}

// taggedNodes takes the running instances; what is stopped now will not be reached.
func (r *runner) taggedNodes(instances []awsclient.Instance) error {
	var idle []string
	for _, i := range instances {
		if i.State == "running" {
			r.nodes = append(r.nodes, i.ID)
		} else {
			idle = append(idle, i.ID+" is "+i.State)
		}
	}
	slices.Sort(r.nodes)
	if len(r.nodes) < max(r.stage.Targets.Min, 1) {
		return r.tooFew(idle)
	}
	r.targetsKnown()
	return nil
}

// enough refuses when a node that is named is not usable, or there are fewer than the stage wants.
func (r *runner) enough(idle []string) error {
	if len(idle) > 0 || len(r.nodes) < max(r.stage.Targets.Min, 1) {
		return r.tooFew(idle)
	}
	r.targetsKnown()
	return nil
}

func (r *runner) targetsKnown() {
	r.event(Event{Kind: EventTargets, Nodes: slices.Clone(r.nodes), Message: fmt.Sprintf("%s: %s", count(len(r.nodes), "node"), listed(r.nodes))})
}

func (r *runner) tooFew(idle []string) error {
	matched := "the target matches nothing"
	if n := len(r.nodes); n > 0 {
		matched = fmt.Sprintf("the target matches %s (%s), at least %d must be usable",
			count(n, "node"), listed(r.nodes), max(r.stage.Targets.Min, 1))
	}
	message := fmt.Sprintf("%s: %s, account %s, region %s", matched, r.targetText(), r.stage.Account, r.stage.Region)
	if len(idle) > 0 {
		message += "; " + listed(idle)
	}
	return &refusal{problem: Problem{Code: CodeNoTargets, API: "ec2:DescribeInstances", Principal: r.watcher.principal, Message: message,
		Hint: "check targets in the release file against the instances' ids, tags and state"}}
}

// targetText is the target as the release file has it.
func (r *runner) targetText() string {
	var parts []string
	for _, t := range r.stage.Targets.Tags {
		parts = append(parts, t.Key+"="+strings.Join(t.Values, "|"))
	}
	if len(r.stage.Targets.Instances) > 0 {
		return "instances " + listed(r.stage.Targets.Instances)
	}
	return "tags " + strings.Join(parts, ", ")
}

// listed names up to ten things.
func listed(names []string) string {
	const most = 10
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

package ship

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// A command and a node that cannot exist: reading them tells whether one may read at all.
const (
	impossibleCommand = "00000000-0000-0000-0000-000000000000"
	impossibleNode    = "i-00000000000000000"
)

// idsPerFilter bounds the values of one DescribeInstanceInformation filter, and pageSize a page of the lists.
const (
	idsPerFilter = 50
	pageSize     = 50
	// pageLimit ends a listing that would never end. A list cut off there is an error, not an answer.
	pageLimit = 200
)

// preflight disproves what it can: nodes that Run Command does not reach, and a result that could not be read.
// It cannot prove that a node is well: Online is minutes old.
func (r *runner) preflight(ctx context.Context) error {
	if r.cfg.SkipPreflight {
		r.event(Event{Kind: EventWarning, Message: "preflight skipped: whether the nodes can be reached, and whether the " +
			"result can be read, shows only after the command was sent"})
		return nil
	}
	if err := r.checkNodes(ctx); err != nil {
		return err
	}
	if err := r.mayGet(ctx); err != nil {
		return err
	}
	if err := r.mayList(ctx); err != nil {
		return err
	}
	r.event(Event{Kind: EventPreflight, Message: fmt.Sprintf("%s registered, the result can be read", count(len(r.nodes), "node"))})
	return nil
}

// checkRollouts refuses a rollout that could not take one node out, and one of nodes that are not known.
func (r *runner) checkRollouts() error {
	for i := range r.stage.Steps {
		step := &r.stage.Steps[i]
		if !driven(step) {
			continue
		}
		if len(r.nodes) == 0 {
			return &refusal{problem: Problem{Code: CodeNoTargets, Message: "step " + step.Name +
				" follows the nodes one by one, and which they are is not known", Hint: "deploy with preflight, with ec2:DescribeInstances allowed"}}
		}
		if m := next(step, r.nodes, r.all(), nil); m.kind == moveStop {
			return &refusal{problem: Problem{Code: m.code, Message: "step " + step.Name + ": " + m.why,
				Hint: "lower min-healthy, or add nodes"}}
		}
	}
	return nil
}

// checkNodes asks Systems Manager about every node (R34).
func (r *runner) checkNodes(ctx context.Context) error {
	known := map[string]types.InstanceInformation{}
	for ids := range slices.Chunk(r.nodes, idsPerFilter) {
		infos, err := r.instanceInformation(ctx, ids)
		if err != nil {
			return err
		}
		for _, info := range infos {
			known[aws.ToString(info.InstanceId)] = info
		}
	}
	var wrong []string
	for _, id := range r.nodes {
		info, ok := known[id]
		if why := r.unusable(info, ok); why != "" {
			wrong = append(wrong, id+" "+why)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &refusal{problem: Problem{Code: CodeUnreachable, API: "ssm:DescribeInstanceInformation", Principal: r.watcher.principal,
		Message: "Run Command cannot reach every node: " + listed(wrong),
		Hint: "a node registers when amazon-ssm-agent runs on it, its instance profile has a role that ec2.amazonaws.com may " +
			"assume and that allows ssm:UpdateInstanceInformation and ec2messages:*, and it has a route to the ssm and " +
			"ec2messages endpoints; `slipway roles render` prints the node role"}}
}

func (r *runner) instanceInformation(ctx context.Context, ids []string) ([]types.InstanceInformation, error) {
	in := &ssm.DescribeInstanceInformationInput{MaxResults: aws.Int32(pageSize),
		Filters: []types.InstanceInformationStringFilter{{Key: aws.String("InstanceIds"), Values: ids}}}
	return pages(ctx, r, r.watcher, "ssm:DescribeInstanceInformation", func(ctx context.Context, token *string) ([]types.InstanceInformation, *string, error) {
		in.NextToken = token
		out, err := r.watcher.ssm.DescribeInstanceInformation(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.InstanceInformationList, out.NextToken, nil
	})
}

// unusable says why the node cannot take the stage's commands; empty when nothing speaks against it.
func (r *runner) unusable(info types.InstanceInformation, known bool) string {
	if !known {
		return "is not registered with Systems Manager (no agent, no role, a role that ec2.amazonaws.com may not assume, or no route)"
	}
	if info.PingStatus != types.PingStatusOnline {
		last := "never"
		if info.LastPingDateTime != nil {
			last = info.LastPingDateTime.UTC().Format("2006-01-02 15:04:05 UTC")
		}
		return fmt.Sprintf("is %s (last heard of: %s)", info.PingStatus, last)
	}
	if p := info.PlatformType; p != "" && p != types.PlatformTypeLinux {
		return fmt.Sprintf("runs %s: its steps are for Linux and would be skipped", p)
	}
	return ""
}

// mayGet tests the permission that D0's pipeline lacked, before anything is sent.
func (r *runner) mayGet(ctx context.Context) error {
	node := impossibleNode
	if len(r.nodes) > 0 {
		node = r.nodes[0]
	}
	const name = "ssm:GetCommandInvocation"
	_, err := call(ctx, r, r.watcher, name, nil, func(ctx context.Context) (*ssm.GetCommandInvocationOutput, error) {
		return r.watcher.ssm.GetCommandInvocation(ctx, &ssm.GetCommandInvocationInput{
			CommandId: aws.String(impossibleCommand), InstanceId: aws.String(node)})
	})
	return r.tested(name, err)
}

func (r *runner) mayList(ctx context.Context) error {
	const name = "ssm:ListCommandInvocations"
	_, err := call(ctx, r, r.watcher, name, nil, func(ctx context.Context) (*ssm.ListCommandInvocationsOutput, error) {
		return r.watcher.ssm.ListCommandInvocations(ctx, &ssm.ListCommandInvocationsInput{
			CommandId: aws.String(impossibleCommand), MaxResults: aws.Int32(pageSize)})
	})
	return r.tested(name, err)
}

// tested reads the answer to a permission test: an answer, or an error that only somebody let in can get, means
// allowed. Everything else refuses: not knowing is not permission.
func (r *runner) tested(name string, err error) error {
	if err == nil || modelledRead(err) {
		return nil
	}
	var failed *callError
	if !errors.As(err, &failed) || classify(failed.err) == denied {
		return err
	}
	return &refusal{problem: Problem{Code: CodeUnreadable, API: name, Principal: failed.principal,
		Message: "whether the result can be read is not known: " + failed.Error()}}
}

// pages collects all pages of a listing. Each page is a call of its own.
func pages[T any](ctx context.Context, r *runner, a *api, name string, page func(ctx context.Context, token *string) ([]T, *string, error)) ([]T, error) {
	return pagesUntil(ctx, r, a, name, page, nil)
}

// pagesUntil collects the pages of a listing until enough, which is asked after every page, says that the rest does
// not matter; nil means all of them.
func pagesUntil[T any](ctx context.Context, r *runner, a *api, name string, page func(ctx context.Context, token *string) ([]T, *string, error),
	enough func(all []T, pagesRead int) bool) ([]T, error) {
	type answer struct {
		items []T
		next  *string
	}
	var all []T
	var token *string
	for n := range pageLimit {
		got, err := call(ctx, r, a, name, nil, func(ctx context.Context) (answer, error) {
			items, next, err := page(ctx, token)
			return answer{items, next}, err
		})
		if err != nil {
			return nil, err
		}
		all = append(all, got.items...)
		if token = got.next; aws.ToString(token) == "" {
			return all, nil
		}
		if enough != nil && enough(all, n+1) {
			return all, nil
		}
	}
	return nil, &callError{api: name, principal: a.principal, err: fmt.Errorf("more than %d pages: the list was not read to its end", pageLimit)}
}

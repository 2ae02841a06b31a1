package organizations

import (
	"context"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// The wire structures of attachments.
type (
	attachIn  struct{ PolicyId, TargetId string }
	targetsIn struct {
		PolicyId string
		paging
	}
	targetShape struct{ TargetId, Arn, Name, Type string }
	targetsOut  struct {
		Targets []targetShape
		listed
	}
	forTargetIn struct {
		TargetId, Filter string
		paging
	}
)

func (s *Service) attachmentOperations() []gateway.Operation {
	onBoth := func(_ context.Context, c *gateway.Call, in *attachIn) ([]gateway.Access, error) {
		if err := checkID("TargetId", in.TargetId); err != nil {
			return nil, err
		}
		return s.onPolicy(c, in.PolicyId, in.TargetId)
	}
	return []gateway.Operation{
		gateway.Op("AttachPolicy", onBoth, s.attachPolicy),
		gateway.Op("DetachPolicy", onBoth, s.detachPolicy),
		gateway.Op("ListTargetsForPolicy", func(_ context.Context, c *gateway.Call, in *targetsIn) ([]gateway.Access, error) {
			return s.onPolicy(c, in.PolicyId, "")
		}, s.listTargets),
		gateway.Op("ListPoliciesForTarget", func(ctx context.Context, c *gateway.Call, in *forTargetIn) ([]gateway.Access, error) {
			needs, err := on(s, func(in *forTargetIn) []string { return []string{"TargetId", in.TargetId} })(ctx, c, in)
			if err != nil {
				return nil, err
			}
			needs[0].Context = map[string][]string{"organizations:PolicyType": {in.Filter}}
			return needs, checkType(in.Filter)
		}, s.listForTarget),
	}
}

func attach(ctx context.Context, tx *store.Tx, o *organization, policyID, target string) error {
	return exec(ctx, tx, `INSERT INTO org_attachments (org, target, policy) VALUES (?, ?, ?)`, o.id, target, policyID)
}

// maxAttached is how many policies of a type AWS attaches to one thing.
func maxAttached(kind string) int {
	for _, q := range iam.Quotas() {
		if q.Kind == policyKinds[kind] && q.Code == iam.CodeQuotaCount {
			return q.Max
		}
	}
	return 0
}

func (s *Service) attachPolicy(ctx context.Context, c *gateway.Call, in *attachIn) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		p, err := o.both(in)
		if err != nil {
			return err
		}
		if !o.enabled[p.kind] {
			return failure("PolicyTypeNotEnabledException", "This operation can be performed only for enabled policy types.")
		}
		if slices.Contains(o.attached[in.TargetId], p.id) {
			return failure("DuplicatePolicyAttachmentException", "A policy with the specified name and type already exists.")
		}
		if most := maxAttached(p.kind); len(o.on(in.TargetId, p.kind)) >= most {
			return constraint("MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You have attached the maximum number of policies to the specified target: %d.", most)
		}
		return attach(ctx, tx, o, p.id, in.TargetId)
	})
}

// both finds the policy, and makes sure of the target.
func (o *organization) both(in *attachIn) (*policy, error) {
	p := o.policies[in.PolicyId]
	if p == nil {
		return nil, noPolicy()
	}
	if !o.has(in.TargetId) {
		return nil, failure("TargetNotFoundException", "You specified a target that does not exist.")
	}
	return p, nil
}

func (s *Service) detachPolicy(ctx context.Context, c *gateway.Call, in *attachIn) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		p, err := o.both(in)
		if err != nil {
			return err
		}
		switch {
		case !slices.Contains(o.attached[in.TargetId], p.id):
			return failure("PolicyNotAttachedException", "The policy isn't attached to the specified target in the specified root.")
		// uncertain: AWS's code. Its user guide says that this policy cannot be detached.
		case p.aws && p.kind == rcpType:
			return constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "RCPFullAWSAccess cannot be detached.")
		case len(o.on(in.TargetId, p.kind)) == 1:
			return constraint("MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED", "You cannot detach the last policy of its type: at least one must remain attached.")
		}
		return exec(ctx, tx, `DELETE FROM org_attachments WHERE org = ? AND target = ? AND policy = ?`, o.id, in.TargetId, p.id)
	})
}

// targetsOf lists what a policy is attached to, in order of the ids.
func (o *organization) targetsOf(policyID string) []string {
	var targets []string
	for target, policies := range o.attached {
		if slices.Contains(policies, policyID) {
			targets = append(targets, target)
		}
	}
	slices.Sort(targets)
	return targets
}

func (o *organization) target(id string) targetShape {
	shape := targetShape{TargetId: id, Arn: o.targetARN(id), Name: "Root", Type: "ROOT"}
	if u := o.units[id]; u != nil {
		shape.Name, shape.Type = u.name, "ORGANIZATIONAL_UNIT"
	}
	if m := o.accounts[id]; m != nil {
		shape.Name, shape.Type = m.name, "ACCOUNT"
	}
	return shape
}

func (s *Service) listTargets(_ context.Context, c *gateway.Call, in *targetsIn) (*targetsOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	if o.policies[in.PolicyId] == nil {
		return nil, noPolicy()
	}
	out := &targetsOut{Targets: []targetShape{}}
	for _, id := range o.targetsOf(in.PolicyId) {
		out.Targets = append(out.Targets, o.target(id))
	}
	out.Targets, out.listed, err = page(in.paging, out.Targets, func(t targetShape) string { return t.TargetId })
	return out, err
}

func (s *Service) listForTarget(_ context.Context, c *gateway.Call, in *forTargetIn) (*listPoliciesOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	if !o.has(in.TargetId) {
		return nil, failure("TargetNotFoundException", "You specified a target that does not exist.")
	}
	return o.policyPage(o.on(in.TargetId, in.Filter), in.paging)
}

package organizations

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

const maxPolicies = 1000

// The wire structures of policies.
type (
	summaryShape struct {
		Id, Arn, Name, Description, Type string
		AwsManaged                       bool
	}
	policyShape struct {
		PolicySummary summaryShape
		Content       string
	}
	policyOut   struct{ Policy policyShape }
	newPolicyIn struct {
		Content, Description, Name, Type string
		Tags                             []tag
	}
	updatePolicyIn struct {
		PolicyId                   string
		Name, Description, Content *string
	}
	policyIn       struct{ PolicyId string }
	listPoliciesIn struct {
		Filter string
		paging
	}
	listPoliciesOut struct {
		Policies []summaryShape
		listed
	}
)

func (o *organization) summary(p *policy) summaryShape {
	return summaryShape{p.id, o.policyARN(p), p.name, p.description, p.kind, p.aws}
}

func (s *Service) policyOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreatePolicy", withTags(s.onNewPolicy, func(in *newPolicyIn) []tag { return in.Tags }), s.createPolicy),
		gateway.Op("UpdatePolicy", func(_ context.Context, c *gateway.Call, in *updatePolicyIn) ([]gateway.Access, error) {
			return s.onPolicy(c, in.PolicyId, "")
		}, s.updatePolicy),
		gateway.Op("DeletePolicy", func(_ context.Context, c *gateway.Call, in *policyIn) ([]gateway.Access, error) {
			return s.onPolicy(c, in.PolicyId, "")
		}, s.deletePolicy),
		gateway.Op("DescribePolicy", func(_ context.Context, c *gateway.Call, in *policyIn) ([]gateway.Access, error) {
			return s.onPolicy(c, in.PolicyId, "")
		}, s.describePolicy),
		gateway.Op("ListPolicies", func(_ context.Context, _ *gateway.Call, in *listPoliciesIn) ([]gateway.Access, error) {
			return []gateway.Access{{Resource: "*", Context: map[string][]string{"organizations:PolicyType": {in.Filter}}}}, checkType(in.Filter)
		}, s.listPolicies),
	}
}

// onNewPolicy demands the action on the policies of the type: the new one has no id yet.
func (s *Service) onNewPolicy(_ context.Context, c *gateway.Call, in *newPolicyIn) ([]gateway.Access, error) {
	if err := checkType(in.Type); err != nil {
		return nil, err
	}
	a := gateway.Access{Resource: "*", Context: map[string][]string{"organizations:PolicyType": {in.Type}}}
	if o := s.world.Load().byAccount[c.Caller.Account]; o != nil {
		a.Resource = o.policyARN(&policy{id: "*", kind: in.Type})
	}
	return []gateway.Access{a}, nil
}

// policyKinds are what the policy language calls the types.
var policyKinds = map[string]iam.PolicyKind{scpType: iam.ServiceControlPolicy, rcpType: iam.ResourceControlPolicy}

// checkContent refuses what AWS refuses, so that whatever is stored can be evaluated.
func checkContent(name, kind, content string) error {
	if errs := iam.CheckSource(name, []byte(content), policyKinds[kind]); len(errs) > 0 {
		return constraint("POLICY_CONTENT_LIMIT_EXCEEDED", "%s", errs[0].Message)
	}
	doc, err := iam.Parse(name, []byte(content))
	if err != nil {
		return failure("MalformedPolicyDocumentException", "The provided policy document does not meet the requirements of the specified policy type. (%v)", err)
	}
	if errs := doc.Validate(policyKinds[kind]); len(errs) > 0 {
		return failure("MalformedPolicyDocumentException", "The provided policy document does not meet the requirements of the specified policy type. (%v)", errs[0])
	}
	return nil
}

func checkTexts(name, description string) error {
	if name == "" || len(name) > 128 {
		return invalid("MAX_LENGTH_EXCEEDED: the name of a policy has 1 to 128 characters.")
	}
	if len(description) > 512 {
		return invalid("MAX_LENGTH_EXCEEDED: the description of a policy has at most 512 characters.")
	}
	return nil
}

// mustBeOnlyPolicy gives AWS's error when there is another policy of that name.
func (o *organization) mustBeOnlyPolicy(name, kind, self string) error {
	for _, p := range o.policies {
		if p.name == name && p.kind == kind && p.id != self {
			return failure("DuplicatePolicyException", "A policy with the same name already exists.")
		}
	}
	return nil
}

func (s *Service) createPolicy(ctx context.Context, c *gateway.Call, in *newPolicyIn) (*policyOut, error) {
	id, err := s.newID("p-", 10)
	if err != nil {
		return nil, err
	}
	err = s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		p := &policy{id: id, kind: in.Type, name: in.Name, description: in.Description, content: in.Content}
		if err := insertPolicy(ctx, tx, o, p); err != nil {
			return err
		}
		return putTags(ctx, tx, o, id, in.Tags)
	})
	if err != nil {
		return nil, err
	}
	return s.describePolicy(ctx, c, &policyIn{id})
}

// insertPolicy checks a new policy and stores it.
func insertPolicy(ctx context.Context, tx *store.Tx, o *organization, p *policy) error {
	if err := checkTexts(p.name, p.description); err != nil {
		return err
	}
	if err := checkContent(p.name, p.kind, p.content); err != nil {
		return err
	}
	if err := o.mustBeOnlyPolicy(p.name, p.kind, ""); err != nil {
		return err
	}
	if len(o.policies) >= maxPolicies {
		return constraint("POLICY_NUMBER_LIMIT_EXCEEDED", "an organization has at most %d policies.", maxPolicies)
	}
	return exec(ctx, tx, `INSERT INTO org_policies (id, org, type, name, description, content) VALUES (?, ?, ?, ?, ?, ?)`,
		p.id, o.id, p.kind, p.name, p.description, p.content)
}

func noPolicy() error {
	return failure("PolicyNotFoundException", "We can't find a policy with the PolicyId that you specified.")
}

// own gives a policy that is not AWS's.
func (o *organization) own(id string) (*policy, error) {
	p := o.policies[id]
	if p == nil {
		return nil, noPolicy()
	}
	if p.aws {
		return nil, invalid("IMMUTABLE_POLICY: You can't change an AWS managed policy.")
	}
	return p, nil
}

func (s *Service) updatePolicy(ctx context.Context, c *gateway.Call, in *updatePolicyIn) (*policyOut, error) {
	err := s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		p, err := o.own(in.PolicyId)
		if err != nil {
			return err
		}
		changed := *p
		for _, t := range []struct {
			to   *string
			from *string
		}{{&changed.name, in.Name}, {&changed.description, in.Description}, {&changed.content, in.Content}} {
			if t.from != nil {
				*t.to = *t.from
			}
		}
		return updatePolicy(ctx, tx, o, &changed)
	})
	if err != nil {
		return nil, err
	}
	return s.describePolicy(ctx, c, &policyIn{in.PolicyId})
}

func updatePolicy(ctx context.Context, tx *store.Tx, o *organization, p *policy) error {
	if err := checkTexts(p.name, p.description); err != nil {
		return err
	}
	if err := checkContent(p.name, p.kind, p.content); err != nil {
		return err
	}
	if err := o.mustBeOnlyPolicy(p.name, p.kind, p.id); err != nil {
		return err
	}
	return exec(ctx, tx, `UPDATE org_policies SET name = ?, description = ?, content = ? WHERE id = ?`, p.name, p.description, p.content, p.id)
}

func (s *Service) deletePolicy(ctx context.Context, c *gateway.Call, in *policyIn) (*empty, error) {
	return &empty{}, s.change(ctx, func(tx *store.Tx, w *world) error {
		o, err := w.managed(c)
		if err != nil {
			return err
		}
		p, err := o.own(in.PolicyId)
		if err != nil {
			return err
		}
		if len(o.targetsOf(p.id)) > 0 {
			return failure("PolicyInUseException", "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation.")
		}
		if err := putTags(ctx, tx, o, p.id, nil); err != nil {
			return err
		}
		return exec(ctx, tx, `DELETE FROM org_policies WHERE id = ?`, p.id)
	})
}

func (s *Service) describePolicy(_ context.Context, c *gateway.Call, in *policyIn) (*policyOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	p := o.policies[in.PolicyId]
	if p == nil {
		return nil, noPolicy()
	}
	return &policyOut{policyShape{o.summary(p), p.content}}, nil
}

func (s *Service) listPolicies(_ context.Context, c *gateway.Call, in *listPoliciesIn) (*listPoliciesOut, error) {
	o, err := s.managed(c)
	if err != nil {
		return nil, err
	}
	list := slices.DeleteFunc(slices.Collect(maps.Values(o.policies)), func(p *policy) bool { return p.kind != in.Filter })
	return o.policyPage(list, in.paging)
}

func (o *organization) policyPage(list []*policy, p paging) (out *listPoliciesOut, err error) {
	out = &listPoliciesOut{Policies: []summaryShape{}}
	for _, p := range slices.SortedFunc(slices.Values(list), func(a, b *policy) int { return cmp.Compare(a.id, b.id) }) {
		out.Policies = append(out.Policies, o.summary(p))
	}
	out.Policies, out.listed, err = page(p, out.Policies, func(s summaryShape) string { return s.Id })
	return out, err
}

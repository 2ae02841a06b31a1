package proof

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/plan"
)

// s3Prefix begins the ARN of a bucket, and of an object.
const s3Prefix = "arn:aws:s3:::"

// maxTagged bounds the combinations of tag values that are tried.
const maxTagged = 1024

// resource answers about one resource of a call.
func (p *stageProver) resource(c *plan.Call, role *plan.Role, s *subject, r plan.Resource) (answer, error) {
	switch {
	case r.ARN == "*":
		return p.unscopable(c, role, s)
	case len(r.Tags) > 0:
		return p.tagged(c, role, s, r)
	case r.Pattern != "" || r.Account != "" || isKey(c.Action):
		return p.patterned(c, role, s, r)
	}
	// The release does not say which other tags a node named by id carries; documents get none.
	tagsKnown := r.Type != "instance" && r.Type != "managed-instance"
	return p.ask(c, role, s, r.ARN, nil, tagsKnown).answer()
}

func (p *stageProver) ask(c *plan.Call, role *plan.Role, s *subject, arn string, tags map[string]string, tagsKnown bool) question {
	context := with(roleContext(p.stage, role), tagContext(c.Action, tags))
	if c.Role == plan.KindNode && strings.Contains(arn, ":instance/") {
		context["ssm:SourceInstanceARN"], context["ec2:SourceInstanceARN"] = []string{arn}, []string{arn}
	}
	if c.PassedTo != "" {
		context[plan.PassedToKey] = []string{c.PassedTo}
	}
	account := p.stage.Account
	if c.When == plan.OnBuild {
		account = role.Account
		atBuild(context, role, arn)
	}
	return question{
		set: s.own(), doubt: doubt{known: knowing(c.Action, context, tagsKnown), action: c.Action}, unknown: s.unknownOf(false), openings: s.openings, display: arn,
		request: iam.Request{
			Principal: principalOf(role), Action: c.Action, Resource: arn, Account: account,
			Context: iam.NewContext(context),
		},
	}
}

// atBuild sets what a call of CodeBuild's has differently: it is made where the project is, in a region that may be unknown.
func atBuild(context map[string][]string, role *plan.Role, arn string) {
	context["aws:ResourceAccount"] = []string{role.Account}
	region := strings.Split(arn, ":")[3]
	context["aws:RequestedRegion"] = []string{region}
	if region == string(anyText) {
		delete(context, "aws:RequestedRegion")
	}
}

// patterned answers about a resource of which not every one is known by name, or that another account owns. Where a
// policy decides by the name, and that matters, the answer is undecided.
func (p *stageProver) patterned(c *plan.Call, role *plan.Role, s *subject, r plan.Resource) (answer, error) {
	q := p.ask(c, role, s, strings.ReplaceAll(r.ARN, "*", string(anyText)), nil, false)
	q.display = r.ARN
	bucket, _, _ := strings.Cut(strings.TrimPrefix(r.ARN, s3Prefix), "/")
	if strings.HasPrefix(r.ARN, s3Prefix) {
		found := p.buckets.of(bucket)
		q.set.Resource, q.unknown = found.policy, slices.Concat(q.unknown, found.doubts)
		q.openings = q.openings.with(p.buckets.openings)
	}
	notGiven := r.Account != "" && strings.HasPrefix(r.ARN, s3Prefix) && q.set.Resource == nil
	if notGiven {
		q.set.Resource = iam.AllowEveryone("the policy of bucket " + bucket) // whether the role's half is there can be told all the same
	}
	elsewhere := r.Account != "" && !strings.HasPrefix(r.ARN, s3Prefix)
	if r.Account != "" && !elsewhere {
		q.request.Account = r.Account
		q.request.Context = iam.NewContext(with(roleContext(p.stage, role), map[string][]string{"aws:ResourceAccount": {r.Account}}))
	}
	if isKey(c.Action) {
		var err error
		if q.set.Resource, err = delegating(p.stage.Account); err != nil {
			return answer{}, err
		}
	}
	if r.Pattern != "" {
		q.nodes = &nodes{shapes: []string{q.request.Resource}, what: r.ARN, context: q.request.Context}
	}
	a, err := q.answer()
	if err != nil {
		return answer{}, err
	}
	plain := func(text string) string { return strings.ReplaceAll(text, string(anyText), "*") }
	for i := range a.nearest {
		a.nearest[i] = plain(a.nearest[i])
	}
	a.why = plain(a.why)
	switch {
	case a.verdict != Proved:
	case notGiven:
		a.verdict, a.why = Undecided, fmt.Sprintf("it depends on the policy of bucket %s, which account %s owns and nobody gave: write it as "+
			"%[2]s/bucket-%[1]s.json; slipway roles render does", bucket, r.Account)
	case elsewhere: // which policy that is, if the service has any, is not among what is given
		a.warnings = append(a.warnings, fmt.Sprintf("%s on %s: account %s owns it, and must allow it as well", c.Action, r.ARN, r.Account))
	case isKey(c.Action):
		a.warnings = append(a.warnings, fmt.Sprintf("%s on %s: the key's policy must let the account's IAM policies decide, as the default one does",
			c.Action, r.ARN))
	}
	if a.verdict == Refuted && r.Account != "" && !elsewhere && !a.addable {
		a.why += fmt.Sprintf("; account %s owns bucket %s, and its policy must allow it as well: slipway roles render writes it", r.Account, bucket)
	}
	return a, nil
}

// isKey says whether an action is on a key of KMS, to which nobody has access that its policy does not let in.
func isKey(action string) bool { return strings.HasPrefix(action, "kms:") }

// delegating is the policy of a resource that leaves the decision to the IAM policies of an account.
func delegating(account string) (*iam.Policy, error) {
	return iam.Compile(&iam.Document{Name: "the resource's policy", Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: iam.Allow, Actions: []string{"*"}, Resources: []string{"*"},
		Principals: []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{"arn:aws:iam::" + account + ":root"}}},
	}}})
}

// unscopable answers about an action without resource types. AWS documents * as the one resource that matches; its
// denials name everything of the service in the region and account. What only the second allows is accepted with a
// warning, and anything narrower is not (R2).
func (p *stageProver) unscopable(c *plan.Call, role *plan.Role, s *subject) (answer, error) {
	service, _, _ := strings.Cut(c.Action, ":")
	everything := "arn:aws:" + service + ":" + p.stage.Region + ":" + p.stage.Account + ":*"
	q := p.ask(c, role, s, everything, nil, true)
	q.display = "*"
	a, err := q.answer()
	if err != nil || a.verdict == Undecided {
		return a, err
	}
	if a.verdict == Refuted {
		if reason, ok := catalog.Unscopable(c.Action); ok && a.narrower {
			a.why += "; " + reason
		}
		return a, nil
	}
	star := p.ask(c, role, s, "*", nil, true)
	documented, err := star.answer()
	if err != nil {
		return answer{}, err
	}
	if documented.verdict != Proved {
		a.warnings = append(a.warnings, fmt.Sprintf("%s is allowed on a pattern narrower than *: "+
			"it matches %s, which AWS's denials name and its documentation does not; write *", c.Action, everything))
	}
	return a, nil
}

// tagged answers about nodes that are found by tags. They have the required tags, and it is not known which others;
// nor which nodes they are: where a policy decides by more than the tags, and that matters, the answer is undecided.
func (p *stageProver) tagged(c *plan.Call, role *plan.Role, s *subject, r plan.Resource) (answer, error) {
	combinations := tagCombinations(r.Tags)
	if combinations == nil {
		return answer{verdict: Undecided, why: fmt.Sprintf("more than %d combinations of tag values", maxTagged)}, nil
	}
	worst := answer{verdict: Proved}
	for _, tags := range combinations {
		q := p.ask(c, role, s, strings.TrimSuffix(r.ARN, "*")+representative, tags, false)
		q.nodes = newNodes(r)
		q.nodes.context = q.request.Context
		known := q.known
		q.known = func(key string) bool { return known(key) && !sourceInstance(key) }
		a, err := q.answer()
		if err != nil {
			return answer{}, err
		}
		if a.verdict.worse(worst.verdict) != worst.verdict {
			worst = a
		}
	}
	for i := range worst.nearest {
		worst.nearest[i] = strings.ReplaceAll(worst.nearest[i], representative, "*")
	}
	worst.why = strings.ReplaceAll(worst.why, representative, "*")
	return worst, nil
}

// sourceInstance says whether a key's value is the node that makes a call by itself.
func sourceInstance(key string) bool {
	return strings.EqualFold(key, "ssm:SourceInstanceARN") || strings.EqualFold(key, "ec2:SourceInstanceARN")
}

// tagCombinations lists every way to choose one value of each tag; nil when there are too many.
func tagCombinations(tags []plan.Tag) []map[string]string {
	combinations := []map[string]string{{}}
	for _, t := range tags {
		if len(combinations)*len(t.Values) > maxTagged {
			return nil
		}
		var next []map[string]string
		for _, c := range combinations {
			for _, v := range t.Values {
				chosen := map[string]string{t.Key: v}
				for key, value := range c {
					chosen[key] = value
				}
				next = append(next, chosen)
			}
		}
		combinations = next
	}
	return combinations
}

func tagText(tags []plan.Tag) string {
	parts := make([]string, 0, len(tags))
	for _, t := range tags {
		parts = append(parts, t.Key+"="+strings.Join(t.Values, "|"))
	}
	return strings.Join(parts, ", ")
}

// sourceKey says whether a key tells for whom a service makes a call.
func sourceKey(key string) bool { return strings.HasPrefix(strings.ToLower(key), "aws:source") }

// onBehalf warns where a command may be queued and then not delivered. AWS checks SendCommand a second time, in its
// own name and after it has answered: its user guide ("Setting up Run Command") demands, of policies with global
// condition keys, a statement for calls with aws:ViaAWSService.
//
// uncertain: which keys that second check has; taken are the principal's and the tags.
func (p *stageProver) onBehalf(role *plan.Role, s *subject, c *plan.Call, r plan.Resource) []string {
	tags := map[string]string{}
	for _, t := range r.Tags {
		tags[t.Key] = t.Values[0]
	}
	arn := r.ARN
	if len(r.Tags) > 0 {
		arn = strings.TrimSuffix(arn, "*") + representative
	}
	context := with(tagContext(c.Action, tags), map[string][]string{
		"aws:ViaAWSService": {"true"}, "aws:PrincipalArn": {role.ARN()}, "aws:PrincipalAccount": {role.Account},
		"aws:PrincipalType": {"AssumedRole"},
	})
	d := s.own().Evaluate(&iam.Request{
		Principal: principalOf(role), Action: c.Action, Resource: arn, Account: p.stage.Account, Context: iam.NewContext(context),
	})
	if d.Outcome == iam.Allowed {
		return nil
	}
	return []string{c.Action + " on " + r.ARN + " hangs on global condition keys: AWS checks it again in its own name, " +
		"and documents that a further statement must allow it on condition that aws:ViaAWSService is true"}
}

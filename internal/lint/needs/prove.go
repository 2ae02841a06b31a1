package needs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/roles"
)

// Rules are what is found when a pipeline is held against its role.
var Rules = []finding.Rule{deniedRule, undecidedRule}

var (
	deniedRule = finding.Rule{
		Code: "SLW147", Name: "role-may-not", Severity: finding.Error, Subject: finding.Workflow,
		Title: "A pipeline makes a call that its role may not make.", Why: "The call is denied in every run, and a script that swallows the error never tells.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
		Fix:    "add the statement to the role", Requirements: []string{"R5", "R15"},
	}
	undecidedRule = finding.Rule{
		Code: "SLW148", Name: "role-undecided", Severity: finding.Info, Subject: finding.Workflow,
		Title: "Whether a role may make a call of a pipeline cannot be told from files.", Why: "It depends on what only a run, or a policy that is not here, decides.",
		Source: "https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html",
		Fix:    "write out what the call is made on, or give the policy that is missing", Requirements: []string{"R15"},
	}
)

// shared are services whose resources can have policies of their own, which allow what no policy of the role does.
var shared = []string{
	"s3", "lambda", "sns", "sqs", "kms", "secretsmanager", "ecr", "dynamodb", "kinesis", "events", "logs", "sts", "iam", "glacier",
	"elasticfilesystem", "es", "apigateway", "backup", "codeartifact", "codebuild", "glue", "kafka", "ses", "ram", "vpc-lattice", "execute-api",
}

// Prove holds a pipeline's needs against a role of a set, found by its name: calls that are made with it, and those of
// which files do not tell with what. The error says that the role is not in the set, or that a policy does not compile.
func (n *Needs) Prove(set *roles.Set, name string) ([]finding.Finding, error) {
	at := slices.IndexFunc(set.Roles, func(r roles.Role) bool { return r.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("no role %s is given", name)
	}
	j := judge{role: &set.Roles[at]}
	if err := j.prepare(); err != nil {
		return nil, err
	}
	var found []finding.Finding
	for i := range n.Needs {
		need := &n.Needs[i]
		if need.Role != "" && pipelines.RoleName(need.Role) != name {
			continue
		}
		if f, ok, err := j.finding(need); err != nil {
			return nil, err
		} else if ok {
			found = append(found, f)
		}
	}
	finding.Sort(found)
	return found, nil
}

// judge asks about one role.
type judge struct {
	role      *roles.Role
	documents []*iam.Document
	// missing are attached policies whose text is not given.
	missing []string
}

func (j *judge) prepare() error {
	for _, p := range j.role.Policies {
		j.documents = append(j.documents, p.Document)
	}
	for _, a := range j.role.Attached {
		if a.Document == nil {
			j.missing = append(j.missing, a.ARN)
			continue
		}
		j.documents = append(j.documents, a.Document)
	}
	for _, d := range j.documents {
		if d == nil {
			return fmt.Errorf("role %s has a policy without a text", j.role.Name)
		}
		if _, err := iam.Compile(d); err != nil {
			j.missing = append(j.missing, d.Name) // a template's, that only a deploy knows
		}
	}
	return nil
}

func (j *judge) finding(need *Need) (finding.Finding, bool, error) {
	a := *need
	for i, r := range a.Resources {
		a.Resources = slices.Clone(a.Resources)
		a.Resources[i] = j.here(r)
	}
	for _, resource := range a.Resources {
		best, err := j.ask(&a, resource, true)
		if err != nil {
			return finding.Finding{}, false, err
		}
		worst, err := j.ask(&a, resource, false)
		if err != nil {
			return finding.Finding{}, false, err
		}
		if f, ok := j.tell(&a, resource, best, worst); ok {
			return f, true, nil
		}
	}
	return finding.Finding{}, false, nil
}

// here fills in the role's account where files do not tell another.
func (j *judge) here(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[4] == "*" {
		parts[4] = j.role.Account
	}
	return strings.Join(parts, ":")
}

// tell makes a finding of two answers: with all that is unknown for the call, and with all of it against.
func (j *judge) tell(need *Need, resource string, best, worst iam.Decision) (finding.Finding, bool) {
	fix := fmt.Sprintf(`{"Effect": "Allow", "Action": %q, "Resource": %q}`, need.Action, resource)
	denied := best.Outcome == iam.ExplicitlyDenied
	service, _, _ := strings.Cut(need.Action, ":")
	what := fmt.Sprintf("%s needs %s on %s", need.Command, need.Action, resource)
	switch {
	case worst.Outcome == iam.Allowed:
		return finding.Finding{}, false
	case denied:
		return j.at(&deniedRule, need, "take the denial out", "%s, and role %s may not: statement %s denies it", what, j.role.Name, best.Decisive[0].Statement), true
	case best.Outcome == iam.Allowed:
		return j.at(&undecidedRule, need, "", "%s: whether role %s may depends on what only a run decides", what, j.role.Name), true
	case len(j.missing) > 0:
		return j.at(&undecidedRule, need, "", "%s: role %s may not, unless %s, whose text is not here, allows it", what, j.role.Name, strings.Join(j.missing, ", ")), true
	case slices.Contains(shared, service) && resource != "*":
		return j.at(&undecidedRule, need, fix, "%s: role %s may not, unless the resource's own policy allows it", what, j.role.Name), true
	}
	return j.at(&deniedRule, need, fix, "%s, and role %s may not: no policy of it allows that", what, j.role.Name), true
}

func (j *judge) at(rule *finding.Rule, need *Need, fix, format string, args ...any) finding.Finding {
	f := rule.At(need.Place.File, need.Place.Line, need.Place.Column, fix, format, args...)
	f.Role = j.role.Name
	return f
}

// ask evaluates a call with all that is unknown for it, or against it.
func (j *judge) ask(need *Need, resource string, favourable bool) (iam.Decision, error) {
	set := &iam.PolicySet{}
	for _, d := range j.documents {
		if p, err := iam.Compile(bound(d, need, resource, favourable)); err == nil {
			set.Identity = append(set.Identity, p)
		}
	}
	if j.role.Boundary != nil {
		p, err := iam.Compile(bound(j.role.Boundary, need, resource, favourable))
		if err != nil {
			return iam.Decision{}, fmt.Errorf("boundary of role %s: %w", j.role.Name, err)
		}
		set.Boundary = p
	}
	principal, err := iam.ParsePrincipal("arn:aws:sts::" + j.role.Account + ":assumed-role/" + j.role.Name + "/pipeline")
	if err != nil {
		return iam.Decision{}, err
	}
	return set.Evaluate(&iam.Request{Principal: principal, Action: need.Action, Resource: resource, Account: j.role.Account, Context: context(need)}), nil
}

func context(need *Need) iam.Context {
	values := map[string][]string{"aws:SecureTransport": {"true"}}
	if need.Region != "" {
		values["aws:RequestedRegion"] = []string{need.Region}
	}
	return iam.NewContext(values)
}

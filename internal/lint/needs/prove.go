package needs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/finding"
	"github.com/slipway-cd/slipway/internal/lint/pipelines"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/given"
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

// Prove holds a pipeline's needs against the roles of a set: calls against the role that they are made with, and those of
// which files do not tell the role against the one of this name. A role that is not in the set is not known, and so are the
// calls that are made with it; that is told once a role.
func (n *Needs) Prove(set *roles.Set, name string) []finding.Finding {
	var found []finding.Finding
	judges := map[string]*judge{}
	for i := range n.Needs {
		need := &n.Needs[i]
		j, known := judges[need.Role]
		if !known {
			role, why := match(set, need.Role, name)
			if role != nil {
				j = newJudge(role, need.Role)
			} else {
				found = append(found, undecidedRule.At(need.Place.File, need.Place.Line, need.Place.Column, "give it, or name it with --role",
					"%s needs %s, and %s", need.Command, need.Action, why))
			}
			judges[need.Role] = j
		}
		if j == nil {
			continue
		}
		if f, ok := j.finding(need); ok {
			found = append(found, f)
		}
	}
	finding.Sort(found)
	return found
}

// judge asks about one role.
type judge struct {
	role *roles.Role
	// account of the role; * where neither its file nor the pipeline tells it.
	account   string
	documents []*iam.Document
	boundary  *iam.Document
	// unbounded says that there is a boundary, and only a deploy knows what it is.
	unbounded bool
	// missing are policies whose text is not given, and those of which only a deploy knows all of it.
	missing []string
}

func newJudge(role *roles.Role, arn string) *judge {
	j := &judge{role: role, account: cmp.Or(role.Account, asked{entry: pipelines.Entry{Role: arn}}.account())}
	take := func(name string, d *iam.Document) {
		if d == nil {
			j.missing = append(j.missing, given.Shown(name)+", whose text is not here")
			return
		}
		if _, err := iam.Compile(d); err != nil { // a template's
			j.missing = append(j.missing, given.Shown(name)+", of which only a deploy knows all (--account and --parameter tell more)")
			return
		}
		j.documents = append(j.documents, d)
	}
	for _, p := range role.Policies {
		take(p.Name, p.Document)
	}
	for _, a := range role.Attached {
		take(a.ARN, a.Document)
	}
	if role.Boundary != nil {
		if _, err := iam.Compile(role.Boundary); err != nil {
			j.unbounded = true
		} else {
			j.boundary = role.Boundary
		}
	}
	return j
}

func (j *judge) finding(need *Need) (finding.Finding, bool) {
	for _, resource := range need.Resources {
		resource = j.here(resource)
		if f, ok := j.tell(need, resource, j.ask(need, resource, true), j.ask(need, resource, false)); ok {
			return f, true
		}
	}
	return finding.Finding{}, false
}

// here fills in the role's account where files do not tell another.
func (j *judge) here(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) == 6 && parts[4] == "*" {
		parts[4] = j.account
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
	case worst.Outcome == iam.Allowed && j.unbounded:
		return j.at(&undecidedRule, need, "", "%s: role %s may, unless its permissions boundary, whose text is not here, keeps it from that", what, j.role.Name), true
	case worst.Outcome == iam.Allowed:
		return finding.Finding{}, false
	case denied:
		return j.at(&deniedRule, need, "take the denial out", "%s, and role %s may not: statement %s denies it", what, j.role.Name, best.Decisive[0].Statement), true
	case best.Outcome == iam.Allowed:
		return j.at(&undecidedRule, need, "", "%s: whether role %s may depends on what only a run decides", what, j.role.Name), true
	case len(j.missing) > 0:
		return j.at(&undecidedRule, need, "", "%s: role %s may not, unless %s allows it", what, j.role.Name, strings.Join(j.missing, ", or ")), true
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
func (j *judge) ask(need *Need, resource string, favourable bool) iam.Decision {
	compiled := func(d *iam.Document) *iam.Policy {
		p, err := iam.Compile(bound(d, need, resource, favourable))
		if err != nil {
			return nil // newJudge compiled the document; what bound makes of it has fewer conditions
		}
		return p
	}
	set := &iam.PolicySet{}
	for _, d := range j.documents {
		if p := compiled(d); p != nil {
			set.Identity = append(set.Identity, p)
		}
	}
	if j.boundary != nil {
		if set.Boundary = compiled(j.boundary); set.Boundary == nil {
			return iam.Decision{} // denied
		}
	}
	account := j.account
	if account == "*" { // some account, which is that of the call
		account = "000000000000"
	}
	principal, err := iam.ParsePrincipal("arn:aws:sts::" + account + ":assumed-role/" + j.role.Name + "/pipeline")
	if err != nil {
		return iam.Decision{}
	}
	return set.Evaluate(&iam.Request{Principal: principal, Action: need.Action, Resource: resource, Account: account, Context: context(need)})
}

func context(need *Need) iam.Context {
	values := map[string][]string{"aws:SecureTransport": {"true"}}
	if need.Region != "" {
		values["aws:RequestedRegion"] = []string{need.Region}
	}
	return iam.NewContext(values)
}

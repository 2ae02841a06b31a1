package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
	"github.com/slipway-cd/slipway/internal/release"
	"github.com/slipway-cd/slipway/internal/runbook"
)

// automation is a step of the release while it is planned.
type automation struct {
	stage   *Stage
	release *release.Release
	of      *release.Automation
	doc     *runbook.Document
	needs   *runbook.Needs
	calls   []Call
}

// addAutomation plans a step that starts a runbook, and gives what the runbook's own steps do with its role (R43).
func (s *Stage) addAutomation(r *release.Release, of *release.Automation) ([]Call, error) {
	doc, err := runbook.Parse([]byte(of.Content))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", of.Document, err)
	}
	if doc.Type != runbook.Automation {
		return nil, fmt.Errorf("%s: it has schema %q, and a runbook has 0.3", of.Document, doc.Schema)
	}
	role := s.stepRole(r, KindAutomation, "Lets the release's runbooks do what their steps say, and nothing else.")
	role.Source = "arn:aws:ssm:*:" + s.Account + ":automation-execution/*"
	a := &automation{stage: s, release: r, of: of, doc: doc, needs: doc.Needs()}
	parameters, err := a.parameters(role.ARN())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", of.Document, err)
	}
	if err := a.roleCalls(); err != nil {
		return nil, err
	}
	name := r.App + "-" + s.Name + "-" + of.Name
	if prefix := release.ReservedPrefix(name); prefix != "" {
		return nil, fmt.Errorf("document name %s: SSM reserves names that begin with %s: rename the app", name, prefix)
	}
	sum := sha256.Sum256([]byte(of.Content))
	s.Automations = append(s.Automations, Automation{
		Name: of.Name, After: len(s.Steps), Timeout: seconds(of.Timeout), Parameters: parameters, Source: of.Document,
		Own: &Document{Name: name, Content: of.Content, Hash: hex.EncodeToString(sum[:])},
	})
	return a.calls, nil
}

// stepRole is the role of the stage that a kind of step works with, made for the first of them.
func (s *Stage) stepRole(r *release.Release, kind RoleKind, purpose string) *Role {
	if role := s.role(kind); role != nil {
		return role
	}
	role := Role{Kind: kind, Account: s.Account, Name: r.App + "-" + s.Name + "-" + string(kind), Path: rolePath(r), Purpose: purpose}
	if b := r.Roles.Boundary; b != nil {
		role.Boundary = "arn:aws:iam::" + s.Account + ":policy/" + b.Name
	}
	s.Roles = append(s.Roles, role)
	return s.role(kind)
}

// onlyReference is a text that is one parameter.
var onlyReference = regexp.MustCompile(`^\s*\{\{\s*([A-Za-z0-9_]+)\s*\}\}\s*$`)

// parameters are those of StartAutomationExecution. The runbook must take its role by a parameter: without one it would run
// with the permissions of whoever starts it.
func (a *automation) parameters(role string) (map[string][]string, error) {
	m := []string(nil)
	if a.doc.AssumeRole != nil {
		m = onlyReference.FindStringSubmatch(a.doc.AssumeRole.Text)
	}
	if m == nil || a.doc.Parameter(m[1]) == nil {
		return nil, fmt.Errorf(`its assumeRole is no parameter, so that slipway cannot give it its role: write assumeRole: "{{ AutomationAssumeRole }}", and ` +
			"the parameter AutomationAssumeRole of type AWS::IAM::Role::Arn")
	}
	values := map[string][]string{m[1]: {role}}
	for _, p := range a.of.Parameters {
		taken := a.doc.Parameter(p.Name)
		switch {
		case taken == nil:
			return nil, fmt.Errorf("it has no parameter %s", p.Name)
		case p.Name == m[1]:
			return nil, fmt.Errorf("parameter %s names its role, which slipway gives it: leave it out", p.Name)
		case !allows(taken, p.Value):
			return nil, fmt.Errorf("parameter %s does not take %q", p.Name, p.Value)
		}
		values[p.Name] = []string{p.Value}
	}
	for i := range a.doc.Parameters {
		if p := &a.doc.Parameters[i]; p.Default == nil && values[p.Name] == nil {
			return nil, fmt.Errorf("its parameter %s has no default, and the step gives it no value", p.Name)
		}
	}
	return values, nil
}

// allows says whether a parameter takes a value, as far as that is known here: a pattern that only Java reads is Systems
// Manager's to check.
func allows(p *runbook.Parameter, value string) bool {
	if len(p.Values) > 0 {
		return slices.ContainsFunc(p.Values, func(v *runbook.Node) bool { return v.Text == value })
	}
	if p.Pattern == nil {
		return true
	}
	re, err := regexp.Compile(p.Pattern.Text)
	return err != nil || re.MatchString(value)
}

// roleCalls are the calls of the runbook's steps, one for each action.
func (a *automation) roleCalls() error {
	if len(a.needs.Undecided) > 0 && !a.of.HasRole {
		u := a.needs.Undecided[0]
		return fmt.Errorf("%s:%d: step %s: %s: say in the release what it needs, with role: {allow: […]}, or role: {} if that is nothing",
			a.of.Document, u.Step.At.Line, u.Step.Name, u.Why)
	}
	for _, need := range a.needs.List {
		if need.Sure == runbook.Possible || a.has(need.Action) {
			continue
		}
		resources, err := a.resources(need)
		if err != nil {
			return err
		}
		if resources == nil && need.Sure == runbook.Needed {
			return fmt.Errorf("%s:%d: step %s (%s) needs %s, and on which resource is not told: add to the step's role in %s: allow: [{action: %s, resource: …}]",
				a.of.Document, need.Step.At.Line, need.Step.Name, need.Step.Action, need.Action, a.release.File, need.Action)
		}
		if resources != nil {
			a.add(need.Action, resources, "Step "+strings.Join(a.stepsOf(need.Action), " and ")+" of "+a.of.Document+" does it.")
		}
	}
	return a.allowed()
}

// allowed adds what the release allows beyond what the steps tell, and refuses what no step can need.
func (a *automation) allowed() error {
	for _, p := range a.of.Allow {
		action := p.Actions[0]
		known, ok := catalog.Lookup(action)
		if ok && a.has(known.String()) {
			continue
		}
		if _, needed := a.needs.Of(action); !needed && len(a.needs.Undecided) == 0 {
			return fmt.Errorf("%s:%d:%d: role allows %s, which no step of %s needs: leave it out", a.release.File, p.Pos.Line, p.Pos.Column, action, a.of.Document)
		}
		resources, err := a.declared(action)
		if err != nil {
			return err
		}
		a.add(known.String(), resources, fmt.Sprintf("The release declares it for the steps of %s (%s:%d:%d).", a.of.Document, a.release.File, p.Pos.Line, p.Pos.Column))
	}
	return nil
}

func (a *automation) has(action string) bool {
	return slices.ContainsFunc(a.calls, func(c Call) bool { return c.Action == action })
}

func (a *automation) add(action string, resources []Resource, reason string) {
	a.calls = append(a.calls, Call{
		ID: a.of.Name, Step: a.of.Name, Role: KindAutomation, Action: action, Resources: resources, When: OnAutomation,
		Often: "as the runbook does", For: needRunbook.sid, Reason: reason, PassedTo: a.passedTo(action),
	})
}

// passedTo is the service to which a step hands a role.
func (a *automation) passedTo(action string) string {
	if action != "iam:PassRole" {
		return ""
	}
	by := map[string]string{
		"aws:createStack": "cloudformation.amazonaws.com", "aws:deleteStack": "cloudformation.amazonaws.com",
		"aws:runInstances": "ec2.amazonaws.com", "aws:runCommand": "ssm.amazonaws.com", "aws:executeAutomation": "ssm.amazonaws.com",
	}
	service := ""
	for _, need := range a.needs.List {
		if to := by[need.Step.Action]; need.Action == action && to != "" {
			if service != "" && service != to {
				return "" // to several: one condition would keep the others out
			}
			service = to
		}
	}
	return service
}

func (a *automation) stepsOf(action string) []string {
	var names []string
	for _, need := range a.needs.List {
		if need.Action == action && need.Sure != runbook.Possible && !slices.Contains(names, need.Step.Name) {
			names = append(names, need.Step.Name)
		}
	}
	return names
}

// declared are the resources that the release gives for an action; nil where it gives none.
func (a *automation) declared(action string) ([]Resource, error) {
	var list []Resource
	for _, p := range a.of.Allow {
		if !strings.EqualFold(p.Actions[0], action) {
			continue
		}
		c, err := a.stage.declared(fmt.Sprintf("%s:%d:%d", a.release.File, p.Pos.Line, p.Pos.Column), p.Actions[0], p.Resources)
		if err == nil {
			err = besideRecord(a.release, &c, "its runbooks")
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d:%d: role: %w", a.release.File, p.Pos.Line, p.Pos.Column, err)
		}
		list = append(list, c.Resources...)
	}
	return list, nil
}

// resources of what a step needs: as the release says; else the stage's own nodes and documents (R48, R51); nil where
// neither tells.
func (a *automation) resources(need runbook.Need) ([]Resource, error) {
	if list, err := a.declared(need.Action); err != nil || list != nil {
		return list, err
	}
	action, ok := catalog.Lookup(need.Action)
	if !ok {
		return nil, fmt.Errorf("%s: %s is no action", a.of.Document, need.Action)
	}
	if len(action.Resources) == 0 {
		return []Resource{{ARN: "*"}}, nil
	}
	switch need.Action {
	case "ssm:SendCommand":
		return a.commands(), nil
	case "ec2:StartInstances", "ec2:StopInstances", "ec2:RebootInstances", "ec2:TerminateInstances":
		return slices.DeleteFunc(a.stage.nodes(), func(r Resource) bool { return r.Type != "instance" }), nil
	case "ssm:StartAutomationExecution":
		documents := a.documentsOf(need.Action)
		if documents == nil {
			return nil, nil
		}
		return append(documents, a.stage.executions()), nil
	case "ssm:GetAutomationExecution", "ssm:StopAutomationExecution":
		return []Resource{a.stage.executions()}, nil
	}
	return nil, nil
}

// commands are the documents that the steps send, and the stage's nodes.
func (a *automation) commands() []Resource {
	documents := a.documentsOf("ssm:SendCommand")
	if documents == nil {
		return nil
	}
	return append(documents, a.stage.nodes()...)
}

// documentsOf are the documents that steps name; nil where one of them is decided while the runbook runs.
func (a *automation) documentsOf(action string) []Resource {
	var list []Resource
	for _, need := range a.needs.List {
		if need.Action != action {
			continue
		}
		name := need.Step.Inputs.Value("DocumentName")
		if !documentName.MatchString(name) {
			return nil
		}
		owner := a.stage.Account
		if strings.HasPrefix(name, "AWS-") || strings.HasPrefix(name, "Amazon") || strings.HasPrefix(name, "AWSSupport") {
			owner = "" // of a document that AWS owns it is empty (R7)
		}
		r := Resource{ARN: "arn:aws:ssm:" + a.stage.Region + ":" + owner + ":document/" + name, Type: "document"}
		if !slices.ContainsFunc(list, func(o Resource) bool { return o.ARN == r.ARN }) {
			list = append(list, r)
		}
	}
	return list
}

// executions are the executions of runbooks in the stage's account and region.
func (s *Stage) executions() Resource {
	return Resource{
		ARN: "arn:aws:ssm:" + s.Region + ":" + s.Account + ":automation-execution/*", Type: "automation-execution",
		Pattern: "the id of an execution is made when it starts",
	}
}

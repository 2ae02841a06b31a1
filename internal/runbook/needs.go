package runbook

import (
	"fmt"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// Certainty says how sure it is that a step needs a permission.
type Certainty int

// A Needed permission is missing where it is not granted. A Useful one is granted by slipway, and neither missing nor too
// much where others decide: pages of AWS differ about it, or only some ways through the step need it. A Possible one is
// needed by some values of the step's inputs only.
const (
	Needed Certainty = iota
	Useful
	Possible
)

// Need is a permission that a step needs.
type Need struct {
	// Action of IAM.
	Action string
	Sure   Certainty
	// Step that needs it, and where its action is written.
	Step Step
	// Source is the page of AWS that this rests on.
	Source string
}

// Undecided is a step whose needs are not known from the document.
type Undecided struct {
	Step Step
	// Why in words, without the step's name.
	Why    string
	Source string
}

// Needs are what a runbook's steps need of the role that it runs with.
type Needs struct {
	List      []Need
	Undecided []Undecided
}

// Of says what the needs have of an action; false where no step needs it.
func (n *Needs) Of(action string) (Need, bool) {
	found, ok := Need{}, false
	for _, need := range n.List {
		if strings.EqualFold(need.Action, action) && (!ok || need.Sure < found.Sure) {
			found, ok = need, true
		}
	}
	return found, ok
}

// guide is where AWS describes the actions of runbooks.
const guide = "https://docs.aws.amazon.com/systems-manager/latest/userguide/"

// action is what is known of an action of runbooks.
type action struct {
	page string
	// needs adds what a step of it needs; nil where that is nothing.
	needs func(*gathering)
}

// actions of runbooks, as the Automation actions reference lists them.
var actions = map[string]action{
	"aws:approve":                    {"automation-action-approve.html", approve},
	"aws:assertAwsResourceProperty":  {"automation-action-assertAwsResourceProperty.html", operation},
	"aws:waitForAwsResourceProperty": {"automation-action-waitForAwsResourceProperty.html", operation},
	"aws:executeAwsApi":              {"automation-action-executeAwsApi.html", operation},
	"aws:branch":                     {"automation-action-branch.html", nil},
	"aws:loop":                       {"automation-action-loop.html", nil},
	"aws:pause":                      {"automation-action-pause.html", nil},
	"aws:sleep":                      {"automation-action-sleep.html", nil},
	"aws:updateVariable":             {"automation-action-update-variable.html", nil},
	"aws:changeInstanceState":        {"automation-action-changestate.html", changeState},
	"aws:copyImage":                  {"automation-action-copyimage.html", fixed("ec2:CopyImage", "ec2:DescribeImages")},
	"aws:createImage":                {"automation-action-create.html", fixed("ec2:CreateImage", "ec2:DescribeImages")},
	"aws:deleteImage":                {"automation-action-delete.html", fixed("ec2:DeregisterImage", "ec2:DescribeImages", "ec2:DeleteSnapshot")},
	"aws:createTags":                 {"automation-action-createtag.html", createTags},
	"aws:createStack":                {"automation-action-createstack.html", createStack},
	"aws:deleteStack":                {"automation-action-deletestack.html", deleteStack},
	"aws:executeAutomation":          {"automation-action-executeAutomation.html", executeAutomation},
	"aws:executeScript":              {"automation-action-executeScript.html", unknown("what its script calls is not known from the document")},
	"aws:executeStateMachine":        {"automation-action-executeStateMachine.html", fixed("states:StartExecution", "?states:DescribeExecution")},
	"aws:invokeLambdaFunction":       {"automation-action-lamb.html", fixed("lambda:InvokeFunction")},
	"aws:invokeWebhook":              {"invoke-webhook.html", unknown("what its integration needs is not known from the document")},
	"aws:runCommand":                 {"automation-action-runcommand.html", runCommand},
	"aws:runInstances":               {"automation-action-runinstance.html", runInstances},
}

// KnownAction says whether runbooks have an action of this name.
func KnownAction(name string) bool { _, ok := actions[name]; return ok }

// ActionNames are the actions of runbooks.
func ActionNames() []string {
	names := make([]string, 0, len(actions))
	for name := range actions {
		names = append(names, name)
	}
	return names
}

// gathering collects the needs of one step.
type gathering struct {
	document *Document
	step     Step
	page     string
	into     *Needs
}

// Needs are what the steps of a runbook need of its role.
func (d *Document) Needs() *Needs {
	needs := &Needs{}
	for _, s := range d.All() {
		g := &gathering{document: d, step: s, into: needs, page: guide + "automation-actions.html"}
		known, ok := actions[s.Action]
		switch {
		case !ok:
			g.undecided(fmt.Sprintf("%q is no action that is known here", s.Action))
		case known.needs != nil:
			g.page = guide + known.page
			known.needs(g)
		}
	}
	return needs
}

func (g *gathering) need(sure Certainty, names ...string) {
	for _, name := range names {
		g.into.List = append(g.into.List, Need{Action: name, Sure: sure, Step: g.step, Source: g.page})
	}
}

func (g *gathering) undecided(why string) {
	g.into.Undecided = append(g.into.Undecided, Undecided{Step: g.step, Why: why, Source: g.page})
}

// input is the text of an input; fixed is false where something is filled in when the runbook runs.
func (g *gathering) input(name string) (text string, fixed bool) {
	text = g.step.Inputs.Value(name)
	return text, !strings.Contains(text, "{{")
}

// fixed needs the same always; what begins with ? is useful.
func fixed(names ...string) func(*gathering) {
	return func(g *gathering) {
		for _, name := range names {
			if useful, ok := strings.CutPrefix(name, "?"); ok {
				g.need(Useful, useful)
				continue
			}
			g.need(Needed, name)
		}
	}
}

func unknown(why string) func(*gathering) { return func(g *gathering) { g.undecided(why) } }

// operation is a step that calls an operation by its name.
func operation(g *gathering) {
	service, known := g.input("Service")
	api, fixed := g.input("Api")
	if !known || !fixed {
		g.undecided("which operation it calls is decided while it runs")
		return
	}
	names := ActionsOf(service, api)
	if names == nil {
		g.undecided(fmt.Sprintf("no action of IAM is known for %s of %s", api, service))
		return
	}
	g.need(Needed, names...)
	for _, name := range names {
		if a, ok := catalog.Lookup(name); ok {
			g.need(Possible, a.DependentActions...)
		}
	}
}

func runCommand(g *gathering) {
	// Run Command is watched by all three: DescribeInstanceInformation where the targets are tags.
	g.need(Needed, "ssm:SendCommand", "ssm:ListCommands", "ssm:ListCommandInvocations", "ssm:GetCommandInvocation")
	g.need(Possible, "ssm:DescribeInstanceInformation", "ec2:DescribeInstances", "ec2:DescribeInstanceStatus")
	if g.step.Inputs.Get("ServiceRoleArn") != nil {
		g.need(Needed, "iam:PassRole")
	}
}

func changeState(g *gathering) {
	g.need(Needed, "ec2:DescribeInstanceStatus")
	g.need(Possible, "ec2:DescribeInstances")
	by := map[string]string{"running": "ec2:StartInstances", "stopped": "ec2:StopInstances", "terminated": "ec2:TerminateInstances"}
	if only, fixed := g.input("CheckStateOnly"); fixed && strings.EqualFold(only, "true") {
		return
	}
	wanted, fixed := g.input("DesiredState")
	if name, ok := by[wanted]; ok && fixed {
		g.need(Needed, name)
		return
	}
	g.need(Possible, "ec2:StartInstances", "ec2:StopInstances", "ec2:TerminateInstances")
	g.undecided("which state it brings the instances to is decided while it runs")
}

func createTags(g *gathering) {
	switch kind, fixed := g.input("ResourceType"); {
	case !fixed:
		g.need(Possible, "ec2:CreateTags", "ssm:AddTagsToResource")
		g.undecided("which kind of resource it tags is decided while it runs")
	case kind == "" || kind == "EC2":
		g.need(Needed, "ec2:CreateTags")
	default:
		g.need(Needed, "ssm:AddTagsToResource")
	}
}

// stackRole is what a stack's own resources need: CloudFormation makes them with the stack's role, or with the caller's.
func stackRole(g *gathering) {
	if g.step.Inputs.Get("RoleARN") != nil {
		g.need(Needed, "iam:PassRole")
		return
	}
	g.undecided("the stack has no RoleARN, so that CloudFormation changes its resources with this role: what they need is in the template")
}

func createStack(g *gathering) {
	g.need(Needed, "cloudformation:CreateStack", "cloudformation:DescribeStacks")
	g.need(Useful, "cloudformation:DescribeStackEvents")
	g.need(Possible, "cloudformation:UpdateStack", "cloudformation:DeleteStack")
	stackRole(g)
}

func deleteStack(g *gathering) {
	g.need(Needed, "cloudformation:DeleteStack", "cloudformation:DescribeStacks")
	g.need(Useful, "cloudformation:DescribeStackEvents")
	stackRole(g)
}

func executeAutomation(g *gathering) {
	g.need(Needed, "ssm:StartAutomationExecution", "ssm:GetAutomationExecution")
	g.need(Possible, "iam:PassRole", "ssm:StopAutomationExecution")
	name, fixed := g.input("DocumentName")
	if !fixed || name == "" {
		name = "the runbook that it starts"
	}
	g.undecided(name + " needs what its own steps need of this role, unless it runs with another")
}

func approve(g *gathering) {
	if g.step.Inputs.Get("NotificationArn") != nil {
		g.need(Needed, "sns:Publish")
	}
}

func runInstances(g *gathering) {
	g.need(Needed, "ec2:RunInstances", "ec2:DescribeInstanceStatus")
	g.need(Possible, "ec2:DescribeInstances", "ec2:TerminateInstances")
	if g.step.Inputs.Get("IamInstanceProfileArn") != nil || g.step.Inputs.Get("IamInstanceProfileName") != nil {
		g.need(Needed, "iam:PassRole")
	}
	if g.step.Inputs.Get("TagSpecifications") != nil {
		g.need(Needed, "ec2:CreateTags")
	}
}

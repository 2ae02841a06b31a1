package roles

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/plan"
)

const (
	account  = "111111111111"
	region   = "eu-west-1"
	ec2ARN   = "arn:aws:ec2:eu-west-1:111111111111:instance/"
	ownDoc   = "arn:aws:ssm:eu-west-1:111111111111:document/web-dev-release"
	shellDoc = "arn:aws:ssm:eu-west-1::document/AWS-RunShellScript"
	subject  = "repo:acme/web:environment:dev"
	nodeID   = "i-0123456789abcdef0"
)

var star = []plan.Resource{{ARN: "*"}}

// shape says what the release of a test plan looks like.
type shape struct {
	split, noCI, tags, hybrid bool
	shared                    bool // a second step that uses AWS-RunShellScript
}

// newPlan is a plan of one stage, made by hand: these tests show what roles are derived from given calls.
func newPlan(sh shape) *plan.Plan {
	role := func(k plan.RoleKind, purpose string) plan.Role {
		r := plan.Role{Kind: k, Account: account, Name: "web-dev-" + string(k), Path: "/slipway/", Purpose: purpose}
		if k != plan.KindNode && !sh.noCI {
			r.Subjects = []string{subject}
		}
		return r
	}
	s := plan.Stage{Name: "dev", Account: account, Region: region}
	send, read := plan.KindDeploy, plan.KindDeploy
	if sh.split {
		send, read = plan.KindTrigger, plan.KindVerify
		s.Roles = []plan.Role{role(send, "Sends."), role(read, "Reads.")}
	} else {
		s.Roles = []plan.Role{role(send, "Ships the release, and reads what became of it.")}
	}
	node := role(plan.KindNode, "Lets the nodes receive commands.")
	if !sh.noCI {
		for _, r := range s.Roles {
			s.Calls = append(s.Calls, call(plan.KindGitHub, "sts:AssumeRoleWithWebIdentity", plan.Always, []plan.Resource{{ARN: r.ARN(), Type: "role"}}))
		}
	}
	if sh.hybrid {
		node.Source = "arn:aws:ssm:" + region + ":" + account + ":*"
	}
	s.Roles = append(s.Roles, node)
	s.Calls = append(s.Calls, ciCalls(sh, send, read)...)
	s.Calls = append(s.Calls, call(plan.KindEC2, "sts:AssumeRole", plan.OnLaunch, []plan.Resource{{ARN: node.ARN(), Type: "role"}}))
	if sh.hybrid {
		s.Calls = append(s.Calls, call(plan.KindSSM, "sts:AssumeRole", plan.OnLaunch, []plan.Resource{{ARN: node.ARN(), Type: "role"}}))
	}
	s.Calls = append(s.Calls, nodeCalls(sh)...)
	return &plan.Plan{App: "web", Stages: []plan.Stage{s}}
}

func call(k plan.RoleKind, action string, when plan.When, resources []plan.Resource) plan.Call {
	return plan.Call{ID: "dev/-/" + string(k) + "/" + action, Role: k, Action: action, When: when, Resources: resources}
}

func nodes(sh shape) []plan.Resource {
	if sh.tags {
		tags := []plan.Tag{{Key: "App", Values: []string{"web"}}, {Key: "Environment", Values: []string{"dev", "test"}}}
		return []plan.Resource{{ARN: ec2ARN + "*", Type: "instance", Tags: tags}}
	}
	out := []plan.Resource{{ARN: ec2ARN + nodeID, Type: "instance"}}
	if sh.hybrid {
		out = append(out, plan.Resource{ARN: "arn:aws:ssm:eu-west-1:111111111111:managed-instance/mi-0123456789abcdef0", Type: "managed-instance"})
	}
	return out
}

func ciCalls(sh shape, send, read plan.RoleKind) []plan.Call {
	identity := call(read, "sts:GetCallerIdentity", plan.Always, star)
	identity.NoPermission = true
	doc := []plan.Resource{{ARN: ownDoc, Type: "document"}}
	poll := call(read, "ssm:GetCommandInvocation", plan.Always, star)
	poll.OnResume = true
	calls := []plan.Call{
		identity,
		call(read, "ec2:DescribeInstances", plan.Always, star),
		call(read, "ssm:DescribeInstanceInformation", plan.Always, star),
		poll,
		call(read, "ssm:ListCommandInvocations", plan.Always, star),
		call(read, "ssm:ListCommands", plan.Always, star),
		call(send, "ssm:DescribeDocument", plan.Always, doc),
		call(send, "ssm:CreateDocument", plan.FirstTime, doc),
		call(send, "ssm:UpdateDocument", plan.OnChange, doc),
		call(send, "ssm:ListDocumentVersions", plan.OnChange, doc),
		call(send, "ssm:SendCommand", plan.Always, append(doc, nodes(sh)...)),
		call(read, "ssm:ListCommandInvocations", plan.Tick, star),
		call(read, "ssm:GetCommandInvocation", plan.OnFinish, star),
		call(read, "ssm:CancelCommand", plan.OnInterrupt, star),
	}
	if sh.shared {
		shared := []plan.Resource{{ARN: shellDoc, Type: "document"}}
		calls = append(calls, call(send, "ssm:SendCommand", plan.Always, append(shared, nodes(sh)...)))
	}
	return calls
}

func nodeCalls(sh shape) []plan.Call {
	k := plan.KindNode
	return []plan.Call{
		call(k, "ssm:UpdateInstanceInformation", plan.Always, nodes(sh)),
		call(k, "ssm:ListInstanceAssociations", plan.Fallback, nodes(sh)),
		call(k, "ec2messages:GetMessages", plan.Always, star),
		call(k, "ec2messages:AcknowledgeMessage", plan.Always, star),
		call(k, "ec2messages:SendReply", plan.Always, star),
		call(k, "ec2messages:FailMessage", plan.OnFailure, star),
		call(k, "ec2messages:DeleteMessage", plan.Fallback, star),
		call(k, "ec2messages:GetEndpoint", plan.Fallback, star),
		call(k, "ssmmessages:CreateControlChannel", plan.Fallback, star),
		call(k, "ssmmessages:OpenControlChannel", plan.Fallback, star),
	}
}

func mustRender(t *testing.T, sh shape) *Set {
	t.Helper()
	set, err := Render(newPlan(sh))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (s *Set) role(t *testing.T, kind plan.RoleKind) *Role {
	t.Helper()
	for i := range s.Roles {
		if s.Roles[i].Kind == kind {
			return &s.Roles[i]
		}
	}
	t.Fatalf("no role of kind %s", kind)
	return nil
}

// statement finds a statement of the role's only policy.
func (r *Role) statement(sid string) *iam.Statement {
	for i := range r.Policies[0].Document.Statements {
		if st := &r.Policies[0].Document.Statements[i]; st.Sid == sid {
			return st
		}
	}
	return nil
}

// allows evaluates the role's policies for one request of its own.
func (r *Role) allows(t *testing.T, action, resource string, context map[string][]string) bool {
	t.Helper()
	set := iam.PolicySet{}
	for _, p := range r.Policies {
		set.Identity = append(set.Identity, compile(t, p.Document))
	}
	arn := "arn:aws:sts::" + r.Account + ":assumed-role/" + r.Name + "/session"
	roleARN := "arn:aws:iam::" + r.Account + ":role" + r.Path + r.Name
	return set.Allowed(&iam.Request{
		Principal: iam.Principal{Kind: iam.PrincipalAWS, ARN: arn, RoleARN: roleARN, Account: r.Account},
		Action:    action, Resource: resource, Account: r.Account, Context: iam.NewContext(context),
	})
}

// enters evaluates the role's trust policy for one principal.
func (r *Role) enters(t *testing.T, p iam.Principal, action string, context map[string][]string) bool {
	t.Helper()
	set := iam.PolicySet{Trust: compile(t, r.Trust)}
	return set.Allowed(&iam.Request{
		Principal: p, Action: action, Account: r.Account, Context: iam.NewContext(context),
		Resource: "arn:aws:iam::" + r.Account + ":role" + r.Path + r.Name,
	})
}

func compile(t *testing.T, d *iam.Document) *iam.Policy {
	t.Helper()
	p, err := iam.Compile(d)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

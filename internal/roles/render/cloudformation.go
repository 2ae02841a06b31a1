package render

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// What CloudFormation takes (AWS CloudFormation user guide, "CloudFormation quotas").
const (
	maxTemplate  = 1 << 20 // bytes of a template that lies in S3
	maxBody      = 51_200  // bytes of a template that is sent with the request
	maxResources = 500
)

// CloudFormation gives a template an account, by file name: <account>.yaml. Each is a stack of its own, which comes before
// the stacks and the commands that the roles ship (R63).
func CloudFormation(s *roles.Set, o Options) (map[string][]byte, error) {
	list, err := accounts(s)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i := range list {
		file := list[i].id + ".yaml"
		t := newTemplate(o, head(o, &list[i], file), fmt.Sprintf("Roles of %s in account %s, rendered by slipway", o.App, list[i].id))
		t.account(&list[i], "")
		if files[file], err = t.print(); err != nil {
			return nil, fmt.Errorf("template of account %s: %w", list[i].id, err)
		}
	}
	return files, nil
}

func head(o Options, a *account, file string) []string {
	lines := []string{
		"The roles of " + o.App + " in account " + a.id + ". slipway renders this file: change the release file, not this.",
		"",
		"It is a stack of its own, deployed by an administrator before anything is shipped with the roles. They have names,",
		"so that CloudFormation asks for CAPABILITY_NAMED_IAM:",
		"",
		"  aws cloudformation deploy --stack-name " + o.App + "-roles --template-file " + file + " \\",
		"    --capabilities CAPABILITY_NAMED_IAM",
		"",
		"Account ids are literal: what is reviewed here is what IAM gets, and slipway can prove it from this file. In",
		"another account than " + a.id + " the roles would be of no use.",
	}
	return append(lines, a.needs(o)...)
}

// template is one while it is written.
type template struct {
	options               Options
	comment               []string
	description           string
	parameters            *yaml.Node
	conditions, resources *yaml.Node
	names                 *names
	providers             map[string]string // logical ids by account and host
	count                 int
}

func newTemplate(o Options, comment []string, description string) *template {
	return &template{
		options: o, comment: comment, description: description, names: newNames(logicalID), providers: map[string]string{},
		parameters: object(), conditions: object(), resources: object(),
	}
}

// logicalID is alphanumeric: WebDevDeploy of web-dev-Deploy.
func logicalID(s string) string {
	var b strings.Builder
	for _, w := range words(s) {
		b.WriteString(strings.ToUpper(w[:1]) + w[1:])
	}
	return b.String()
}

// account adds what an account gets. condition, if there is one, is that of all its resources.
func (t *template) account(a *account, condition string) {
	for _, p := range a.providers {
		if t.options.Providers {
			t.provider(a, p, condition)
		}
	}
	for _, p := range a.policies {
		t.policy(a, p, condition)
	}
	for i := range a.roles {
		t.role(a, &a.roles[i], condition)
	}
	for i := range a.users {
		t.user(a, &a.users[i], condition)
	}
	for _, b := range a.buckets {
		t.bucket(a, b, condition)
	}
}

// resource adds one resource, with what explains it above it.
func (t *template) resource(id, kind, condition, why string, depends []string, properties *yaml.Node) {
	body := object("Type", text(kind))
	if condition != "" {
		add(body, "Condition", text(condition))
	}
	if len(depends) > 0 {
		add(body, "DependsOn", texts(depends))
	}
	if len(properties.Content) > 0 {
		add(body, "Properties", properties)
	}
	add(t.resources, id, body)
	comment(t.resources.Content[len(t.resources.Content)-2], roles.Wrap(why, commentWidth))
	t.count++
}

// provider adds an issuer. It stays where the stack is deleted: others may trust it by then.
func (t *template) provider(a *account, p provider, condition string) {
	id := t.names.of("provider "+a.id, providerName(p.host)+"-Provider")
	t.providers[a.id+" "+p.host] = id
	properties := object("Url", text("https://"+p.host))
	if len(p.audiences) > 0 {
		add(properties, "ClientIdList", texts(p.audiences))
	}
	t.resource(id, "AWS::IAM::OIDCProvider", condition, providerPurpose, nil, properties)
	add(t.resources.Content[len(t.resources.Content)-1], "DeletionPolicy", text("Retain"))
	add(t.resources.Content[len(t.resources.Content)-1], "UpdateReplacePolicy", text("Retain"))
}

func (t *template) policy(a *account, p policy, condition string) {
	properties := object("ManagedPolicyName", text(p.name), "Path", text(p.path), "PolicyDocument", document(p.document, p.notes))
	if p.attachTo != "" {
		add(properties, "Roles", texts([]string{p.attachTo}))
	}
	t.resource(t.policyID(a, p.arn(a.id)), "AWS::IAM::ManagedPolicy", condition, p.purpose, nil, properties)
}

func (t *template) policyID(a *account, arn string) string {
	return t.names.of("policy "+a.id, arn[strings.LastIndexByte(arn, '/')+1:])
}

// reference is the ARN of a managed policy: of one of this template by reference, so that it is made first.
func (t *template) reference(a *account, arn string) *yaml.Node {
	for _, p := range a.policies {
		if p.arn(a.id) == arn {
			return tagged("!Ref", text(t.policyID(a, arn)))
		}
	}
	return text(arn)
}

func (t *template) attach(a *account, properties *yaml.Node, attached []roles.Attached) {
	if len(attached) == 0 {
		return
	}
	arns := sequence()
	for _, at := range attached {
		arns.Content = append(arns.Content, t.reference(a, at.ARN))
	}
	add(properties, "ManagedPolicyArns", arns)
}

// maxDescription is what IAM takes.
const maxDescription = 1000

func (t *template) role(a *account, r *roles.Role, condition string) {
	properties := object("RoleName", text(r.Name), "Path", text(r.Path))
	if r.Purpose != "" && len(r.Purpose) <= maxDescription && isASCII(r.Purpose) {
		add(properties, "Description", text(r.Purpose))
	}
	if r.Trust != nil {
		add(properties, "AssumeRolePolicyDocument", document(r.Trust, r.TrustNotes))
	}
	t.attach(a, properties, r.Attached)
	if r.Boundary != nil {
		add(properties, "PermissionsBoundary", t.reference(a, boundaryOf(r)))
	}
	if len(r.Policies) > 0 {
		add(properties, "Policies", inline(r.Policies))
	}
	id := t.names.of("role "+a.id, r.Name)
	t.resource(id, "AWS::IAM::Role", condition, r.Purpose, t.entrances(a, r), properties)
	if r.InstanceProfile {
		t.resource(t.names.of("profile "+a.id, r.Name+"-Profile"), "AWS::IAM::InstanceProfile", condition, "What instances carry the role by.", nil,
			object("InstanceProfileName", text(r.Name), "Path", text(r.Path), "Roles", sequence(tagged("!Ref", text(id)))))
	}
}

// entrances are those providers of this template that the role's trust policy names.
func (t *template) entrances(a *account, r *roles.Role) []string {
	var ids []string
	for _, host := range issuers(a.id, r.Trust) {
		if id := t.providers[a.id+" "+host]; id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (t *template) user(a *account, u *roles.User, condition string) {
	properties := object("UserName", text(u.Name), "Path", text(u.Path))
	t.attach(a, properties, u.Attached)
	if u.Boundary != nil {
		add(properties, "PermissionsBoundary", t.reference(a, boundaryARN(u.Account, u.Path, u.Name)))
	}
	if len(u.Policies) > 0 {
		add(properties, "Policies", inline(u.Policies))
	}
	t.resource(t.names.of("user "+a.id, u.Name), "AWS::IAM::User", condition, u.Purpose, nil, properties)
}

func (t *template) bucket(a *account, b roles.Bucket, condition string) {
	t.resource(t.names.of("bucket "+a.id, b.Name+"-Policy"), "AWS::S3::BucketPolicy", condition,
		bucketPurpose, nil,
		object("Bucket", text(b.Name), "PolicyDocument", document(b.Policy, b.Notes)))
}

func inline(policies []roles.Policy) *yaml.Node {
	l := sequence()
	for _, p := range policies {
		l.Content = append(l.Content, object("PolicyName", text(p.Name), "PolicyDocument", document(p.Document, p.Notes)))
	}
	return l
}

// document is a policy, each of its statements with its reason.
func document(d *iam.Document, notes []roles.Note) *yaml.Node {
	n := fromIAM(d.Node())
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != "Statement" || n.Content[i+1].Kind != yaml.SequenceNode {
			continue
		}
		for j, st := range n.Content[i+1].Content {
			if j < len(d.Statements) {
				comment(st, roles.NoteOf(notes, d.Statements[j].Sid).Comment(commentWidth))
			}
		}
	}
	return n
}

func (t *template) print() ([]byte, error) {
	top := object("AWSTemplateFormatVersion", text("2010-09-09"), "Description", text(t.description))
	for _, section := range []struct {
		name string
		node *yaml.Node
	}{{"Parameters", t.parameters}, {"Conditions", t.conditions}, {"Resources", t.resources}} {
		if len(section.node.Content) > 0 {
			add(top, section.name, section.node)
		}
	}
	out, err := dump(t.comment, top)
	switch {
	case err != nil:
		return nil, err
	case len(out) > maxTemplate:
		return nil, fmt.Errorf("it has %d bytes, and CloudFormation takes %d: render fewer stages at once with --stage", len(out), maxTemplate)
	case t.count > maxResources:
		return nil, fmt.Errorf("it has %d resources, and CloudFormation takes %d: render fewer stages at once with --stage", t.count, maxResources)
	}
	return out, nil
}

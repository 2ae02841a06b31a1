package render

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
)

// Terraform gives a root module an account, by file name: <account>/roles.tf, formatted as terraform fmt does.
//
// Policies are jsonencode({…}): it takes comments, reads like the policy, and gives IAM these very elements, where the data
// source aws_iam_policy_document would have words and escapes of its own.
func Terraform(s *roles.Set, o Options) (map[string][]byte, error) {
	list, err := accounts(s)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for i := range list {
		file := list[i].id + "/roles.tf"
		m := &module{options: o, names: newNames(identifier), providers: map[string]string{}}
		m.account(&list[i])
		if files[file], err = m.print(file); err != nil {
			return nil, err
		}
	}
	return files, nil
}

// identifier is that of a resource: web_dev_deploy of web-dev-Deploy. It begins with a letter.
func identifier(s string) string {
	name := strings.ToLower(strings.Join(words(s), "_"))
	if name == "" || name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// module is a file of Terraform's while it is written. Its layout is hclwrite's: indents and spaces are not cared for here.
type module struct {
	options   Options
	b         bytes.Buffer
	names     *names
	providers map[string]string // names of resources by host
}

func (m *module) print(file string) ([]byte, error) {
	out := hclwrite.Format(m.b.Bytes())
	if _, problems := hclwrite.ParseConfig(out, file, hcl.InitialPos); problems.HasErrors() {
		return nil, fmt.Errorf("the rendered %s does not parse: %w", file, problems)
	}
	return out, nil
}

func (m *module) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

func (m *module) comment(lines []string) {
	for _, l := range lines {
		m.line("%s", strings.TrimRight("# "+l, " "))
	}
}

// quoted is a string of HCL: ${ and %{, which IAM's policy variables begin with, are no templates in it.
func quoted(s string) string { return string(hclwrite.TokensForValue(cty.StringVal(s)).Bytes()) }

func (m *module) account(a *account) {
	m.comment([]string{
		"The roles of " + m.options.App + " in account " + a.id + ". slipway renders this file: change the release file, not this.",
		"",
		"A root module of its own, applied by an administrator before anything is shipped with the roles. Account ids are",
		"literal: what is reviewed here is what IAM gets. The provider refuses every other account.",
	})
	m.comment(a.needs(m.options))
	m.line("\nterraform {\nrequired_providers {\naws = {\nsource = \"hashicorp/aws\"\nversion = \">= 5.0\"\n}\n}\n}")
	m.line("\nprovider \"aws\" {\nallowed_account_ids = [%s]\n}", quoted(a.id))
	for _, p := range a.providers {
		if m.options.Providers {
			m.provider(p)
		}
	}
	for _, p := range a.policies {
		m.policy(a, p)
	}
	for i := range a.roles {
		m.role(a, &a.roles[i])
	}
	for i := range a.users {
		m.user(a, &a.users[i])
	}
	for _, b := range a.buckets {
		m.bucket(b)
	}
}

// resource opens a block, with what explains it above it.
func (m *module) resource(kind, name, why string) {
	m.line("")
	m.comment(roles.Wrap(why, commentWidth))
	m.line("resource %s %s {", quoted(kind), quoted(name))
}

func (m *module) provider(p provider) {
	name := m.names.of("provider", providerName(p.host))
	m.providers[p.host] = name
	m.resource("aws_iam_openid_connect_provider", name, providerPurpose)
	m.line("url = %s", quoted("https://"+p.host))
	m.line("client_id_list = %s\n", listOf(p.audiences))
	m.line("lifecycle {\nprevent_destroy = true # others may trust it by then\n}\n}")
}

func listOf(list []string) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = quoted(s)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (m *module) policy(a *account, p policy) {
	m.resource("aws_iam_policy", m.policyName(p.arn(a.id)), p.purpose)
	m.line("name = %s\npath = %s\n", quoted(p.name), quoted(p.path))
	m.document("policy", p.document, p.notes)
	m.line("}")
	if p.attachTo != "" {
		m.attach(a, "aws_iam_role_policy_attachment", "role", quoted(p.attachTo), p.attachTo, []roles.Attached{{ARN: p.arn(a.id)}})
	}
}

func (m *module) policyName(arn string) string {
	return m.names.of("policy", arn[strings.LastIndexByte(arn, '/')+1:])
}

func (m *module) role(a *account, r *roles.Role) {
	name := m.names.of("role", r.Name)
	m.resource("aws_iam_role", name, r.Purpose)
	m.line("name = %s\npath = %s", quoted(r.Name), quoted(r.Path))
	if r.Purpose != "" && len(r.Purpose) <= maxDescription && isASCII(r.Purpose) {
		m.line("description = %s", quoted(r.Purpose))
	}
	if r.Boundary != nil {
		m.line("permissions_boundary = %s", m.reference(a, boundaryOf(r)))
	}
	if r.Trust != nil {
		m.line("")
		m.document("assume_role_policy", r.Trust, r.TrustNotes)
	}
	m.dependsOn(a, r)
	m.line("}")
	m.inline("aws_iam_role_policy", "role", "aws_iam_role."+name+".id", r.Name, r.Policies)
	m.attach(a, "aws_iam_role_policy_attachment", "role", "aws_iam_role."+name+".name", r.Name, r.Attached)
	if r.InstanceProfile {
		m.resource("aws_iam_instance_profile", name, "What instances carry the role by.")
		m.line("name = %s\npath = %s\nrole = aws_iam_role.%s.name\n}", quoted(r.Name), quoted(r.Path), name)
	}
}

func (m *module) dependsOn(a *account, r *roles.Role) {
	var list []string
	for _, host := range issuers(a.id, r.Trust) {
		if name := m.providers[host]; name != "" {
			list = append(list, "aws_iam_openid_connect_provider."+name)
		}
	}
	if len(list) > 0 {
		m.line("\ndepends_on = [%s]", strings.Join(list, ", "))
	}
}

func (m *module) user(a *account, u *roles.User) {
	name := m.names.of("user", u.Name)
	m.resource("aws_iam_user", name, u.Purpose)
	m.line("name = %s\npath = %s", quoted(u.Name), quoted(u.Path))
	if u.Boundary != nil {
		m.line("permissions_boundary = %s", m.reference(a, boundaryARN(u.Account, u.Path, u.Name)))
	}
	m.line("}")
	m.inline("aws_iam_user_policy", "user", "aws_iam_user."+name+".name", u.Name, u.Policies)
	m.attach(a, "aws_iam_user_policy_attachment", "user", "aws_iam_user."+name+".name", u.Name, u.Attached)
}

// reference is the ARN of a managed policy: of one of this module by reference, so that it is made first.
func (m *module) reference(a *account, arn string) string {
	for _, p := range a.policies {
		if p.arn(a.id) == arn {
			return "aws_iam_policy." + m.policyName(arn) + ".arn"
		}
	}
	return quoted(arn)
}

func (m *module) inline(kind, of, reference, owner string, policies []roles.Policy) {
	for _, p := range policies {
		m.resource(kind, m.names.of(kind, owner+"-"+p.Name), "")
		m.line("name = %s\n%s = %s\n", quoted(p.Name), of, reference)
		m.document("policy", p.Document, p.Notes)
		m.line("}")
	}
}

func (m *module) attach(a *account, kind, of, reference, owner string, attached []roles.Attached) {
	for _, at := range attached {
		m.resource(kind, m.names.of(kind, owner+"-"+at.Name()), "")
		m.line("%s = %s\npolicy_arn = %s\n}", of, reference, m.reference(a, at.ARN))
	}
}

func (m *module) bucket(b roles.Bucket) {
	m.resource("aws_s3_bucket_policy", m.names.of("bucket", b.Name), bucketPurpose)
	m.line("bucket = %s\n", quoted(b.Name))
	m.document("policy", b.Policy, b.Notes)
	m.line("}")
}

// document writes a policy, each of its statements with its reason.
func (m *module) document(attribute string, d *iam.Document, notes []roles.Note) {
	node := d.Node()
	m.line("%s = jsonencode({", attribute)
	for i := range node.Fields {
		f := &node.Fields[i]
		if f.Name != "Statement" || f.Value.Kind != iam.ListNode {
			m.field(f)
			continue
		}
		m.line("Statement = [")
		for j := range f.Value.Items {
			if j < len(d.Statements) {
				m.comment(roles.NoteOf(notes, d.Statements[j].Sid).Comment(commentWidth))
			}
			m.value(&f.Value.Items[j])
			m.line(",")
		}
		m.line("]")
	}
	m.line("})")
}

func (m *module) field(f *iam.Field) {
	m.b.WriteString(key(f.Name) + " = ")
	m.value(&f.Value)
	m.line("")
}

var identifierPattern = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

func key(s string) string {
	if identifierPattern.MatchString(s) {
		return s
	}
	return quoted(s)
}

// value writes a value without the end of its line. A list of one is in one line, and every other an item a line.
func (m *module) value(n *iam.Node) {
	switch n.Kind {
	case iam.ObjectNode:
		m.line("{")
		for i := range n.Fields {
			m.field(&n.Fields[i])
		}
		m.b.WriteString("}")
	case iam.ListNode:
		m.line("[")
		for i := range n.Items {
			m.value(&n.Items[i])
			m.line(",")
		}
		m.b.WriteString("]")
	case iam.StringNode:
		m.b.WriteString(quoted(n.Text))
	default:
		m.b.WriteString(n.Text) // numbers, booleans and null are JSON's
	}
}

package given

import (
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// The resource types that are read.
const (
	typeRole      = "AWS::IAM::Role"
	typeUser      = "AWS::IAM::User"
	typeGroup     = "AWS::IAM::Group"
	typeManaged   = "AWS::IAM::ManagedPolicy"
	typeProfile   = "AWS::IAM::InstanceProfile"
	typePolicy    = "AWS::IAM::Policy"
	typeBucket    = "AWS::S3::Bucket"
	typeRoleInto  = "AWS::IAM::RolePolicy"
	typeUserInto  = "AWS::IAM::UserPolicy"
	typeGroupInto = "AWS::IAM::GroupPolicy"
	typeMembers   = "AWS::IAM::UserToGroupAddition"
	typeBucketPol = "AWS::S3::BucketPolicy"
)

// nameProperty is the property with which a resource can be named; without it CloudFormation makes a name.
var nameProperty = map[string]string{
	typeRole: "RoleName", typeUser: "UserName", typeGroup: "GroupName", typeManaged: "ManagedPolicyName",
	typeProfile: "InstanceProfileName", typeBucket: "BucketName",
}

// arnKind is how an ARN names what a resource is.
var arnKind = map[string]string{
	typeRole: "role", typeUser: "user", typeGroup: "group", typeManaged: "policy", typeProfile: "instance-profile",
}

// nameOf is a resource's name: text, or the call of a function that gives it. Of a resource that CloudFormation names, that is Ref.
func (t *template) nameOf(r *resolver, x *resource) iam.Node {
	if x.name != nil {
		return *x.name
	}
	own := called("Ref", text(x.id), x.pos)
	if x.busy {
		return own // a name that depends on itself
	}
	x.busy = true
	if n := x.properties.Field(nameProperty[x.kind]); n != nil {
		if n := r.value(n); !isNoValue(&n) && len(n.Text) <= maxValue {
			own = n
		}
	}
	x.busy = false
	x.name = &own
	return own
}

// ref is what Ref gives for a resource: for most of IAM's the name, for managed policies the ARN.
func (t *template) ref(r *resolver, id string) (iam.Node, bool) {
	x := t.byID[id]
	if x == nil {
		return iam.Node{}, false
	}
	if x.kind == typeManaged {
		return t.arn(r, x)
	}
	if nameProperty[x.kind] == "" {
		return iam.Node{}, false
	}
	name := t.nameOf(r, x)
	return name, isText(&name)
}

// attribute is what GetAtt gives for a resource.
func (t *template) attribute(r *resolver, id, attribute string) (iam.Node, bool) {
	x := t.byID[id]
	switch {
	case x == nil:
		return iam.Node{}, false
	case attribute == "Arn" && x.kind == typeBucket:
		name := t.nameOf(r, x)
		if !isText(&name) || t.options.Partition == "" {
			return iam.Node{}, false
		}
		return text("arn:" + t.options.Partition + ":s3:::" + name.Text), true
	case attribute == "Arn" && x.kind != typeManaged, attribute == "PolicyArn" && x.kind == typeManaged:
		return t.arn(r, x)
	}
	return iam.Node{}, false
}

// arn is the ARN of a resource of IAM.
func (t *template) arn(r *resolver, x *resource) (iam.Node, bool) {
	name, o := t.nameOf(r, x), &t.options
	path := t.pathOf(r, x)
	if arnKind[x.kind] == "" || !isText(&name) || !isText(&path) || o.Account == "" || o.Partition == "" {
		return iam.Node{}, false
	}
	return text("arn:" + o.Partition + ":iam::" + o.Account + ":" + arnKind[x.kind] + path.Text + name.Text), true
}

func (t *template) pathOf(r *resolver, x *resource) iam.Node {
	if n := x.properties.Field("Path"); n != nil {
		if n := r.value(n); !isNoValue(&n) {
			return n
		}
	}
	return text("/")
}

// stringOf is a resolved value as the model has it: text, or an [iam.Intrinsic].
func stringOf(n *iam.Node) (string, bool) {
	switch n.Kind {
	case iam.StringNode, iam.NumberNode, iam.BoolNode:
		return n.Text, !strings.Contains(n.Text, "\x00") // which marks an intrinsic
	case iam.ObjectNode:
		if _, _, ok := callOf(n); ok {
			return iam.Intrinsic(string(n.Compact())), true
		}
	}
	return "", false
}

// subText is the text of a Fn::Sub that takes no variables of its own.
func subText(s string) (string, bool) {
	json, ok := iam.IntrinsicJSON(s)
	if !ok {
		return "", false
	}
	n, fault := iam.ReadTree("", []byte(json), len(json))
	if fault != nil {
		return "", false
	}
	argument := n.Field("Fn::Sub")
	if argument == nil || argument.Kind != iam.StringNode {
		return "", false
	}
	return argument.Text, true
}

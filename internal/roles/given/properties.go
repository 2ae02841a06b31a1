package given

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

// known are the properties of the resources that are read (AWS CloudFormation template reference, AWS::IAM and AWS::S3::BucketPolicy).
var known = map[string][]string{
	typeRole: {"AssumeRolePolicyDocument", "Description", "ManagedPolicyArns", "MaxSessionDuration", "Path", "PermissionsBoundary",
		"Policies", "RoleName", "Tags"},
	typeUser:      {"Groups", "LoginProfile", "ManagedPolicyArns", "Path", "PermissionsBoundary", "Policies", "Tags", "UserName"},
	typeGroup:     {"GroupName", "ManagedPolicyArns", "Path", "Policies"},
	typeManaged:   {"Description", "Groups", "ManagedPolicyName", "Path", "PolicyDocument", "Roles", "Users"},
	typeProfile:   {"InstanceProfileName", "Path", "Roles"},
	typePolicy:    {"Groups", "PolicyDocument", "PolicyName", "Roles", "Users"},
	typeRoleInto:  {"PolicyDocument", "PolicyName", "RoleName"},
	typeUserInto:  {"PolicyDocument", "PolicyName", "UserName"},
	typeGroupInto: {"GroupName", "PolicyDocument", "PolicyName"},
	typeMembers:   {"GroupName", "Users"},
	typeBucketPol: {"Bucket", "PolicyDocument"},
}

// look notes what stands in a resource's properties and is not read: a property that CloudFormation does not have, and
// macros, which put anything in the place where they stand.
func (s *setter) look(x *resource) {
	names := known[x.kind]
	if names == nil || x.properties == nil {
		return
	}
	if macro := macroIn(x.properties, 0); macro != "" {
		x.macro = "the properties of " + x.id + " are changed at deploy time by " + macro
	}
	if x.properties.Kind != iam.ObjectNode {
		return
	}
	for i := range x.properties.Fields {
		f := &x.properties.Fields[i]
		if slices.Contains(names, f.Name) || strings.HasPrefix(f.Name, "Fn::") {
			continue
		}
		if meant := policy.ClosestNames(f.Name, names); len(meant) > 0 {
			s.report(f.Pos, CodeFile, "%s has no property %s: did you mean %s?", x.kind, f.Name, strings.Join(meant, ", "))
			continue
		}
		s.report(f.Pos, CodeFile, "%s has no property %s", x.kind, f.Name)
	}
}

// macroIn finds a macro among the keys of an object: Fn::Transform and loops anywhere, and every function beside other keys, where
// CloudFormation evaluates none.
func macroIn(n *iam.Node, depth int) string {
	if depth > maxNesting {
		return ""
	}
	for i := range n.Items {
		if name := macroIn(&n.Items[i], depth+1); name != "" {
			return name
		}
	}
	for i := range n.Fields {
		f := &n.Fields[i]
		if f.Name == "Fn::Transform" || strings.HasPrefix(f.Name, "Fn::ForEach") || strings.HasPrefix(f.Name, "Fn::") && len(n.Fields) > 1 {
			return f.Name
		}
		if name := macroIn(&f.Value, depth+1); name != "" {
			return name
		}
	}
	return ""
}

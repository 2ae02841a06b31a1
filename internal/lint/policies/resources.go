package policies

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

// resources looks at what a template has besides roles.
func (l *linter) resources(name string, content []byte) {
	var root *iam.Node
	if yaml.IsJSON(content) {
		root, _ = iam.ReadTree(name, content, largestTemplate)
	} else {
		root, _ = yaml.ReadTree(name, content)
	}
	all := root.Field("Resources")
	if all == nil || all.Kind != iam.ObjectNode {
		return
	}
	var workload string
	for _, f := range all.Fields {
		kind := textIn(f.Value.Field("Type"))
		if kind == "AWS::IAM::AccessKey" || kind == "AWS::IAM::User" && f.Value.Field("Properties").Field("LoginProfile") != nil {
			l.found = append(l.found, keysRule.At(name, f.Pos.Line, f.Pos.Column, "", "%s is an %s: keys that never expire, in a template", f.Name, kind))
		}
		if workload == "" && slices.ContainsFunc(workloads, func(p string) bool { return strings.HasPrefix(kind, p) }) {
			workload = f.Name
		}
	}
	for _, f := range all.Fields {
		if workload != "" && textIn(f.Value.Field("Type")) == "AWS::IAM::Role" && assumedByCloudFormation(&f.Value) {
			l.found = append(l.found, ownStackRule.At(name, f.Pos.Line, f.Pos.Column, "", "%s is a role that CloudFormation deploys with, and %s is what it deploys", f.Name, workload))
		}
	}
}

// largestTemplate is the size of a template, in bytes, that CloudFormation takes.
const largestTemplate = 1 << 20

// workloads are the beginnings of types of resources that applications are made of.
var workloads = []string{
	"AWS::Serverless::", "AWS::Lambda::", "AWS::DynamoDB::", "AWS::ApiGateway", "AWS::AppSync::", "AWS::SNS::", "AWS::SQS::",
	"AWS::EC2::Instance", "AWS::AutoScaling::", "AWS::ECS::", "AWS::RDS::", "AWS::CloudFront::", "AWS::ElasticLoadBalancing",
}

// assumedByCloudFormation says whether a role's trust policy names CloudFormation.
func assumedByCloudFormation(resource *iam.Node) bool {
	trust := resource.Field("Properties").Field("AssumeRolePolicyDocument")
	if trust == nil {
		return false
	}
	d, _ := iam.FromNode("", trust, iam.ReadOptions{Lenient: true, Intrinsics: true})
	if d == nil {
		return false
	}
	services, _ := trusted(d)
	return slices.Contains(services, "cloudformation")
}

func textIn(n *iam.Node) string {
	if n == nil {
		return ""
	}
	return n.Text
}

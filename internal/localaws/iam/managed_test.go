package iam

import (
	"testing"

	engine "github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/managed"
)

// TestAWSPolicies: what is embedded can be evaluated, is what its ARN says, and is what the sources name.
func TestAWSPolicies(t *testing.T) {
	t.Parallel()
	for arn, version := range map[string]int{
		"arn:aws:iam::aws:policy/AdministratorAccess":                               1,
		"arn:aws:iam::aws:policy/AmazonSSMFullAccess":                               4,
		"arn:aws:iam::aws:policy/AmazonSSMManagedEC2InstanceDefaultPolicy":          2,
		"arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore":                      2,
		"arn:aws:iam::aws:policy/AmazonSSMReadOnlyAccess":                           1,
		"arn:aws:iam::aws:policy/CloudWatchAgentServerPolicy":                       3,
		"arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs": 1,
		"arn:aws:iam::aws:policy/service-role/AmazonEC2RoleforSSM":                  8,
		"arn:aws:iam::aws:policy/service-role/AmazonSSMAutomationRole":              9,
		"arn:aws:iam::aws:policy/service-role/AmazonSSMMaintenanceWindowRole":       3,
	} {
		if p, ok := managed.Lookup(arn); !ok || p.Version != version {
			t.Errorf("%s: %+v", arn, p)
		}
	}
}

// TestNodePolicies: what the two policies for nodes differ in.
func TestNodePolicies(t *testing.T) {
	t.Parallel()
	for name, reads := range map[string]bool{"AmazonSSMManagedInstanceCore": true, "AmazonSSMManagedEC2InstanceDefaultPolicy": false} {
		aws, ok := managed.Lookup(managed.Prefix + name)
		if !ok {
			t.Fatalf("no %s", name)
		}
		p, err := engine.Compile(aws.Document())
		if err != nil {
			t.Fatal(err)
		}
		set := engine.PolicySet{Identity: []*engine.Policy{p}}
		for action, want := range map[string]bool{"ssm:GetParameter": reads, "ssm:UpdateInstanceInformation": true, "ssmmessages:OpenControlChannel": true,
			"ec2messages:GetMessages": true, "ssm:SendCommand": false, "s3:PutObject": false} {
			got := set.Allowed(&engine.Request{Principal: engine.Principal{Account: "111111111111"}, Action: action, Resource: "*"})
			if got != want {
				t.Errorf("%s: %s allowed %v", name, action, got)
			}
		}
	}
}

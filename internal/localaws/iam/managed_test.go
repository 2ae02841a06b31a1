package iam

import (
	"testing"

	engine "github.com/slipway-cd/slipway/iam"
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
		p := awsPolicies()[arn]
		if p == nil || p.Version != version || p.Created.IsZero() || p.Updated.Before(p.Created) {
			t.Errorf("%s: %+v", arn, p)
		}
	}
	for arn, p := range awsPolicies() {
		doc, err := engine.Parse(arn, p.Document)
		if err != nil {
			t.Errorf("%s: %v", arn, err)
			continue
		}
		if errs := doc.Validate(engine.IdentityPolicy); len(errs) > 0 {
			t.Errorf("%s: %v", arn, errs[0])
		}
	}
}

// TestNodePolicies: what the two policies for nodes differ in.
func TestNodePolicies(t *testing.T) {
	t.Parallel()
	for name, reads := range map[string]bool{"AmazonSSMManagedInstanceCore": true, "AmazonSSMManagedEC2InstanceDefaultPolicy": false} {
		p, err := engine.ParsePolicy(name, awsPolicies()[managedPrefix+name].Document)
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

package plan

import "strings"

// ec2 says whether any target is an EC2 instance; tags find only those.
func (t *Targets) ec2() bool {
	for _, id := range t.Instances {
		if !managedNode(id) {
			return true
		}
	}
	return len(t.Tags) > 0
}

// managed says whether any target is a managed node: a machine outside EC2 with a hybrid activation.
func (t *Targets) managed() bool {
	for _, id := range t.Instances {
		if managedNode(id) {
			return true
		}
	}
	return false
}

func managedNode(id string) bool { return strings.HasPrefix(id, "mi-") }

// nodes gives the stage's nodes as resources: each by its id, or one pattern with the tags they must have.
func (s *Stage) nodes() []Resource {
	ec2 := "arn:aws:ec2:" + s.Region + ":" + s.Account + ":instance/"
	if len(s.Targets.Tags) > 0 {
		return []Resource{{ARN: ec2 + "*", Type: "instance", Tags: s.Targets.Tags}}
	}
	resources := make([]Resource, 0, len(s.Targets.Instances))
	for _, id := range s.Targets.Instances {
		if managedNode(id) {
			arn := "arn:aws:ssm:" + s.Region + ":" + s.Account + ":managed-instance/" + id
			resources = append(resources, Resource{ARN: arn, Type: "managed-instance"})
			continue
		}
		resources = append(resources, Resource{ARN: ec2 + id, Type: "instance"})
	}
	return resources
}

// document gives a step's document as a resource. The account of a document that AWS owns is empty (R7).
func (s *Stage) document(step *Step) Resource {
	owner := s.Account
	if step.Own == nil {
		owner = ""
	}
	return Resource{ARN: "arn:aws:ssm:" + s.Region + ":" + owner + ":document/" + step.DocumentName, Type: "document"}
}

// linkedRole is the service-linked role with which Systems Manager reads alarms.
func (s *Stage) linkedRole() Resource {
	return Resource{ARN: "arn:aws:iam::" + s.Account + ":role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM", Type: "role"}
}

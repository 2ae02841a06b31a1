package iam

import "strings"

// managedPrefix is where AWS's own policies are: they belong to no account.
const managedPrefix = "arn:aws:iam::aws:policy/"

// managed are the policies of AWS that releases meet; others are NoSuchEntity. The documents are those of the AWS
// managed policy reference.
var managed = map[string]string{
	managedPrefix + "AdministratorAccess": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`,
	managedPrefix + "AmazonSSMManagedInstanceCore": `{"Version":"2012-10-17","Statement":[
{"Effect":"Allow","Action":["ssm:DescribeAssociation","ssm:GetDeployablePatchSnapshotForInstance","ssm:GetDocument",
"ssm:DescribeDocument","ssm:GetManifest","ssm:GetParameter","ssm:GetParameters","ssm:ListAssociations",
"ssm:ListInstanceAssociations","ssm:PutInventory","ssm:PutComplianceItems","ssm:PutConfigurePackageResult",
"ssm:UpdateAssociationStatus","ssm:UpdateInstanceAssociationStatus","ssm:UpdateInstanceInformation"],"Resource":"*"},
{"Effect":"Allow","Action":["ssmmessages:CreateControlChannel","ssmmessages:CreateDataChannel",
"ssmmessages:OpenControlChannel","ssmmessages:OpenDataChannel"],"Resource":"*"},
{"Effect":"Allow","Action":["ec2messages:AcknowledgeMessage","ec2messages:DeleteMessage","ec2messages:FailMessage",
"ec2messages:GetEndpoint","ec2messages:GetMessages","ec2messages:SendReply"],"Resource":"*"}]}`,
}

// nameOf is the name at the end of an ARN.
func nameOf(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

package iam_test

// keyType says which values a condition key has, and which operators are natural for it.
type keyType uint8

const (
	keyString keyType = iota
	keyNumber
	keyDate
	keyEpoch
	keyBool
	keyIP
	keyARN
	keyBinary
)

// simKey is a condition key that the simulator knows for the action, with its true type: it drops the others.
type simKey struct {
	name string
	kind keyType
	many bool // a multivalued key
}

// simTarget is an action with the resources it can be asked for. In an ARN, R stands for the region, A for the
// account, W for a word.
type simTarget struct {
	action    string
	resources []string // none: the action has no resource types
	attached  bool     // the resource can have a policy
	keys      []simKey
}

var simWords = []string{"alpha", "beta", "gamma", "Alpha", "ann", "bob", "team-1", "x", "prod", "dev"}

var (
	homeAccounts = []string{"111122223333", "444455556666"}
	simRegions   = []string{"us-east-1", "eu-west-1", "eu-central-1"}
)

var globalKeys = []simKey{
	{name: "aws:PrincipalTag/team"}, {name: "aws:PrincipalTag/Project"}, {name: "aws:RequestTag/team"},
	{name: "aws:PrincipalOrgID"}, {name: "aws:userid"}, {name: "aws:username"}, {name: "aws:PrincipalType"},
	{name: "aws:SourceVpc"}, {name: "aws:SourceVpce"}, {name: "aws:SourceAccount"}, {name: "aws:PrincipalAccount"},
	{name: "aws:RequestedRegion"}, {name: "aws:UserAgent"}, {name: "aws:referer"}, {name: "aws:CalledViaFirst"},
	{name: "aws:TagKeys", many: true}, {name: "aws:CalledVia", many: true}, {name: "aws:PrincipalOrgPaths", many: true},
	{name: "aws:SecureTransport", kind: keyBool}, {name: "aws:MultiFactorAuthPresent", kind: keyBool},
	{name: "aws:ViaAWSService", kind: keyBool}, {name: "aws:PrincipalIsAWSService", kind: keyBool},
	{name: "aws:MultiFactorAuthAge", kind: keyNumber},
	{name: "aws:CurrentTime", kind: keyDate}, {name: "aws:TokenIssueTime", kind: keyDate},
	{name: "aws:EpochTime", kind: keyEpoch},
	{name: "aws:SourceIp", kind: keyIP}, {name: "aws:VpcSourceIp", kind: keyIP},
	{name: "aws:PrincipalArn", kind: keyARN}, {name: "aws:SourceArn", kind: keyARN},
}

var (
	resourceTag = simKey{name: "aws:ResourceTag/env"} // not for Amazon S3: its buckets must opt in

	webIdentityKeys = []simKey{
		{name: "token.actions.githubusercontent.com:repository"}, {name: "token.actions.githubusercontent.com:ref"},
		{name: "token.actions.githubusercontent.com:environment"}, {name: "accounts.google.com:sub"},
		{name: "cognito-identity.amazonaws.com:aud"}, {name: "sts:RoleSessionName"},
	}
	samlKeys = []simKey{
		{name: "saml:aud"}, {name: "saml:sub"}, {name: "saml:edupersonaffiliation", many: true}, {name: "sts:RoleSessionName"},
	}
)

const (
	assumeRole   = "sts:AssumeRole"
	assumeWeb    = "sts:AssumeRoleWithWebIdentity"
	assumeSAML   = "sts:AssumeRoleWithSAML"
	roleResource = "arn:aws:iam::A:role/W-role"
)

var simTargets = []simTarget{
	{"s3:GetObject", []string{"arn:aws:s3:::W-bucket/W/W.txt", "arn:aws:s3:::W/W"}, true, []simKey{
		{name: "s3:TlsVersion", kind: keyNumber}, {name: "s3:signatureAge", kind: keyNumber}}},
	{"s3:PutObject", []string{"arn:aws:s3:::W-bucket/home/W/W"}, true, []simKey{{name: "s3:x-amz-acl"},
		{name: "s3:RequestObjectTagKeys", many: true}, {name: "s3:object-lock-retain-until-date", kind: keyDate}}},
	{"s3:ListBucket", []string{"arn:aws:s3:::W-bucket", "arn:aws:s3:::W"}, true, []simKey{
		{name: "s3:prefix"}, {name: "s3:delimiter"}, {name: "s3:max-keys", kind: keyNumber}}},
	{"sqs:SendMessage", []string{"arn:aws:sqs:R:A:W-queue", "arn:aws:sqs:R:A:W"}, true, []simKey{resourceTag}},
	{"sns:Publish", []string{"arn:aws:sns:R:A:W-topic"}, true, []simKey{resourceTag}},
	{"ssm:GetParameter", []string{"arn:aws:ssm:R:A:parameter/W/W", "arn:aws:ssm:R:A:parameter/W"}, false, []simKey{resourceTag}},
	{"ssm:SendCommand", []string{"arn:aws:ssm:R:A:document/W-doc", "arn:aws:ec2:R:A:instance/i-0W"}, false, []simKey{
		{name: "ssm:resourceTag/env"}, resourceTag}},
	{"ec2:StartInstances", []string{"arn:aws:ec2:R:A:instance/i-0W"}, false, []simKey{resourceTag,
		{name: "ec2:InstanceType"}, {name: "ec2:InstanceProfile", kind: keyARN}, {name: "ec2:EbsOptimized", kind: keyBool},
		{name: "ec2:MetadataHttpPutResponseHopLimit", kind: keyNumber}}},
	{"kms:Decrypt", []string{"arn:aws:kms:R:A:key/W-1234"}, true, []simKey{{name: "kms:ViaService"},
		{name: "kms:EncryptionContextKeys", many: true}, {name: "kms:RecipientAttestation:ImageSha384", kind: keyBinary}}},
	{"kms:CreateGrant", []string{"arn:aws:kms:R:A:key/W-1234"}, true, []simKey{{name: "kms:ViaService"},
		{name: "kms:GrantOperations", many: true}, {name: "kms:GrantIsForAWSResource", kind: keyBool}}},
	{assumeRole, []string{roleResource, "arn:aws:iam::A:role/W/W-role"}, true, []simKey{{name: "sts:ExternalId"},
		{name: "sts:RoleSessionName"}, {name: "sts:SourceIdentity"}, {name: "sts:TransitiveTagKeys", many: true}}},
	{assumeWeb, []string{roleResource}, true, webIdentityKeys},
	{assumeSAML, []string{roleResource}, true, samlKeys},
	{"secretsmanager:GetSecretValue", []string{"arn:aws:secretsmanager:R:A:secret:W/W-a1b2c3"}, true, []simKey{resourceTag,
		{name: "secretsmanager:VersionStage"}, {name: "secretsmanager:SecretId", kind: keyARN}}},
	{"lambda:InvokeFunction", []string{"arn:aws:lambda:R:A:function:W-fn"}, true, []simKey{
		{name: "lambda:InvokedViaFunctionUrl", kind: keyBool}}},
	{"dynamodb:GetItem", []string{"arn:aws:dynamodb:R:A:table/W"}, true, []simKey{
		{name: "dynamodb:LeadingKeys", many: true}, {name: "dynamodb:EnclosingOperation"}}},
	{"iam:PassRole", []string{roleResource}, false, []simKey{{name: "iam:PassedToService"},
		{name: "iam:AssociatedResourceArn", kind: keyARN}}},
	{"ec2:DescribeInstances", nil, false, nil},
	{"iam:ListRoles", nil, false, nil},
	{"ssm:DescribeParameters", nil, false, nil},
}

// simSiblings are actions that a policy names beside the one that is asked for.
var simSiblings = []string{
	"s3:PutObjectAcl", "s3:GetObjectAcl", "s3:ListBucket*", "sqs:ReceiveMessage", "sqs:Send*Batch", "sns:Subscribe",
	"ssm:GetParameters", "ssm:Send*Signal", "ec2:StopInstances", "ec2:Describe*s", "kms:Encrypt", "kms:Create*Key",
	"sts:TagSession", "sts:Assume*Root", "secretsmanager:List*", "lambda:Get*", "dynamodb:Put*", "iam:Get?ole", "logs:*",
}

// simValues are what keys of a type have, and what policies compare them with.
var simValues = map[keyType][]string{
	keyNumber: {"0", "1", "10", "10.0", "10.5", "3600", "-1", "1000", "1.2", "007"},
	keyDate:   {"2026-01-02T03:04:05Z", "2026-01-02T04:04:05+01:00", "2026-01-02", "2026-01", "2026-02-03T03:04Z", "2025-12-31T23:59:59.5Z"},
	keyEpoch:  {"1767323045", "1767323046", "1700000000", "2000000000"},
	keyBool:   {"true", "false", "True", "FALSE"},
	keyIP: {"10.1.2.3", "10.1.2.4", "192.0.2.7", "203.0.113.200", "2001:db8::1", "2001:db8:1::2",
		"2001:db8:ffff::5"},
	keyBinary: {"QmluYXJ5", "AAAA", "/+8="},
	keyARN: {"arn:aws:iam::111122223333:role/alpha", "arn:aws:iam::111122223333:user/ann", "arn:aws:s3:::alpha",
		"arn:aws:lambda:us-east-1:444455556666:function:alpha", "arn:aws:sns:eu-west-1:111122223333:beta",
		"arn:aws:iam::444455556666:role/team-1/Alpha"},
}

// simRanges are what a policy compares addresses with.
var simRanges = []string{"10.0.0.0/8", "10.1.2.0/30", "192.0.2.0/24", "203.0.113.128/25", "10.1.2.3/32", "2001:db8::/32",
	"2001:db8:1::/48", "2001:db8::/128"}

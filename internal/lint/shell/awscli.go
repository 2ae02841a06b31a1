package shell

import (
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// valued are the AWS CLI's global options that take a value; the others are switches (user guide, "Command line
// options").
var valued = []string{
	"--region", "--profile", "--output", "--endpoint-url", "--query", "--color", "--ca-bundle", "--cli-read-timeout",
	"--cli-connect-timeout", "--cli-binary-format", "--cli-error-format",
}

// services maps the CLI's names of services to those that IAM has, where they differ.
var services = map[string]string{
	"s3api": "s3", "s3control": "s3", "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "stepfunctions": "states",
	"deploy": "codedeploy", "efs": "elasticfilesystem", "opensearch": "es", "sesv2": "ses", "emr": "elasticmapreduce",
	"resourcegroupstaggingapi": "tag", "apigatewayv2": "apigateway", "dynamodbstreams": "dynamodb", "configservice": "config",
	"pinpoint": "mobiletargeting", "amp": "aps", "bedrock-runtime": "bedrock", "bedrock-agent": "bedrock", "bedrock-agent-runtime": "bedrock",
	"kinesisanalyticsv2": "kinesisanalytics", "mwaa": "airflow", "neptune": "rds", "docdb": "rds", "opensearchserverless": "aoss",
	"service-quotas": "servicequotas", "sso-admin": "sso", "timestream-write": "timestream", "timestream-query": "timestream",
	"accessanalyzer": "access-analyzer", "sagemaker-runtime": "sagemaker", "appconfigdata": "appconfig", "cloudcontrol": "cloudformation",
	"lexv2-models": "lex", "cloudhsmv2": "cloudhsm", "iot-data": "iot", "emr-containers": "emr-containers", "ssm-contacts": "ssm-contacts",
}

// operations maps a command of the CLI to actions, where they are not the operation's own name.
var operations = map[string][]string{
	"s3api list-objects": {"s3:ListBucket"}, "s3api list-objects-v2": {"s3:ListBucket"}, "s3api head-bucket": {"s3:ListBucket"},
	"s3api head-object": {"s3:GetObject"}, "s3api list-buckets": {"s3:ListAllMyBuckets"},
	"s3api get-bucket-encryption": {"s3:GetEncryptionConfiguration"}, "s3api copy-object": {"s3:GetObject", "s3:PutObject"},
	"s3api delete-objects": {"s3:DeleteObject"}, "s3api list-object-versions": {"s3:ListBucketVersions"},
	"s3api create-multipart-upload": {"s3:PutObject"}, "s3api upload-part": {"s3:PutObject"}, "s3api complete-multipart-upload": {"s3:PutObject"},
	"lambda invoke":                        {"lambda:InvokeFunction"},
	"ecr get-login-password":               {"ecr:GetAuthorizationToken"},
	"ecr get-login":                        {"ecr:GetAuthorizationToken"},
	"ecr-public get-login-password":        {"ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"},
	"codeartifact login":                   {"codeartifact:GetAuthorizationToken", "sts:GetServiceBearerToken"},
	"codeartifact get-authorization-token": {"codeartifact:GetAuthorizationToken", "sts:GetServiceBearerToken"},
	"logs tail":                            {"logs:FilterLogEvents"},
	"logs start-live-tail":                 {"logs:StartLiveTail"},
	"cloudformation package":               {"s3:GetObject", "s3:PutObject"}, // it looks for what is there already
	"cloudformation deploy": {"cloudformation:CreateChangeSet", "cloudformation:DescribeChangeSet", "cloudformation:ExecuteChangeSet",
		"cloudformation:DescribeStacks"},
	"ecs deploy": {"ecs:DescribeServices", "ecs:RegisterTaskDefinition", "codedeploy:GetApplication", "codedeploy:GetDeploymentGroup",
		"codedeploy:CreateDeployment", "codedeploy:GetDeployment"},
	"deploy push":                                 {"s3:PutObject", "codedeploy:RegisterApplicationRevision"},
	"ssm start-session":                           {"ssm:StartSession"},
	"s3api put-bucket-cors":                       {"s3:PutBucketCORS"},
	"s3api get-bucket-cors":                       {"s3:GetBucketCORS"},
	"s3api put-bucket-encryption":                 {"s3:PutEncryptionConfiguration"},
	"s3api put-bucket-lifecycle-configuration":    {"s3:PutLifecycleConfiguration"},
	"s3api get-bucket-lifecycle-configuration":    {"s3:GetLifecycleConfiguration"},
	"s3api put-public-access-block":               {"s3:PutBucketPublicAccessBlock"},
	"s3api get-public-access-block":               {"s3:GetBucketPublicAccessBlock"},
	"s3api put-bucket-notification-configuration": {"s3:PutBucketNotification"},
	"s3api get-bucket-notification-configuration": {"s3:GetBucketNotification"},
	"s3api put-bucket-replication":                {"s3:PutReplicationConfiguration"},
	"eks update-kubeconfig":                       {"eks:DescribeCluster"},
	"dynamodb transact-get-items":                 {"dynamodb:GetItem"},
}

// free are commands that call nothing, or what nobody is denied.
var free = []string{"configure", "help", "history", "sts get-caller-identity", "eks get-token", "s3 help", "cloudformation help"}

// of is what aws with arguments calls.
func (u use) of(words []Word) []use {
	words = withoutOptions(words)
	if len(words) == 0 {
		return nil // aws --version
	}
	service := words[0]
	if !service.Whole {
		return []use{u.cannot("aws "+service.Text+"…", "which service it calls is decided while it runs")}
	}
	rest := withoutOptions(words[1:])
	if slices.Contains(free, service.Text) {
		return nil
	}
	if len(rest) == 0 {
		return []use{u.cannot("aws "+service.Text, "it names no operation")}
	}
	if !rest[0].Whole {
		return []use{u.cannot("aws "+service.Text+" "+rest[0].Text+"…", "which operation it calls is decided while it runs")}
	}
	command := "aws " + service.Text + " " + rest[0].Text
	name := service.Text + " " + rest[0].Text
	if slices.Contains(free, name) || rest[0].Text == "help" {
		return nil
	}
	if rest[0].Text == "wait" {
		return []use{u.waits(command, service.Text, withoutOptions(rest[1:]))}
	}
	if service.Text == "s3" {
		return []use{u.ofS3(command, rest[0].Text, rest[1:])}
	}
	if actions, known := operations[name]; known {
		return []use{u.needs(command, actions...)}
	}
	if action := actionOf(service.Text, rest[0].Text); action != "" {
		return []use{u.needs(command, action)}
	}
	return []use{u.cannot(command, "which actions it needs is not known here")}
}

// withoutOptions drops global options from the front.
func withoutOptions(words []Word) []Word {
	for len(words) > 0 && strings.HasPrefix(words[0].Text, "-") {
		takesValue := slices.Contains(valued, words[0].Text)
		words = words[1:]
		if takesValue && len(words) > 0 {
			words = words[1:]
		}
	}
	return words
}

// actionOf is the action of the same name as an operation: get-parameter is GetParameter. Empty where IAM has none.
func actionOf(service, operation string) string {
	prefix := service
	if mapped, ok := services[service]; ok {
		prefix = mapped
	}
	want := strings.ReplaceAll(operation, "-", "")
	for _, name := range catalog.Actions(prefix) {
		if strings.EqualFold(name, want) {
			return prefix + ":" + name
		}
	}
	return ""
}

// ofDocker is what an image from ECR needs.
func (u use) ofDocker(words []Word) []use {
	if len(words) < 2 || words[0].Text != "pull" && words[0].Text != "push" {
		return nil
	}
	for _, w := range words[1:] {
		if !strings.Contains(w.Written, ".dkr.ecr.") {
			continue
		}
		actions := []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}
		if words[0].Text == "push" {
			actions = []string{"ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload", "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage"}
		}
		return []use{u.needs("docker "+words[0].Text+" from ECR", actions...)}
	}
	return nil
}

// operationOf is the service and the operation that the arguments of aws name; empty where they do not.
func operationOf(words []Word) (service, operation string) {
	words = withoutOptions(words)
	if len(words) == 0 || !words[0].Whole {
		return "", ""
	}
	rest := withoutOptions(words[1:])
	if len(rest) == 0 || !rest[0].Whole {
		return words[0].Text, ""
	}
	return words[0].Text, rest[0].Text
}

// hasAWS says whether a text may call the AWS CLI.
func hasAWS(text string) bool { return strings.Contains(text, "aws ") }

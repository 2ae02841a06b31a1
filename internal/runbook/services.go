package runbook

import (
	"strings"

	"github.com/slipway-cd/slipway/iam/catalog"
)

// prefixes map the names that boto3 has for services, which aws:executeAwsApi takes, to the prefixes of IAM, where they differ
// (boto3 reference, "Available services"; service authorization reference).
var prefixes = map[string]string{
	"accessanalyzer": "access-analyzer", "amp": "aps", "apigatewayv2": "apigateway", "appconfigdata": "appconfig",
	"cloudcontrol": "cloudformation", "cloudhsmv2": "cloudhsm", "docdb": "rds", "dynamodbstreams": "dynamodb",
	"efs": "elasticfilesystem", "elb": "elasticloadbalancing", "elbv2": "elasticloadbalancing", "emr": "elasticmapreduce",
	"greengrassv2": "greengrass", "iot-data": "iot", "kinesisanalyticsv2": "kinesisanalytics", "location": "geo",
	"mturk": "mechanicalturk", "mwaa": "airflow", "neptune": "rds", "opensearch": "es", "opensearchserverless": "aoss",
	"pinpoint": "mobiletargeting", "resourcegroupstaggingapi": "tag", "s3control": "s3", "service-quotas": "servicequotas",
	"servicecatalog-appregistry": "servicecatalog", "sesv2": "ses", "sso-admin": "sso", "stepfunctions": "states",
	"support-app": "supportapp", "timestream-query": "timestream", "timestream-write": "timestream",
	"marketplace-catalog": "aws-marketplace", "migrationhub-config": "mgh", "bedrock-runtime": "bedrock", "bedrock-agent": "bedrock",
	"sagemaker-runtime": "sagemaker", "voice-id": "voiceid", "workspaces-thin-client": "thinclient",
}

// operations are those that are authorised by actions of another name (S3's and Lambda's user guides, service authorization
// reference).
var operations = map[string][]string{
	"s3:ListObjects": {"s3:ListBucket"}, "s3:ListObjectsV2": {"s3:ListBucket"}, "s3:HeadBucket": {"s3:ListBucket"},
	"s3:HeadObject": {"s3:GetObject"}, "s3:ListBuckets": {"s3:ListAllMyBuckets"}, "s3:ListObjectVersions": {"s3:ListBucketVersions"},
	"s3:CopyObject": {"s3:GetObject", "s3:PutObject"}, "s3:DeleteObjects": {"s3:DeleteObject"},
	"s3:CreateMultipartUpload": {"s3:PutObject"}, "s3:UploadPart": {"s3:PutObject"}, "s3:CompleteMultipartUpload": {"s3:PutObject"},
	"s3:ListMultipartUploads": {"s3:ListBucketMultipartUploads"}, "s3:ListParts": {"s3:ListMultipartUploadParts"},
	"s3:GetBucketEncryption": {"s3:GetEncryptionConfiguration"}, "s3:PutBucketEncryption": {"s3:PutEncryptionConfiguration"},
	"s3:DeleteBucketEncryption": {"s3:PutEncryptionConfiguration"}, "s3:GetPublicAccessBlock": {"s3:GetBucketPublicAccessBlock"},
	"s3:PutPublicAccessBlock": {"s3:PutBucketPublicAccessBlock"}, "s3:DeletePublicAccessBlock": {"s3:PutBucketPublicAccessBlock"},
	"s3:GetBucketLifecycleConfiguration": {"s3:GetLifecycleConfiguration"}, "s3:PutBucketLifecycleConfiguration": {"s3:PutLifecycleConfiguration"},
	"s3:DeleteBucketLifecycle": {"s3:PutLifecycleConfiguration"}, "s3:GetBucketReplication": {"s3:GetReplicationConfiguration"},
	"s3:PutBucketReplication": {"s3:PutReplicationConfiguration"}, "s3:DeleteBucketTagging": {"s3:PutBucketTagging"},
	"s3:GetBucketNotificationConfiguration": {"s3:GetBucketNotification"}, "s3:PutBucketNotificationConfiguration": {"s3:PutBucketNotification"},
	"s3:GetBucketCors": {"s3:GetBucketCORS"}, "s3:PutBucketCors": {"s3:PutBucketCORS"}, "s3:DeleteBucketCors": {"s3:PutBucketCORS"},
	"lambda:Invoke": {"lambda:InvokeFunction"}, "sns:PublishBatch": {"sns:Publish"},
	"sqs:SendMessageBatch": {"sqs:SendMessage"}, "sqs:DeleteMessageBatch": {"sqs:DeleteMessage"},
	"sqs:ChangeMessageVisibilityBatch": {"sqs:ChangeMessageVisibility"}, "dynamodb:TransactGetItems": {"dynamodb:GetItem"},
}

// ActionsOf are the IAM actions that an operation of a service is authorised by, as boto3 names both; nil where that is not
// known. An underscore form, describe_instances, is taken as well.
func ActionsOf(service, operation string) []string {
	prefix := strings.ToLower(service)
	if mapped, ok := prefixes[prefix]; ok {
		prefix = mapped
	}
	operation = strings.ReplaceAll(operation, "_", "")
	for name, actions := range operations {
		if strings.EqualFold(name, prefix+":"+operation) {
			return actions
		}
	}
	if a, ok := catalog.Lookup(prefix + ":" + operation); ok {
		return []string{a.String()}
	}
	return nil
}

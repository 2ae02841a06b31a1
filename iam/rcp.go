package iam

import "strings"

// rcpServices are the services whose actions resource control policies apply to, by the prefix of the actions
// (https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html, as of September 2026).
const rcpServices = " appconfig appstream aoss autoscaling autoscaling-plans budgets clouddirectory cloudfront cloudsearch " +
	"cloudtrail-data codeartifact codebuild codecommit codepipeline cognito-identity cognito-idp comprehend " +
	"comprehendmedical compute-optimizer cost-optimization-hub dax dsql dynamodb ecr ecr-public events firehose fis fms " +
	"gamelift health inspector-scan kendra kinesisvideo kms logs memorydb networkmonitor notifications opensearch " +
	"pca-connector-ad personalize polly pricing resource-groups rolesanywhere s3 secretsmanager servicediscovery signin " +
	"sqs sts support swf textract timestream-influxdb transcribe transfer translate wafv2 workspaces xray "

// rcpExceptions are the actions of those services that resource control policies do not restrict.
const rcpExceptions = " kms:retiregrant "

// rcpApplies says whether resource control policies restrict an action.
func rcpApplies(action string) bool {
	service, _, ok := strings.Cut(action, ":")
	return ok && hasWord(rcpServices, service) && !hasWord(rcpExceptions, action)
}

// hasWord says whether the word stands between spaces in a list in lower case. It does not allocate.
func hasWord(list, word string) bool {
	for rest := list; len(rest) > len(word)+1; {
		if rest[len(word)+1] == ' ' && strings.EqualFold(rest[1:len(word)+1], word) {
			return true
		}
		next := strings.IndexByte(rest[1:], ' ')
		if next < 0 {
			return false
		}
		rest = rest[next+1:]
	}
	return false
}

package catalog

import (
	"slices"
	"strings"
)

// What both sources lack, by hand. Each entry says where it is documented; a test says for each whether the sources
// still lack it, so that an entry goes when it is no longer needed.

// githubIssuers are the issuers of GitHub's tokens as the reference writes them: github.com, an enterprise with an
// issuer of its own on github.com, and one with its own domain.
var githubIssuers = []string{
	"token.actions.githubusercontent.com",
	"token.actions.githubusercontent.com/${SubPath}",
	"token.actions.${Domain}.ghe.com",
}

// gapKeys are condition keys of actions.
//
// The aud and sub of GitHub's and GitLab's tokens: the reference lists the claims added in 2026 and leaves out the two that every
// provider has and every trust policy uses
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_iam-condition-keys.html#condition-keys-wif).
var gapKeys = map[string][]ConditionKey{
	"sts:AssumeRoleWithWebIdentity": keysOf(slices.Concat(githubIssuers, []string{"gitlab.com"}), "aud", "sub"),
}

func keysOf(issuers []string, claims ...string) []ConditionKey {
	var out []ConditionKey
	for _, issuer := range issuers {
		for _, claim := range claims {
			out = append(out, ConditionKey{Name: issuer + ":" + claim, Type: "String"})
		}
	}
	return out
}

// gapARNs are further ARN patterns of resource types.
//
// Documents, runbooks and public parameters that AWS owns have no account in their ARN: arn:aws:ssm:us-east-1::document/AWS-RunShellScript
// (https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-public-parameters.html).
var gapARNs = map[string][]string{
	"ssm:automation-definition": {"arn:${Partition}:ssm:${Region}::automation-definition/${AutomationDefinitionName}:${VersionId}"},
	"ssm:document":              {"arn:${Partition}:ssm:${Region}::document/${DocumentName}"},
	"ssm:parameter":             {"arn:${Partition}:ssm:${Region}::parameter/${ParameterNameWithoutLeadingSlash}"},
}

// gapDependents are dependent actions other than iam:PassRole.
//
// Session tags and a source identity need a permission of their own, in the role's trust policy and for the caller
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_session-tags.html#id_session-tags_permissions-required and
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_temp_control-access_monitor.html).
var gapDependents = map[string][]string{
	"sts:AssumeRole":                {"sts:SetSourceIdentity", "sts:TagSession"},
	"sts:AssumeRoleWithSAML":        {"sts:SetSourceIdentity", "sts:TagSession"},
	"sts:AssumeRoleWithWebIdentity": {"sts:SetSourceIdentity", "sts:TagSession"},
}

// passesRole are actions whose request can hand a role to a service, with the member of the request that names the
// role, as the service's API model has it: the caller then needs iam:PassRole on that role
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html). A request without that member needs
// none. The list is what releases and their infrastructure meet; it is not complete.
var passesRole = map[string]string{
	"amplify:CreateApp":    "iamServiceRoleArn, computeRoleArn",
	"amplify:CreateBranch": "computeRoleArn",
	"amplify:UpdateApp":    "iamServiceRoleArn, computeRoleArn",
	"amplify:UpdateBranch": "computeRoleArn",

	// The role that API Gateway assumes to call an integration, or to log.
	"apigateway:PATCH": "the patch operation's value for /credentials or /cloudwatchRoleArn",
	"apigateway:POST":  "credentialsArn, authorizerCredentialsArn",
	"apigateway:PUT":   "credentials",

	"appconfig:CreateConfigurationProfile": "RetrievalRoleArn",
	"appconfig:CreateEnvironment":          "Monitors[].AlarmRoleArn",
	"appconfig:CreateExtension":            "Actions{}[].RoleArn",
	"appconfig:UpdateConfigurationProfile": "RetrievalRoleArn",
	"appconfig:UpdateEnvironment":          "Monitors[].AlarmRoleArn",
	"appconfig:UpdateExtension":            "Actions{}[].RoleArn",

	"application-autoscaling:RegisterScalableTarget": "RoleARN",

	"apprunner:CreateService": "SourceConfiguration.AuthenticationConfiguration.AccessRoleArn, InstanceConfiguration.InstanceRoleArn",
	"apprunner:UpdateService": "SourceConfiguration.AuthenticationConfiguration.AccessRoleArn, InstanceConfiguration.InstanceRoleArn",

	"appsync:CreateApi":        "eventConfig.logConfig.cloudWatchLogsRoleArn",
	"appsync:CreateDataSource": "serviceRoleArn",
	"appsync:CreateGraphqlApi": "logConfig.cloudWatchLogsRoleArn",
	"appsync:UpdateApi":        "eventConfig.logConfig.cloudWatchLogsRoleArn",
	"appsync:UpdateDataSource": "serviceRoleArn",
	"appsync:UpdateGraphqlApi": "logConfig.cloudWatchLogsRoleArn",

	"autoscaling:CreateLaunchConfiguration": "IamInstanceProfile",
	"autoscaling:PutLifecycleHook":          "RoleARN",

	"batch:CreateComputeEnvironment": "serviceRole, computeResources.instanceRole",
	"batch:RegisterJobDefinition":    "containerProperties.jobRoleArn, containerProperties.executionRoleArn",
	"batch:UpdateComputeEnvironment": "serviceRole, computeResources.instanceRole",

	"chatbot:CreateMicrosoftTeamsChannelConfiguration": "IamRoleArn",
	"chatbot:CreateSlackChannelConfiguration":          "IamRoleArn",
	"chatbot:UpdateMicrosoftTeamsChannelConfiguration": "IamRoleArn",
	"chatbot:UpdateSlackChannelConfiguration":          "IamRoleArn",

	"cloudformation:ActivateType":           "ExecutionRoleArn, LoggingConfig.LogRoleArn",
	"cloudformation:ContinueUpdateRollback": "RoleARN",
	"cloudformation:CreateChangeSet":        "RoleARN",
	"cloudformation:CreateStack":            "RoleARN",
	"cloudformation:CreateStackSet":         "AdministrationRoleARN",
	"cloudformation:DeleteStack":            "RoleARN",
	"cloudformation:RegisterType":           "ExecutionRoleArn, LoggingConfig.LogRoleArn",
	"cloudformation:RollbackStack":          "RoleARN",
	"cloudformation:UpdateStack":            "RoleARN",
	"cloudformation:UpdateStackSet":         "AdministrationRoleARN",

	"cloudfront:CreateRealtimeLogConfig": "EndPoints[].KinesisStreamConfig.RoleARN",
	"cloudfront:UpdateRealtimeLogConfig": "EndPoints[].KinesisStreamConfig.RoleARN",

	"cloudtrail:CreateTrail": "CloudWatchLogsRoleArn",
	"cloudtrail:UpdateTrail": "CloudWatchLogsRoleArn",

	"cloudwatch:PutMetricStream": "RoleArn",

	"codebuild:CreateProject":   "serviceRole, buildBatchConfig.serviceRole",
	"codebuild:StartBuild":      "serviceRoleOverride",
	"codebuild:StartBuildBatch": "serviceRoleOverride, buildBatchConfigOverride.serviceRole",
	"codebuild:UpdateProject":   "serviceRole, buildBatchConfig.serviceRole",

	"codedeploy:CreateDeploymentGroup": "serviceRoleArn",
	"codedeploy:UpdateDeploymentGroup": "serviceRoleArn",

	"codepipeline:CreatePipeline": "pipeline.roleArn",
	"codepipeline:UpdatePipeline": "pipeline.roleArn",

	"dlm:CreateLifecyclePolicy": "ExecutionRoleArn",
	"dlm:UpdateLifecyclePolicy": "ExecutionRoleArn",

	"ec2:RequestSpotFleet": "SpotFleetRequestConfig.IamFleetRole",

	"ecr:CreatePullThroughCacheRule": "customRoleArn",
	"ecr:UpdatePullThroughCacheRule": "customRoleArn",

	"ecs:CreateCapacityProvider":      "managedInstancesProvider.infrastructureRoleArn",
	"ecs:CreateService":               "role, deploymentConfiguration.lifecycleHooks[].roleArn",
	"ecs:CreateTaskSet":               "loadBalancers[].advancedConfiguration.roleArn",
	"ecs:RegisterTaskDefinition":      "taskRoleArn, executionRoleArn",
	"ecs:UpdateCapacityProvider":      "managedInstancesProvider.infrastructureRoleArn",
	"ecs:UpdateExpressGatewayService": "executionRoleArn, taskRoleArn",
	"ecs:UpdateService":               "deploymentConfiguration.lifecycleHooks[].roleArn",

	"eks:CreateCapability":             "roleArn",
	"eks:CreateCluster":                "roleArn",
	"eks:CreateFargateProfile":         "podExecutionRoleArn",
	"eks:CreateNodegroup":              "nodeRole",
	"eks:CreatePodIdentityAssociation": "roleArn",
	"eks:UpdateCapability":             "roleArn",
	"eks:UpdateClusterConfig":          "computeConfig.nodeRoleArn",
	"eks:UpdatePodIdentityAssociation": "roleArn",

	"elasticbeanstalk:CreateApplication":                  "ResourceLifecycleConfig.ServiceRole",
	"elasticbeanstalk:UpdateApplicationResourceLifecycle": "ResourceLifecycleConfig.ServiceRole",

	"events:CreateEndpoint": "RoleArn",
	"events:PutRule":        "RoleArn",
	"events:PutTargets":     "Targets[].RoleArn",
	"events:UpdateEndpoint": "RoleArn",

	"firehose:CreateDeliveryStream": "every destination's RoleARN",
	"firehose:UpdateDestination":    "every destination's RoleARN",

	"fis:CreateExperimentTemplate": "roleArn",
	"fis:UpdateExperimentTemplate": "roleArn",

	"glue:CreateCrawler": "Role",
	"glue:CreateJob":     "Role",
	"glue:CreateSession": "Role",
	"glue:UpdateCrawler": "Role",
	"glue:UpdateJob":     "JobUpdate.Role",

	"lambda:UpdateFunctionConfiguration": "Role",

	"logs:CreateScheduledQuery": "executionRoleArn",
	"logs:UpdateScheduledQuery": "executionRoleArn",

	"s3:CreateAccessGrantsLocation": "IAMRoleArn",
	"s3:UpdateAccessGrantsLocation": "IAMRoleArn",

	"ssm:CreateActivation":                  "IamRole",
	"ssm:RegisterTaskWithMaintenanceWindow": "ServiceRoleArn",
	"ssm:SendCommand":                       "ServiceRoleArn",
	"ssm:StartAutomationExecution":          "Parameters{AutomationAssumeRole}",
	"ssm:StartChangeRequestExecution":       "Runbooks[].Parameters{AutomationAssumeRole}",
	"ssm:UpdateMaintenanceWindowTask":       "ServiceRoleArn",
	"ssm:UpdateManagedInstanceRole":         "IamRole",
	// The setting /ssm/managed-instance/default-ec2-instance-management-role names a role.
	"ssm:UpdateServiceSetting": "SettingValue",

	"states:TestState": "roleArn",

	"synthetics:CreateCanary": "ExecutionRoleArn",
	"synthetics:UpdateCanary": "ExecutionRoleArn",
}

// fill adds a service's gaps, before it is indexed. It never changes slices in place: they may be shared.
func fill(name string, s *service) {
	for i := range s.resources {
		r := &s.resources[i]
		r.ARNs = join(r.ARNs, gapARNs[name+":"+r.Type])
	}
	for i := range s.actions {
		a := &s.actions[i]
		id := name + ":" + a.Name
		a.DependentActions = join(a.DependentActions, gapDependents[id])
		if passesRole[id] != "" {
			a.DependentActions = join(a.DependentActions, []string{"iam:PassRole"})
		}
		for _, k := range gapKeys[id] {
			a.ConditionKeys = join(a.ConditionKeys, []string{k.Name})
			s.addKey(k)
		}
	}
}

func (s *service) addKey(k ConditionKey) {
	i, found := slices.BinarySearchFunc(s.keys, k.Name, func(have ConditionKey, name string) int {
		return strings.Compare(strings.ToLower(have.Name), strings.ToLower(name))
	})
	if !found {
		s.keys = slices.Insert(s.keys, i, k)
	}
}

// join is a sorted union in a new slice; have alone when there is nothing to add.
func join(have, add []string) []string {
	if len(add) == 0 {
		return have
	}
	out := slices.Concat(have, add)
	slices.Sort(out)
	return slices.Compact(out)
}

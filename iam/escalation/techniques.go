package escalation

// object is what a technique's own call acts on.
type object uint8

const (
	onRole object = iota
	onUser
	onPolicy   // a customer managed policy: whoever has it is reached
	onGroup    // a group: its members are reached
	onBoundary // a customer managed policy that is the boundary of those who are reached
	onNode
	onSAML // a SAML provider: the roles that trust it are reached
)

// technique is one documented way from one principal to another.
type technique struct {
	name   string
	kind   Kind
	object object
	// action is made on the object.
	action string
	// service is whom the role is handed to, and must be able to assume it: the technique begins with iam:PassRole. A
	// technique without action and with service is about something that has the role already.
	service string
	// then are further calls, each one of several alternatives, on the object (same) or on a resource that the
	// caller chooses.
	then [][]string
	same bool
	// thenType is the resource type of the further calls; empty: whichever the policies allow.
	thenType string
	// joint says that the further calls are about one and the same resource.
	joint bool
	// made says that the action makes the object, which has what the caller then gives it.
	made bool
	// joins says that the caller puts whomever it likes into the group: any user is reached, and not its members.
	joins bool
	// gain is what a change can give at most; names is the condition key by which the caller's policies may say which
	// managed policies the change may be about.
	gain  gain
	names string
	// assumes says that the role's own trust policy decides; trusted, that the caller writes it first.
	assumes, trusted bool
	// unless is what the world does not say and the technique needs.
	unless string
	source string
}

const (
	iamAPI = "https://docs.aws.amazon.com/IAM/latest/APIReference/API_"
	ec2API = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_"
	ssmAPI = "https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_"
	cfnAPI = "https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_"
	awsAPI = "https://docs.aws.amazon.com/"
)

// techniques is the table. An earlier one is preferred where several lead to the same principal. Each source is the
// page of the API call that takes the role, changes the policy or makes the credentials.
var techniques = []technique{
	{name: "assume-role", kind: Become, object: onRole, action: "sts:AssumeRole", assumes: true,
		source: "https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"},

	// A node that takes commands runs them as root, and root reads the credentials of the node's role.
	{name: "send-command", kind: Command, object: onNode, action: "ssm:SendCommand", then: [][]string{{"ssm:SendCommand"}}, thenType: "document",
		source: ssmAPI + "SendCommand.html"},
	{name: "start-session", kind: Command, object: onNode, action: "ssm:StartSession", source: ssmAPI + "StartSession.html"},
	{name: "create-association", kind: Command, object: onNode, action: "ssm:CreateAssociation", source: ssmAPI + "CreateAssociation.html"},
	{name: "update-association", kind: Command, object: onNode, thenType: "association", joint: true,
		then:   [][]string{{"ssm:UpdateAssociation"}, {"ssm:DescribeAssociation"}},
		unless: "there is such an association", source: ssmAPI + "UpdateAssociation.html"},
	{name: "update-document", kind: Command, object: onNode, thenType: "document", joint: true,
		then:   [][]string{{"ssm:UpdateDocument"}, {"ssm:UpdateDocumentDefaultVersion"}},
		unless: "it runs the document", source: ssmAPI + "UpdateDocument.html"},
	{name: "update-latest-document", kind: Command, object: onNode, thenType: "document", then: [][]string{{"ssm:UpdateDocument"}},
		unless: "it runs the document's latest version", source: ssmAPI + "UpdateDocument.html"},
	{name: "ssh-public-key", kind: Command, object: onNode, action: "ec2-instance-connect:SendSSHPublicKey",
		unless: "its SSH port can be reached",
		source: awsAPI + "ec2-instance-connect/latest/APIReference/API_SendSSHPublicKey.html"},
	{name: "serial-console-key", kind: Command, object: onNode, action: "ec2-instance-connect:SendSerialConsoleSSHPublicKey",
		unless: "the serial console is enabled",
		source: awsAPI + "ec2-instance-connect/latest/APIReference/API_SendSerialConsoleSSHPublicKey.html"},
	{name: "user-data", kind: Command, object: onNode, action: "ec2:ModifyInstanceAttribute", same: true,
		then: [][]string{{"ec2:StopInstances"}, {"ec2:StartInstances"}}, source: ec2API + "ModifyInstanceAttribute.html"},

	// The trust policy decides who becomes the role, and credentials of a user are the user.
	{name: "update-trust", kind: Become, object: onRole, action: "iam:UpdateAssumeRolePolicy", trusted: true,
		source: iamAPI + "UpdateAssumeRolePolicy.html"},
	// A provider of the caller's own signs it in, without any permission to call sts:AssumeRole.
	{name: "trust-provider", kind: Become, object: onRole, action: "iam:UpdateAssumeRolePolicy",
		then:   [][]string{{"iam:CreateOpenIDConnectProvider", "iam:CreateSAMLProvider", "iam:UpdateSAMLProvider"}},
		source: iamAPI + "UpdateAssumeRolePolicy.html"},
	{name: "update-saml-provider", kind: Become, object: onSAML, action: "iam:UpdateSAMLProvider", source: iamAPI + "UpdateSAMLProvider.html"},
	{name: "create-access-key", kind: Become, object: onUser, action: "iam:CreateAccessKey", source: iamAPI + "CreateAccessKey.html"},
	{name: "create-login", kind: Become, object: onUser, action: "iam:CreateLoginProfile", source: iamAPI + "CreateLoginProfile.html"},
	{name: "update-login", kind: Become, object: onUser, action: "iam:UpdateLoginProfile", source: iamAPI + "UpdateLoginProfile.html"},
	{name: "service-credential", kind: Become, object: onUser, action: "iam:CreateServiceSpecificCredential",
		unless: "a service that takes such credentials", source: iamAPI + "CreateServiceSpecificCredential.html"},

	// Whoever writes a policy decides what its principals may do.
	{name: "put-role-policy", kind: Change, object: onRole, action: "iam:PutRolePolicy", gain: gainReplace, source: iamAPI + "PutRolePolicy.html"},
	{name: "attach-role-policy", kind: Change, object: onRole, action: "iam:AttachRolePolicy", names: keyPolicyARN, source: iamAPI + "AttachRolePolicy.html"},
	{name: "delete-role-policy", kind: Change, object: onRole, action: "iam:DeleteRolePolicy", gain: gainUndenied,
		unless: "the policy denied something", source: iamAPI + "DeleteRolePolicy.html"},
	{name: "detach-role-policy", kind: Change, object: onRole, action: "iam:DetachRolePolicy", gain: gainUndenied,
		unless: "the policy denied something", source: iamAPI + "DetachRolePolicy.html"},
	{name: "delete-role-boundary", kind: Change, object: onRole, action: "iam:DeleteRolePermissionsBoundary", gain: gainOwn,
		unless: "it has a boundary", source: iamAPI + "DeleteRolePermissionsBoundary.html"},
	{name: "put-role-boundary", kind: Change, object: onRole, action: "iam:PutRolePermissionsBoundary", gain: gainOwn, names: keyBoundary,
		unless: "it has a boundary", source: iamAPI + "PutRolePermissionsBoundary.html"},
	{name: "put-user-policy", kind: Change, object: onUser, action: "iam:PutUserPolicy", gain: gainReplace, source: iamAPI + "PutUserPolicy.html"},
	{name: "attach-user-policy", kind: Change, object: onUser, action: "iam:AttachUserPolicy", names: keyPolicyARN, source: iamAPI + "AttachUserPolicy.html"},
	{name: "delete-user-policy", kind: Change, object: onUser, action: "iam:DeleteUserPolicy", gain: gainUndenied,
		unless: "the policy denied something", source: iamAPI + "DeleteUserPolicy.html"},
	{name: "detach-user-policy", kind: Change, object: onUser, action: "iam:DetachUserPolicy", gain: gainUndenied,
		unless: "the policy denied something", source: iamAPI + "DetachUserPolicy.html"},
	{name: "delete-user-boundary", kind: Change, object: onUser, action: "iam:DeleteUserPermissionsBoundary", gain: gainOwn,
		unless: "it has a boundary", source: iamAPI + "DeleteUserPermissionsBoundary.html"},
	{name: "put-user-boundary", kind: Change, object: onUser, action: "iam:PutUserPermissionsBoundary", gain: gainOwn, names: keyBoundary,
		unless: "it has a boundary", source: iamAPI + "PutUserPermissionsBoundary.html"},
	{name: "create-policy-version", kind: Change, object: onPolicy, action: "iam:CreatePolicyVersion", gain: gainReplace, source: iamAPI + "CreatePolicyVersion.html"},
	{name: "default-policy-version", kind: Change, object: onPolicy, action: "iam:SetDefaultPolicyVersion", gain: gainReplace,
		unless: "another version allows more", source: iamAPI + "SetDefaultPolicyVersion.html"},
	// A boundary that says something else bounds no more. DeletePolicyVersion deletes no default version, and DeletePolicy
	// no policy that is in use.
	{name: "create-boundary-version", kind: Change, object: onBoundary, action: "iam:CreatePolicyVersion", gain: gainOwn, source: iamAPI + "CreatePolicyVersion.html"},
	{name: "default-boundary-version", kind: Change, object: onBoundary, action: "iam:SetDefaultPolicyVersion", gain: gainOwn,
		unless: "another version allows more", source: iamAPI + "SetDefaultPolicyVersion.html"},
	{name: "put-group-policy", kind: Change, object: onGroup, action: "iam:PutGroupPolicy", gain: gainReplace, source: iamAPI + "PutGroupPolicy.html"},
	{name: "attach-group-policy", kind: Change, object: onGroup, action: "iam:AttachGroupPolicy", names: keyPolicyARN,
		source: iamAPI + "AttachGroupPolicy.html"},
	{name: "delete-group-policy", kind: Change, object: onGroup, action: "iam:DeleteGroupPolicy", gain: gainUndenied,
		unless: "the policy denied something", source: iamAPI + "DeleteGroupPolicy.html"},
	{name: "detach-group-policy", kind: Change, object: onGroup, action: "iam:DetachGroupPolicy", gain: gainUndenied,
		unless: "the policy denied something", source: iamAPI + "DetachGroupPolicy.html"},
	{name: "remove-user-from-group", kind: Change, object: onGroup, action: "iam:RemoveUserFromGroup", gain: gainUndenied,
		unless: "a policy of the group denied something", source: iamAPI + "RemoveUserFromGroup.html"},
	{name: "add-user-to-group", kind: Change, object: onGroup, action: "iam:AddUserToGroup", joins: true, gain: gainGroup, source: iamAPI + "AddUserToGroup.html"},
	{name: "put-policy-of-joined-group", kind: Change, object: onGroup, action: "iam:PutGroupPolicy", joins: true, same: true,
		then: [][]string{{"iam:AddUserToGroup"}}, source: iamAPI + "PutGroupPolicy.html"},
	{name: "attach-policy-to-joined-group", kind: Change, object: onGroup, action: "iam:AttachGroupPolicy", joins: true, same: true, names: keyPolicyARN,
		then: [][]string{{"iam:AddUserToGroup"}}, source: iamAPI + "AttachGroupPolicy.html"},
	// Whoever makes a role or a user decides what it may do, and acts as it.
	{name: "new-role", kind: Change, object: onRole, action: "iam:CreateRole", made: true, gain: gainNew,
		then: [][]string{{"iam:PutRolePolicy", "iam:AttachRolePolicy"}, {"sts:AssumeRole"}}, source: iamAPI + "CreateRole.html"},
	{name: "new-user", kind: Change, object: onUser, action: "iam:CreateUser", made: true, gain: gainNew,
		then:   [][]string{{"iam:PutUserPolicy", "iam:AttachUserPolicy"}, {"iam:CreateAccessKey", "iam:CreateLoginProfile"}},
		source: iamAPI + "CreateUser.html"},
	{name: "new-group", kind: Change, object: onGroup, action: "iam:CreateGroup", made: true, joins: true,
		then: [][]string{{"iam:PutGroupPolicy", "iam:AttachGroupPolicy"}, {"iam:AddUserToGroup"}}, source: iamAPI + "CreateGroup.html"},

	// A role is handed to a service, which then runs what the caller says.
	pass("ec2.amazonaws.com", "ec2:RunInstances", ec2API+"RunInstances.html"),
	pass("ec2.amazonaws.com", "ec2:AssociateIamInstanceProfile", ec2API+"AssociateIamInstanceProfile.html").given("it reaches the instance"),
	pass("ec2.amazonaws.com", "ec2:ReplaceIamInstanceProfileAssociation", ec2API+"ReplaceIamInstanceProfileAssociation.html").given("it reaches the instance"),
	pass("ec2.amazonaws.com", "ec2:RequestSpotInstances", ec2API+"RequestSpotInstances.html"),
	pass("ec2.amazonaws.com", "ec2:RequestSpotFleet", ec2API+"RequestSpotFleet.html"),
	pass("ec2.amazonaws.com", "autoscaling:CreateLaunchConfiguration", awsAPI+"autoscaling/ec2/APIReference/API_CreateLaunchConfiguration.html",
		"autoscaling:CreateAutoScalingGroup", "autoscaling:UpdateAutoScalingGroup"),
	pass("lambda.amazonaws.com", "lambda:CreateFunction", awsAPI+"lambda/latest/api/API_CreateFunction.html",
		"lambda:InvokeFunction", "lambda:InvokeAsync", "lambda:CreateEventSourceMapping", "lambda:AddPermission", "lambda:CreateFunctionUrlConfig"),
	pass("lambda.amazonaws.com", "lambda:UpdateFunctionConfiguration", awsAPI+"lambda/latest/api/API_UpdateFunctionConfiguration.html"),
	pass("cloudformation.amazonaws.com", "cloudformation:CreateStack", cfnAPI+"CreateStack.html"),
	pass("cloudformation.amazonaws.com", "cloudformation:UpdateStack", cfnAPI+"UpdateStack.html"),
	pass("cloudformation.amazonaws.com", "cloudformation:CreateChangeSet", cfnAPI+"CreateChangeSet.html", "cloudformation:ExecuteChangeSet"),
	pass("cloudformation.amazonaws.com", "cloudformation:CreateStackSet", cfnAPI+"CreateStackSet.html", "cloudformation:CreateStackInstances"),
	pass("cloudformation.amazonaws.com", "cloudformation:UpdateStackSet", cfnAPI+"UpdateStackSet.html"),
	pass("resources.cloudformation.amazonaws.com", "cloudformation:RegisterType", cfnAPI+"RegisterType.html"),
	pass("resources.cloudformation.amazonaws.com", "cloudformation:ActivateType", cfnAPI+"ActivateType.html").given("it is the caller's extension"),
	pass("ssm.amazonaws.com", "ssm:StartAutomationExecution", ssmAPI+"StartAutomationExecution.html"),
	pass("ssm.amazonaws.com", "ssm:StartChangeRequestExecution", ssmAPI+"StartChangeRequestExecution.html"),
	pass("ssm.amazonaws.com", "ssm:CreateAssociation", ssmAPI+"CreateAssociation.html"),
	pass("ssm.amazonaws.com", "ssm:RegisterTaskWithMaintenanceWindow", ssmAPI+"RegisterTaskWithMaintenanceWindow.html"),
	pass("ssm.amazonaws.com", "ssm:UpdateMaintenanceWindowTask", ssmAPI+"UpdateMaintenanceWindowTask.html"),
	// Whoever has the activation's code registers a machine of their own, which then has the role.
	pass("ssm.amazonaws.com", "ssm:CreateActivation", ssmAPI+"CreateActivation.html"),
	pass("ssm.amazonaws.com", "ssm:UpdateManagedInstanceRole", ssmAPI+"UpdateManagedInstanceRole.html").given("it reaches the machine"),
	pass("ssm.amazonaws.com", "ssm:UpdateServiceSetting", ssmAPI+"UpdateServiceSetting.html").given("it reaches a machine without a role"),
	pass("codebuild.amazonaws.com", "codebuild:CreateProject", awsAPI+"codebuild/latest/APIReference/API_CreateProject.html",
		"codebuild:StartBuild", "codebuild:StartBuildBatch", "codebuild:CreateWebhook"),
	pass("codebuild.amazonaws.com", "codebuild:UpdateProject", awsAPI+"codebuild/latest/APIReference/API_UpdateProject.html"),
	pass("codepipeline.amazonaws.com", "codepipeline:CreatePipeline", awsAPI+"codepipeline/latest/APIReference/API_CreatePipeline.html"),
	pass("codepipeline.amazonaws.com", "codepipeline:UpdatePipeline", awsAPI+"codepipeline/latest/APIReference/API_UpdatePipeline.html"),
	pass("ecs-tasks.amazonaws.com", "ecs:RunTask", awsAPI+"AmazonECS/latest/APIReference/API_RunTask.html"),
	pass("ecs-tasks.amazonaws.com", "ecs:StartTask", awsAPI+"AmazonECS/latest/APIReference/API_StartTask.html"),
	pass("ecs-tasks.amazonaws.com", "ecs:RegisterTaskDefinition", awsAPI+"AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html",
		"ecs:CreateService", "ecs:UpdateService", "ecs:CreateTaskSet"),
	pass("ecs-tasks.amazonaws.com", "ecs:CreateExpressGatewayService", awsAPI+"AmazonECS/latest/APIReference/API_CreateExpressGatewayService.html"),
	pass("ecs-tasks.amazonaws.com", "ecs:UpdateExpressGatewayService", awsAPI+"AmazonECS/latest/APIReference/API_UpdateExpressGatewayService.html"),
	pass("ecs-tasks.amazonaws.com", "batch:RegisterJobDefinition", awsAPI+"batch/latest/APIReference/API_RegisterJobDefinition.html", "batch:SubmitJob"),
	pass("glue.amazonaws.com", "glue:CreateDevEndpoint", awsAPI+"glue/latest/webapi/API_CreateDevEndpoint.html"),
	pass("glue.amazonaws.com", "glue:CreateSession", awsAPI+"glue/latest/webapi/API_CreateSession.html", "glue:RunStatement"),
	pass("glue.amazonaws.com", "glue:CreateJob", awsAPI+"glue/latest/webapi/API_CreateJob.html", "glue:StartJobRun", "glue:CreateTrigger"),
	pass("glue.amazonaws.com", "glue:UpdateJob", awsAPI+"glue/latest/webapi/API_UpdateJob.html"),
	pass("sagemaker.amazonaws.com", "sagemaker:CreateNotebookInstance", awsAPI+"sagemaker/latest/APIReference/API_CreateNotebookInstance.html"),
	pass("sagemaker.amazonaws.com", "sagemaker:CreateTrainingJob", awsAPI+"sagemaker/latest/APIReference/API_CreateTrainingJob.html"),
	pass("sagemaker.amazonaws.com", "sagemaker:CreateProcessingJob", awsAPI+"sagemaker/latest/APIReference/API_CreateProcessingJob.html"),
	pass("states.amazonaws.com", "states:CreateStateMachine", awsAPI+"step-functions/latest/apireference/API_CreateStateMachine.html",
		"states:StartExecution", "states:StartSyncExecution"),
	pass("states.amazonaws.com", "states:UpdateStateMachine", awsAPI+"step-functions/latest/apireference/API_UpdateStateMachine.html"),
	pass("states.amazonaws.com", "states:TestState", awsAPI+"step-functions/latest/apireference/API_TestState.html"),
	pass("scheduler.amazonaws.com", "scheduler:CreateSchedule", awsAPI+"scheduler/latest/APIReference/API_CreateSchedule.html"),
	pass("scheduler.amazonaws.com", "scheduler:UpdateSchedule", awsAPI+"scheduler/latest/APIReference/API_UpdateSchedule.html"),
	pass("events.amazonaws.com", "events:PutTargets", awsAPI+"eventbridge/latest/APIReference/API_PutTargets.html").given("a target of the rule runs the caller's code"),
	pass("datapipeline.amazonaws.com", "datapipeline:CreatePipeline", awsAPI+"datapipeline/latest/APIReference/API_CreatePipeline.html",
		"datapipeline:PutPipelineDefinition"),
	pass("elasticmapreduce.amazonaws.com", "elasticmapreduce:RunJobFlow", awsAPI+"emr/latest/APIReference/API_RunJobFlow.html"),
	pass("tasks.apprunner.amazonaws.com", "apprunner:CreateService", awsAPI+"apprunner/latest/api/API_CreateService.html"),

	// Something has the role already, and the caller changes what it runs: no iam:PassRole is asked for.
	has("lambda.amazonaws.com", "lambda:UpdateFunctionCode", "a function has the role", awsAPI+"lambda/latest/api/API_UpdateFunctionCode.html"),
	has("lambda.amazonaws.com", "lambda:UpdateFunctionConfiguration", "a function has the role",
		awsAPI+"lambda/latest/api/API_UpdateFunctionConfiguration.html"),
	has("codebuild.amazonaws.com", "codebuild:StartBuildBatch", "a project has the role",
		awsAPI+"codebuild/latest/APIReference/API_StartBuildBatch.html"),
	has("glue.amazonaws.com", "glue:UpdateDevEndpoint", "an endpoint has the role", awsAPI+"glue/latest/webapi/API_UpdateDevEndpoint.html"),
	has("ssm.amazonaws.com", "ssm:StartAutomationExecution", "a runbook has the role and does what the caller asks for",
		ssmAPI+"StartAutomationExecution.html"),
	has("ec2.amazonaws.com", "ec2:CreateLaunchTemplateVersion", "instances with the role are launched from a template's latest version",
		ec2API+"CreateLaunchTemplateVersion.html"),
	has("codebuild.amazonaws.com", "codebuild:StartBuild", "a project has the role", awsAPI+"codebuild/latest/APIReference/API_StartBuild.html"),
	has("cloudformation.amazonaws.com", "cloudformation:UpdateStack", "a stack has the role", cfnAPI+"UpdateStack.html"),
	has("cloudformation.amazonaws.com", "cloudformation:CreateChangeSet", "a stack has the role", cfnAPI+"CreateChangeSet.html", "cloudformation:ExecuteChangeSet"),
	has("ecs-tasks.amazonaws.com", "ecs:ExecuteCommand", "a task has the role", awsAPI+"AmazonECS/latest/APIReference/API_ExecuteCommand.html"),
	has("sagemaker.amazonaws.com", "sagemaker:CreatePresignedNotebookInstanceUrl", "a notebook has the role",
		awsAPI+"sagemaker/latest/APIReference/API_CreatePresignedNotebookInstanceUrl.html"),
	has("glue.amazonaws.com", "glue:RunStatement", "a session has the role", awsAPI+"glue/latest/webapi/API_RunStatement.html"),
}

// pass is a technique that hands a role to a service with an action, followed by one of others if there are any.
func pass(service, action, source string, then ...string) technique {
	t := technique{
		name: "pass-" + action, kind: Run, object: onRole, action: passRole, service: service, then: [][]string{{action}}, source: source,
	}
	if len(then) > 0 {
		t.then = append(t.then, then)
	}
	return t
}

// has is a technique that uses what has a role of the service already.
func has(service, action, unless, source string, then ...string) technique {
	t := pass(service, action, source, then...)
	t.name, t.action, t.unless = "use-"+action, "", unless
	return t
}

func (t technique) given(unless string) technique {
	t.unless = unless
	return t
}

const passRole = "iam:PassRole"

package policies

import "strings"

// services are the names of the services that AWS's documentation and its managed policies name as principals, without the
// domain. AWS publishes no list of them: one that is not here may well exist.
var services = words(`
a2i-runtime.sagemaker a4b access-analyzer access-grants.s3 account acm agentless.inspector2 aiops aiops.alarms.cloudwatch
airflow airflow-serverless alarms.cloudwatch amplify amplifybackend aoss apidestinations.events apigateway app-integrations
appconfig appfabric appflow appintegrations application-autoscaling application-insights application-signals.cloudwatch
application-transformation application.opensearchservice application.qbusiness applicationinsights appmesh apprunner
appstream appstream.application-autoscaling appstudio appsync aps arc-zonal-shift arczonalshift artifact athena auditmanager
autoscaling autoscaling-plans aws-artifact-account-sync aws-external-anthropic awsconnector b2bi backup backup-gateway batch
batchoperations.s3 bcm-data-exports bedrock bedrock-agentcore bedrock-data-automation bedrock-mantle billing billingconductor
billingreports braket budgets bugbust cassandra cassandra-streams cassandra.application-autoscaling ce channels.lex
channels.lexv2 chatbot chime chime-sdk cleanrooms cleanrooms-ml cloud9 clouddirectory cloudformation cloudfront cloudhsm
cloudsearch cloudtrail cloudwatch cloudwatch-crossaccount codeartifact codebuild codecatalyst codecatalyst-runner codecommit
codeconnections codedeploy codeguru-profiler codeguru-reviewer codeguru-security codepipeline codestar codestar-connections
codestar-notifications codewhisperer cognito-identity cognito-identity-us-gov cognito-idp cognito-sync comprehend
comprehendmedical compute-optimizer config config-conforms config-multiaccountsetup connect connect-campaigns
context.cloudtrail continuousexport.discovery contract.iq contributorinsights.dynamodb controlcatalog controltower
cost-optimization-hub.bcm credentials.iot cur custom.rds custom.rds-preview data.iotevents databrew dataexchange datapipeline
datasync datazone dax deadline deadlinecloud deeplens deepracer delivery.logs detective devicefarm devops-guru directconnect
directquery.opensearchservice discovery dlm dms dmsintegration.migrationhub dnssec-route53 docdb docdb-elastic drs drt.shield
ds dsql dynamodb dynamodb.application-autoscaling ebs ebs.csi.eks ec2 ec2-images ec2-instance-connect
ec2.application-autoscaling ec2.application-status-checks ec2.capacitymanager ec2fastlaunch ec2fleet ec2scheduled ec2sqlha
ecr ecs ecs-tasks ecs.application-autoscaling edgelambda eks eks-auth eks-connector eks-fargate eks-fargate-pods
eks-nodegroup elasticache elasticbeanstalk elasticfilesystem elasticloadbalancing elasticmapreduce elasticmapreduce.ec2
elastictranscoder email email.cognito-idp emr-containers emr-serverless emr-wal entitlement-marketplace entityresolution es
event-processor.health eventbridge events events.managedservices events.workmail evidently evs finspace firehose fis
fleethub.iot fms forecast frauddetector freertos fsx gamelift gameliftstreams geo glacier globalaccelerator glue grafana
greengrass groundstation groundtruth guardduty guardduty.scanner health healthlake honeycode hooks.cloudformation iam
identitystore imagebuilder importexport ingestion.timestream ingress.eks inspector inspector2 interactive-video internal.s3
internetmonitor invoicing iot iotanalytics iotevents iotfleethub iotfleetwise iotmanagedintegrations iotsitewise
iotthingsgraph iottwinmaker iotwireless iq ivs justintimeaccess.ssm kafka kafkaconnect kendra kendra-ranking keyspaces
kinesis kinesisanalytics kinesisreplication.dynamodb kinesisvideo kms lakeformation lambda lambda.alarms.cloudwatch
launchwizard lex lexv2 license-management.marketplace license-manager license-manager-user-subscriptions
license-manager.member-account lightsail location logdelivery.elasticloadbalancing logger.cloudfront logs lookoutequipment
lookoutmetrics lookoutvision m2 machinelearning macie macie2 maintenance.elasticbeanstalk maintenance.s3tables
malware-protection-plan.guardduty malware-protection.guardduty managedblockchain managedservices
managedupdates.elasticbeanstalk marketplace mediaconnect mediaconvert medialive mediapackage mediapackagev2 mediastore
mediatailor medical-imaging member.org.stacksets.cloudformation memorydb metadata.s3 metering-marketplace mgh mgn
migrationhub migrationhub-config migrationhub-orchestrator migrationhub-strategy mobileanalytics mobilehub mobiletargeting
monitoring monitoring.thinclient monitron mpa mq mturk-requester mwaa mwaa-serverless neptune neptune-graph network-firewall
network-security-director network.bedrock-agentcore networkflowmonitor networkmanager networkmonitor nimble
notebooks.elasticmapreduce notifications notifications.ssm nova-act observability.aoss observabilityadmin odb omics
opensearch opensearchserverless opensearchservice ops.apigateway ops.athena ops.emr-serverless opsworks opsworks-cm
organizations orgsdatasync.servicecatalog osis outposts panorama partnercentral partnercentral-account-management
payment-cryptography payments pca-connector-ad pca-connector-scep pcs permission.iq personalize pinpoint pipes pods.eks polly
pricing private-marketplace.marketplace private-networks procurement-insights.marketplace profile proton purchaseorders q
qapps qbusiness qldb quicksight ram rbin rds rds-data rds.application-autoscaling redshift redshift-data redshift-serverless
refactor-spaces rekognition remediation.config replication.cassandra replication.dynamodb replication.ecr replication.lexv2
replication.s3tables replicator.lambda reporting.trustedadvisor repostspace resale-authorization.marketplace resiliencehub
resource-explorer resource-explorer-2 resource-groups resource-snapshot-job.partnercentral-selling resources.cloudformation
restore-testing.backup robomaker rolesanywhere route53 route53-recovery-cluster route53-recovery-control-config
route53-recovery-readiness route53domains route53globalresolver route53profiles route53resolver rtbfabric rum
runtime-identity.bedrock-agentcore s3 s3-object-lambda s3-outposts s3.data-source.lustre.fsx s3express s3tables s3vectors
sagemaker sagemaker-geospatial sagemaker.application-autoscaling savingsplans scaler.lambda scheduler scheduler.redshift
schema-conversion.dms schemas scn scraper.aps sdb secretsmanager security-ir security-lake securityhub securityhubv2
securitylake serverlessrepo service.eks servicecatalog servicecatalog-appregistry servicediscovery servicequotas ses sesv2
shield signer signin simpledb simspaceweaver sms sms-voice smsintegration.migrationhub snow-device-management snowball sns
spot spotfleet sqlworkbench sqs ssm ssm-contacts ssm-guiconnect ssm-incidents ssm-quicksetup ssm-sap ssm.integrations sso
sso-directory stacksets.cloudformation states storage-lens.s3 storagegateway streams.metrics.cloudwatch sts sumerian
supplychain support support.freetier supportapp supportplans swf sync.proton synthetics tag tagpolicies.tag tax taxsettings
telemetry-enablement.observabilityadmin telemetry-pipelines.observabilityadmin textract thinclient timestream
timestream-influxdb tnb transcribe transcribe.streaming transfer transform-custom transitgateway translate triage.security-ir
trustedadvisor user-attribute-cost-allocation-data user-subscriptions uxc vendor-insights verified-access verifiedpermissions
vmie vmimportexport voiceconnector.chime voiceid vpc-flow-logs vpc-lattice vpce vpn waf waf-regional wafv2 wellarchitected
wickr wisdom workdocs worklink workmail workspaces workspaces-instances workspaces-web xray zocalo
`)

// assumed are those of them for which roles and the policies of resources are written most. Only these are what a misspelt
// one was meant to be.
var assumed = words(`
apigateway application-autoscaling appsync athena autoscaling backup bedrock cloudformation cloudfront cloudtrail codebuild
codecommit codedeploy codepipeline cognito-idp config databrew datasync delivery.logs dynamodb ecs-tasks edgelambda
eks-fargate-pods elasticache elasticbeanstalk elasticfilesystem elasticloadbalancing elasticmapreduce emr-serverless events
firehose glue greengrass guardduty imagebuilder inspector2 kinesis kinesisanalytics lambda lightsail
logdelivery.elasticloadbalancing monitoring opsworks organizations pods.eks quicksight redshift resources.cloudformation
route53 sagemaker scheduler secretsmanager securityhub servicecatalog spotfleet states storagegateway synthetics transfer
vpc-flow-logs workspaces
`)

func words(text string) []string { return strings.Fields(text) }

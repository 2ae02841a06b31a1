package shell

import "slices"

// waiters are the CLI's waiters, by service and by the operation that they ask with (botocore's waiters-2.json). Those that
// are not listed are not known.
var waiters = map[string]map[string][]string{
	"acm": {
		"describe-certificate": {"certificate-validated"},
	},
	"cloudformation": {
		"describe-change-set":        {"change-set-create-complete"},
		"describe-stack-refactor":    {"stack-refactor-create-complete", "stack-refactor-execute-complete"},
		"describe-stacks":            {"stack-create-complete", "stack-delete-complete", "stack-exists", "stack-import-complete", "stack-rollback-complete", "stack-update-complete"},
		"describe-type-registration": {"type-registration-complete"},
	},
	"cloudfront": {
		"get-distribution":                         {"distribution-deployed"},
		"get-invalidation":                         {"invalidation-completed"},
		"get-invalidation-for-distribution-tenant": {"invalidation-for-distribution-tenant-completed"},
		"get-streaming-distribution":               {"streaming-distribution-deployed"},
	},
	"deploy": {
		"get-deployment": {"deployment-successful"},
	},
	"dynamodb": {
		"describe-contributor-insights":          {"contributor-insights-enabled"},
		"describe-export":                        {"export-completed"},
		"describe-import":                        {"import-completed"},
		"describe-kinesis-streaming-destination": {"kinesis-streaming-destination-active"},
		"describe-table":                         {"table-exists", "table-not-exists"},
	},
	"ec2": {
		"describe-bundle-tasks":                    {"bundle-task-complete"},
		"describe-conversion-tasks":                {"conversion-task-cancelled", "conversion-task-completed", "conversion-task-deleted"},
		"describe-customer-gateways":               {"customer-gateway-available"},
		"describe-export-tasks":                    {"export-task-cancelled", "export-task-completed"},
		"describe-image-usage-reports":             {"image-usage-report-available"},
		"describe-images":                          {"image-available", "image-exists"},
		"describe-import-snapshot-tasks":           {"snapshot-imported"},
		"describe-instance-status":                 {"instance-status-ok", "system-status-ok"},
		"describe-instances":                       {"instance-exists", "instance-running", "instance-stopped", "instance-terminated"},
		"describe-internet-gateways":               {"internet-gateway-exists"},
		"describe-key-pairs":                       {"key-pair-exists"},
		"describe-nat-gateways":                    {"nat-gateway-available", "nat-gateway-deleted"},
		"describe-network-interfaces":              {"network-interface-available"},
		"describe-secondary-networks":              {"secondary-network-create-complete", "secondary-network-delete-complete"},
		"describe-secondary-subnets":               {"secondary-subnet-create-complete", "secondary-subnet-delete-complete"},
		"describe-security-group-vpc-associations": {"security-group-vpc-association-associated", "security-group-vpc-association-disassociated"},
		"describe-security-groups":                 {"security-group-exists"},
		"describe-snapshots":                       {"snapshot-completed"},
		"describe-spot-instance-requests":          {"spot-instance-request-fulfilled"},
		"describe-store-image-tasks":               {"store-image-task-complete"},
		"describe-subnets":                         {"subnet-available"},
		"describe-volumes":                         {"volume-available", "volume-deleted", "volume-in-use"},
		"describe-vpc-peering-connections":         {"vpc-peering-connection-deleted", "vpc-peering-connection-exists"},
		"describe-vpcs":                            {"vpc-available", "vpc-exists"},
		"describe-vpn-connections":                 {"vpn-connection-available", "vpn-connection-deleted"},
		"get-password-data":                        {"password-data-available"},
	},
	"ecr": {
		"describe-image-scan-findings": {"image-scan-complete"},
		"get-lifecycle-policy-preview": {"lifecycle-policy-preview-complete"},
	},
	"ecs": {
		"describe-daemon":                 {"daemon-active"},
		"describe-daemon-deployments":     {"daemon-deployment-stopped", "daemon-deployment-successful"},
		"describe-daemon-task-definition": {"daemon-task-definition-active", "daemon-task-definition-deleted"},
		"describe-services":               {"services-inactive", "services-stable"},
		"describe-tasks":                  {"tasks-running", "tasks-stopped"},
	},
	"eks": {
		"describe-addon":           {"addon-active", "addon-deleted"},
		"describe-cluster":         {"cluster-active", "cluster-deleted"},
		"describe-fargate-profile": {"fargate-profile-active", "fargate-profile-deleted"},
		"describe-nodegroup":       {"nodegroup-active", "nodegroup-deleted"},
	},
	"elasticache": {
		"describe-cache-clusters":     {"cache-cluster-available", "cache-cluster-deleted"},
		"describe-replication-groups": {"replication-group-available", "replication-group-deleted"},
	},
	"elasticbeanstalk": {
		"describe-environments": {"environment-exists", "environment-terminated", "environment-updated"},
	},
	"elb": {
		"describe-instance-health": {"any-instance-in-service", "instance-deregistered", "instance-in-service"},
	},
	"elbv2": {
		"describe-load-balancers": {"load-balancer-available", "load-balancer-exists", "load-balancers-deleted"},
		"describe-target-health":  {"target-deregistered", "target-in-service"},
	},
	"emr": {
		"describe-cluster": {"cluster-running", "cluster-terminated"},
		"describe-step":    {"step-complete"},
	},
	"iam": {
		"get-instance-profile": {"instance-profile-exists"},
		"get-policy":           {"policy-exists"},
		"get-role":             {"role-exists"},
		"get-user":             {"user-exists"},
	},
	"kinesis": {
		"describe-stream": {"stream-exists", "stream-not-exists"},
	},
	"lambda": {
		"get-function":               {"function-active-v2", "function-exists", "function-updated-v2"},
		"get-function-configuration": {"function-active", "function-updated", "published-version-active"},
	},
	"rds": {
		"describe-db-cluster-snapshots": {"db-cluster-snapshot-available", "db-cluster-snapshot-deleted"},
		"describe-db-clusters":          {"db-cluster-available", "db-cluster-deleted"},
		"describe-db-instances":         {"db-instance-available", "db-instance-deleted"},
		"describe-db-snapshots":         {"db-snapshot-available", "db-snapshot-completed", "db-snapshot-deleted"},
		"describe-tenant-databases":     {"tenant-database-available", "tenant-database-deleted"},
	},
	"redshift": {
		"describe-cluster-snapshots": {"snapshot-available"},
		"describe-clusters":          {"cluster-available", "cluster-deleted", "cluster-restored"},
	},
	"route53": {
		"get-change": {"resource-record-sets-changed"},
	},
	"s3api": {
		"head-bucket": {"bucket-exists", "bucket-not-exists"},
		"head-object": {"object-exists", "object-not-exists"},
	},
	"ssm": {
		"get-command-invocation": {"command-executed"},
	},
}

// waits is what a waiter needs: the operation that it asks with, as if it were called itself.
func (u use) waits(command, service string, words []Word) use {
	if len(words) == 0 || !words[0].Whole {
		return u.cannot(command, "which waiter it is is decided while it runs")
	}
	command += " " + words[0].Text
	for operation, names := range waiters[service] {
		if !slices.Contains(names, words[0].Text) {
			continue
		}
		if actions, known := operations[service+" "+operation]; known {
			return u.needs(command, actions...)
		}
		if action := actionOf(service, operation); action != "" {
			return u.needs(command, action)
		}
	}
	return u.cannot(command, "which actions it needs is not known here")
}

package catalog

import (
	"slices"
	"strings"
)

// What the source lacks, by hand. Each entry says where it is documented; a test says for each whether the source
// still lacks it, so that an entry goes when it is no longer needed.

// gapKeys are condition keys of actions.
//
// The GitHub token's sub and aud: the reference lists the claims added in 2026 and leaves out the two that every
// trust policy uses (IAM user guide, "Available keys for AWS OIDC federation").
var gapKeys = map[string][]ConditionKey{
	"sts:AssumeRoleWithWebIdentity": {
		{Name: "token.actions.githubusercontent.com:aud", Type: "String"},
		{Name: "token.actions.githubusercontent.com:sub", Type: "String"},
	},
}

// gapARNs are further ARN patterns of resource types.
//
// Documents that AWS owns have no account in their ARN (arn:aws:ssm:us-east-1::document/AWS-RunShellScript).
var gapARNs = map[string][]string{
	"ssm:document": {"arn:${Partition}:ssm:${Region}::document/${DocumentName}"},
}

// passesRole are actions whose request can hand a role to a service: the caller then needs iam:PassRole on that
// role (IAM user guide, "Grant a user permissions to pass a role to an AWS service", and each action's own page).
// Dependent actions are missing from the npm package altogether. The list holds what releases meet, each entry
// checked against the request's shape in the service's API model, and is not complete.
var passesRole = map[string][]string{
	"cloudformation": {"ContinueUpdateRollback", "CreateChangeSet", "CreateStack", "DeleteStack", "RollbackStack", "UpdateStack"},
	"codebuild":      {"CreateProject", "UpdateProject"},
	"codepipeline":   {"CreatePipeline", "UpdatePipeline"},
	"ec2":            {"AssociateIamInstanceProfile", "ReplaceIamInstanceProfileAssociation", "RunInstances"},
	"ecs":            {"CreateService", "RegisterTaskDefinition", "RunTask", "StartTask", "UpdateService"},
	"events":         {"PutRule", "PutTargets"},
	"iam":            {"AddRoleToInstanceProfile"},
	"lambda":         {"CreateFunction", "UpdateFunctionConfiguration"},
	"scheduler":      {"CreateSchedule", "UpdateSchedule"},
	"ssm": {"CreateActivation", "RegisterTaskWithMaintenanceWindow", "SendCommand", "StartAutomationExecution",
		"UpdateMaintenanceWindowTask"},
	"states": {"CreateStateMachine", "UpdateStateMachine"},
}

// fill adds a service's gaps, before it is indexed. It never changes slices in place: they may be shared.
func fill(name string, s *service) {
	for i := range s.resources {
		r := &s.resources[i]
		r.ARNs = join(r.ARNs, gapARNs[name+":"+r.Type])
	}
	for i := range s.actions {
		a := &s.actions[i]
		if slices.Contains(passesRole[name], a.Name) {
			a.DependentActions = join(a.DependentActions, []string{"iam:PassRole"})
		}
		for _, k := range gapKeys[a.String()] {
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

package iam

import (
	"context"
	"strings"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// linkedPath is where service-linked roles are. Only AWS makes and changes them, and service control policies do not
// limit them.
const linkedPath = "/aws-service-role/"

// linkedRoles are the names of the roles of services that a release may meet ("AWS services that work with IAM", and
// the page on service-linked roles of each). Other services are refused.
var linkedRoles = map[string]string{
	"autoscaling.amazonaws.com":          "AWSServiceRoleForAutoScaling",
	"ecs.amazonaws.com":                  "AWSServiceRoleForECS",
	"elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
	"lex.amazonaws.com":                  "AWSServiceRoleForLexBots",
	"organizations.amazonaws.com":        "AWSServiceRoleForOrganizations",
	"rds.amazonaws.com":                  "AWSServiceRoleForRDS",
	"spot.amazonaws.com":                 "AWSServiceRoleForEC2Spot",
	"ssm.amazonaws.com":                  "AWSServiceRoleForAmazonSSM",
}

// The wire structures of service-linked roles.
type (
	createLinkedIn struct{ AWSServiceName, Description, CustomSuffix string }
	deletionOut    struct{ DeletionTaskId string }
	deletionIn     struct{ DeletionTaskId string }
	statusOut      struct{ Status string }
)

func (s *Service) linkedOperations() []gateway.Operation {
	return []gateway.Operation{
		gateway.Op("CreateServiceLinkedRole", createLinkedAccess, s.createLinkedRole).
			Except("the role has no policies, as nothing acts with it here", "services whose role is not known are refused"),
		gateway.Op("DeleteServiceLinkedRole", s.onRole, s.deleteLinkedRole),
		gateway.Op("GetServiceLinkedRoleDeletionStatus", func(_ context.Context, c *gateway.Call, in *deletionIn) ([]gateway.Access, error) {
			role := strings.TrimPrefix(in.DeletionTaskId, "task/")
			if i := strings.LastIndexByte(role, '/'); i > 0 {
				role = role[:i] // without the id at the end
			}
			return []gateway.Access{{Resource: "arn:aws:iam::" + c.Caller.Account + ":role/" + role}}, nil
		}, s.deletionStatus),
	}
}

func createLinkedAccess(_ context.Context, c *gateway.Call, in *createLinkedIn) ([]gateway.Access, error) {
	name, ok := linkedRoles[in.AWSServiceName]
	if !ok {
		return nil, invalidInput("Service role name for %s is not known to the local AWS, or the service has none.", in.AWSServiceName)
	}
	if in.CustomSuffix != "" {
		if in.AWSServiceName != "autoscaling.amazonaws.com" && in.AWSServiceName != "lex.amazonaws.com" {
			return nil, invalidInput("Custom suffix is not allowed for %s", in.AWSServiceName)
		}
		if err := checkName("customSuffix", in.CustomSuffix, maxRoleName-len(name)-1); err != nil {
			return nil, err
		}
	}
	return []gateway.Access{{
		Resource: arn(c.Caller.Account, "role", linkedPath+in.AWSServiceName+"/", in.name()),
		Context:  map[string][]string{"iam:AWSServiceName": {in.AWSServiceName}},
	}}, nil
}

func (in *createLinkedIn) name() string {
	if in.CustomSuffix == "" {
		return linkedRoles[in.AWSServiceName]
	}
	return linkedRoles[in.AWSServiceName] + "_" + in.CustomSuffix
}

func (s *Service) createLinkedRole(ctx context.Context, c *gateway.Call, in *createLinkedIn) (*roleOut, error) {
	if err := checkDescription(in.Description); err != nil {
		return nil, err
	}
	id, err := s.newID("AROA", 21)
	if err != nil {
		return nil, err
	}
	r := &Role{
		Account: c.Caller.Account, Name: in.name(), Path: linkedPath + in.AWSServiceName + "/", ID: id, Description: in.Description,
		MaxSession: defaultSession, created: s.now().Unix(),
		Trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + in.AWSServiceName + `"},"Action":"sts:AssumeRole"}]}`,
	}
	err = s.write(ctx, func(q querier) error {
		n, err := count(ctx, q, `SELECT count(*) FROM iam_roles WHERE account = ? AND name = ? COLLATE NOCASE`, r.Account, r.Name)
		if err != nil || n > 0 {
			return orElse(err, invalidInput("Service role name %s has been taken in this account, please try a different suffix.", r.Name))
		}
		return s.insertRole(ctx, q, r)
	})
	return &roleOut{r.shape()}, err
}

// deleteLinkedRole deletes at once what AWS deletes when the service has agreed.
func (s *Service) deleteLinkedRole(ctx context.Context, c *gateway.Call, in *roleNameIn) (*deletionOut, error) {
	id, err := s.newID("", 16)
	if err != nil {
		return nil, err
	}
	out := &deletionOut{}
	return out, s.write(ctx, func(q querier) error {
		r, err := mustRole(ctx, q, c.Caller.Account, in.RoleName)
		if err != nil {
			return err
		}
		if !strings.HasPrefix(r.Path, linkedPath) {
			return invalidInput("Role %s is not a service-linked role.", r.Name)
		}
		out.DeletionTaskId = "task" + r.Path + r.Name + "/" + strings.ToLower(id)
		if _, err := exec(ctx, q, `INSERT INTO iam_deletions (account, id) VALUES (?, ?)`, r.Account, out.DeletionTaskId); err != nil {
			return err
		}
		_, err = exec(ctx, q, `DELETE FROM iam_roles WHERE account = ? AND name = ?`, r.Account, r.Name)
		return err
	})
}

func (s *Service) deletionStatus(ctx context.Context, c *gateway.Call, in *deletionIn) (*statusOut, error) {
	n, err := count(ctx, s.db, `SELECT count(*) FROM iam_deletions WHERE account = ? AND id = ?`, c.Caller.Account, in.DeletionTaskId)
	if err != nil || n == 0 {
		return nil, orElse(err, noSuchEntity("Deletion task %s cannot be found.", in.DeletionTaskId))
	}
	return &statusOut{"SUCCEEDED"}, nil
}

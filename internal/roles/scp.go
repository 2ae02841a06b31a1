package roles

import (
	"fmt"
	"slices"
	"strings"

	"github.com/slipway-cd/slipway/iam"
)

// Administrators are the roles that the sample service control policies leave alone unless others are named: the one that
// Organizations makes in each account, IAM Identity Center's administrators, and the one that stack sets deploy with.
var Administrators = []string{
	"arn:aws:iam::*:role/OrganizationAccountAccessRole",
	"arn:aws:iam::*:role/aws-reserved/sso.amazonaws.com/*AWSReservedSSO_AdministratorAccess_*",
	"arn:aws:iam::*:role/stacksets-exec-*",
}

// rootDocuments run what their parameters say, as root (R28).
var rootDocuments = []string{"AWS-RunShellScript", "AWS-RunPowerShellScript", "AWS-RunRemoteScript", "AWS-RunDocument"}

// globalServices have one endpoint, in us-east-1, wherever they are called from (AWS Organizations user guide, "General
// examples": "global services have endpoints that are physically hosted by the us-east-1 Region").
var globalServices = []string{
	"account:*", "budgets:*", "ce:*", "cloudfront:*", "globalaccelerator:*", "health:*", "iam:*", "organizations:*",
	"route53:*", "shield:*", "sts:*", "support:*", "waf:*", "s3:GetAccountPublicAccessBlock", "s3:ListAllMyBuckets",
}

// ServiceControlPolicies are samples for the organization that the accounts are in (R52, R53). They allow nothing, and are
// for the units or accounts that the roles lie in, beside FullAWSAccess. They limit neither the management account nor
// service-linked roles. regions are those that the release uses.
func ServiceControlPolicies(s *Set, regions, administrators []string) ([]Policy, error) {
	if len(administrators) == 0 {
		administrators = Administrators
	}
	out := []Policy{protectRoles(s, administrators)}
	if len(regions) > 0 {
		out = append(out, limitRegions(regions, administrators))
	}
	for _, p := range out {
		if findings := p.Document.Validate(iam.ServiceControlPolicy); len(findings) > 0 {
			return nil, fmt.Errorf("service control policy %s: %w", p.Name, findings[0])
		}
	}
	return out, nil
}

func (p *Policy) deny(reason string, st iam.Statement) {
	st.Effect = iam.Deny
	p.Document.Statements = append(p.Document.Statements, st)
	p.Notes = append(p.Notes, Note{Sid: st.Sid, Reason: reason})
}

func newSCP(name string) Policy {
	return Policy{Name: name, Document: &iam.Document{Name: scpFile(name), Version: iam.Version2012}}
}

func unless(principals []string) iam.Condition {
	return iam.Condition{Operator: "ArnNotLike", Key: "aws:PrincipalArn", Values: principals}
}

func protectRoles(s *Set, administrators []string) Policy {
	p := newSCP("deploy-roles")
	p.deny("Nobody but an administrator changes the roles, or what they are allowed.", iam.Statement{
		Sid: "KeepDeployRoles",
		Actions: []string{
			"iam:AddRoleToInstanceProfile", "iam:AttachRolePolicy", "iam:CreatePolicyVersion", "iam:CreateRole", "iam:DeleteInstanceProfile",
			"iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:DeleteRole", "iam:DeleteRolePermissionsBoundary", "iam:DeleteRolePolicy",
			"iam:DetachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy", "iam:RemoveRoleFromInstanceProfile",
			"iam:SetDefaultPolicyVersion", "iam:TagRole", "iam:UntagRole", "iam:UpdateAssumeRolePolicy", "iam:UpdateRole",
			"iam:UpdateRoleDescription",
		},
		Resources:  s.patterns("role", "policy", "instance-profile"),
		Conditions: []iam.Condition{unless(administrators)},
	})
	pass := iam.Statement{Sid: "HandRolesToTheirServicesOnly", Actions: []string{"iam:PassRole"}, Resources: s.patterns("role")}
	if services := s.services(); len(services) > 0 {
		pass.Conditions = []iam.Condition{{Operator: "StringNotEquals", Key: "iam:PassedToService", Values: services}}
	}
	p.deny("The roles are handed to those services only that they are for; another could run code of anybody with them.", pass)
	p.deny("Nobody but an administrator makes keys or passwords that outlive a session.", iam.Statement{
		Sid:       "NoLongLivedKeys",
		Actions:   []string{"iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile", "iam:CreateServiceSpecificCredential"},
		Resources: []string{"*"}, Conditions: []iam.Condition{unless(administrators)},
	})
	var documents []string
	for _, d := range rootDocuments {
		documents = append(documents, "arn:aws:ssm:*::document/"+d)
	}
	p.deny("Whoever may send these documents is root on the nodes: nobody but the pipeline's roles and administrators.", iam.Statement{
		Sid: "RootCommandsByThePipelineOnly", Actions: []string{"ssm:SendCommand"}, Resources: documents,
		Conditions: []iam.Condition{unless(slices.Concat(s.Senders(), administrators))},
	})
	return p
}

func limitRegions(regions, administrators []string) Policy {
	p := newSCP("regions")
	p.deny("Nothing happens outside of the regions that the release uses, but for services that have one endpoint for all regions.", iam.Statement{
		Sid: "OnlyTheseRegions", NotActions: globalServices, Resources: []string{"*"},
		Conditions: []iam.Condition{
			{Operator: "StringNotEquals", Key: "aws:RequestedRegion", Values: regions},
			unless(administrators),
		},
	})
	return p
}

// patterns are the ARNs of the roles and of what belongs to them, in whatever account: by path, and those without one by name.
func (s *Set) patterns(kinds ...string) []string {
	var out []string
	for _, kind := range kinds {
		for _, r := range s.Roles {
			if r.Adds { // others made it, and change it; its policy lies beside those of the other roles
				continue
			}
			name := r.Path + "*"
			if r.Path == "/" {
				name = r.Path + r.Name
			}
			out = add(out, "arn:aws:iam::*:"+kind+name)
		}
	}
	return out
}

// Senders are the ARNs of the roles that may send commands, sorted.
func (s *Set) Senders() []string {
	var out []string
	for _, r := range s.Roles {
		if len(resourcesOf(held{r.Policies, r.Attached, nil}.permissions(), "ssm:SendCommand")) > 0 {
			out = add(out, r.ARN())
		}
	}
	slices.Sort(out)
	return out
}

// services are those that trust policies name, sorted.
func (s *Set) services() []string {
	var out []string
	for _, r := range s.Roles {
		if r.Trust == nil {
			continue
		}
		for i := range r.Trust.Statements {
			for _, p := range r.Trust.Statements[i].Principals {
				if p.Kind == iam.KindService {
					for _, v := range p.Values {
						out = add(out, v)
					}
				}
			}
		}
	}
	slices.Sort(out)
	return out
}

// ARN of the role.
func (r *Role) ARN() string {
	return "arn:aws:iam::" + r.Account + ":role/" + strings.TrimPrefix(r.Path, "/") + r.Name
}

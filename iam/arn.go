package iam

import (
	"fmt"
	"strings"
)

const arnParts = 6

// The places of an ARN's parts.
const (
	arnPartition = 1
	arnService   = 2
	arnRegion    = 3
	arnOwner     = 4
	arnRest      = 5
)

// splitARN divides an ARN at its first five colons: arn, partition, service, region, account and the resource, which may
// hold colons itself. ok is false when the text has fewer.
func splitARN(arn string) (parts [arnParts]string, ok bool) {
	n, start := 0, 0
	for i := 0; i < len(arn); i++ {
		if arn[i] != ':' {
			continue
		}
		parts[n] = arn[start:i]
		start = i + 1
		if n++; n == arnParts-1 {
			parts[n] = arn[start:]
			return parts, true
		}
	}
	return parts, false
}

// arnField returns one part of an ARN, and empty when the text is no ARN.
func arnField(arn string, part int) string {
	parts, ok := splitARN(arn)
	if !ok {
		return ""
	}
	return parts[part]
}

// arnAccount returns the account field of an ARN when it holds an account id.
func arnAccount(arn string) string {
	if id := arnField(arn, arnOwner); isAccountID(id) {
		return id
	}
	return ""
}

// arnResource returns what follows the fifth colon of an ARN.
func arnResource(arn string) string { return arnField(arn, arnRest) }

func isAccountID(s string) bool {
	return len(s) == 12 && isDigits(s)
}

// ParsePrincipal reads a principal as policies and logs write it: the ARN of a user, role, role session, federated
// user session or root user, an account id (its root user), a service such as ec2.amazonaws.com, the ARN of a SAML or
// OIDC provider or the name of a web identity provider that AWS knows by name, and * for an anonymous caller
// (https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_principal.html).
//
// The ARN of a role session does not tell the role's path: RoleARN is then the role without one, and whoever knows
// better must set it. That of a federated user session does not tell the user: the session's name is freely chosen, and
// RoleARN stays empty. A role's own ARN stands for any session of the role.
func ParsePrincipal(s string) (Principal, error) {
	switch {
	case s == AnyPrincipal:
		return Principal{Kind: PrincipalAnonymous}, nil
	case isAccountID(s):
		return Principal{ARN: "arn:aws:iam::" + s + ":root", Account: s}, nil
	case strings.HasPrefix(s, "arn:"):
		return parsePrincipalARN(s)
	case isFederatedName(s):
		return Principal{Kind: PrincipalFederated, ARN: s}, nil
	case strings.HasSuffix(s, ".amazonaws.com") || strings.HasSuffix(s, ".amazonaws.com.cn"):
		return Principal{Kind: PrincipalService, ARN: s}, nil
	}
	return Principal{}, fmt.Errorf("principal %q is not an ARN, an account id, a service or *", s)
}

// isFederatedName knows the web identity providers that have no provider resource in IAM.
func isFederatedName(s string) bool {
	switch s {
	case "cognito-identity.amazonaws.com", "www.amazon.com", "graph.facebook.com", "accounts.google.com":
		return true
	}
	return false
}

func parsePrincipalARN(arn string) (Principal, error) {
	service, account, resource := arnField(arn, arnService), arnAccount(arn), arnResource(arn)
	p := Principal{ARN: arn, Account: account}
	kind, name, _ := strings.Cut(resource, "/")
	if account == "" || strings.ContainsAny(arn, "*?") {
		return Principal{}, fmt.Errorf("principal %q does not name one principal of one account", arn)
	}
	switch {
	case service == "iam" && resource == "root":
		return p, nil
	case name == "":
	case service == "iam" && (kind == "user" || kind == "role"):
		return p, nil
	case service == "iam" && (kind == "saml-provider" || kind == "oidc-provider"):
		p.Kind = PrincipalFederated
		return p, nil
	case service == "sts" && kind == "federated-user":
		return p, nil
	case service == "sts" && kind == "assumed-role":
		role, session, ok := strings.Cut(name, "/")
		if ok && role != "" && session != "" {
			p.RoleARN = "arn:" + arnField(arn, arnPartition) + ":iam::" + account + ":role/" + role
			return p, nil
		}
	}
	return Principal{}, fmt.Errorf("principal %q is not the ARN of a user, role, session, provider or root user", arn)
}

// isRoot says whether the principal is an account's root user.
func (p *Principal) isRoot() bool {
	return p.Kind == PrincipalAWS && arnField(p.ARN, arnService) == "iam" && arnResource(p.ARN) == "root"
}

// isUser says whether the principal is an IAM user.
func (p *Principal) isUser() bool {
	return p.Kind == PrincipalAWS && arnField(p.ARN, arnService) == "iam" && strings.HasPrefix(arnResource(p.ARN), "user/")
}

// federatedUser says whether the principal is a session of GetFederationToken: "if you do not pass a policy, then the
// resulting federated user session has no permissions"
// (https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html).
func (p *Principal) federatedUser() bool {
	const mark = ":federated-user/"
	return p.Kind == PrincipalAWS && strings.Contains(p.ARN, mark) && strings.HasPrefix(arnResource(p.ARN), mark[1:])
}

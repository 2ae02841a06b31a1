package iam_test

import (
	"slices"
	"strings"
)

const (
	simAllowed  = "Allowed"
	simImplicit = "ImplicitlyDenied"
	simExplicit = "ExplicitlyDenied"

	simHome   = "111122223333"
	simUser   = "arn:aws:iam::" + simHome + ":user/ann"
	simRole   = "arn:aws:iam::" + simHome + ":role/Deploy"
	simCaller = "arn:aws:sts::" + simHome + ":assumed-role/Deploy/ci"
	simBucket = "arn:aws:s3:::b/ann"
	simQueue  = "arn:aws:sqs:eu-west-1:" + simHome + ":ann"

	simGuide         = "https://docs.aws.amazon.com/IAM/latest/UserGuide/"
	simS3            = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/"
	simSTS           = "https://docs.aws.amazon.com/STS/latest/APIReference/"
	simVariablesPage = simGuide + "reference_policies_variables.html"
	simOperatorPage  = simGuide + "reference_policies_elements_condition_operators.html"
	simSCPPage       = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html"
	simRCPPage       = "https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html"
)

// simAsk is a request of the user ann for an object, of which an example changes what matters.
func simAsk(edit func(c *simCase)) simCase {
	c := simCase{Principal: simUser, Action: "s3:GetObject", Resource: simBucket, Account: simHome}
	edit(&c)
	return c
}

// simDoc is a policy of statements; without a version it is of the older one.
func simDoc(statements ...simStatement) simPolicy {
	return simPolicy{Version: "2012-10-17", Statement: statements}
}

func simAllow(resources ...string) simStatement {
	return simStatement{Effect: "Allow", Action: simList{"*"}, Resource: resources}
}

func simDeny(resources ...string) simStatement {
	return simStatement{Effect: "Deny", Action: simList{"*"}, Resource: resources}
}

// to names the AWS principals of a statement.
func (st simStatement) to(principals ...string) simStatement {
	st.Principal = simPrincipals{"AWS": principals}
	return st
}

// when adds a condition.
func (st simStatement) when(operator, key string, values ...string) simStatement {
	addCondition(&st, operator, key, values)
	return st
}

// simOne is a request for which one identity policy of one statement decides.
func simOne(st simStatement, key string, values ...string) simCase {
	return simAsk(func(c *simCase) {
		c.Identity = []simPolicy{simDoc(st)}
		if st.Effect == "Deny" {
			c.Identity[0].Statement = append(c.Identity[0].Statement, simAllow("*"))
		}
		if key != "" {
			c.Context = map[string][]string{key: values}
		}
	})
}

func simPointer(p simPolicy) *simPolicy { return &p }

// literalOperator says whether an operator compares text without wildcards.
func literalOperator(operator string) bool {
	return strings.Contains(operator, "String") && !strings.Contains(operator, "Like")
}

func hasAny(list simList, texts ...string) bool {
	return slices.ContainsFunc(list, func(v string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(v, text) })
	})
}

// wholeSeconds says whether a date is written as seconds since 1970.
func wholeSeconds(date string) bool { return strings.Trim(date, "0123456789") == "" }

// sparesSome says whether a Deny names some of account, role and session of the caller in NotPrincipal, not all.
func sparesSome(c *simCase, st *simStatement, _ bool) bool {
	if st.Effect != "Deny" || st.NotPrincipal == nil || !c.managed() {
		return false
	}
	account := c.principalAccount()
	listed := []bool{st.NotPrincipal.names(account, "arn:aws:iam::"+account+":root"), st.NotPrincipal.names(c.Principal)}
	if c.RoleARN != "" {
		listed = append(listed, st.NotPrincipal.names(c.RoleARN))
	}
	return slices.Contains(listed, true) && slices.Contains(listed, false)
}

// pastSession says whether the resource's policy gives something to the session itself, or to everyone.
func pastSession(c *simCase) bool {
	if c.Session == nil || c.Attached == nil || c.Account != c.principalAccount() {
		return false
	}
	return slices.ContainsFunc(c.Attached.Statement, func(st simStatement) bool {
		return st.Effect == "Allow" && (st.NotPrincipal != nil || st.Principal.names("*", c.Principal))
	})
}

func serviceLinked(c *simCase) bool { return strings.Contains(c.RoleARN, ":role/aws-service-role/") }

// simClasses are all the classes. A class that the simulator no longer shows is to be removed.
var simClasses = slices.Concat(layerClasses, variableClasses, conditionClasses)

// layerClasses are about which policies have a say.
var layerClasses = []simClass{
	{
		name: "what a resource's policy gives to a session", page: simGuide + "access_policies_boundaries.html",
		quote: "resource-based policies that grant permissions to an IAM role session ARN grant permissions directly to the " +
			"assumed role session. Permissions granted directly to a session are not limited by an implicit deny in an " +
			"identity-based policy, a permissions boundary, or session policy",
		applies: pastSession,
		example: simAsk(func(c *simCase) {
			c.Principal, c.RoleARN = simCaller, simRole
			c.Session = simPointer(simDoc(simAllow("arn:aws:s3:::other")))
			c.Attached = simPointer(simDoc(simAllow("*").to(simCaller)))
		}),
		ours: simAllowed, theirs: simImplicit,
	}, {
		name: "federated users without session policies", page: simSTS + "API_GetFederationToken.html",
		quote:   "if you do not pass a policy, then the resulting federated user session has no permissions",
		applies: func(c *simCase) bool { return strings.Contains(c.Principal, ":federated-user/") && c.Session == nil },
		example: simAsk(func(c *simCase) {
			c.Principal = "arn:aws:sts::" + simHome + ":federated-user/ann"
			c.Identity = []simPolicy{simDoc(simAllow("*"))}
		}),
		ours: simImplicit, theirs: simAllowed,
	}, {
		name: "service control policies and who is no member's principal", page: simSCPPage,
		quote:   "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization",
		applies: func(c *simCase) bool { return c.SCPs != nil && !c.managed() },
		example: simAsk(func(c *simCase) {
			c.Principal = "lambda.amazonaws.com"
			c.Attached = simPointer(simDoc(simStatement{Effect: "Allow", Principal: simPrincipals{"Service": {c.Principal}},
				Action: simList{"*"}, Resource: simList{"*"}}))
			c.SCPs = [][]simPolicy{{simDoc(simDeny("*"))}}
		}),
		ours: simAllowed, theirs: simExplicit,
	}, {
		name: "service control policies and service-linked roles", page: simSCPPage,
		quote:   "SCPs don't affect any service-linked role",
		applies: func(c *simCase) bool { return c.SCPs != nil && serviceLinked(c) },
		example: simAsk(func(c *simCase) {
			c.Principal = "arn:aws:sts::" + simHome + ":assumed-role/AWSServiceRoleForECS/x"
			c.RoleARN = "arn:aws:iam::" + simHome + ":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
			c.Identity = []simPolicy{simDoc(simAllow("*"))}
			c.SCPs = [][]simPolicy{{simDoc(simDeny("*"))}}
		}),
		ours: simAllowed, theirs: simExplicit,
	}, {
		name: "resource control policies and service-linked roles", page: simRCPPage,
		quote:   "RCPs don't affect any service-linked role",
		applies: func(c *simCase) bool { return c.RCPs != nil && serviceLinked(c) },
		example: simAsk(func(c *simCase) {
			c.Principal = "arn:aws:sts::" + simHome + ":assumed-role/AWSServiceRoleForECS/x"
			c.RoleARN = "arn:aws:iam::" + simHome + ":role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
			c.Identity = []simPolicy{simDoc(simAllow("*"))}
			c.RCPs = [][]simPolicy{{simDoc(simControl("s3:*"))}}
		}),
		ours: simAllowed, theirs: simExplicit,
	}, {
		name: "resource control policies and other services", page: simRCPPage,
		quote:   "RCPs apply to actions for a subset of AWS services",
		applies: func(c *simCase) bool { return c.RCPs != nil && noRCPs[serviceName(c.Action)] },
		example: simAsk(func(c *simCase) {
			c.Action, c.Resource = "sns:Publish", "arn:aws:sns:eu-west-1:"+simHome+":t"
			c.Identity = []simPolicy{simDoc(simAllow("*"))}
			c.RCPs = [][]simPolicy{{simDoc(simControl("sns:*"))}}
		}),
		ours: simAllowed, theirs: simExplicit,
	}, {
		name: "web identities of providers without an ARN", page: simSTS + "API_AssumeRoleWithWebIdentity.html",
		quote:   "Calling AssumeRoleWithWebIdentity does not require the use of AWS security credentials",
		applies: func(c *simCase) bool { return c.Principal == "accounts.google.com" },
		example: simAsk(func(c *simCase) {
			c.Principal, c.Action, c.Resource = "accounts.google.com", assumeWeb, simRole
			c.Attached = simPointer(simDoc(simStatement{Effect: "Allow", Action: simList{assumeWeb},
				Principal: simPrincipals{"Federated": {c.Principal}}}))
		}),
		ours: simAllowed, theirs: simImplicit,
	}, {
		name: "everyone of kind AWS, and services", page: simS3 + "s3-bucket-user-policy-specifying-principal-intro.html",
		quote: "allows any root user, IAM user, assumed-role session, or federated user in any account in the same partition",
		applies: anyStatement(func(c *simCase, st *simStatement, _ bool) bool {
			everyone := slices.Contains(st.Principal["AWS"], "*") || slices.Contains(st.NotPrincipal["AWS"], "*")
			return everyone && c.Principal != "*" && !c.managed()
		}),
		example: simAsk(func(c *simCase) {
			c.Principal = "lambda.amazonaws.com"
			c.Attached = simPointer(simDoc(simAllow("*").to("*")))
		}),
		ours: simImplicit, theirs: simAllowed,
	}, {
		name: "NotPrincipal that spares only a part of the caller", page: simGuide + "reference_policies_elements_notprincipal.html",
		quote: "you must also specify the account ARN of the not-denied principal. Otherwise, the policy might deny access " +
			"to the entire account containing the principal",
		applies: anyStatement(sparesSome),
		example: simAsk(func(c *simCase) {
			deny := simDeny("*")
			deny.NotPrincipal = simPrincipals{"AWS": {simUser}}
			c.Attached = simPointer(simDoc(simAllow("*").to(simUser), deny))
		}),
		ours: simExplicit, theirs: simAllowed,
	}, {
		// Only for "*" does AWS say that a boundary does not limit it.
		name: "a boundary, and NotPrincipal that allows", page: simGuide + "reference_policies_elements_principal.html",
		quote: "Identity-based policy types, such as permissions boundaries or session policies, do not limit permissions granted " +
			"using the aws:PrincipalArn condition key with a wildcard(*) in the Principal element",
		applies: func(c *simCase) bool {
			return c.Boundary != nil && c.Attached != nil && c.Account == c.principalAccount() &&
				slices.ContainsFunc(c.Attached.Statement, func(st simStatement) bool {
					return st.Effect == "Allow" && st.NotPrincipal != nil
				})
		},
		example: simAsk(func(c *simCase) {
			c.Boundary = simPointer(simDoc(simAllow("arn:aws:s3:::other")))
			allow := simAllow("*")
			allow.NotPrincipal = simPrincipals{"AWS": {simUser + "e"}}
			c.Attached = simPointer(simDoc(allow))
		}),
		ours: simImplicit, theirs: simAllowed,
	},
}

// noRCPs are services of the generated requests that resource control policies do not apply to.
var noRCPs = map[string]bool{"sns": true, "ssm": true, "ec2": true, "lambda": true, "iam": true}

func simControl(action string) simStatement {
	return simStatement{Effect: "Deny", Principal: simPrincipals{"*": nil}, Action: simList{action}, Resource: simList{"*"}}
}

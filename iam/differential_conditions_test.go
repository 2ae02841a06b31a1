package iam_test

import (
	"net/netip"
	"slices"
	"strings"
)

// variableClasses are about patterns and policy variables.
var variableClasses = []simClass{
	{
		name: "variables in older documents", page: simVariablesPage,
		quote: "If you don't include the Version element and set it to an appropriate version date, variables like " +
			"${aws:username} are treated as literal strings in the policy",
		applies: anyStatement(func(_ *simCase, st *simStatement, old bool) bool {
			for _, keys := range st.Condition {
				for _, values := range keys {
					if old && hasAny(values, "${") {
						return true
					}
				}
			}
			return old && (hasAny(st.Resource, "${") || hasAny(st.NotResource, "${"))
		}),
		example: simAsk(func(c *simCase) {
			c.Context = map[string][]string{"aws:username": {"ann"}}
			c.Identity = []simPolicy{{Version: "2008-10-17", Statement: []simStatement{simAllow("arn:aws:s3:::b/${aws:username}")}}}
		}),
		ours: simImplicit, theirs: simAllowed,
	}, {
		name: "variables without a value in inverted conditions", page: simVariablesPage,
		quote: "Inverted condition operators like StringNotEquals or StringNotLike do match against a null value",
		applies: anyCondition(func(c *simCase, test simTest) bool {
			return !test.old && strings.Contains(test.operator, "Not") && slices.ContainsFunc(test.values, c.unresolved)
		}),
		example: simOne(simAllow("*").when("StringNotEquals", "aws:userid", "${aws:username}"), "aws:userid", "x"),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "variables without a value in NotResource", page: simVariablesPage,
		quote: "the resource that includes a policy variable with no value will not match any resource",
		applies: anyStatement(func(c *simCase, st *simStatement, old bool) bool {
			return !old && slices.ContainsFunc(st.NotResource, c.unresolved)
		}),
		example: simOne(simStatement{Effect: "Allow", Action: simList{"*"}, NotResource: simList{"arn:aws:s3:::b/${aws:username}"}}, ""),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "escaped characters outside of patterns", page: simVariablesPage,
		quote: "There are a few special predefined policy variables that have fixed values that enable you to represent " +
			"characters that otherwise have special meaning",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return !test.old && literalOperator(test.operator) && hasAny(test.values, "${*}", "${?}", "${$}")
		}),
		example: simOne(simAllow("*").when("StringEquals", "aws:userid", "a${*}"), "aws:userid", "a*"),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "variables right after the fifth colon, or before it in a condition", page: simVariablesPage,
		quote: "You can use a policy variable in the Resource element, but only in the resource portion of the ARN. This portion " +
			"of the ARN appears after the fifth colon", // and: "in any condition that involves the string operators or the ARN operators"
		applies: func(c *simCase) bool {
			return anyStatement(func(_ *simCase, st *simStatement, old bool) bool {
				return !old && (slices.ContainsFunc(st.Resource, earlyVariable) || slices.ContainsFunc(st.NotResource, earlyVariable))
			})(c) || anyCondition(func(_ *simCase, test simTest) bool {
				return !test.old && strings.Contains(test.operator, "Arn") && slices.ContainsFunc(test.values, variableInPrefix)
			})(c)
		},
		example: simAsk(func(c *simCase) {
			c.Action, c.Resource = "sqs:SendMessage", simQueue
			c.Context = map[string][]string{"aws:username": {"ann"}}
			c.Identity = []simPolicy{simDoc(simAllow("arn:aws:sqs:*:*:${aws:username}"))}
		}),
		ours: simAllowed, theirs: simImplicit,
	}, {
		name: "a star at the end of a segment", page: simGuide + "reference_policies_elements_resource.html",
		quote: "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon boundaries",
		applies: anyStatement(func(_ *simCase, st *simStatement, _ bool) bool {
			// the field of the account holds what stands after it
			short := func(arn string) bool {
				parts := strings.SplitN(arn, ":", 6)
				return arn != "*" && (len(parts) < 6 || strings.Trim(parts[4], "0123456789*?") != "")
			}
			return slices.ContainsFunc(st.Resource, short) || slices.ContainsFunc(st.NotResource, short)
		}),
		example: simAsk(func(c *simCase) {
			c.Action, c.Resource = "sqs:SendMessage", simQueue
			c.Identity = []simPolicy{simDoc(simAllow("arn:aws:sqs:*:ann"))}
		}),
		ours: simAllowed, theirs: simImplicit,
	},
}

// conditionClasses are about operators.
var conditionClasses = []simClass{
	{
		name: "sets of nothing but empty text", page: simGuide + "reference_policies_multi-value-conditions.html",
		quote: "It also returns true if there are no keys in the request, or if the key values resolve to a null data set, " +
			"such as an empty string",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return strings.HasPrefix(test.operator, "For") && len(test.request) > 0 && strings.Join(test.request, "") == ""
		}),
		example: simOne(simAllow("*").when("ForAllValues:StringEquals", "aws:TagKeys", "a"), "aws:TagKeys", ""),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "IfExists of any value, in a Deny", page: simOperatorPage,
		quote: "If the key is not present, evaluate the condition element as true",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return test.deny && strings.HasPrefix(test.operator, "ForAny") && strings.HasSuffix(test.operator, "IfExists") &&
				test.request == nil
		}),
		example: simOne(simDeny("*").when("ForAnyValue:StringEqualsIfExists", "aws:TagKeys", "a"), ""),
		ours:    simExplicit, theirs: simAllowed,
	}, {
		name: "every address as a range", page: simOperatorPage,
		quote: "The value must be in the standard CIDR format",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return strings.Contains(test.operator, "IpAddress") && hasAny(test.values, "/0")
		}),
		example: simOne(simAllow("*").when("IpAddress", "aws:SourceIp", "0.0.0.0/0"), "aws:SourceIp", "192.0.2.1"),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "an IPv6 address written in another way", page: simOperatorPage,
		// RFC 4291, section 2.2, has the ways to write one address.
		quote: "comparing a key to an IPv4 or IPv6 address or range of IP addresses",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return strings.Contains(test.operator, "IpAddress") && slices.ContainsFunc(test.values, func(v string) bool {
				want, err := netip.ParseAddr(v)
				got, requestErr := netip.ParseAddr(strings.Join(test.request, " "))
				return err == nil && requestErr == nil && want == got && v != test.request[0]
			})
		}),
		example: simOne(simAllow("*").when("IpAddress", "aws:SourceIp", "2001:DB8::1"), "aws:SourceIp", "2001:db8::1"),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "not one address, asked from the other family", page: simOperatorPage,
		quote: "All IP addresses except the specified IP address or range",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return strings.Contains(test.operator, "NotIpAddress") && slices.ContainsFunc(test.values, func(v string) bool {
				return !strings.Contains(v, "/") && len(test.request) == 1 &&
					strings.Contains(v, ":") != strings.Contains(test.request[0], ":")
			})
		}),
		example: simOne(simAllow("*").when("NotIpAddress", "aws:SourceIp", "192.0.2.1"), "aws:SourceIp", "2001:db8::1"),
		ours:    simAllowed, theirs: simImplicit,
	}, {
		name: "a date against seconds since 1970", page: simOperatorPage,
		quote: "You must specify date/time values with one of the W3C implementations of the ISO 8601 date formats or in epoch " +
			"(UNIX) time",
		applies: anyCondition(func(_ *simCase, test simTest) bool {
			return strings.Contains(test.operator, "Date") && len(test.request) == 1 &&
				slices.ContainsFunc(test.values, func(v string) bool { return wholeSeconds(v) != wholeSeconds(test.request[0]) })
		}),
		example: simOne(simAllow("*").when("DateLessThan", "aws:CurrentTime", "1767323045"), "aws:CurrentTime", "2025-01-01T00:00:00Z"),
		ours:    simAllowed, theirs: simImplicit,
	},
}

package iam_test

import "testing"

// conditionRules go into what single operators, values and keys do, beyond [operatorRules] and [formRules].
var conditionRules = []conditionRule{
	// String
	{
		name: "one of several values", page: manyValuesPage,
		quote: "If a single condition operator includes multiple values for one key, that condition operator is evaluated using a logical OR.",
		when:  `{"StringEqualsIgnoreCase":{"aws:PrincipalTag/department":["finance","hr","legal"]}}`,
		with:  requestKeys{"aws:PrincipalTag/department": {"HR"}}, met: yes,
	}, {
		name: "none of several values", page: manyValuesPage,
		quote: "If a single condition operator includes multiple values for one key, that condition operator is evaluated using a logical OR.",
		when:  `{"StringEqualsIgnoreCase":{"aws:PrincipalTag/department":["finance","hr","legal"]}}`,
		with:  requestKeys{"aws:PrincipalTag/department": {"sales"}}, met: no,
	}, {
		name: "not one of several values", page: manyValuesPage,
		quote: "When multiple values are listed in a policy for negated matching condition operators such as StringNotEquals and DateNotEquals, the effective permissions work like a logical AND.",
		when:  `{"StringNotEquals":{"aws:PrincipalAccount":["111122223333","444455556666"]}}`,
		with:  requestKeys{"aws:PrincipalAccount": {"444455556666"}}, met: no,
	}, {
		name: "neither of several values", page: manyValuesPage,
		quote: "the string cannot match any of the aws:PrincipalAccount values listed to resolve the condition to true",
		when:  `{"StringNotEquals":{"aws:PrincipalAccount":["111122223333","444455556666"]}}`,
		with:  requestKeys{"aws:PrincipalAccount": {"777788889999"}}, met: yes,
	}, {
		name: "not one of several dates", page: manyValuesPage,
		quote: "When multiple values are listed in a policy for negated matching condition operators such as StringNotEquals and DateNotEquals, the effective permissions work like a logical AND.",
		when:  `{"DateNotEquals":{"aws:CurrentTime":["2026-01-01","2026-01-02"]}}`,
		with:  requestKeys{"aws:CurrentTime": {"2026-01-02T00:00:00Z"}}, met: no,
	}, {
		name: "all keys of one operator", page: manyValuesPage,
		quote: "If your policy has multiple condition operators or multiple keys attached to a single condition operator, the conditions are evaluated using a logical AND.",
		when:  `{"StringEquals":{"aws:PrincipalTag/department":["finance","hr"],"aws:PrincipalTag/role":["audit","security"]}}`,
		with:  requestKeys{"aws:PrincipalTag/department": {"hr"}, "aws:PrincipalTag/role": {"audit"}}, met: yes,
	}, {
		name: "one key of one operator is not enough", page: manyValuesPage,
		quote: "If your policy has multiple condition operators or multiple keys attached to a single condition operator, the conditions are evaluated using a logical AND.",
		when:  `{"StringEquals":{"aws:PrincipalTag/department":["finance","hr"],"aws:PrincipalTag/role":["audit","security"]}}`,
		with:  requestKeys{"aws:PrincipalTag/department": {"hr"}, "aws:PrincipalTag/role": {"sales"}}, met: no,
	}, {
		name: "one of two operators is not enough", page: manyValuesPage,
		quote: "All conditions must resolve to true to invoke the desired Allow or Deny effect.",
		when:  `{"StringEquals":{"aws:PrincipalAccount":"123456789012"},"Bool":{"aws:SecureTransport":"true"}}`,
		with:  requestKeys{"aws:PrincipalAccount": {"123456789012"}, "aws:SecureTransport": {"false"}}, met: no,
	}, {
		name: "StringEquals takes a star literally", page: operatorsPage,
		quote: "You must specify wildcards to achieve partial string matches.",
		when:  `{"StringEquals":{"ec2:InstanceType":"t1.*"}}`,
		with:  requestKeys{"ec2:InstanceType": {"t1.micro"}}, met: no,
	}, {
		name: "StringLike, star", page: operatorsPage,
		quote: "The values can include multi-character match wildcards (*) and single-character match wildcards (?) anywhere in the string.",
		when:  `{"StringLike":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}`,
		with:  requestKeys{"ec2:InstanceType": {"t2.micro"}}, met: yes,
	}, {
		name: "StringLike, without wildcards all of it", page: operatorsPage,
		quote: "You must specify wildcards to achieve partial string matches.",
		when:  `{"StringLike":{"ec2:InstanceType":"t2"}}`,
		with:  requestKeys{"ec2:InstanceType": {"t2.micro"}}, met: no,
	}, {
		name: "StringLike, the empty value", page: operatorsPage,
		quote: "The policy allows the specified actions on an S3 bucket as long as the s3:prefix matches any one of the specified patterns.",
		when:  `{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`,
		with:  requestKeys{"s3:prefix": {""}}, met: yes,
	}, {
		name: "StringLike, another's home", page: operatorsPage,
		quote: "The policy allows the specified actions on an S3 bucket as long as the s3:prefix matches any one of the specified patterns.",
		when:  `{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}`,
		with:  requestKeys{"s3:prefix": {"home/bob/"}, "aws:username": {"ann"}}, met: no,
	}, {
		name: "StringLike matches an ARN over colons", page: operatorsPage,
		quote: "The first asterisk matches us-east-2:999999999999:store/abc:.",
		when:  `{"StringLike":{"aws:SourceArn":"arn:aws:someservice:*:111122223333:finance/*"}}`,
		with:  requestKeys{"aws:SourceArn": {storeARN}}, met: yes,
	},
	// ARN
	{
		name: "ArnLike does not match over colons", page: operatorsPage,
		quote: "The first asterisk matches only us-east-2 and fails on 999999999999:store/abc:.",
		when:  `{"ArnLike":{"aws:SourceArn":"arn:aws:someservice:*:111122223333:finance/*"}}`,
		with:  requestKeys{"aws:SourceArn": {storeARN}}, met: no,
	}, {
		name: "ArnNotLike does not match over colons", page: operatorsPage,
		quote: arnNotEqualsQuote,
		when:  `{"ArnNotLike":{"aws:SourceArn":"arn:aws:someservice:*:111122223333:finance/*"}}`,
		with:  requestKeys{"aws:SourceArn": {storeARN}}, met: yes,
	}, {
		name: "ArnEquals has wildcards", page: operatorsPage,
		quote: "The ArnEquals and ArnLike condition operators behave identically.",
		when:  `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/ci-?"}}`,
		with:  requestKeys{"aws:PrincipalArn": {"arn:aws:iam::111122223333:role/ci-1"}}, met: yes,
	}, {
		name: "an ARN in another case", page: operatorsPage,
		quote: "Case-sensitive matching of the ARN.",
		when:  `{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/Deploy"}}`,
		with:  requestKeys{"aws:PrincipalArn": {"arn:aws:iam::111122223333:role/deploy"}}, met: no,
	}, {
		name: "a star in every component", page: operatorsPage, quote: arnEqualsQuote,
		when: `{"ArnLike":{"aws:PrincipalArn":"arn:aws*:i*m:*:1111*3333:role/*/Deploy"}}`,
		with: requestKeys{"aws:PrincipalArn": {"arn:aws-cn:iam::111122223333:role/ci/x/Deploy"}}, met: yes,
	}, {
		name: "the sixth component has colons", page: operatorsPage, quote: arnEqualsQuote,
		when: `{"ArnLike":{"aws:SourceArn":"arn:aws:logs:us-east-2:111122223333:log-group:*"}}`,
		with: requestKeys{"aws:SourceArn": {"arn:aws:logs:us-east-2:111122223333:log-group:a:log-stream:b"}}, met: yes,
	}, {
		name: "ArnLike, variable", page: operatorsPage,
		quote: "You can use a policy variable with the ARN condition operator.",
		when:  `{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:username}"}}`,
		with:  requestKeys{"aws:PrincipalArn": {"arn:aws:iam::111122223333:user/ann"}, "aws:username": {"ann"}}, met: yes,
	}, {
		name: "the absent source ARN", page: operatorsPage,
		quote: "If an IAM user attempts to perform this operation directly, the condition returns false and the request is implicitly denied by this statement.",
		when:  `{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:us-east-2:123456789012:topic"}}`, met: no,
	},
	// Numeric
	{
		name: "up to ten", page: operatorsPage,
		quote: "then only the operations that include the max-keys context key with a value of less than or equal to 10 would be allowed",
		when:  `{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, with: requestKeys{"s3:max-keys": {"10"}}, met: yes,
	}, {
		name: "numbers are not compared as text", page: operatorsPage,
		quote: "then only the operations that include the max-keys context key with a value of less than or equal to 10 would be allowed",
		when:  `{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, with: requestKeys{"s3:max-keys": {"9"}}, met: yes,
	}, {
		name: "a hundred is more than ten", page: operatorsPage,
		quote: "then only the operations that include the max-keys context key with a value of less than or equal to 10 would be allowed",
		when:  `{"NumericLessThanEquals":{"s3:max-keys":"10"}}`, with: requestKeys{"s3:max-keys": {"100"}}, met: no,
	}, {
		name: "a number written as one", page: operatorsPage,
		quote: "comparing a key to an integer or decimal value",
		when:  `{"NumericEquals":{"s3:max-keys":10}}`, with: requestKeys{"s3:max-keys": {"10.0"}}, met: yes,
	}, {
		name: "a request's number that is none", page: operatorsPage,
		quote: "comparing a key to an integer or decimal value",
		when:  `{"NumericLessThan":{"s3:max-keys":"10"}}`, with: requestKeys{"s3:max-keys": {"few"}}, met: unclear,
	},
	// Date
	{
		name: "issued after", page: operatorsPage,
		quote: "This condition specifies that the temporary security credentials used to make the request were issued in 2020.",
		when:  `{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}`,
		with:  requestKeys{"aws:TokenIssueTime": {"2020-06-01T12:00:00Z"}}, met: yes,
	}, {
		name: "no temporary credentials", page: operatorsPage,
		quote: "In this example, if an IAM user attempts to view or edit an access key, the request is denied.",
		when:  `{"DateGreaterThan":{"aws:TokenIssueTime":"2020-01-01T00:00:01Z"}}`, met: no,
	}, {
		name: "ISO in the policy, epoch in the request", page: operatorsPage, quote: dateFormsQuote,
		when: `{"DateLessThan":{"aws:EpochTime":"2020-01-01T00:00:01Z"}}`, with: requestKeys{"aws:EpochTime": {"1577836800"}}, met: yes,
	}, {
		name: "epoch in the policy, ISO in the request", page: operatorsPage, quote: dateFormsQuote,
		when: `{"DateGreaterThanEquals":{"aws:CurrentTime":"1577836801"}}`, with: requestKeys{"aws:CurrentTime": {"2020-01-01T00:00:01Z"}}, met: yes,
	}, {
		name: "epoch in both", page: operatorsPage, quote: dateFormsQuote,
		when: `{"DateEquals":{"aws:EpochTime":1577836801}}`, with: requestKeys{"aws:EpochTime": {"1577836801"}}, met: yes,
	}, {
		name: "a date without a time", page: operatorsPage, quote: dateFormsQuote,
		when: `{"DateLessThan":{"aws:CurrentTime":"2026-07"}}`, with: requestKeys{"aws:CurrentTime": {"2026-06-30T23:59:59Z"}}, met: yes,
	}, {
		name: "a date with a zone", page: operatorsPage, quote: dateFormsQuote,
		when: `{"DateEquals":{"aws:CurrentTime":"2026-07-01T02:00+02:00"}}`, with: requestKeys{"aws:CurrentTime": {"2026-07-01T00:00:00.000Z"}}, met: yes,
	},
	// Bool
	{
		name: "not over TLS", page: operatorsPage,
		quote: "deny all S3 actions on a bucket and its contents if the request is not over SSL",
		when:  `{"Bool":{"aws:SecureTransport":"false"}}`, with: requestKeys{"aws:SecureTransport": {"false"}}, met: yes,
	}, {
		name: "a Boolean written as one", page: operatorsPage,
		quote: `restrict access based on comparing a key to "true" or "false."`,
		when:  `{"Bool":{"aws:SecureTransport":true}}`, with: requestKeys{"aws:SecureTransport": {"true"}}, met: yes,
	}, {
		name: "absent is not false", page: operatorsPage, quote: absentQuote,
		when: `{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`, met: no,
	}, {
		name: "absent or false", page: operatorsPage, quote: notThereQuote,
		when: `{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}`, met: yes,
	},
	// IP address
	{
		name: "an address in the range", page: operatorsPage,
		quote: "the request must come from the IP range 203.0.113.0 to 203.0.113.255",
		when:  `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, with: requestKeys{"aws:SourceIp": {"203.0.113.0"}}, met: yes,
	}, {
		name: "without a mask it is one address", page: operatorsPage,
		quote: "If you specify an IP address without the associated routing prefix, IAM uses the default prefix value of /32.",
		when:  `{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`, with: requestKeys{"aws:SourceIp": {"203.0.113.7"}}, met: yes,
	}, {
		name: "without a mask it is no other", page: operatorsPage,
		quote: "If you specify an IP address without the associated routing prefix, IAM uses the default prefix value of /32.",
		when:  `{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}`, with: requestKeys{"aws:SourceIp": {"203.0.113.8"}}, met: no,
	}, {
		name: "IPv6 next to IPv4", page: operatorsPage, quote: mixQuote,
		when: `{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}`,
		with: requestKeys{"aws:SourceIp": {"2001:db8:1234:5678:9::1"}}, met: yes,
	}, {
		name: "IPv4 next to IPv6", page: operatorsPage, quote: mixQuote,
		when: `{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}`,
		with: requestKeys{"aws:SourceIp": {"203.0.113.200"}}, met: yes,
	}, {
		name: "IPv6 outside of the range", page: operatorsPage, quote: mixQuote,
		when: `{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","2001:DB8:1234:5678::/64"]}}`,
		with: requestKeys{"aws:SourceIp": {"2001:db8:1234:5679::1"}}, met: no,
	}, {
		name: "zeros written out", page: operatorsPage,
		quote: "Some AWS services support IPv6, using :: to represent a range of 0s.",
		when:  `{"IpAddress":{"aws:SourceIp":"2001:db8::1"}}`, with: requestKeys{"aws:SourceIp": {"2001:0db8:0:0:0:0:0:1"}}, met: yes,
	}, {
		name: "behind a VPC endpoint", page: operatorsPage,
		quote: "In this case, the condition returns false and the request is implicitly denied by this statement.",
		when:  `{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}`, met: no,
	},
	// IfExists
	{
		name: "a resource without an instance type", page: operatorsPage,
		quote: "These additional resources do not have the ec2:InstanceType condition key, so the StringLike check fails, and the user is not granted the ability to launch any instance type.",
		when:  `{"StringLike":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}`, met: no,
	}, {
		name: "a resource without an instance type, if exists", page: operatorsPage,
		quote: "If the resource being checked does not have that condition key, then don't worry about it.",
		when:  `{"StringLikeIfExists":{"ec2:InstanceType":["t1.*","t2.*","m3.*"]}}`, met: yes,
	}, {
		name: "another condition still counts", page: operatorsPage,
		quote: "Other condition elements in the statement can still result in a nonmatch, but not a missing key when checked with ...IfExists.",
		when:  `{"StringLikeIfExists":{"ec2:InstanceType":"t1.*"},"Bool":{"aws:SecureTransport":"true"}}`,
		with:  requestKeys{"aws:SecureTransport": {"false"}}, met: no,
	}, {
		name: "negated, absent, if exists", page: operatorsPage,
		quote: `If you are using an "Effect": "Deny" element with a negated condition operator like StringNotEqualsIfExists, the request is still denied even if the tag is missing.`,
		when:  `{"StringNotEqualsIfExists":{"aws:ResourceTag/team":"web"}}`, met: yes,
	},
	// Null
	{
		name: "the key must not exist, and does not", page: operatorsPage, quote: nullExampleQuote,
		when: `{"Null":{"aws:TokenIssueTime":"true"}}`, met: yes,
	}, {
		name: "the key must not exist, and does", page: operatorsPage, quote: nullExampleQuote,
		when: `{"Null":{"aws:TokenIssueTime":"true"}}`, with: requestKeys{"aws:TokenIssueTime": {"2026-01-01T00:00:00Z"}}, met: no,
	}, {
		name: "the key must exist, and does", page: operatorsPage, quote: nullQuote,
		when: `{"Null":{"aws:TokenIssueTime":"false"}}`, with: requestKeys{"aws:TokenIssueTime": {"2026-01-01T00:00:00Z"}}, met: yes,
	}, {
		name: "the key must exist, and does not", page: operatorsPage, quote: nullQuote,
		when: `{"Null":{"aws:TokenIssueTime":"false"}}`, met: no,
	}, {
		name: "an empty list is no key", page: manyValuesPage,
		quote: "If the key values in the request resolve to an empty data set, such as an empty list, a condition operator modified by ForAllValues returns true.",
		when:  `{"ForAllValues:StringEquals":{"aws:TagKeys":"team"},"Null":{"aws:TagKeys":"true"}}`,
		with:  requestKeys{"aws:TagKeys": {}}, met: yes,
	}, {
		name: "all values, and at least one", page: setExamplesPage, quote: notEmptyQuote,
		when: `{"ForAllValues:StringEquals":{"aws:TagKeys":"team"},"Null":{"aws:TagKeys":"false"}}`,
		with: requestKeys{"aws:TagKeys": {"team"}}, met: yes,
	}, {
		name: "all values, and at least one, absent", page: setExamplesPage, quote: notEmptyQuote,
		when: `{"ForAllValues:StringEquals":{"aws:TagKeys":"team"},"Null":{"aws:TagKeys":"false"}}`, met: no,
	}, {
		// AWS says that the Allow does not apply; it does not say what the key is to a Deny.
		name: "all values, and at least one, empty", page: setExamplesPage, quote: notEmptyQuote,
		when: `{"ForAllValues:StringEquals":{"aws:TagKeys":"team"},"Null":{"aws:TagKeys":"false"}}`,
		with: requestKeys{"aws:TagKeys": {""}}, met: unclear,
	},
	// Several values in the request
	{
		name: "all attributes are listed", page: manyValuesPage,
		quote: "In that case, the request is allowed because the user's requested attributes all match values specified in the policy.",
		when:  `{"ForAllValues:StringEquals":{"dynamodb:Attributes":["ID","Message","Tags"]}}`,
		with:  requestKeys{"dynamodb:Attributes": {"Message", "Tags"}}, met: yes,
	}, {
		name: "one attribute is not listed", page: manyValuesPage,
		quote: "There's no match for UserName, so the condition operator returns false, and the policy does not allow the request.",
		when:  `{"ForAllValues:StringEquals":{"dynamodb:Attributes":["PostDateTime","Message","Tags"]}}`,
		with:  requestKeys{"dynamodb:Attributes": {"PostDateTime", "UserName"}}, met: no,
	}, {
		name: "one attribute is forbidden", page: manyValuesPage,
		quote: "In this case, there is one match (PostDateTime), so the condition is true.",
		when:  `{"ForAnyValue:StringEquals":{"dynamodb:Attributes":["ID","PostDateTime"]}}`,
		with:  requestKeys{"dynamodb:Attributes": {"UserName", "Message", "PostDateTime"}}, met: yes,
	}, {
		name: "no attribute is forbidden", page: manyValuesPage,
		quote: "None of the attributes in the request (just UserName) match any of attributes listed in the policy (ID, PostDateTime).",
		when:  `{"ForAnyValue:StringEquals":{"dynamodb:Attributes":["ID","PostDateTime"]}}`,
		with:  requestKeys{"dynamodb:Attributes": {"UserName"}}, met: no,
	}, {
		name: "all tag keys, absent", page: setExamplesPage,
		quote: "The ForAllValues set operator also returns true if there are no context keys in the request.",
		when:  `{"ForAllValues:StringNotLike":{"aws:TagKeys":"key1*"}}`, met: yes,
	}, {
		name: "all tag keys, negated", page: setExamplesPage,
		quote: "In order for context key aws:TagKeys to match, every value in the request context must match at least one value in the policy.",
		when:  `{"ForAllValues:StringNotLike":{"aws:TagKeys":"key1*"}}`,
		with:  requestKeys{"aws:TagKeys": {"key1:hr", "key1:personnel"}}, met: no,
	}, {
		name: "a list of one value needs no set operator", page: manyValuesPage,
		quote: "The difference between single-valued and multivalued condition keys depends on the number of values in the request context, not the number of values in the policy condition.",
		when:  `{"StringEquals":{"aws:TagKeys":["team","stage"]}}`, with: requestKeys{"aws:TagKeys": {"stage"}}, met: yes,
	},
	// Case of keys and values
	{
		name: "a key in another case", page: conditionPage,
		quote: "For example, including the aws:SourceIP condition key is equivalent to testing for AWS:SourceIp.",
		when:  `{"IpAddress":{"AWS:sourceip":"203.0.113.0/24"}}`, with: requestKeys{"aws:SourceIp": {"203.0.113.1"}}, met: yes,
	}, {
		name: "a tag key in another case", page: conditionPage,
		quote: "then the condition matches a resource tag key named either TagKey1 or tagkey1, but not both",
		when:  `{"StringEquals":{"aws:ResourceTag/TagKey1":"Value1"}}`, with: requestKeys{"aws:ResourceTag/tagkey1": {"Value1"}}, met: yes,
	}, {
		name: "two tag keys that differ in case", page: conditionPage,
		quote: "the key name matches both tags, but only one value matches",
		when:  `{"StringEquals":{"aws:ResourceTag/EC2":"test1"}}`,
		with:  requestKeys{"aws:ResourceTag/ec2": {"test1"}, "aws:ResourceTag/EC2": {"test2"}}, met: unclear,
	}, {
		name: "a value in another case", page: conditionPage,
		quote: "Users named JohnDoe are denied access.",
		when:  `{"StringEquals":{"aws:username":"johndoe"}}`, with: requestKeys{"aws:username": {"JohnDoe"}}, met: no,
	}, {
		name: "a value in another case, ignored", page: conditionPage,
		quote: "The following condition uses the StringEqualsIgnoreCase operator to match users named johndoe or JohnDoe.",
		when:  `{"StringEqualsIgnoreCase":{"aws:username":"johndoe"}}`, with: requestKeys{"aws:username": {"JohnDoe"}}, met: yes,
	},
}

const (
	storeARN         = "arn:aws:someservice:us-east-2:999999999999:store/abc:111122223333:finance/document.txt"
	dateFormsQuote   = "You must specify date/time values with one of the W3C implementations of the ISO 8601 date formats or in epoch (UNIX) time."
	mixQuote         = "The following example shows how to mix IPv4 and IPv6 addresses to cover all of your organization's valid IP addresses."
	nullExampleQuote = "The following example shows a condition that states that the user must not be using temporary credentials (the key must not exist) for the user to use the Amazon EC2 API."
	notEmptyQuote    = "You can prevent missing context keys or context keys with empty values from evaluating to true by including a Null condition operator in your policy with a value of false to check if the context key in the request exists and its value is not null."
)

func TestConditionRules(t *testing.T) {
	t.Parallel()
	runConditionRules(t, conditionRules)
}

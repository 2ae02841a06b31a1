package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	variablesPage = guide + "reference_policies_variables.html"
	versionPage   = guide + "reference_policies_elements_version.html"
)

const (
	noValueQuote     = "If a variable that has no value in the authorization context is used as part of the Resource or NotResource element of a policy, the resource that includes a policy variable with no value will not match any resource."
	noEqualQuote     = "When you use a variable with no value in the condition element of an IAM policy, IAM JSON policy elements: Condition operators like StringEquals or StringLike do not match, and the policy statement does not take effect."
	invertedQuote    = "Inverted condition operators like StringNotEquals or StringNotLike do match against a null value, as the value of the condition key they are testing against is not equal to or like the effectively null value."
	ownFolderQuote   = "This means that a single policy applied to a group of users can control access to a bucket."
	specialQuote     = "These predefined policy variables can be used in any string where you can use regular policy variables."
	starQuote        = "${*} - use where you need an * (asterisk) character."
	questionQuote    = "${?} - use where you need a ? (question mark) character."
	dollarQuote      = "${$} - use where you need a $ (dollar sign) character."
	teamQuote        = "For example, if a principal is tagged with team=yellow, they can access ExampleCorp's Amazon S3 bucket named DOC-EXAMPLE-BUCKET-yellow."
	companyQuote     = "For users without team tags, it sets a default value of company-wide for the bucket name."
	literalQuote     = "If you don't include the Version element and set it to an appropriate version date, variables like ${aws:username} are treated as literal strings in the policy."
	oldVersionQuote  = "For example, variables such as ${aws:username} aren't recognized as variables and are instead treated as literal strings in the policy."
	stringsOnlyQuote = "You can't use a policy variable with other operators, such as Numeric, Date, Boolean, Binary, IP Address, or Null operators."
	elementsQuote    = "You can use policy variables in the Resource element and in string comparisons in the Condition element."
	// An empty tag is one without a value: "Omitting the tag value is the same as using an empty string." (id_tags.html)
	effectivelyNullQuote = "When policy variables reference a condition context key that has no value or is not present in an authorization context for a request, the value is effectively null."
	fifthColonQuote      = "You can't use a variable to replace parts of the ARN before the fifth colon, such as the service or account."
	multiQuote           = "You can use any single-valued condition key as a variable. You can't use a multivalued condition key as a variable."
)

// Documents without a version, and of the older one; policy makes those of version 2012-10-17.
const (
	unversioned = `{"Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::mybucket/${aws:username}/*"}]}`
	version2008 = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::mybucket/${aws:username}/*"}]}`
	like2008    = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringLike":{"s3:prefix":"${aws:username}/*"}}}]}`
	escape2008  = `{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::mybucket/${*}"}]}`
)

// reading allows the user to get the objects that an ARN pattern names.
func reading(resource string) layerTexts {
	return layerTexts{identity: []string{`{"Effect":"Allow","Action":"s3:GetObject","Resource":"` + resource + `"}`}}
}

func document(text string) layerTexts { return layerTexts{identity: []string{text}} }

// variableRules are about variables in Resource and NotResource, and in older documents.
var variableRules = []rule{
	{
		name: "one's own folder", page: variablesPage, quote: ownFolderQuote,
		set: reading("arn:aws:s3:::mybucket/${aws:username}/*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/ann/x",
		with: requestKeys{"aws:username": {"ann"}}, want: iam.Allowed,
	}, {
		name: "another's folder", page: variablesPage, quote: ownFolderQuote,
		set: reading("arn:aws:s3:::mybucket/${aws:username}/*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/bob/x",
		with: requestKeys{"aws:username": {"ann"}}, by: iam.LayerIdentity,
	}, {
		name: "text around a variable", page: variablesPage,
		quote: "It gives users in that group the ability to create, use, and delete queues that have their names and that are in the us-east-2 Region.",
		set:   layerTexts{identity: []string{`{"Effect":"Allow","Action":"sqs:*","Resource":"arn:aws:sqs:us-east-2:*:${aws:username}-queue"}`}},
		who:   user, do: "sqs:SendMessage", on: "arn:aws:sqs:us-east-2:" + home + ":ann-queue",
		with: requestKeys{"aws:username": {"ann"}}, want: iam.Allowed,
	}, {
		name: "a variable in another case", page: variablesPage,
		quote: "For example, aws:CurrentTime is equivalent to AWS:currenttime.",
		set:   reading("arn:aws:s3:::mybucket/${AWS:UserName}/*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/ann/x",
		with: requestKeys{"aws:username": {"ann"}}, want: iam.Allowed,
	}, {
		name: "a tag as a variable", page: variablesPage,
		quote: "For example, the following Resource element refers to only a bucket that is named the same as the value in the requesting user's department tag.",
		set:   reading("arn:aws:s3:::bucket/${aws:PrincipalTag/department}"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::bucket/hr",
		with: requestKeys{"aws:PrincipalTag/department": {"hr"}}, want: iam.Allowed,
	}, {
		name: "a variable without a value", page: variablesPage, quote: noValueQuote,
		set: reading("arn:aws:s3:::mybucket/${aws:username}/*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket//x",
		by: iam.LayerIdentity,
	}, {
		name: "a variable without a value is not its own text", page: variablesPage, quote: noValueQuote,
		set: reading("arn:aws:s3:::mybucket/${aws:username}/*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/${aws:username}/x",
		by: iam.LayerIdentity,
	}, {
		name: "NotResource with a variable without a value", page: variablesPage, quote: noValueQuote,
		set: layerTexts{identity: []string{allowAll, `{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::mybucket/${aws:username}/*"}`}},
		who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/ann/x", want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "NotResource with a variable", page: variablesPage, quote: elementsQuote,
		set: layerTexts{identity: []string{allowAll, `{"Effect":"Deny","Action":"s3:*","NotResource":"arn:aws:s3:::mybucket/${aws:username}/*"}`}},
		who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/ann/x", with: requestKeys{"aws:username": {"ann"}}, want: iam.Allowed,
	}, {
		name: "a key with several values is no variable", page: variablesPage, quote: multiQuote,
		set: reading("arn:aws:s3:::mybucket/${aws:TagKeys}"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/a",
		with: requestKeys{"aws:TagKeys": {"a", "b"}}, by: iam.LayerIdentity,
	}, {
		name: "a tag key with a space", page: guide + "id_tags.html",
		quote: "Tag keys and values can include any combination of letters, numbers, spaces, and _ . : / = + - @ symbols.",
		set:   reading("arn:aws:s3:::mybucket/${aws:PrincipalTag/Cost Center}/*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/hr/x",
		with: requestKeys{"aws:PrincipalTag/Cost Center": {"hr"}}, want: iam.Allowed,
	}, {
		name: "a tag without a value", page: variablesPage, quote: effectivelyNullQuote,
		set: reading("arn:aws:s3:::mybucket/${aws:PrincipalTag/team}*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/secret",
		with: requestKeys{"aws:PrincipalTag/team": {""}}, by: iam.LayerIdentity,
	}, {
		name: "a variable for the account", page: variablesPage, quote: fifthColonQuote,
		set: reading("arn:aws:s3:us-east-2:${aws:PrincipalAccount}:accesspoint/a"), who: user, do: "s3:GetObject",
		on:   "arn:aws:s3:us-east-2:" + home + ":accesspoint/a",
		with: requestKeys{"aws:PrincipalAccount": {home}}, by: iam.LayerIdentity,
	}, {
		name: "a variable for the account of an incomplete ARN", page: variablesPage, quote: fifthColonQuote,
		set: reading("arn:aws:s3:us-east-2:${aws:PrincipalAccount}"), who: user, do: "s3:GetObject",
		on:   "arn:aws:s3:us-east-2:" + home + ":accesspoint/a",
		with: requestKeys{"aws:PrincipalAccount": {home}}, by: iam.LayerIdentity,
	}, {
		name: "a variable for the account, deny", page: variablesPage, quote: fifthColonQuote,
		set: layerTexts{identity: []string{allowAll, `{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:us-east-2:${aws:PrincipalAccount}:accesspoint/a"}`}},
		who: user, do: "s3:GetObject", on: "arn:aws:s3:us-east-2:" + home + ":accesspoint/a",
		with: requestKeys{"aws:PrincipalAccount": {home}}, want: iam.ExplicitlyDenied, by: iam.LayerIdentity,
	}, {
		name: "a variable in Action is text", page: variablesPage, quote: elementsQuote,
		set: layerTexts{identity: []string{`{"Effect":"Allow","Action":"s3:${aws:username}","Resource":"*"}`}},
		who: user, do: "s3:GetObject", on: object, with: requestKeys{"aws:username": {"GetObject"}}, by: iam.LayerIdentity,
	}, {
		name: "a default that is not needed", page: variablesPage, quote: teamQuote,
		set: reading("arn:aws:s3:::DOC-EXAMPLE-BUCKET-${aws:PrincipalTag/team, 'company-wide'}/*"), who: user,
		do: "s3:GetObject", on: "arn:aws:s3:::DOC-EXAMPLE-BUCKET-yellow/x",
		with: requestKeys{"aws:PrincipalTag/team": {"yellow"}}, want: iam.Allowed,
	}, {
		name: "a default next to a value", page: variablesPage,
		quote: "A policy with this resource allows team members to access their team bucket, but not those of other teams.",
		set:   reading("arn:aws:s3:::DOC-EXAMPLE-BUCKET-${aws:PrincipalTag/team, 'company-wide'}/*"), who: user,
		do: "s3:GetObject", on: "arn:aws:s3:::DOC-EXAMPLE-BUCKET-company-wide/x",
		with: requestKeys{"aws:PrincipalTag/team": {"yellow"}}, by: iam.LayerIdentity,
	}, {
		name: "a default", page: variablesPage, quote: companyQuote,
		set: reading("arn:aws:s3:::DOC-EXAMPLE-BUCKET-${aws:PrincipalTag/team, 'company-wide'}/*"), who: user,
		do: "s3:GetObject", on: "arn:aws:s3:::DOC-EXAMPLE-BUCKET-company-wide/x", want: iam.Allowed,
	}, {
		name: "a default only", page: variablesPage,
		quote: "These users can access only the DOC-EXAMPLE-BUCKET-company-wide bucket where they can view broad information, such as instructions for joining a team.",
		set:   reading("arn:aws:s3:::DOC-EXAMPLE-BUCKET-${aws:PrincipalTag/team, 'company-wide'}/*"), who: user,
		do: "s3:GetObject", on: "arn:aws:s3:::DOC-EXAMPLE-BUCKET-yellow/x", by: iam.LayerIdentity,
	}, {
		name: "a literal asterisk", page: variablesPage, quote: starQuote,
		set: reading("arn:aws:s3:::mybucket/${*}"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/*", want: iam.Allowed,
	}, {
		name: "a literal asterisk is no wildcard", page: variablesPage, quote: starQuote,
		set: reading("arn:aws:s3:::mybucket/${*}"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/x", by: iam.LayerIdentity,
	}, {
		name: "a literal question mark", page: variablesPage, quote: questionQuote,
		set: reading("arn:aws:s3:::mybucket/a${?}*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/a?b", want: iam.Allowed,
	}, {
		name: "a literal question mark is no wildcard", page: variablesPage, quote: questionQuote,
		set: reading("arn:aws:s3:::mybucket/a${?}*"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/abb", by: iam.LayerIdentity,
	}, {
		name: "a literal dollar sign", page: variablesPage, quote: dollarQuote,
		set: reading("arn:aws:s3:::mybucket/${$}{aws:username}"), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/${aws:username}",
		with: requestKeys{"aws:username": {"ann"}}, want: iam.Allowed,
	}, {
		name: "no version, no variables", page: variablesPage, quote: literalQuote,
		set: document(unversioned), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/ann/x",
		with: requestKeys{"aws:username": {"ann"}}, by: iam.LayerIdentity,
	}, {
		name: "no version, the text itself", page: variablesPage, quote: literalQuote,
		set: document(unversioned), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/${aws:username}/x",
		with: requestKeys{"aws:username": {"ann"}}, want: iam.Allowed,
	}, {
		name: "version 2008-10-17, no variables", page: versionPage, quote: oldVersionQuote,
		set: document(version2008), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/ann/x",
		with: requestKeys{"aws:username": {"ann"}}, by: iam.LayerIdentity,
	}, {
		name: "version 2008-10-17, the text itself", page: versionPage, quote: oldVersionQuote,
		set: document(version2008), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/${aws:username}/x", want: iam.Allowed,
	}, {
		name: "version 2008-10-17, no variables in conditions", page: versionPage, quote: oldVersionQuote,
		set: document(like2008), who: user, do: "s3:GetObject", on: object,
		with: requestKeys{"aws:username": {"ann"}, "s3:prefix": {"ann/x"}}, by: iam.LayerIdentity,
	}, {
		name: "version 2008-10-17, the text itself in conditions", page: versionPage, quote: oldVersionQuote,
		set: document(like2008), who: user, do: "s3:GetObject", on: object,
		with: requestKeys{"aws:username": {"ann"}, "s3:prefix": {"${aws:username}/x"}}, want: iam.Allowed,
	}, {
		name: "version 2008-10-17, no escapes", page: versionPage,
		quote: "Newer features, such as policy variables, will not work with your policy.",
		set:   document(escape2008), who: user, do: "s3:GetObject", on: "arn:aws:s3:::mybucket/${x}", want: iam.Allowed,
	},
}

// variableConditionRules are about variables in conditions.
var variableConditionRules = []conditionRule{
	{
		name: "equal to a variable", page: variablesPage, quote: elementsQuote,
		when: `{"StringEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}`,
		with: requestKeys{"s3:ExistingObjectTag/Team": {"web"}, "aws:PrincipalTag/Team": {"web"}}, met: yes,
	}, {
		name: "a variable and a wildcard", page: variablesPage,
		quote: "You can use a policy variable for Condition values in any condition that involves the string operators or the ARN operators.",
		when:  `{"StringLike":{"sns:endpoint":"https://example.com/${aws:username}/*"}}`,
		with:  requestKeys{"sns:endpoint": {"https://example.com/ann/hook"}, "aws:username": {"ann"}}, met: yes,
	}, {
		name: "like a variable without a value", page: variablesPage, quote: noEqualQuote,
		when: `{"StringLike":{"s3:prefix":"${aws:username}*"}}`, with: requestKeys{"s3:prefix": {"x"}}, met: no,
	}, {
		name: "like a tag without a value", page: variablesPage, quote: effectivelyNullQuote,
		when: `{"StringLike":{"s3:prefix":"${aws:PrincipalTag/team}*"}}`,
		with: requestKeys{"s3:prefix": {"x"}, "aws:PrincipalTag/team": {""}}, met: no,
	}, {
		name: "equal to a variable without a value", page: variablesPage, quote: noEqualQuote,
		when: `{"StringEquals":{"s3:prefix":"${aws:username}"}}`, with: requestKeys{"s3:prefix": {""}}, met: no,
	}, {
		name: "another value next to a variable without one", page: variablesPage, quote: noEqualQuote,
		when: `{"StringEquals":{"s3:prefix":["${aws:username}","shared"]}}`, with: requestKeys{"s3:prefix": {"shared"}}, met: yes,
	}, {
		name: "not equal to a variable without a value", page: variablesPage, quote: invertedQuote,
		when: `{"StringNotEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}`,
		with: requestKeys{"s3:ExistingObjectTag/Team": {"web"}}, met: yes,
	}, {
		name: "not like a variable without a value", page: variablesPage, quote: invertedQuote,
		when: `{"StringNotLike":{"s3:prefix":"${aws:username}*"}}`, with: requestKeys{"s3:prefix": {"x"}}, met: yes,
	}, {
		name: "not equal to a variable that is", page: variablesPage,
		quote: "For example, aws:principaltag/Team must be equal to s3:ExistingObjectTag/Team to allow access.",
		when:  `{"StringNotEquals":{"s3:ExistingObjectTag/Team":"${aws:PrincipalTag/Team}"}}`,
		with:  requestKeys{"s3:ExistingObjectTag/Team": {"web"}, "aws:PrincipalTag/Team": {"web"}}, met: no,
	}, {
		name: "a default in a condition", page: variablesPage,
		quote: "To add a default value to a variable, surround the default value with single quotes (' '), and separate the variable text and the default value with a comma and space (, ).",
		when:  `{"StringEquals":{"s3:prefix":"${aws:PrincipalTag/team, 'company-wide'}"}}`,
		with:  requestKeys{"s3:prefix": {"company-wide"}}, met: yes,
	}, {
		name: "an escape in a condition", page: variablesPage, quote: specialQuote,
		when: `{"StringLike":{"s3:prefix":"a${*}?${?}"}}`, with: requestKeys{"s3:prefix": {"a*b?"}}, met: yes,
	}, {
		name: "an escape in a condition is no wildcard", page: variablesPage, quote: specialQuote,
		when: `{"StringLike":{"s3:prefix":"a${*}?${?}"}}`, with: requestKeys{"s3:prefix": {"axxb?"}}, met: no,
	}, {
		name: "a variable in any case of letters", page: variablesPage,
		quote: "For example, aws:CurrentTime is equivalent to AWS:currenttime.",
		when:  `{"StringEqualsIgnoreCase":{"s3:prefix":"${AWS:USERNAME}"}}`,
		with:  requestKeys{"s3:prefix": {"ANN"}, "aws:username": {"ann"}}, met: yes,
	},
}

func TestVariableRules(t *testing.T) {
	t.Parallel()
	checkSources(t, variableRules)
	runRules(t, variableRules)
	runConditionRules(t, variableConditionRules)
}

func TestVariablesWhereThereAreNone(t *testing.T) {
	t.Parallel()
	when := func(operator string) string {
		return `"Action":"*","Resource":"*","Condition":{"` + operator + `":{"k:key":"${aws:username}"}}`
	}
	runRefusals(t, []refusal{
		{"Numeric", operatorsPage, "You can not use a policy variable with the Numeric condition operator.", when("NumericEquals")},
		{"Date", operatorsPage, "You can not use a policy variable with the Date condition operator.", when("DateEquals")},
		{"Binary", operatorsPage, "You can not use a policy variable with the Binary condition operator.", when("BinaryEquals")},
		{"IP address", operatorsPage, "You can not use a policy variable with the IpAddress condition operator.", when("IpAddress")},
		{"Null", operatorsPage, "You can not use a policy variable with the Null condition operator.", when("Null")},
		// The page of the operators says that Bool takes variables, this one that it does not.
		{"Bool", variablesPage, stringsOnlyQuote, when("Bool")},
	})
}

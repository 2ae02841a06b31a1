package iam_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	actionPage      = guide + "reference_policies_elements_action.html"
	notActionPage   = guide + "reference_policies_elements_notaction.html"
	notResourcePage = guide + "reference_policies_elements_notresource.html"
)

const (
	expandQuote   = "The wildcards in the ARN apply to all of the following objects in the bucket, not only the first object listed."
	notMatchQuote = "The ARN would not match the following objects:"
	beyondQuote   = "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the colon boundaries."
	segmentQuote  = "You can use wildcard characters (* and ?) within the individual segments of an ARN (the parts separated by colons) to represent:"
)

// patternRule is a rule about one element of an Allow: what it matches, and what it does not.
type patternRule struct {
	name, page, quote string
	element           string   // JSON: Action, NotAction, Resource or NotResource, with its value
	matches, not      []string // actions or ARNs
}

var actionRules = []patternRule{
	{
		name: "an action in another case", page: actionPage,
		quote:   "For example, iam:ListAccessKeys is the same as IAM:listaccesskeys.",
		element: `"Action":"IAM:listaccesskeys"`,
		matches: []string{"iam:ListAccessKeys", "IAM:LISTACCESSKEYS"}, not: []string{"iam:ListAccessKey"},
	}, {
		name: "several actions", page: actionPage,
		quote:   "You can specify multiple values for the Action element.",
		element: `"Action":["sqs:SendMessage","sqs:ReceiveMessage","ec2:StartInstances","iam:ChangePassword","s3:GetObject"]`,
		matches: []string{"sqs:SendMessage", "iam:ChangePassword", "s3:GetObject"}, not: []string{"sqs:DeleteMessage", "ec2:SendMessage"},
	}, {
		name: "all actions of a service", page: actionPage,
		quote:   "For example, the following Action element applies to all S3 actions.",
		element: `"Action":"s3:*"`,
		matches: []string{"s3:GetObject", "S3:x"}, not: []string{"s3express:CreateSession", "s3-object-lambda:GetObject"},
	}, {
		name: "a wildcard on both sides", page: actionPage,
		quote:   "For example, the following Action element applies to all IAM actions that include the string AccessKey, including CreateAccessKey, DeleteAccessKey, ListAccessKeys, and UpdateAccessKey.",
		element: `"Action":"iam:*AccessKey*"`,
		matches: []string{"iam:CreateAccessKey", "iam:DeleteAccessKey", "iam:ListAccessKeys", "iam:UpdateAccessKey", "iam:getaccesskeylastused"},
		not:     []string{"iam:CreateUser", "sts:GetAccessKeyInfo"},
	}, {
		name: "a wildcard in the middle", page: actionPage,
		quote:   "You can also use wildcards (*) as part of the action name.",
		element: `"Action":"s3:Get*Acl"`,
		matches: []string{"s3:GetBucketAcl", "s3:GetAcl", "s3:GetObjectVersionAcl"}, not: []string{"s3:PutBucketAcl", "s3:GetBucketAcls"},
	}, {
		name: "everything but an action", page: notActionPage,
		quote:   "NotAction is an advanced policy element that explicitly matches everything except the specified list of actions.",
		element: `"NotAction":"s3:DeleteBucket"`,
		matches: []string{"s3:GetObject", "iam:CreateUser"}, not: []string{"s3:DeleteBucket", "S3:deletebucket"},
	}, {
		name: "everything but a service", page: notActionPage,
		quote:   "NotAction is an advanced policy element that explicitly matches everything except the specified list of actions.",
		element: `"NotAction":["iam:*","sts:Get*"]`,
		matches: []string{"s3:GetObject", "sts:DecodeAuthorizationMessage"}, not: []string{"iam:CreateUser", "sts:GetFederationToken"},
	},
}

var resourceRulesOfARNs = []patternRule{
	{
		name: "one queue", page: resourcePage,
		quote:   "The following example refers to a specific Amazon SQS queue.",
		element: `"Resource":"arn:aws:sqs:us-east-2:111122223333:queue1"`,
		matches: []string{"arn:aws:sqs:us-east-2:111122223333:queue1"},
		not:     []string{"arn:aws:sqs:us-east-2:111122223333:queue10", "arn:aws:sqs:us-east-1:111122223333:queue1", "*"},
	}, {
		name: "the case of an ARN", page: resourcePage,
		quote:   "In the Resource element, the IAM user name is case sensitive.",
		element: `"Resource":"arn:aws:iam::111122223333:user/Bob"`,
		matches: []string{"arn:aws:iam::111122223333:user/Bob"}, not: []string{"arn:aws:iam::111122223333:user/bob"},
	}, {
		name: "a path", page: resourcePage,
		quote:   "The following example refers to all IAM users whose path is /accounting.",
		element: `"Resource":"arn:aws:iam::111122223333:user/accounting/*"`,
		matches: []string{"arn:aws:iam::111122223333:user/accounting/ann", "arn:aws:iam::111122223333:user/accounting/x/ann"},
		not:     []string{"arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:user/accounting"},
	}, {
		name: "every object of a bucket", page: resourcePage,
		quote:   "The following example refers to all items within a specific Amazon S3 bucket.",
		element: `"Resource":"arn:aws:s3:::DOC-EXAMPLE-BUCKET/*"`,
		matches: []string{"arn:aws:s3:::DOC-EXAMPLE-BUCKET/a", "arn:aws:s3:::DOC-EXAMPLE-BUCKET/a/b:c", "arn:aws:s3:::DOC-EXAMPLE-BUCKET/"},
		not:     []string{"arn:aws:s3:::DOC-EXAMPLE-BUCKET", "arn:aws:s3:::DOC-EXAMPLE-BUCKET2/a"},
	}, {
		name: "a star takes slashes", page: resourcePage, quote: expandQuote,
		element: `"Resource":"arn:aws:s3:::DOC-EXAMPLE-BUCKET/*/test/*"`,
		matches: []string{
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/test/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/2/test/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/2/test/3/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/2/3/test/4/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1///test///object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/test/.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET//test/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/test/",
		},
	}, {
		name: "what stands beside a star", page: resourcePage, quote: notMatchQuote,
		element: `"Resource":"arn:aws:s3:::DOC-EXAMPLE-BUCKET/*/test/*"`,
		not: []string{
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1-test/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/test/object.jpg",
			"arn:aws:s3:::DOC-EXAMPLE-BUCKET/1/2/test.jpg",
		},
	}, {
		name: "several resources", page: resourcePage,
		quote:   "You can specify multiple resources. The following example refers to two DynamoDB tables.",
		element: `"Resource":["arn:aws:dynamodb:us-east-2:111122223333:table/books_table","arn:aws:dynamodb:us-east-2:111122223333:table/magazines_table"]`,
		matches: []string{"arn:aws:dynamodb:us-east-2:111122223333:table/books_table", "arn:aws:dynamodb:us-east-2:111122223333:table/magazines_table"},
		not:     []string{"arn:aws:dynamodb:us-east-2:111122223333:table/papers_table"},
	}, {
		name: "a question mark is one character", page: resourcePage, quote: segmentQuote,
		element: `"Resource":"arn:aws:sqs:us-east-?:111122223333:queue?"`,
		matches: []string{"arn:aws:sqs:us-east-1:111122223333:queue1", "arn:aws:sqs:us-east-2:111122223333:queueé"},
		not: []string{"arn:aws:sqs:us-east-:111122223333:queue1", "arn:aws:sqs:us-east-2:111122223333:queue",
			"arn:aws:sqs:us-east-2:111122223333:queue12"},
	}, {
		name: "a question mark is no colon", page: resourcePage, quote: segmentQuote,
		element: `"Resource":"arn:aws:sqs:us-east-2?111122223333:queue:x"`,
		not:     []string{"arn:aws:sqs:us-east-2:111122223333:queue:x"},
	}, {
		name: "a star in the middle of a segment", page: resourcePage, quote: segmentQuote,
		element: `"Resource":"arn:aws:sqs:us-*-2:1111*3333:q*1"`,
		matches: []string{"arn:aws:sqs:us-east-2:111122223333:queue1"},
		not:     []string{"arn:aws:sqs:us-east-2:999999999999:x-2:111122223333:queue1"},
	}, {
		name: "a star at the end of a segment goes on", page: resourcePage, quote: beyondQuote,
		element: `"Resource":"arn:aws:someservice:*:111122223333:finance/*"`,
		matches: []string{storeARN, "arn:aws:someservice:us-east-2:111122223333:finance/x"},
		not:     []string{"arn:aws:someservice:us-east-2:111122223334:finance/x"},
	}, {
		name: "a star takes the rest of the ARN", page: resourcePage, quote: beyondQuote,
		element: `"Resource":"arn:aws:s3:*"`,
		matches: []string{"arn:aws:s3:::b/k", "arn:aws:s3:us-east-2:111122223333:accesspoint/a"},
		not:     []string{"arn:aws:s3express:us-east-2:111122223333:bucket/b"},
	}, {
		name: "everything", page: resourcePage,
		quote:   "When this is the case, you use the wildcard character (*) in the Resource element.",
		element: `"Resource":"*"`, matches: []string{"*", "arn:aws:s3:::b"},
	}, {
		name: "everything but a folder", page: notResourcePage,
		quote:   "NotResource is an advanced policy element that explicitly matches every resource except those specified.",
		element: `"NotResource":["arn:aws:s3:::HRBucket/Payroll","arn:aws:s3:::HRBucket/Payroll/*"]`,
		matches: []string{"arn:aws:s3:::HRBucket/Other", "arn:aws:s3:::HRBucket", "arn:aws:s3:::HRBucket/payroll/x"},
		not:     []string{"arn:aws:s3:::HRBucket/Payroll", "arn:aws:s3:::HRBucket/Payroll/2026"},
	},
}

// rules makes a rule of every action or ARN.
func (p *patternRule) rules(of func(element, value string) rule) (out []rule) {
	add := func(values []string, want iam.Outcome, by iam.Layer) {
		for _, v := range values {
			r := of(p.element, v)
			r.name, r.page, r.quote = p.name+": "+v, p.page, p.quote
			r.who, r.account, r.want, r.by = user, home, want, by
			out = append(out, r)
		}
	}
	add(p.matches, iam.Allowed, iam.LayerNone)
	add(p.not, iam.ImplicitlyDenied, iam.LayerIdentity)
	return out
}

func TestPatternRules(t *testing.T) {
	t.Parallel()
	var rules []rule
	for i := range actionRules {
		rules = append(rules, actionRules[i].rules(func(element, action string) rule {
			return rule{set: layerTexts{identity: []string{`{"Effect":"Allow",` + element + `,"Resource":"*"}`}}, do: action, on: "*"}
		})...)
	}
	for i := range resourceRulesOfARNs {
		rules = append(rules, resourceRulesOfARNs[i].rules(func(element, arn string) rule {
			return rule{set: layerTexts{identity: []string{`{"Effect":"Allow","Action":"*",` + element + `}`}}, do: "any:Action", on: arn}
		})...)
	}
	checkSources(t, rules)
	runRules(t, rules)
}

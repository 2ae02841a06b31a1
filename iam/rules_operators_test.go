package iam_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

// The pages of the guide that the rules of conditions come from.
const (
	manyValuesPage  = guide + "reference_policies_multi-value-conditions.html"
	conditionPage   = guide + "reference_policies_elements_condition.html"
	setExamplesPage = guide + "reference_policies_condition_examples-multi-valued-context-keys.html"
)

// answer says whether a condition is met. Where AWS does not say, an Allow does not apply and a Deny does.
type answer int

const (
	no answer = iota
	yes
	unclear
)

// requestKeys are the condition keys of a request.
type requestKeys map[string][]string

// conditionRule is a documented rule about one Condition element. Every one is tested in an Allow and in a Deny.
type conditionRule struct {
	name, page, quote string
	when              string // the Condition element
	with              requestKeys
	met               answer
}

// conditionRequest is the same for all of them: what matters is the condition.
const conditionStatement = `"Action":"s3:GetObject","Resource":"*","Condition":`

// rules gives the rule of the Allow and the rule of the Deny.
func (c *conditionRule) rules() []rule {
	allow := rule{
		name: c.name + ", allow", page: c.page, quote: c.quote,
		set: layerTexts{identity: []string{`{"Effect":"Allow",` + conditionStatement + c.when + `}`}},
		who: user, do: "s3:GetObject", on: object, with: c.with,
		want: iam.ImplicitlyDenied, by: iam.LayerIdentity,
	}
	if c.met == yes {
		allow.want, allow.by = iam.Allowed, iam.LayerNone
	}
	deny := allow
	deny.name = c.name + ", deny"
	deny.set = layerTexts{identity: []string{allowAll, `{"Effect":"Deny",` + conditionStatement + c.when + `}`}}
	deny.want, deny.by = iam.ExplicitlyDenied, iam.LayerIdentity
	if c.met == no {
		deny.want, deny.by = iam.Allowed, iam.LayerNone
	}
	return []rule{allow, deny}
}

func runConditionRules(t *testing.T, list []conditionRule) {
	t.Helper()
	var rules []rule
	for i := range list {
		rules = append(rules, list[i].rules()...)
	}
	checkSources(t, rules)
	runRules(t, rules)
}

// operatorRule is what AWS says of one operator, with a value in the policy, one in a request that meets the condition,
// and one that does not.
type operatorRule struct {
	operator, quote    string
	policy, meets, not string
	negated            bool
}

const (
	arnEqualsQuote    = "Each of the six colon-delimited components of the ARN is checked separately and each can include multi-character match wildcards (*) or single-character match wildcards (?)."
	arnNotEqualsQuote = "The ArnNotEquals and ArnNotLike condition operators behave identically."
)

// operatorRules has every operator but Null. The page is operatorsPage.
var operatorRules = []operatorRule{
	{operator: "StringEquals", quote: "Exact matching, case sensitive", policy: "dev", meets: "dev", not: "Dev"},
	{operator: "StringNotEquals", quote: "Negated matching", policy: "dev", meets: "Dev", not: "dev", negated: true},
	{operator: "StringEqualsIgnoreCase", quote: "Exact matching, ignoring case", policy: "Dev", meets: "dEV", not: "devs"},
	{operator: "StringNotEqualsIgnoreCase", quote: "Negated matching, ignoring case", policy: "Dev", meets: "devs", not: "dEV", negated: true},
	{operator: "StringLike", quote: "The values can include multi-character match wildcards (*) and single-character match wildcards (?) anywhere in the string.", policy: "d*-?", meets: "dev-1", not: "dev-12"},
	{operator: "StringNotLike", quote: "Negated case-sensitive matching.", policy: "d*-?", meets: "Dev-1", not: "dev-1", negated: true},

	{operator: "NumericEquals", quote: "comparing a key to an integer or decimal value", policy: "1.50", meets: "1.5", not: "1.51"},
	{operator: "NumericNotEquals", quote: "comparing a key to an integer or decimal value", policy: "1.50", meets: "1.51", not: "1.5", negated: true},
	{operator: "NumericLessThan", quote: `"Less than" matching`, policy: "10", meets: "9.99", not: "10"},
	{operator: "NumericLessThanEquals", quote: `"Less than or equals" matching`, policy: "10", meets: "10.0", not: "10.01"},
	{operator: "NumericGreaterThan", quote: `"Greater than" matching`, policy: "-2.5", meets: "-2.4", not: "-2.5"},
	{operator: "NumericGreaterThanEquals", quote: `"Greater than or equals" matching`, policy: "-2.5", meets: "-2.50", not: "-2.51"},

	{operator: "DateEquals", quote: "Matching a specific date", policy: "2026-01-01T00:00:00Z", meets: "1767225600", not: "2026-01-01T00:00:01Z"},
	{operator: "DateNotEquals", quote: "condition operators let you construct Condition elements that restrict access based on comparing a key to a date/time value", policy: "2026-01-01T00:00:00Z", meets: "1767225601", not: "2026-01-01", negated: true},
	{operator: "DateLessThan", quote: "Matching before a specific date and time", policy: "2026-01-01T00:00:00Z", meets: "2025-12-31T23:59:59Z", not: "2026-01-01T00:00:00Z"},
	{operator: "DateLessThanEquals", quote: "Matching at or before a specific date and time", policy: "1767225600", meets: "2026-01-01T00:00:00Z", not: "2026-01-01T00:00:00.5Z"},
	{operator: "DateGreaterThan", quote: "Matching after a specific a date and time", policy: "1767225600", meets: "2026-01-01T01:00:01+01:00", not: "2026-01-01T01:00:00+01:00"},
	{operator: "DateGreaterThanEquals", quote: "Matching at or after a specific date and time", policy: "2026-01-01T00:00:00Z", meets: "2026-01-01T00:00:00Z", not: "2025"},

	{operator: "Bool", quote: `comparing a key to "true" or "false."`, policy: "true", meets: "true", not: "false"},
	{operator: "BinaryEquals", quote: "It compares the value of the specified key byte for byte against a base-64 encoded representation of the binary value in the policy.", policy: "QmluYXJ5VmFsdWVJbkJhc2U2NA==", meets: "QmluYXJ5VmFsdWVJbkJhc2U2NA==", not: "QmluYXJ5VmFsdWVJbkJhc2U2NQ=="},

	{operator: "IpAddress", quote: "The specified IP address or range", policy: "203.0.113.0/24", meets: "203.0.113.255", not: "203.0.114.0"},
	{operator: "NotIpAddress", quote: "All IP addresses except the specified IP address or range", policy: "2001:DB8:1234:5678::/64", meets: "2001:db8:1234:5679::1", not: "2001:db8:1234:5678::1", negated: true},

	{operator: "ArnEquals", quote: arnEqualsQuote, policy: "arn:aws:sns:*:111122223333:t?pic", meets: "arn:aws:sns:us-east-2:111122223333:topic", not: "arn:aws:sns:us-east-2:999999999999:topic"},
	{operator: "ArnLike", quote: arnEqualsQuote, policy: "arn:aws:sns:*:111122223333:t?pic", meets: "arn:aws:sns:us-east-2:111122223333:topic", not: "arn:aws:sns:us-east-2:999999999999:topic"},
	{operator: "ArnNotEquals", quote: arnNotEqualsQuote, policy: "arn:aws:sns:*:111122223333:t?pic", meets: "arn:aws:sns:us-east-2:999999999999:topic", not: "arn:aws:sns:us-east-2:111122223333:topic", negated: true},
	{operator: "ArnNotLike", quote: arnNotEqualsQuote, policy: "arn:aws:sns:*:111122223333:t?pic", meets: "arn:aws:sns:us-east-2:999999999999:topic", not: "arn:aws:sns:us-east-2:111122223333:topic", negated: true},
}

// formRule is what AWS says of a set prefix or IfExists, whatever the operator. The request has values that meet the
// operator's condition (m) and that do not (n), an empty one (0), or not the key at all (-).
type formRule struct {
	prefix, suffix, request string
	page, quote             string
	met                     answer
	negated                 answer // of the negated operators
}

const (
	presentQuote   = "If the policy key is present in the context of the request, process the key as specified in the policy."
	notThereQuote  = "If the key is not present, evaluate the condition element as true."
	absentQuote    = "If the key that you specify in a policy condition is not present in the request context, the values do not match and the condition is false. If the policy condition requires that the key is not matched, such as StringNotLike or ArnNotLike, and the right key is not present, the condition is true."
	matchQuote     = "Use condition operators in the Condition element to match the condition key and value in the policy against values in the request context."
	severalQuote   = "To compare your condition against a request context with multiple key values, you must use the ForAllValues or ForAnyValue set operators."
	allQuote       = "The condition returns true if every key value in the request matches at least one value in the policy."
	allAbsentQuote = "It also returns true if there are no keys in the request, or if the key values resolve to a null data set, such as an empty string."
	anyQuote       = "The condition returns true if any one of the key values in the request matches any one of the condition values in the policy."
	anyAbsentQuote = "For no matching key or a null dataset, the condition returns false."
)

var formRules = []formRule{
	{"", "", "m", operatorsPage, matchQuote, yes, yes},
	{"", "", "n", operatorsPage, matchQuote, no, no},
	{"", "", "-", operatorsPage, absentQuote, no, yes},
	{"", "", "mm", manyValuesPage, severalQuote, unclear, unclear},
	{"", "", "mn", manyValuesPage, severalQuote, unclear, unclear},

	{"", "IfExists", "m", operatorsPage, presentQuote, yes, yes},
	{"", "IfExists", "n", operatorsPage, presentQuote, no, no},
	{"", "IfExists", "-", operatorsPage, notThereQuote, yes, yes},
	{"", "IfExists", "nn", manyValuesPage, severalQuote, unclear, unclear},

	{"ForAllValues:", "", "m", manyValuesPage, allQuote, yes, yes},
	{"ForAllValues:", "", "mm", manyValuesPage, allQuote, yes, yes},
	{"ForAllValues:", "", "mn", manyValuesPage, allQuote, no, no},
	{"ForAllValues:", "", "n", manyValuesPage, allQuote, no, no},
	{"ForAllValues:", "", "-", manyValuesPage, allAbsentQuote, yes, yes},
	{"ForAllValues:", "", "0", manyValuesPage, allAbsentQuote, yes, yes},
	{"ForAllValues:", "IfExists", "mm", operatorsPage, presentQuote, yes, yes},
	{"ForAllValues:", "IfExists", "nm", operatorsPage, presentQuote, no, no},
	{"ForAllValues:", "IfExists", "-", operatorsPage, notThereQuote, yes, yes},

	{"ForAnyValue:", "", "m", manyValuesPage, anyQuote, yes, yes},
	{"ForAnyValue:", "", "nm", manyValuesPage, anyQuote, yes, yes},
	{"ForAnyValue:", "", "mn", manyValuesPage, anyQuote, yes, yes},
	{"ForAnyValue:", "", "nn", manyValuesPage, anyQuote, no, no},
	{"ForAnyValue:", "", "-", manyValuesPage, anyAbsentQuote, no, no},
	{"ForAnyValue:", "", "0", manyValuesPage, anyAbsentQuote, no, no},
	{"ForAnyValue:", "IfExists", "nm", operatorsPage, presentQuote, yes, yes},
	{"ForAnyValue:", "IfExists", "nn", operatorsPage, presentQuote, no, no},
	// The two pages contradict each other: notThereQuote says that it is met, anyAbsentQuote that it is not.
	{"ForAnyValue:", "IfExists", "-", operatorsPage, notThereQuote, unclear, unclear},
}

// of applies the form to an operator.
func (f *formRule) of(op *operatorRule) conditionRule {
	c := conditionRule{page: f.page, quote: f.quote, met: f.met, with: requestKeys{}}
	if op.negated {
		c.met = f.negated
	}
	for _, letter := range f.request {
		values := c.with["k:key"]
		switch letter {
		case 'm':
			c.with["k:key"] = append(values, op.meets)
		case 'n':
			c.with["k:key"] = append(values, op.not)
		case '0':
			c.with["k:key"] = append(values, "")
		}
	}
	operator := f.prefix + op.operator + f.suffix
	c.name = operator + " " + f.request
	c.when = `{"` + operator + `":{"k:key":"` + op.policy + `"}}`
	return c
}

func TestOperatorsInEveryForm(t *testing.T) {
	t.Parallel()
	var list []conditionRule
	covered := map[string]bool{"Null": true} // nullRules
	for i := range operatorRules {
		op := &operatorRules[i]
		if len(strings.Fields(op.quote)) < 2 {
			t.Errorf("%s: no quotation", op.operator)
		}
		for j := range formRules {
			list = append(list, formRules[j].of(op))
			covered[formRules[j].prefix+op.operator+formRules[j].suffix] = true
		}
	}
	runConditionRules(t, list)
	for _, name := range iam.OperatorNames() {
		for _, form := range forms(name) {
			if !covered[form] {
				t.Errorf("no rule has the operator %s", form)
			}
			delete(covered, form)
		}
	}
	for form := range covered {
		t.Errorf("%s is no operator", form)
	}
}

// forms lists an operator with every set prefix and with IfExists. Null has neither; see [TestNullHasNoForms].
func forms(name string) (out []string) {
	if name == "Null" {
		return []string{name}
	}
	for _, prefix := range []string{"", "ForAllValues:", "ForAnyValue:"} {
		out = append(out, prefix+name, prefix+name+"IfExists")
	}
	return out
}

// The operators that AWS's page lists are those that the package knows.
func TestEveryOperatorOfThePageIsKnown(t *testing.T) {
	t.Parallel()
	listed := []string{"Null"}
	for _, op := range operatorRules {
		listed = append(listed, op.operator)
	}
	slices.Sort(listed)
	if known := iam.OperatorNames(); !slices.Equal(listed, known) {
		t.Errorf("the rules have\n%v\nthe package knows\n%v", listed, known)
	}
}

// refusal is a policy that AWS's documentation rules out: it does not compile.
type refusal struct{ name, page, quote, statement string }

func runRefusals(t *testing.T, list []refusal) {
	t.Helper()
	for _, r := range list {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			if !strings.HasPrefix(r.page, guide) || len(strings.Fields(r.quote)) < 3 {
				t.Error("it does not say where it comes from")
			}
			_, err := iam.ParsePolicy("p", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow",`+r.statement+`}}`))
			if err == nil {
				t.Errorf("it compiles\n%s: %q", r.page, r.quote)
			}
		})
	}
}

const (
	ifExistsNullQuote = "You can add IfExists to the end of any condition operator name except the Null condition—for example, StringLikeIfExists."
	nullQuote         = "In the policy statement, use either true (the key doesn't exist — it is null) or false (the key exists and its value is not null)."
)

func TestNullHasNoForms(t *testing.T) {
	t.Parallel()
	when := func(operator, value string) string {
		return `"Action":"*","Resource":"*","Condition":{"` + operator + `":{"k:key":"` + value + `"}}`
	}
	runRefusals(t, []refusal{
		{"Null and IfExists", operatorsPage, ifExistsNullQuote, when("NullIfExists", "true")},
		{"Null and a word", operatorsPage, nullQuote, when("Null", "absent")},
		{"a Boolean that is none", operatorsPage, `comparing a key to "true" or "false."`, when("Bool", "yes")},
		{"a date with a wildcard", operatorsPage, "Wildcards are not permitted for date condition operators.", when("DateLessThan", "2026-*")},
		{"a date in words", operatorsPage, "You must specify date/time values with one of the W3C implementations of the ISO 8601 date formats or in epoch (UNIX) time.", when("DateLessThan", "1 January 2026")},
		{"a number in words", operatorsPage, "Numeric condition operators let you construct Condition elements that restrict access based on comparing a key to an integer or decimal value.", when("NumericEquals", "ten")},
		{"an address that is none", operatorsPage, "The value must be in the standard CIDR format (for example, 203.0.113.0/24 or 2001:DB8:1234:5678::/64).", when("IpAddress", "203.0.113.*")},
		{"a prefix that is too long", operatorsPage, "The value must be in the standard CIDR format (for example, 203.0.113.0/24 or 2001:DB8:1234:5678::/64).", when("IpAddress", "203.0.113.0/33")},
		{"binary that is no base-64", operatorsPage, "It compares the value of the specified key byte for byte against a base-64 encoded representation of the binary value in the policy.", when("BinaryEquals", "no base 64!")},
	})
}

package iam_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
)

const (
	operatorsPage = guide + "reference_policies_elements_condition_operators.html"
	setsPage      = guide + "reference_policies_condition-single-vs-multi-valued-context-keys.html"
)

// conditionTest is one operator on the key k:key. A list is separated by bars, the word absent is no key.
type conditionTest struct {
	operator, policy string
	yes, no          string
}

// holds evaluates an Allow with one condition. The key's case differs from the request's on purpose.
func holds(t *testing.T, effect iam.Effect, operator, values, request string) bool {
	t.Helper()
	p, err := iam.Compile(&iam.Document{Name: "p", Version: iam.Version2012, Statements: []iam.Statement{{
		Effect: effect, Actions: []string{"*"}, Resources: []string{"*"},
		Conditions: []iam.Condition{{Operator: operator, Key: "K:Key", Values: strings.Split(values, "|")}},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	context := map[string][]string{"aws:username": {"ann"}}
	if request != "absent" {
		context["k:key"] = strings.Split(request, "|")
	}
	set := iam.PolicySet{Identity: []*iam.Policy{p}}
	d := set.Evaluate(&iam.Request{Principal: user, Action: "a:b", Resource: "*", Context: iam.NewContext(context)})
	return len(d.Decisive) > 0
}

func runConditions(t *testing.T, page string, tests map[string]conditionTest) {
	t.Helper()
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check := func(requests string, want bool) {
				if requests == "" {
					return
				}
				for _, request := range strings.Split(requests, " ") {
					if got := holds(t, iam.Allow, tt.operator, tt.policy, request); got != want {
						t.Errorf("%s %s on %q: got %v\nsee %s", tt.operator, tt.policy, request, got, page)
					}
				}
			}
			check(tt.yes, true)
			check(tt.no, false)
		})
	}
}

// TestValues has the values that the formats of [operatorRules] and [conditionRules] leave open, or that are easy to get wrong.
func TestValues(t *testing.T) {
	t.Parallel()
	runConditions(t, operatorsPage, map[string]conditionTest{
		"like, several":      {"StringLike", "repo:acme/*|x?", "repo:acme/web:ref:a xy", "repo:acme x absent"},
		"number, written so": {"NumericEquals", "10|7.5", "10 10.0 010 +10 7.50", "100 ten absent"},
		"number, exact":      {"NumericEquals", "9007199254740993", "9007199254740993", "9007199254740992"},
		"number, zero":       {"NumericEquals", "0", "-0 0.0 00", "0.1"},
		"number, less":       {"NumericLessThan", "10", "9 -11 9.99 0", "10 10.01 100"},
		"number, negative":   {"NumericGreaterThan", "-1", "0 -0.5 1", "-1 -2 -1.5"},
		"date, every form":   {"DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z 2026-01-01T01:00:00+01:00 1767225600 2026-01-01 2026-01 2026 2026-01-01T00:00Z", "2026-01-02 noon absent"},
		"date, fraction":     {"DateLessThanEquals", "2026-01-01", "2026-01-01 2025", "2026-01-01T00:00:00.1Z"},
		"bool, other case":   {"Bool", "true", "true TRUE", "false yes absent"},
		"binary, other case": {"BinaryEquals", "QmluYXJ5", "QmluYXJ5", "qmluYXJ5 absent"},
		"address, mapped":    {"IpAddress", "203.0.113.0/24|2001:db8::/32|10.0.0.1", "203.0.113.9 2001:db8::5 10.0.0.1 ::ffff:10.0.0.1", "203.0.114.1 2001:db9::1 10.0.0.2 x absent"},
		"address, not":       {"NotIpAddress", "203.0.113.0/24", "10.0.0.1 2001:db8::1 absent", "203.0.113.1"},
		"address, host bits": {"IpAddress", "203.0.113.77/24", "203.0.113.1", "203.0.114.77"},
		"ARN, no ARN":        {"ArnEquals", "arn:aws:s3:::b", "arn:aws:s3:::b", "arn:aws:s3:::B x absent"},
		"ARN, too short":     {"ArnLike", "arn:aws:sns:*:topic:*", "", "arn:aws:sns:eu-west-1:111122223333:topic:x"},
		"ARN, lone star":     {"ArnLike", "*", "arn:aws:s3:::b", "x"},
	})
}

func TestValuesOfSets(t *testing.T) {
	t.Parallel()
	runConditions(t, setsPage, map[string]conditionTest{
		"all, some empty": {"ForAllValues:StringEquals", "a", "|", "a|"},
		"any, some empty": {"ForAnyValue:StringEquals", "a", "a|", "|"},
		"any, wildcards":  {"ForAnyValue:StringLike", "o-*/r-*", "o-a/r-b x|o-a/r-b", "x absent"},
		"any, address":    {"ForAnyValue:NotIpAddress", "10.0.0.0/8", "10.0.0.1|192.0.2.1", "10.0.0.1|10.0.0.2"},
	})
}

// TestUnclearFailsClosed shows that where AWS gives no answer an Allow does not apply and a Deny does.
func TestUnclearFailsClosed(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ operator, policy, request string }{
		"no number":           {"NumericLessThan", "5", "five"},
		"no number, negated":  {"NumericNotEquals", "5", "five"},
		"no date":             {"DateGreaterThan", "2026", "noon"},
		"no address":          {"IpAddress", "10.0.0.0/8", "here"},
		"no address, negated": {"NotIpAddress", "10.0.0.0/8", "here"},
		"no boolean":          {"Bool", "true", "yes"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if holds(t, iam.Allow, tt.operator, tt.policy, tt.request) {
				t.Error("an Allow applies")
			}
			if !holds(t, iam.Deny, tt.operator, tt.policy, tt.request) {
				t.Error("a Deny does not apply")
			}
		})
	}
}

// TestConditionsAreAllNeeded follows "Evaluation logic for multiple context keys or values".
func TestConditionsAreAllNeeded(t *testing.T) {
	t.Parallel()
	set := policies{identity: `{"Effect":"Allow","Action":"*","Resource":"*","Condition":{
		"StringEquals":{"a:one":["x","y"],"a:two":"z"},"Bool":{"a:three":true}}}`}.compile(t)
	full := map[string][]string{"A:One": {"y"}, "a:TWO": {"z"}, "a:three": {"true"}}
	r := &iam.Request{Principal: user, Action: "a:b", Resource: "*", Context: iam.NewContext(full)}
	if !set.Allowed(r) {
		t.Fatal("all three hold, and it is not allowed")
	}
	for key := range full {
		less := map[string][]string{}
		for other, values := range full {
			if other != key {
				less[other] = values
			}
		}
		r := &iam.Request{Principal: user, Action: "a:b", Resource: "*", Context: iam.NewContext(less)}
		if set.Allowed(r) {
			t.Errorf("allowed without %s", key)
		}
	}
}

func TestContext(t *testing.T) {
	t.Parallel()
	var zero iam.Context
	if zero.Get("a:b") != nil || len(zero.Keys()) != 0 {
		t.Error("the zero context is not empty")
	}
	c := iam.NewContext(map[string][]string{"a:B": {"1"}, "A:b": {"2"}, "c:d": nil})
	if got := strings.Join(c.Get("A:B"), " "); got != "2 1" {
		t.Errorf("joined keys: got %q", got)
	}
	if got := strings.Join(c.Keys(), " "); got != "a:b c:d" {
		t.Errorf("keys: got %q", got)
	}
}

package iam_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

func TestParse(t *testing.T) {
	t.Parallel()
	d, err := iam.Parse("trust.json", []byte(`{
  "Version": "2012-10-17",
  "Id": "one",
  "Statement": {
    "Sid": "GitHub",
    "Effect": "Allow",
    "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/x", "AWS": ["111122223333"]},
    "Action": ["sts:AssumeRoleWithWebIdentity"],
    "Condition": {"NumericLessThan": {"a:b": 7.50}, "Bool": {"a:c": [true, "false"]}, "StringLike": {"a:d": "x*"}}
  }
}`))
	if err != nil {
		t.Fatal(err)
	}
	want := &iam.Document{
		Name: "trust.json", Version: iam.Version2012, ID: "one",
		Statements: []iam.Statement{{
			Sid: "GitHub", Effect: iam.Allow,
			Principals: []iam.PrincipalPattern{
				{Kind: iam.KindFederated, Values: []string{"arn:aws:iam::111122223333:oidc-provider/x"}},
				{Kind: iam.KindAWS, Values: []string{"111122223333"}},
			},
			Actions: []string{"sts:AssumeRoleWithWebIdentity"},
			Conditions: []iam.Condition{
				{Operator: "NumericLessThan", Key: "a:b", Values: []string{"7.50"}, Pos: iam.Position{Line: 9, Column: 39}},
				{Operator: "Bool", Key: "a:c", Values: []string{"true", "false"}, Pos: iam.Position{Line: 9, Column: 62}},
				{Operator: "StringLike", Key: "a:d", Values: []string{"x*"}, Pos: iam.Position{Line: 9, Column: 102}},
			},
			Pos: iam.Position{Line: 4, Column: 16},
		}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

// statementJSON wraps the elements of one statement in a policy of one line.
func statementJSON(elements string) string {
	return `{"Version":"2012-10-17","Statement":[{` + elements + `}]}`
}

func TestParseErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ src, want string }{
		"empty file":          {"", `p.json:1:1: expected a JSON value, found end of file`},
		"not an object":       {`[]`, `p.json:1:1: a policy must be an object, found a list`},
		"trailing":            {"{\"Statement\":[]}\n x", `p.json:2:2: 'x' after the end of the policy`},
		"no statement":        {`{}`, `p.json:1:1: policy has no Statement`},
		"unknown version":     {`{"Version":"2012-10-18","Statement":[]}`, `p.json:1:12: Version must be 2012-10-17 or 2008-10-17, found "2012-10-18"`},
		"version as number":   {`{"Version":2012,"Statement":[]}`, `p.json:1:12: Version must be a string, found a number`},
		"wrong case":          {`{"statement":[]}`, `p.json:1:2: unknown element "statement" in a policy: did you mean "Statement"?`},
		"plural":              {statementJSON(`"Effect":"Allow","Actions":"*"`), `p.json:1:56: unknown element "Actions" in a statement: did you mean "Action"?`},
		"unknown element":     {statementJSON(`"Why":"x"`), `p.json:1:39: unknown element "Why" in a statement: expected Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition`},
		"no effect":           {statementJSON(`"Action":"*","Resource":"*"`), `p.json:1:38: statement has no Effect`},
		"wrong effect":        {statementJSON(`"Effect":"allow"`), `p.json:1:48: Effect must be Allow or Deny, found "allow"`},
		"no action":           {statementJSON(`"Effect":"Allow","Resource":"*"`), `p.json:1:38: statement has neither Action nor NotAction`},
		"both actions":        {statementJSON(`"Effect":"Allow","Action":"a:b","NotAction":"a:c"`), `p.json:1:38: statement has both Action and NotAction`},
		"empty list":          {statementJSON(`"Effect":"Allow","Action":[]`), `p.json:1:65: Action is an empty list`},
		"empty string":        {statementJSON(`"Effect":"Allow","Action":["a:b",""]`), `p.json:1:72: Action has an empty string`},
		"number as action":    {statementJSON(`"Effect":"Allow","Action":7`), `p.json:1:65: Action must be a string or a list of strings, found a number`},
		"nested list":         {statementJSON(`"Effect":"Allow","Action":[["a:b"]]`), `p.json:1:66: Action must be a string or a list of strings, found a list`},
		"statement is text":   {`{"Statement":"x"}`, `p.json:1:14: Statement must be an object or a list of objects, found a string`},
		"principal is an ARN": {statementJSON(`"Principal":"arn:aws:iam::1:root"`), `p.json:1:51: Principal must be "*" or an object such as {"AWS": …}, found "arn:aws:iam::1:root"`},
		"principal kind":      {statementJSON(`"Principal":{"aws":"*"}`), `p.json:1:52: unknown element "aws" in a Principal: did you mean "AWS"?`},
		"nobody":              {statementJSON(`"Principal":{}`), `p.json:1:51: Principal names nobody`},
		"condition":           {statementJSON(`"Condition":{"StringEquals":"x"}`), `p.json:1:67: StringEquals must be an object of keys and values, found a string`},
		"null in a condition": {statementJSON(`"Condition":{"StringEquals":{"a:b":null}}`), `p.json:1:74: the value of a:b must be a string, a number or a boolean, found null`},
		"comma":               {`{"Statement":[],}`, `p.json:1:17: expected a key in double quotes, found '}'`},
		"unclosed string":     {"{\"Statement", `p.json:1:2: string is not closed`},
		"raw line feed":       {"{\"State\nment\":[]}", `p.json:1:8: control character 0x0a in a string`},
		"bad escape":          {`{"\x":1}`, `p.json:1:2: bad escape in a string`},
		"not UTF-8":           {"{\"\xff\":1}", `p.json:1:2: string is not valid UTF-8`},
		"bad number":          {`{"Statement":01}`, `p.json:1:14: bad number "01"`},
		"bad word":            {`{"Statement":nil}`, `p.json:1:14: expected a JSON value, found 'n'`},
		"too deep":            {strings.Repeat("[", 1000), `p.json:1:34: nested more than 32 deep`},
		"too long":            {strings.Repeat(" ", 1<<20+1), `p.json:1:1: policy is longer than 1048576 bytes`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := iam.Parse("p.json", []byte(tt.src))
			var syntax *iam.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestR117DuplicateKeys(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ src, want string }{
		"of the document":   {`{"Statement":[],"Statement":[]}`, `p:1:17: duplicate key "Statement": already given at line 1, column 2`},
		"of a statement":    {statementJSON(`"Effect":"Allow","Effect":"Deny"`), `p:1:56: duplicate key "Effect": already given at line 1, column 39`},
		"spelt differently": {statementJSON(`"Effect":"Allow","Eff\u0065ct":"Deny"`), `p:1:56: duplicate key "Effect": already given at line 1, column 39`},
		"condition keys that differ in case": {
			statementJSON(`"Effect":"Allow","Action":"*","Condition":{"Bool":{"a:b":true,"A:B":true}}`),
			`p:1:101: duplicate condition: Bool on A:B is given twice`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := iam.ParsePolicy("p", []byte(tt.src))
			if err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestCompileErrors(t *testing.T) {
	t.Parallel()
	condition := func(operator, value string) string {
		return statementJSON(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"` + operator + `":{"a:b":"` + value + `"}}`)
	}
	tests := map[string]struct{ src, want string }{
		"unknown operator":   {condition("StringMatches", "x"), `unknown condition operator "StringMatches"`},
		"operator's case":    {condition("stringEquals", "x"), `unknown condition operator "stringEquals"`},
		"unknown set":        {condition("ForSomeValue:StringEquals", "x"), `unknown condition operator "ForSomeValue:StringEquals"`},
		"Null has no suffix": {condition("NullIfExists", "true"), `unknown condition operator "NullIfExists"`},
		"Null of a string":   {condition("Null", "x"), `operator Null on a:b: "x" is neither true nor false`},
		"number":             {condition("NumericEquals", "1e3"), `NumericEquals on a:b: "1e3" is not a number`},
		"date":               {condition("DateLessThan", "tomorrow"), `DateLessThan on a:b: "tomorrow" is neither a date nor a number of seconds`},
		"bool":               {condition("Bool", "${a:c}"), `Bool on a:b: "${a:c}" is neither true nor false`},
		"address":            {condition("IpAddress", "10.0.0.0/33"), `IpAddress on a:b: "10.0.0.0/33" is not an IP address or range`},
		"binary":             {condition("BinaryEquals", "%"), `BinaryEquals on a:b: "%" is not base64`},
		"ARN":                {condition("ArnLike", "arn:aws:*"), `ArnLike on a:b: not an ARN: it has fewer than five colons`},
		"variable":           {condition("StringLike", "${aws:username"), `StringLike on a:b: policy variable is not closed: "${aws:username"`},
		"variable's default": {condition("StringLike", "${a:b, x}"), `StringLike on a:b: policy variable "${a:b, x}": the default value must be in single quotes`},
		"variable's name":    {condition("StringLike", "${}"), `StringLike on a:b: policy variable has no usable name: "${}"`},
		"action":             {statementJSON(`"Effect":"Deny","Action":"s3:Get Object"`), `action "s3:Get Object" has a character that no action has`},
		"resource":           {statementJSON(`"Effect":"Deny","Action":"*","Resource":"arn:${"`), `resource "arn:${": policy variable is not closed: "${"`},
		"service wildcard":   {statementJSON(`"Effect":"Deny","Action":"*","Principal":{"Service":"*"}`), `principal "Service": a wildcard can only be used with AWS`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := iam.ParsePolicy("p", []byte(tt.src))
			var syntax *iam.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if syntax.Message != tt.want || syntax.Line != 1 {
				t.Errorf("got line %d: %s\nwant %s", syntax.Line, syntax.Message, tt.want)
			}
		})
	}
}

func TestCompileByHand(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		document iam.Document
		want     string
	}{
		"version":   {iam.Document{Name: "p", Version: "1"}, `p: unknown policy version "1"`},
		"effect":    {iam.Document{Statements: []iam.Statement{{Actions: []string{"*"}}}}, `unknown effect "": must be Allow or Deny`},
		"no action": {iam.Document{Statements: []iam.Statement{{Effect: iam.Deny}}}, `statement has neither Action nor NotAction`},
		"principal": {
			iam.Document{Statements: []iam.Statement{{
				Effect: iam.Deny, Actions: []string{"*"}, Principals: []iam.PrincipalPattern{{Kind: "Robot", Values: []string{"x"}}},
			}}}, `unknown kind of principal "Robot"`,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := iam.Compile(&tt.document); err == nil || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

// TestHugeInputsEnd would take hours if anything were quadratic in the length of a policy.
func TestHugeInputsEnd(t *testing.T) {
	t.Parallel()
	const size = 1<<20 - 200
	condition := func(operator, value string) string {
		return statementJSON(`"Effect":"Deny","Action":"*","Resource":"*","Condition":{"` + operator + `":{"a:b":"` + value + `"}}`)
	}
	tests := map[string]string{
		"dollars":       condition("StringLike", strings.Repeat("$", size)),
		"stars":         condition("StringLike", strings.Repeat("*a", size/2)),
		"variables":     condition("StringLike", strings.Repeat("${a:b}", size/6)),
		"not closed":    condition("ArnLike", strings.Repeat("${", size/2)),
		"ARN variables": condition("ArnLike", strings.Repeat("${a:b}", size/6)),
		"statements":    `{"Statement":[` + strings.TrimSuffix(strings.Repeat(`{"Effect":"Deny","Action":"*"},`, size/31), ",") + `]}`,
		"lines":         strings.Repeat("\n", size) + "x",
		"conditions":    statementJSON(`"Effect":"Deny","Action":"*","Condition":{"StringEquals":{` + manyKeys(size/20) + `}}`),
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				if p, err := iam.ParsePolicy("p", []byte(src)); err == nil {
					set := &iam.PolicySet{Identity: []*iam.Policy{p}}
					set.Explain(&iam.Request{Action: "a:b", Resource: "*"})
				}
			}()
			select {
			case <-done:
			case <-time.After(time.Minute):
				t.Error("did not end")
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"k:%08d":"x",`, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(statementJSON(`"Effect":"Allow","Action":["a:b"],"Resource":"arn:aws:s3:::${aws:username}/*","Condition":{"ForAllValues:StringLike":{"a:b":["${x,'y'}",1]}}`)))
	f.Add([]byte(statementJSON(`"Effect":"Deny","NotAction":"*","NotPrincipal":{"AWS":"*"},"Condition":{"IpAddress":{"aws:SourceIp":"::/0"}}`)))
	f.Add([]byte(`{"Statement":[],"Id":"\ud800\u0000"}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		d, err := iam.Parse("fuzz", src)
		if err != nil {
			var syntax *iam.SyntaxError
			if !errors.As(err, &syntax) || syntax.Line < 1 || syntax.Column < 1 || syntax.Column > len(src)+1 {
				t.Fatalf("error without a place: %#v", err)
			}
			return
		}
		text := d.JSON()
		back, err := iam.Parse("fuzz", text)
		if err != nil {
			t.Fatalf("does not read back: %v\n%s", err, text)
		}
		if again := back.JSON(); string(again) != string(text) {
			t.Fatalf("prints differently:\n%s\n%s", text, again)
		}
		d.Validate(iam.IdentityPolicy)
		if p, err := iam.Compile(d); err == nil {
			r := &iam.Request{Action: "a:b", Resource: "arn:aws:s3:::b", Context: iam.NewContext(map[string][]string{"a:b": {"x", ""}})}
			set := &iam.PolicySet{Identity: []*iam.Policy{p}, Resource: p}
			if set.Allowed(r) != (set.Explain(r).Decision.Outcome == iam.Allowed) {
				t.Fatal("Allowed and Explain disagree")
			}
		}
	})
}

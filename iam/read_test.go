package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
)

// placesAndCodes is what programs see of findings.
func placesAndCodes(findings []*iam.SyntaxError) (list []string) {
	for _, f := range findings {
		list = append(list, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Code))
	}
	return list
}

// TestR117EveryFinding: one pass reports everything that is wrong, in order of place, and strict gives no document.
func TestR117EveryFinding(t *testing.T) {
	t.Parallel()
	src := `{
  "Version": 2012,
  "Statement": [
    {"Effect": "allow", "Action": ["", 7], "NotAction": [], "Resource": null},
    {"Sid": "a", "Sid": "b", "Why": {}, "Principal": {"aws": "*"}, "Condition": []},
    {"Effect": "Deny", "Action": "*", "Actions": "*", "Id": "a\u0000b"}
  ],
  "version": "2012-10-17"
}`
	d, findings := iam.Read("p", []byte(src), iam.ReadOptions{})
	if d != nil {
		t.Error("a document in spite of findings")
	}
	want := []string{
		"2:14 wrong-type",
		"2:14 wrong-value",
		"4:5 conflicting-elements",
		"4:16 wrong-value",
		"4:36 empty-value",
		"4:40 wrong-type",
		"4:57 empty-value",
		"4:73 wrong-type",
		"5:5 missing-element",
		"5:5 missing-element",
		"5:18 duplicate-key",
		"5:30 unknown-element",
		"5:55 unknown-element",
		"5:81 wrong-type",
		"6:39 unknown-element",
		"6:55 unknown-element",
		"8:3 unknown-element",
	}
	if diff := cmp.Diff(want, placesAndCodes(findings)); diff != "" {
		t.Error(diff)
	}
}

// TestR117Codes: each finding has its code.
func TestR117Codes(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		src  string
		want iam.Code
	}{
		"not JSON":        {`{`, iam.CodeNotJSON},
		"too long":        {strings.Repeat(" ", 1<<20+1), iam.CodeTooLarge},
		"too deep":        {strings.Repeat("[", 1000), iam.CodeTooLarge},
		"no statement":    {`{}`, iam.CodeMissingElement},
		"NUL":             {`{"Statement":[],"Id":"\u0000{}"}`, iam.CodeNulCharacter},
		"NUL in a key":    {statementJSON(`"Effect":"Deny","Action":"*","Condition":{"Bool":{"\u0000":"x"}}`), iam.CodeNulCharacter},
		"NUL in operator": {statementJSON(`"Effect":"Deny","Action":"*","Condition":{"\u0000":{"a:b":"x"}}`), iam.CodeNulCharacter},
		"intrinsic":       {`{"Statement":[],"Id":{"Ref":"x"}}`, iam.CodeIntrinsic},
		"beside others":   {statementJSON(`"Effect":"Deny","Action":"*","Fn::Transform":{}`), iam.CodeIntrinsic},
		"nobody":          {statementJSON(`"Effect":"Deny","Action":"*","Principal":{}`), iam.CodeEmpty},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, findings := iam.Read("p", []byte(tt.src), iam.ReadOptions{})
			if d != nil || len(findings) != 1 || findings[0].Code != tt.want {
				t.Errorf("got %v %q, want %s", findings, placesAndCodes(findings), tt.want)
			}
		})
	}
}

// TestLenient: what has one sensible reading is read, and reported.
func TestLenient(t *testing.T) {
	t.Parallel()
	d, findings := iam.Read("p", []byte(`{
  "Statement": {"Effect": "Deny"},
  "Comment": {"Effect": 1, "Effect": 2},
  "Id": 0.50,
  "Statement": [{
    "Effect": "Allow", "Effect": "Deny", "Sid": true,
    "Action": ["a:b", 1e3],
    "Principal": {"AWS": 111122223333, "AWS": ["444455556666"]},
    "Condition": {"Bool": {"a:b": true}, "Null": {"a:b": true, "a:b": false}, "Bool": {"a:c": true}}
  }]
}`), iam.ReadOptions{Lenient: true})
	want := &iam.Document{Name: "p", ID: "0.50", Statements: []iam.Statement{{
		Sid: "true", Effect: iam.Deny, Actions: []string{"a:b", "1e3"},
		Principals: []iam.PrincipalPattern{{Kind: iam.KindAWS, Values: []string{"444455556666"}}},
		Conditions: []iam.Condition{
			{Operator: "Bool", Key: "a:c", Values: []string{"true"}},
			{Operator: "Null", Key: "a:b", Values: []string{"false"}},
		},
	}}}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreTypes(iam.Position{})); diff != "" {
		t.Error(diff)
	}
	wantFindings := []string{
		"3:3 unknown-element", "4:9 wrong-type", "5:3 duplicate-key", "6:24 duplicate-key", "6:49 wrong-type",
		"7:23 wrong-type", "8:40 duplicate-key", "9:64 duplicate-key", "9:79 duplicate-key",
	}
	if diff := cmp.Diff(wantFindings, placesAndCodes(findings)); diff != "" {
		t.Error(diff)
	}
}

// TestLenientRefuses: a reading that would allow more than was meant, or that nobody can know, is none.
func TestLenientRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"misspelt condition":        statementJSON(`"Effect":"Allow","Action":"*","condition":{}`),
		"misspelt resource":         statementJSON(`"Effect":"Allow","Action":"*","Resources":"*"`),
		"condition, a letter short": statementJSON(`"Effect":"Allow","Action":"*","Condtion":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}`),
		"resource, underlined":      statementJSON(`"Effect":"Allow","Action":"*","Not_Resource":"arn:aws:s3:::b"`),
		"unknown in a statement":    statementJSON(`"Effect":"Allow","Action":"*","Resource":"*","OnlyIf":{}`),
		"misspelt statement":        `{"Statement":[],"Statment":[]}`,
		"template":                  `{"AWSTemplateFormatVersion":"2010-09-09","Parameters":{}}`,
		"kind of principal":         statementJSON(`"Effect":"Allow","Action":"*","Principal":{"AWS":"*","Robot":"*"}`),
		"effect":                    statementJSON(`"Effect":"allow","Action":"*"`),
		"version":                   `{"Version":20121017,"Statement":[]}`,
		"no action":                 statementJSON(`"Effect":"Allow"`),
		"empty list":                statementJSON(`"Effect":"Allow","Action":"*","Resource":[]`),
		"null condition":            statementJSON(`"Effect":"Allow","Action":"*","Condition":null`),
		"intrinsic":                 statementJSON(`"Effect":"Allow","Action":{"Ref":"a"}`),
		"both":                      statementJSON(`"Effect":"Allow","Action":"a:b","NotAction":"a:c"`),
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if d, findings := iam.Read("p", []byte(src), iam.ReadOptions{Lenient: true}); d != nil || len(findings) == 0 {
				t.Errorf("document %v, findings %v", d, findings)
			}
		})
	}
}

// TestR117DidYouMean: a misspelt element is told from an unknown one, and is not missing as well.
func TestR117DidYouMean(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		statementJSON(`"Efect":"Allow","Action":"*"`):                               `unknown element "Efect" in a statement: did you mean "Effect"?`,
		statementJSON(`"Effect":"Allow","Acton":"*"`):                               `unknown element "Acton" in a statement: did you mean "Action"?`,
		statementJSON(`"Effect":"Allow","NoAction":"*"`):                            `unknown element "NoAction" in a statement: did you mean "NotAction"?`,
		statementJSON(`"Effect":"Allow","Action":"*","Resourse":"*"`):               `unknown element "Resourse" in a statement: did you mean "Resource"?`,
		statementJSON(`"Effect":"Allow","Action":"*","Not_Resource":"*"`):           `unknown element "Not_Resource" in a statement: did you mean "NotResource"?`,
		statementJSON(`"Effect":"Allow","Action":"*","Condtion":{}`):                `unknown element "Condtion" in a statement: did you mean "Condition"?`,
		statementJSON(`"Effect":"Allow","Action":"*","principals":{}`):              `unknown element "principals" in a statement: did you mean "Principal"?`,
		statementJSON(`"Effect":"Allow","Action":"*","Principal":{"Services":"x"}`): `unknown element "Services" in a Principal: did you mean "Service"?`,
		`{"Statment":[]}`: `unknown element "Statment" in a policy: did you mean "Statement"?`,
		statementJSON(`"Effect":"Allow","Action":"*","Why":"*"`): `unknown element "Why" in a statement: expected ` +
			`Sid, Effect, Principal, NotPrincipal, Action, NotAction, Resource, NotResource, Condition`,
	}
	for src, want := range tests {
		for _, lenient := range []bool{false, true} {
			d, findings := iam.Read("p", []byte(src), iam.ReadOptions{Lenient: lenient})
			if d != nil || len(findings) != 1 || findings[0].Message != want {
				t.Errorf("%s, lenient %v: got %v, want %s", src, lenient, findings, want)
			}
		}
	}
}

// TestHalfACharacter: encoding/json reads one half of a surrogate pair as U+FFFD; a policy with it would match that.
func TestHalfACharacter(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`\ud800`:              `1:23 not-json`,
		`ab\udfffx`:           `1:25 not-json`,
		`\ud83d\u0041`:        `1:23 not-json`,
		`\ude00\ud83d`:        `1:23 not-json`,
		`\ud83d\ude00\ud83d`:  `1:35 not-json`,
		`\ud83dude00`:         `1:23 not-json`,
		`\\ud800`:             ``,
		`\uD83D\uDE00 \ufffd`: ``,
	} {
		d, findings := iam.Read("p", []byte(`{"Statement":[],"Id":"`+text+`"}`), iam.ReadOptions{Lenient: true})
		if got := strings.Join(placesAndCodes(findings), " "); got != want || (d == nil) != (want != "") {
			t.Errorf("%s: got %s, want %s", text, got, want)
		}
	}
	if d, _ := iam.Read("p", []byte(`{"Statement":[],"Id":"\uD83D\uDE00"}`), iam.ReadOptions{}); d == nil || d.ID != "😀" {
		t.Errorf("a pair is one character: %v", d)
	}
}

func TestByteOrderMark(t *testing.T) {
	t.Parallel()
	d, err := iam.Parse("p", []byte("\ufeff"+`{"Statement":[{"Effect":"Deny","Action":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := d.Statements[0].Pos, (iam.Position{Line: 1, Column: 15}); got != want {
		t.Errorf("the statement is at %v, want %v", got, want)
	}
	if _, err := iam.Parse("p", []byte("\ufeff\ufeff{}")); err == nil {
		t.Error("two marks are read")
	}
}

func TestFindingsAreBounded(t *testing.T) {
	t.Parallel()
	const size = 1<<20 - 200
	tests := map[string]string{
		"duplicate keys": `{"Statement":[]` + strings.Repeat(`,"a":1`, size/6) + `}`,
		"unknown keys":   `{"Statement":[],` + manyKeys(size/20) + `}`,
		"wrong types":    statementJSON(`"Effect":"Deny","Action":["a:b"` + strings.Repeat(`,7`, size/2) + `]`),
		"statements":     `{"Statement":[{}` + strings.Repeat(`,{}`, size/3) + `]}`,
		"within a call":  `{"Statement":[],"Id":{"Fn::Sub":[0` + strings.Repeat(`,{"a":1,"a":2}`, size/14) + `]}}`,
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			_, findings := iam.Read("p", []byte(src), iam.ReadOptions{Lenient: true, Intrinsics: true})
			if len(findings) != 101 || findings[100].Code != iam.CodeTooManyFindings {
				t.Errorf("got %d findings", len(findings))
			}
			if took := time.Since(start); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func TestIntrinsicsInEveryPlace(t *testing.T) {
	t.Parallel()
	src := `{
  "Version": {"Ref": "v"}, "Id": {"Fn::Sub": [ "x", {"b": 1.50, "a": null} ]},
  "Statement": [{
    "Sid": {"Ref": "s"}, "Effect": {"Fn::If": ["c", "Allow", "Deny"]},
    "Principal": {"AWS": [{"Ref": "p"}, "x"], "Service": {"Ref": "q"}},
    "Action": {"Fn::Split": [",", "a"]}, "Resource": [{"Fn::GetAtt": "a.b"}],
    "Condition": {"Bool": {"a:b": {"Condition": "c"}}, "Null": {"Fn::If": []}, "IpAddress": {"Condition": "x"}}
  }, {"Effect": "Deny", "NotPrincipal": {"Ref": "p"}, "NotAction": ["a:b", {"Ref": "a"}], "NotResource": {"Ref": "r"}, "Condition": {"Fn::If": ["a", {}, {}]}
  }, {"Fn::If": ["c", {}, {"Ref": "AWS::NoValue"}]}]
}`
	d, findings := iam.Read("p", []byte(src), iam.ReadOptions{Intrinsics: true})
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	ref := func(name string) string { return "\x00" + `{"Ref":"` + name + `"}` }
	want := &iam.Document{
		Name: "p", Version: ref("v"), ID: "\x00" + `{"Fn::Sub":["x",{"b":1.50,"a":null}]}`,
		Statements: []iam.Statement{
			{
				Sid: ref("s"), Effect: iam.Effect("\x00" + `{"Fn::If":["c","Allow","Deny"]}`),
				Principals: []iam.PrincipalPattern{
					{Kind: iam.KindAWS, Values: []string{ref("p"), "x"}}, {Kind: iam.KindService, Values: []string{ref("q")}},
				},
				Actions: []string{"\x00" + `{"Fn::Split":[",","a"]}`}, Resources: []string{"\x00" + `{"Fn::GetAtt":"a.b"}`},
				Conditions: []iam.Condition{
					{Operator: "Bool", Key: "a:b", Values: []string{"\x00" + `{"Condition":"c"}`}},
					{Operator: "Null", Key: "\x00" + `{"Fn::If":[]}`},
					{Operator: "IpAddress", Key: "Condition", Values: []string{"x"}},
				},
			},
			{
				Effect: iam.Deny, NotPrincipals: []iam.PrincipalPattern{{Kind: ref("p")}}, NotActions: []string{"a:b", ref("a")},
				NotResources: []string{ref("r")}, Conditions: []iam.Condition{{Operator: "\x00" + `{"Fn::If":["a",{},{}]}`}},
			},
			{Intrinsic: "\x00" + `{"Fn::If":["c",{},{"Ref":"AWS::NoValue"}]}`},
		},
	}
	if diff := cmp.Diff(want, d, cmpopts.IgnoreTypes(iam.Position{})); diff != "" {
		t.Error(diff)
	}
	back, findings := iam.Read("p", d.JSON(), iam.ReadOptions{Intrinsics: true})
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	if diff := cmp.Diff(d, back, cmpopts.IgnoreTypes(iam.Position{})); diff != "" {
		t.Error(diff)
	}
	if got, want := iam.Intrinsic(`{ "Ref" : "v" }`), d.Version; got != want {
		t.Errorf("Intrinsic gives %q, the reader %q", got, want)
	}
	if _, ok := iam.IntrinsicJSON("x"); ok {
		t.Error("a plain string is no intrinsic")
	}
}

func TestWholePolicyAndWholeStatementAsIntrinsic(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]*iam.Document{
		`{"Fn::If": ["c", {}, {}]}`:                      {Name: "p", Intrinsic: iam.Intrinsic(`{"Fn::If":["c",{},{}]}`)},
		`{"Id": "x", "Statement": {"Fn::If": ["c", 1]}}`: {Name: "p", ID: "x", StatementIntrinsic: iam.Intrinsic(`{"Fn::If":["c",1]}`)},
	} {
		d, findings := iam.Read("p", []byte(src), iam.ReadOptions{Intrinsics: true})
		if len(findings) > 0 {
			t.Fatal(findings[0])
		}
		if diff := cmp.Diff(want, d); diff != "" {
			t.Error(diff)
		}
		back, _ := iam.Read("p", d.Compact(), iam.ReadOptions{Intrinsics: true})
		if diff := cmp.Diff(want, back); diff != "" {
			t.Error(diff)
		}
	}
}

func TestIntrinsicIsNamed(t *testing.T) {
	t.Parallel()
	_, err := iam.Parse("p", []byte(statementJSON(`"Effect":"Allow","Action":"*","Resource":["a",{"Fn::Sub":"x"}]`)))
	const want = `p:1:85: Fn::Sub is CloudFormation's and is only known at deploy time; give the policy as it is deployed`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	_, findings := iam.Read("p", []byte(`{"Statement":[],"Id":{"Fn::Sub":{"a":1,"a":"\u0000"}}}`), iam.ReadOptions{Intrinsics: true})
	if diff := cmp.Diff([]string{"1:40 duplicate-key", "1:44 nul-character"}, placesAndCodes(findings)); diff != "" {
		t.Error(diff)
	}
}

func TestCompact(t *testing.T) {
	t.Parallel()
	src := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:b","a:c"],"Resource":"<&> ü\u2028\\"}]}`
	d, err := iam.Parse("p", []byte(strings.ReplaceAll(src, ",", " ,\n")))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(src, string(d.Compact())); diff != "" {
		t.Error(diff)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(statementJSON(`"Effect":"Allow","Effect":"Deny","Action":["a:b",1],"Why":{}`)))
	f.Add([]byte(`{"Statement":{"Fn::If":["c",{"Ref":"a"},{"a":1.50,"a":null}]},"Id":{"Fn::Sub":"\u2028"}}`))
	f.Add([]byte(statementJSON(`"Effect":{"Ref":"E"},"Action":"*","Principal":{"Ref":"p"},"Condition":{"Bool":{"Fn::If":[]},"Null":{"a:b":[]}}`)))
	f.Add([]byte(statementJSON(`"Effect":"Deny","NotAction":"*","Condition":{"Condition":{"Ref":"x"}},"Id":"\u0000"`)))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, intrinsics := range []bool{false, true} {
			strict, findings := iam.Read("fuzz", src, iam.ReadOptions{Intrinsics: intrinsics})
			checkFindings(t, findings, len(src))
			if (strict == nil) != (len(findings) > 0) {
				t.Fatalf("strict: document %v with %d findings", strict != nil, len(findings))
			}
			lenient, findings := iam.Read("fuzz", src, iam.ReadOptions{Intrinsics: intrinsics, Lenient: true})
			checkFindings(t, findings, len(src))
			if lenient == nil {
				if strict != nil || len(findings) == 0 {
					t.Fatal("lenient refuses what strict takes, or without a finding")
				}
				continue
			}
			if diff := cmp.Diff(strict, lenient); strict != nil && diff != "" {
				t.Fatalf("lenient reads differently: %s", diff)
			}
			for _, text := range [][]byte{lenient.JSON(), lenient.Compact()} {
				back, findings := iam.Read("fuzz", text, iam.ReadOptions{Intrinsics: true})
				if len(findings) > 0 {
					t.Fatalf("does not read back: %v\n%s", findings[0], text)
				}
				if diff := cmp.Diff(lenient, back, cmpopts.IgnoreTypes(iam.Position{})); diff != "" {
					t.Fatalf("reads back differently: %s\n%s", diff, text)
				}
			}
		}
	})
}

func checkFindings(t *testing.T, findings []*iam.SyntaxError, size int) {
	for i, f := range findings {
		if f.Line < 1 || f.Column < 1 || f.Column > size+1 || f.Code == "" || f.Message == "" {
			t.Fatalf("finding without a place, a code or a message: %#v", f)
		}
		if i > 0 && (f.Line < findings[i-1].Line || f.Line == findings[i-1].Line && f.Column < findings[i-1].Column) {
			t.Fatalf("findings are not in order: %v %v", findings[i-1], f)
		}
	}
}

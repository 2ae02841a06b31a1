package yaml_test

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/iam/yaml"
)

var keepIntrinsics = iam.ReadOptions{Intrinsics: true}

// noPlaces compares documents of different sources.
var noPlaces = cmpopts.IgnoreTypes(iam.Position{})

func TestParse(t *testing.T) {
	t.Parallel()
	d, err := yaml.Parse("trust.yaml", []byte(`# who may deploy
Version: 2012-10-17
Id: one
Statement:
  Sid: Grüße
  Effect: Allow
  Principal:
    {Federated: "ü", AWS: ["111122223333"]}
  Action:
  - sts:AssumeRoleWithWebIdentity
  Condition:
    NumericLessThan: {a:b: 7.50}
    Bool: {"ä": [true, 'false']}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := &iam.Document{
		Name: "trust.yaml", Version: iam.Version2012, ID: "one",
		Statements: []iam.Statement{{
			Sid: "Grüße", Effect: iam.Allow,
			Principals: []iam.PrincipalPattern{
				{Kind: iam.KindFederated, Values: []string{"ü"}},
				{Kind: iam.KindAWS, Values: []string{"111122223333"}},
			},
			Actions: []string{"sts:AssumeRoleWithWebIdentity"},
			Conditions: []iam.Condition{
				{Operator: "NumericLessThan", Key: "a:b", Values: []string{"7.50"}, Pos: iam.Position{Line: 12, Column: 23}},
				{Operator: "Bool", Key: "ä", Values: []string{"true", "false"}, Pos: iam.Position{Line: 13, Column: 12}},
			},
			Pos: iam.Position{Line: 5, Column: 3},
		}},
	}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
}

// TestScalars: a policy's text must not turn into numbers, dates or booleans.
func TestScalars(t *testing.T) {
	t.Parallel()
	const text = ""
	tests := map[string]struct{ want, problem string }{
		"0123456789": {"0123456789", text}, "2012-10-17": {"2012-10-17", text}, "2001-12-14t21:59:43.10-05:00": {"2001-12-14t21:59:43.10-05:00", text},
		"yes": {"yes", text}, "No": {"No", text}, "on": {"on", text}, "OFF": {"OFF", text}, "y": {"y", text},
		"0x1F": {"0x1F", text}, "0o17": {"0o17", text}, "1_000": {"1_000", text}, "190:20:30": {"190:20:30", text},
		".5": {".5", text}, "+5": {"+5", text}, ".inf": {".inf", text}, ".NaN": {".NaN", text}, "1e": {"1e", text},
		"a b": {"a b", text}, "'x'": {"x", text}, `"\x41"`: {"A", text}, "'true'": {"true", text}, "'1'": {"1", text}, "=": {"=", text},
		"true": {"true", "a boolean"}, "False": {"false", "a boolean"}, "TRUE": {"true", "a boolean"},
		"123456789012": {"123456789012", "a number"}, "-1.50e+3": {"-1.50e+3", "a number"}, "0": {"0", "a number"},
		"12345678901234567890123": {"12345678901234567890123", "a number"},
		"null":                    {"", "null"}, "~": {"", "null"}, "": {"", "null"},
	}
	for src, tt := range tests {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			text := "Statement:\n- Effect: Allow\n  Action: a:b\n  Sid: " + src + "\n"
			d, findings := yaml.Read("p", []byte(text), iam.ReadOptions{Lenient: true})
			want := []string(nil)
			if tt.problem != "" {
				want = []string{"Sid must be a string, found " + tt.problem}
			}
			if diff := cmp.Diff(want, messages(findings)); diff != "" {
				t.Fatal(diff)
			}
			if tt.problem == "null" {
				return
			}
			if got := d.Statements[0].Sid; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func messages(findings []*iam.SyntaxError) (list []string) {
	for _, f := range findings {
		list = append(list, f.Message)
	}
	return list
}

func TestErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		src, want string
		code      iam.Code
	}{
		"empty":                 {"# nothing\n", `p:1:1: expected a policy, found end of file`, iam.CodeNotYAML},
		"star":                  {"Statement: *\n", `p:1:13: not YAML: did not find expected alphabetic or numeric character (while scanning an alias): a star at the beginning of a text needs quotes around it, as in '*'`, iam.CodeNotYAML},
		"star before text":      {"Statement: *-bucket\n", `p:1:12: not YAML: unknown anchor '-bucket' referenced: a star at the beginning of a text needs quotes around it, as in '*'`, iam.CodeNotYAML},
		"half a character":      {"Statement: \"\\ud800\"\n", `p:1:15: not YAML: found invalid Unicode character escape code (while scanning a quoted scalar)`, iam.CodeNotYAML},
		"template":              {"Resources: {}\n", `p:1:1: this is a whole CloudFormation template: give one policy of it, such as a PolicyDocument`, iam.CodeWrongType},
		"two documents":         {"Statement: []\n---\nStatement: []\n", `p:2:1: a second document begins here: a policy is one`, iam.CodeNotYAML},
		"tab":                   {"Statement:\n\t- x\n", `p:2:1: not YAML: found character that cannot start any token (while scanning for the next token)`, iam.CodeNotYAML},
		"not UTF-8":             {"Statement: \"\xff\"\n", `p:1:13: text is not valid UTF-8`, iam.CodeNotYAML},
		"a list":                {"- a\n", `p:1:1: a policy must be an object, found a list`, iam.CodeWrongType},
		"duplicate key":         {"Version: 2012-10-17\nStatement: []\nVersion: 2012-10-17\n", `p:3:1: duplicate key "Version": already given at line 1, column 1`, iam.CodeDuplicateKey},
		"duplicate condition":   {condition("StringEquals: {a:b: c, a:b: d}"), `p:4:54: duplicate key "a:b": already given at line 4, column 46`, iam.CodeDuplicateKey},
		"unknown element":       {"Statements: []\n", `p:1:1: unknown element "Statements" in a policy: did you mean "Statement"?`, iam.CodeUnknownElement},
		"account as a number":   {"Statement: {Effect: Allow, Action: a:b, Principal: {AWS: 111122223333}}", `p:1:58: AWS must be a string or a list of strings, found a number`, iam.CodeWrongType},
		"foreign tag":           {"Statement: !!seq []\n", `p:1:12: the tag !!seq is not one of CloudFormation's short forms`, iam.CodeYAMLTag},
		"binary":                {"Version: !!binary eA==\n", `p:1:10: the tag !!binary is not one of CloudFormation's short forms`, iam.CodeYAMLTag},
		"own tag":               {"Version: !vault x\n", `p:1:10: the tag !vault is not one of CloudFormation's short forms`, iam.CodeYAMLTag},
		"tag without a name":    {"Version: ! x\n", `p:1:10: the tag ! is not one of CloudFormation's short forms`, iam.CodeYAMLTag},
		"tag on a key":          {"!Ref Version: x\n", `p:1:1: a key cannot have the tag !Ref`, iam.CodeYAMLTag},
		"list as a key":         {"? [a]\n: b\n", `p:1:3: a key must be a string`, iam.CodeWrongType},
		"intrinsic":             {condition("StringEquals: {a:b: !Sub '${x}'}"), `p:4:51: Fn::Sub is CloudFormation's and is only known at deploy time; give the policy as it is deployed`, iam.CodeIntrinsic},
		"Ref of a list":         {condition("StringEquals: {a:b: !Ref [x]}"), `p:4:51: Ref must be a string, found a list`, iam.CodeWrongType},
		"U+0000":                {"Statement: []\nId: \"\\0Ref\"\n", `p:2:5: string has the character U+0000, which no policy may have`, iam.CodeNulCharacter},
		"alias to itself":       {"Statement: &a\n- *a\n", `p:1:12: nested more than 32 deep`, iam.CodeTooLarge},
		"merge of text":         {"<<: x\nStatement: []\n", `p:1:5: the merge key << needs a mapping, or a list of mappings`, iam.CodeYAMLAlias},
		"unknown alias":         {"Statement: *a\n", `p:1:12: not YAML: unknown anchor 'a' referenced: a star at the beginning of a text needs quotes around it, as in '*'`, iam.CodeNotYAML},
		"too deep":              {strings.Repeat("[", 1000), `p:1:33: nested more than 32 deep`, iam.CodeTooLarge},
		"too long":              {strings.Repeat(" ", 1<<20+1), `p:1:1: policy is longer than 1048576 bytes`, iam.CodeTooLarge},
		"too many values":       {strings.Repeat("-\n", 1<<18), `p:1:1: policy has more than 200000 values`, iam.CodeTooLarge},
		"place after an umlaut": {"{\"Id\": \"ü\", Statements: []}", `p:1:14: unknown element "Statements" in a policy: did you mean "Statement"?`, iam.CodeUnknownElement},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := yaml.Parse("p", []byte(tt.src))
			var syntax *iam.SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if err.Error() != tt.want || syntax.Code != tt.code {
				t.Errorf("got %s (%s)\nwant %s (%s)", err, syntax.Code, tt.want, tt.code)
			}
		})
	}
}

func condition(block string) string {
	return "Statement:\n- Effect: Allow\n  Action: a:b\n  Condition:                 {" + block + "}\n"
}

func TestAliasesAndMergeKeys(t *testing.T) {
	t.Parallel()
	d, err := yaml.Parse("p", []byte(`
Statement:
- &read
  Effect: Allow
  Action: &actions [s3:GetObject, s3:ListBucket]
  Resource: "*"
- <<: *read
  Effect: Deny
- <<: [{Sid: Third}, *read]
  Action: *actions
- Effect: Allow
  NotAction: *actions
`))
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"s3:GetObject", "s3:ListBucket"}
	want := []iam.Statement{
		{Effect: iam.Allow, Actions: list, Resources: []string{"*"}},
		{Effect: iam.Deny, Actions: list, Resources: []string{"*"}},
		{Sid: "Third", Effect: iam.Allow, Actions: list, Resources: []string{"*"}},
		{Effect: iam.Allow, NotActions: list},
	}
	if diff := cmp.Diff(want, d.Statements, noPlaces); diff != "" {
		t.Error(diff)
	}
}

// bomb makes levels of lists, each of which has nine aliases of the one before.
func bomb(open, item, close string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "a0: &a0 %sx%s\n", open, close)
	for level := 1; level < 12; level++ {
		items := strings.TrimSuffix(strings.Repeat(fmt.Sprintf(item+", ", level-1), 9), ", ")
		fmt.Fprintf(&b, "a%d: &a%d %s%s%s\n", level, level, open, items, close)
	}
	return b.String()
}

func TestHostileTextsEnd(t *testing.T) {
	t.Parallel()
	var merges strings.Builder
	merges.WriteString("m0: &m0 {x: y}\n")
	for level := 1; level < 25; level++ {
		fmt.Fprintf(&merges, "m%d: &m%d {<<: [*m%d, *m%d]}\n", level, level, level-1, level-1)
	}
	const size = 1<<20 - 200
	tests := map[string]string{
		"alias bomb":                    bomb("[", "*a%d", "]"),
		"merge bomb":                    merges.String(),
		"duplicate keys":                "Statement: []\n" + strings.Repeat("a: b\n", 60_000),
		"flow":                          "{" + strings.Repeat("a: 1,", 60_000) + "}",
		"statements":                    "Statement:\n" + strings.Repeat("- {Effect: Deny, Action: a:b}\n", 10_000),
		"long scalar":                   "Statement: " + strings.Repeat("x", size),
		"quotes":                        "Statement: " + strings.Repeat("'", size),
		"anchors":                       strings.Repeat("&a ", size/3),
		"indentation":                   strings.Repeat("- ", size/2),
		"a long line that is not ASCII": "{Statement: [], ü: [" + strings.Repeat("é,", 120_000) + "]}",
		"aliases on such a line":        "{Statement: [], ü: [" + strings.Repeat("&x é,", 30_000) + strings.Repeat("*x,", 30_000) + "]}",
		"merges into many keys":         "Statement: []\nm: &m {x: 1}\n" + manyKeys(20_000) + "<<: [" + strings.Repeat("*m,", 40_000) + "]\n",
	}
	readable := map[string]bool{
		"statements": true, "duplicate keys": true,
		"a long line that is not ASCII": true, "aliases on such a line": true, "merges into many keys": true,
	}
	for name, src := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			done := make(chan struct{})
			go func() {
				defer close(done)
				d, findings := yaml.Read("p", []byte(src), iam.ReadOptions{Lenient: true})
				if readable[name] != (d != nil) || d == nil && len(findings) == 0 {
					t.Errorf("document %v, %d findings", d != nil, len(findings))
				}
			}()
			select {
			case <-done:
			case <-time.After(20 * time.Second): // each takes about one; what is quadratic takes minutes
				t.Error("did not end")
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1\n", i)
	}
	return b.String()
}

// TestPlacesInEveryLine: columns count bytes, whatever ends the lines and stands before, on and off the ASCII path.
func TestPlacesInEveryLine(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]string{
		"Statement: []\nId: []\n":                              "2:5",
		"\ufeffStatement: []\nId: []\n":                        "2:5",
		"\ufeffId: []\nStatement: []\n":                        "1:5",
		"Statement: [] # é\r\nId: []\r\n":                      "2:5",
		"Statement: [] # é\rId: []\r":                          "2:5",
		"Statement: [] # é\u0085Id: []\u2028":                  "2:5",
		"Statement: [] # é\u2029{Sid: é}: []":                  "2:1",
		"{Statement: [], é: é, Version: '2012-10-17', Id: []}": "1:52",
	} {
		_, findings := yaml.Read("p", []byte(src), iam.ReadOptions{Lenient: true})
		if len(findings) == 0 {
			t.Errorf("%q: nothing found", src)
			continue
		}
		last := findings[len(findings)-1]
		if got := fmt.Sprintf("%d:%d", last.Line, last.Column); got != want {
			t.Errorf("%q: got %s, want %s (%v)", src, got, want, findings)
		}
	}
}

// TestR117EveryFindingInYAML: one pass reports everything, in order.
func TestR117EveryFindingInYAML(t *testing.T) {
	t.Parallel()
	src := "Version: 2012-10-18\nStatement:\n- Efect: Allow\n  Action: [1, yes]\n- Effect: Allow\n  Effect: Deny\n  NotAction: ''\n"
	d, findings := yaml.Read("p", []byte(src), iam.ReadOptions{})
	if d != nil {
		t.Error("a document in spite of findings")
	}
	var got []string
	for _, f := range findings {
		got = append(got, fmt.Sprintf("%d:%d %s", f.Line, f.Column, f.Code))
	}
	want := []string{
		"1:10 wrong-value", "3:3 unknown-element", "4:12 wrong-type",
		"6:3 duplicate-key", "7:14 empty-value",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestPrint compares with a file that shows every form; UPDATE=1 writes it.
func TestPrint(t *testing.T) {
	t.Parallel()
	const jsonFile, yamlFile = "testdata/intrinsics.json", "testdata/intrinsics.yaml"
	src, err := os.ReadFile(jsonFile)
	if err != nil {
		t.Fatal(err)
	}
	d, findings := iam.Read(jsonFile, src, keepIntrinsics)
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	if diff := cmp.Diff(string(src), string(d.JSON())); diff != "" {
		t.Error(diff)
	}
	got, err := yaml.Print(d)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(yamlFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(yamlFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Error(diff)
	}
	back, findings := yaml.Read(jsonFile, got, keepIntrinsics)
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	if diff := cmp.Diff(d, back, noPlaces); diff != "" {
		t.Error(diff)
	}
}

// TestShortForms: each short form of the guide, against its long form.
func TestShortForms(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"!Ref A": `{"Ref":"A"}`, "!Ref 5": `{"Ref":"5"}`, "!Condition A": `{"Condition":"A"}`,
		"!Sub '${A}-x'": `{"Fn::Sub":"${A}-x"}`, "!Sub [a, {b: 1}]": `{"Fn::Sub":["a",{"b":1}]}`,
		"!GetAtt A.B": `{"Fn::GetAtt":["A","B"]}`, "!GetAtt A.B.C": `{"Fn::GetAtt":["A","B.C"]}`,
		"!GetAtt [A, B]": `{"Fn::GetAtt":["A","B"]}`, "!GetAtt [A, !Ref B]": `{"Fn::GetAtt":["A",{"Ref":"B"}]}`, "!GetAtt A": `{"Fn::GetAtt":"A"}`,
		"{Fn::GetAtt: A.B}":         `{"Fn::GetAtt":"A.B"}`,
		"!Join ['', [a, !Ref b]]":   `{"Fn::Join":["",["a",{"Ref":"b"}]]}`,
		"!If [c, a, !Ref n]":        `{"Fn::If":["c","a",{"Ref":"n"}]}`,
		"!Select [0, !GetAZs '']":   `{"Fn::Select":[0,{"Fn::GetAZs":""}]}`,
		"!Split [',', x]":           `{"Fn::Split":[",","x"]}`,
		"!ImportValue x":            `{"Fn::ImportValue":"x"}`,
		"!FindInMap [a, b, c]":      `{"Fn::FindInMap":["a","b","c"]}`,
		"!Base64 x":                 `{"Fn::Base64":"x"}`,
		"{Fn::Base64: !Sub x}":      `{"Fn::Base64":{"Fn::Sub":"x"}}`,
		"!Cidr [a, 6, 5]":           `{"Fn::Cidr":["a",6,5]}`,
		"!Transform {Name: n}":      `{"Fn::Transform":{"Name":"n"}}`,
		"!ToJsonString {a: true}":   `{"Fn::ToJsonString":{"a":true}}`,
		"!Length [1, ~]":            `{"Fn::Length":[1,null]}`,
		"!And [!Condition a, {}]":   `{"Fn::And":[{"Condition":"a"},{}]}`,
		"!Or [a, [[]]]":             `{"Fn::Or":["a",[[]]]}`,
		"!Not [!Equals [a, b]]":     `{"Fn::Not":[{"Fn::Equals":["a","b"]}]}`,
		"{Fn::ForEach::x: [a]}":     `{"Fn::ForEach::x":["a"]}`,
		"{Fn::Base64: 5}":           `{"Fn::Base64":5}`,
		"{Fn::Base64: null}":        `{"Fn::Base64":null}`,
		"!Base64 {Fn::GetAtt: x.y}": `{"Fn::Base64":{"Fn::GetAtt":"x.y"}}`,
	}
	for src, want := range tests {
		t.Run(src, func(t *testing.T) {
			t.Parallel()
			d, findings := yaml.Read("p", []byte("Statement: []\nId: "+src), keepIntrinsics)
			if len(findings) > 0 {
				t.Fatal(findings[0])
			}
			if got, ok := iam.IntrinsicJSON(d.ID); !ok || got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			text, err := yaml.Print(d)
			if err != nil {
				t.Fatal(err)
			}
			back, findings := yaml.Read("p", text, keepIntrinsics)
			if len(findings) > 0 {
				t.Fatalf("%v\n%s", findings[0], text)
			}
			if diff := cmp.Diff(d, back, noPlaces); diff != "" {
				t.Errorf("%s\n%s", diff, text)
			}
		})
	}
}

func TestLineEndsAndMarksOfOrder(t *testing.T) {
	t.Parallel()
	for name, src := range map[string]string{
		"CRLF":     "Version: 2012-10-17\r\nStatement: []\r\n",
		"BOM":      "\ufeffVersion: 2012-10-17\nStatement: []\n",
		"explicit": "%YAML 1.1\n---\nVersion: 2012-10-17\nStatement: []\n...\n",
		"JSON":     `{"Version": "2012-10-17", "Statement": []}`,
	} {
		d, err := yaml.Parse("p", []byte(src))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(&iam.Document{Name: "p", Version: iam.Version2012, Statements: []iam.Statement{}}, d); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestBlockScalarBehindATag(t *testing.T) {
	t.Parallel()
	d, findings := yaml.Read("p", []byte("Id: !Sub |\n  a ${b}\n  c\nStatement: []\n"), keepIntrinsics)
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	if got, want := d.ID, iam.Intrinsic(`{"Fn::Sub":"a ${b}\nc\n"}`); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestIsJSON(t *testing.T) {
	t.Parallel()
	for src, want := range map[string]bool{
		"{}": true, "\ufeff\r\n\t {": true, "": false, "Version: x": false, "- {}": false, "# {\n{}": false,
	} {
		if got := yaml.IsJSON([]byte(src)); got != want {
			t.Errorf("%q: got %v", src, got)
		}
	}
}

func TestPrintRefusesWhatYAMLCannotCarry(t *testing.T) {
	t.Parallel()
	tests := map[string]*iam.Document{
		"not UTF-8":        {Name: "p", ID: "\xff"},
		"mark that is not": {Name: "p", ID: "\x00{"},
		"depth":            {Name: "p", StatementIntrinsic: iam.Intrinsic(`{"Fn::If":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`)},
	}
	for name, d := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if text, err := yaml.Print(d); err == nil {
				t.Errorf("printed %q", text)
			}
		})
	}
}

func FuzzYAML(f *testing.F) {
	f.Add([]byte("Version: 2012-10-17\nStatement:\n- {Effect: Allow, Action: &a [s3:*], Resource: *a}\n"))
	f.Add([]byte("Statement: !If [a, !Ref b, {Fn::Sub: ['${c}', {c: !GetAtt d.e.f}]}]\nId: \"\\u2028\"\n"))
	f.Add([]byte("Statement:\n- <<: [{Sid: x}]\n  Effect: Deny\n  NotAction: '*'\n  Condition: {Bool: {a:b: [true, 1e3, ~]}}\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		for _, o := range []iam.ReadOptions{{}, {Lenient: true}, keepIntrinsics, {Lenient: true, Intrinsics: true}} {
			d, findings := yaml.Read("fuzz", src, o)
			for _, f := range findings {
				if f.Line < 1 || f.Column < 1 || f.Code == "" {
					t.Fatalf("finding without a place or code: %#v", f)
				}
			}
			if d == nil {
				if len(findings) == 0 {
					t.Fatal("neither document nor finding")
				}
				continue
			}
			text, err := yaml.Print(d)
			if err != nil {
				t.Fatal(err)
			}
			back, findings := yaml.Read("fuzz", text, keepIntrinsics)
			if len(findings) > 0 {
				t.Fatalf("does not read back: %v\n%s", findings[0], text)
			}
			if diff := cmp.Diff(d, back, noPlaces, cmpopts.EquateEmpty()); diff != "" {
				t.Fatalf("reads back differently: %s\n%s", diff, text)
			}
		}
	})
}

package policy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const template = `AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Count: {Type: Number, Default: 012, MinValue: 1.50}
Conditions:
  IsProd: !And [!Equals [!Ref "AWS::AccountId", '012345678901'], !Condition Other]
Resources:
  Role:
    Type: AWS::IAM::Role
    Condition: IsProd
    Properties:
      RoleName: !Sub '${AWS::StackName}-x'
      MaxSessionDuration: 3600
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Action: "sts:AssumeRole", Principal: {Service: ec2.amazonaws.com}}]
        Version: 2012-10-17
      Tags: [{Key: a, Value: !GetAtt Other.Arn.x}, {Key: b, Value: {'Fn::GetAtt': Other.Arn}}, {Key: 'yes', Value: null}]
Outputs:
  All: {Value: !Join [',', [!ImportValue a, !Select [0, !GetAZs '']]]}
`

// R129: a template turns from YAML to JSON and back without loss: numbers, dates, functions and the order of keys stay.
func TestR129TemplatesFlip(t *testing.T) {
	t.Parallel()
	texts := map[string]string{"made.yaml": template}
	files, err := filepath.Glob("../roles/render/testdata/*.cloudformation")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rendered templates: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, part := range strings.Split(string(content), "-- ")[1:] {
			name, text, _ := strings.Cut(part, " --\n")
			if strings.HasSuffix(name, ".yaml") {
				texts[name] = text
			}
		}
	}
	if len(texts) < 3 {
		t.Fatalf("only %d templates", len(texts))
	}
	for name, text := range texts {
		asYAML := mustFmt(t, name, text, YAML)
		asJSON := mustFmt(t, name, text, JSON)
		if back := mustFmt(t, "t.json", asJSON, YAML); back != asYAML {
			t.Errorf("%s: by way of JSON it is\n%s\nnot\n%s", name, back, asYAML)
		}
		if again := mustFmt(t, "t.json", asJSON, JSON); again != asJSON {
			t.Errorf("%s: JSON is not stable:\n%s", name, again)
		}
		for _, want := range []string{`"AWSTemplateFormatVersion": "2010-09-09"`} {
			if !strings.Contains(asJSON, want) {
				t.Errorf("%s lacks %s:\n%s", name, want, asJSON)
			}
		}
	}
	asJSON := mustFmt(t, "made.yaml", template, JSON)
	for _, want := range []string{`"MinValue": 1.50`, `"Default": "012"`, `"012345678901"`, `"Fn::GetAtt": [`, `"Fn::GetAtt": "Other.Arn"`, `"Key": "yes"`, `"Value": null`} {
		if !strings.Contains(asJSON, want) {
			t.Errorf("lacks %s:\n%s", want, asJSON)
		}
	}
}

// A key that a template has twice is an error, and so is what is neither a template nor a policy.
func TestR129TemplateWithDuplicates(t *testing.T) {
	t.Parallel()
	f, err := Fmt("t.json", []byte(`{"Resources": {"A": {}, "A": {}}}`), FmtOptions{To: YAML})
	if err != nil || f.Text != nil || len(f.Findings) != 1 {
		t.Errorf("duplicates: %+v, %v", f, err)
	}
	f, err = Fmt("t.json", []byte(`{"Other": {}}`), FmtOptions{To: YAML})
	if err != nil || len(f.Findings) == 0 {
		t.Errorf("neither: %+v, %v", f, err)
	}
}

func mustFmt(t *testing.T, name, text string, to Format) string {
	t.Helper()
	f, err := Fmt(name, []byte(text), FmtOptions{To: to})
	if err != nil || len(f.Findings) > 0 {
		t.Fatalf("%s: %v %v", name, err, f.Findings)
	}
	return string(f.Text)
}

// Whatever is called a template, what is printed of it says the same.
func FuzzTemplate(f *testing.F) {
	f.Add([]byte(template), true)
	f.Add([]byte(`{"Resources": {"A": {"Fn::GetAtt": ["A", "B.c"]}, "B": {"Ref": "X"}, "C": [1e3, "é\n", null, {}]}}`), false)
	f.Fuzz(func(t *testing.T, text []byte, toJSON bool) {
		to := YAML
		if toJSON {
			to = JSON
		}
		formatted, err := Fmt("t", text, FmtOptions{To: to})
		if err != nil && strings.Contains(err.Error(), "a bug") {
			t.Fatal(err)
		}
		if err != nil || formatted.Text == nil {
			return
		}
		again, err := Fmt("t", formatted.Text, FmtOptions{To: to})
		if err != nil || string(again.Text) != string(formatted.Text) {
			t.Errorf("printed twice: %v\n%s\n%s", err, formatted.Text, again.Text)
		}
	})
}

package runbook

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// templateText has one document in each of the ways in which templates have them.
const templateText = `Resources:
  Mapping:
    Type: AWS::SSM::Document
    Properties:
      Content:
        schemaVersion: '2.2'
        parameters:
          Free: {type: String}
          Later: {type: String, allowedPattern: !Ref Pattern}
        mainSteps:
          - action: aws:runShellScript
            name: go
            inputs:
              runCommand:
                - !Sub 'aws s3 cp s3://${Bucket}/{{ Free }} . ${!HOME}'
                - {'Fn::Sub': ['x ${A}', {A: 1}]}
          - action: aws:runShellScript
            name: wait
            inputs: {timeoutSeconds: !Ref Limit, runCommand: ['true']}
  Block:
    Type: AWS::SSM::Document
    Properties:
      Content: |

        {
          "schemaVersion": "2.2",
          "parameters": {}
        }
  Quoted:
    Type: AWS::SSM::Document
    Properties: {Content: '{"schemaVersion": "0.3", "mainSteps": []}'}
  Substituted:
    Type: AWS::SSM::Document
    Properties:
      Content: !Sub |
        schemaVersion: '0.3'
        assumeRole: arn:aws:iam::${AWS::AccountId}:role/R
        mainSteps: []
  Broken:
    Type: AWS::SSM::Document
    Properties:
      Content: |
        schemaVersion: [
  Elsewhere:
    Type: AWS::SSM::Document
    Properties: {Content: {'Fn::Transform': {Name: AWS::Include}}}
  Other: {Type: AWS::S3::Bucket, Properties: {Content: {schemaVersion: '2.2'}}}
`

func TestInTemplate(t *testing.T) {
	t.Parallel()
	list, err := InTemplate([]byte(templateText))
	if err != nil {
		t.Fatal(err)
	}
	byID := map[string]*Document{}
	var ids []string
	for _, e := range list {
		byID[e.ID], ids = e.Document, append(ids, e.ID)
		if (e.Err != nil) != (e.ID == "Broken") {
			t.Errorf("%s: %v", e.ID, e.Err)
		} else if e.Err != nil && e.Err.Line != 43 {
			t.Errorf("the error is in line %d", e.Err.Line)
		}
	}
	if diff := cmp.Diff([]string{"Mapping", "Block", "Quoted", "Substituted", "Broken"}, ids); diff != "" {
		t.Fatal(diff)
	}
	mapping := byID["Mapping"]
	lines := mapping.Steps[0].Inputs.Get("runCommand").Texts()
	if got := lines[0].Text; !strings.HasSuffix(got, "/{{ Free }} . ${HOME}") || strings.Contains(got, "Bucket") {
		t.Errorf("Sub: %q", got)
	}
	type place struct {
		Line, Column int
		Open         bool
	}
	at := func(n *Node) place { return place{n.Line, n.Column, n.Open} }
	quoted := byID["Quoted"]
	for what, pair := range map[string][2]place{
		"line":             {at(lines[0]), {15, 19, false}},
		"Fn::Sub":          {at(lines[1]), {16, 32, false}},
		"step":             {at(mapping.Steps[0].Body), {11, 13, false}},
		"open step":        {at(mapping.Steps[1].Body), {17, 13, true}},
		"open limit":       {at(mapping.Steps[1].Inputs.Get("timeoutSeconds")), {19, 38, true}},
		"free parameter":   {at(mapping.Parameters[0].Key), {8, 11, false}},
		"open parameter":   {at(mapping.Parameters[1].Key), {9, 11, true}},
		"key in a block":   {at(byID["Block"].Root.Key("parameters")), {27, 11, false}},
		"key in a string":  {at(quoted.Root.Key("mainSteps")), {at(quoted.Root).Line, at(quoted.Root).Column, false}},
		"role, left open":  {at(byID["Substituted"].AssumeRole), {37, 21, true}},
		"steps, not open":  {at(byID["Substituted"].Root.Key("mainSteps")), {38, 9, false}},
		"quoted as a text": {at(quoted.Root), {31, 27, false}},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s at %+v, want %+v", what, pair[0], pair[1])
		}
	}
	if mapping.Parameters[0].Open || !mapping.Parameters[1].Open {
		t.Error("the parameter whose pattern is a reference is the open one")
	}
}

func TestInTemplateOfNothing(t *testing.T) {
	t.Parallel()
	for text, wrong := range map[string]bool{
		"": false, "Resources: 1\n# AWS::SSM::Document": false, "Resources: {A: AWS::SSM::Document}": false, "[AWS::SSM::Document": true,
		strings.Repeat(" ", maxTemplate+1) + "# AWS::SSM::Document": true, strings.Repeat(" ", maxTemplate+1): false, "\xff AWS::SSM::Document": true, "\xff": false,
	} {
		if list, err := InTemplate([]byte(text)); len(list) != 0 || (err != nil) != wrong {
			t.Errorf("%.30q: %v, %v", text, list, err)
		}
	}
}

// FuzzInTemplate: no text breaks the reader, and places lie in the text.
func FuzzInTemplate(f *testing.F) {
	f.Add(templateText)
	f.Add(`{"Resources": {"A": {"Type": "AWS::SSM::Document", "Properties": {"Content": {"Fn::Sub": "{\"schemaVersion\": \"2.2\"}"}}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		list, err := InTemplate([]byte(text))
		if err != nil {
			return
		}
		lines := strings.Count(text, "\n") + 1
		for _, e := range list {
			if e.Err != nil {
				continue
			}
			e.Document.Root.Walk(func(n *Node) {
				if n.Line < 1 || n.Line > lines || n.Column < 1 {
					t.Errorf("a value at %d:%d", n.Line, n.Column)
				}
			})
		}
	})
}

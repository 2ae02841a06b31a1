package ssm_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// deploy is a document of two steps with a safe parameter.
const deploy = `{"schemaVersion":"2.2","description":"deploys","parameters":{"Version":{"type":"String",
"description":"what","allowedPattern":"^[a-z0-9.]{1,20}$","interpolationType":"ENV_VAR"}},"mainSteps":[
{"action":"aws:runShellScript","name":"release","precondition":{"StringEquals":["platformType","Linux"]},
"inputs":{"onFailure":"exit","timeoutSeconds":"600","runCommand":["#!/bin/sh","echo \"$SSM_Version {{ Version }}\""]}},
{"action":"aws:runShellScript","name":"validate","inputs":{"timeoutSeconds":60,"runCommand":["true"]}}]}`

// runbook is an automation document.
const runbook = `{"schemaVersion":"0.3","description":"waits","assumeRole":"{{ Role }}","parameters":{
"Role":{"type":"AWS::IAM::Role::Arn"},"Count":{"type":"Integer","default":3}},
"mainSteps":[{"name":"wait","action":"aws:sleep","inputs":{"Duration":"PT1S"}}]}`

// one makes a document around one step's inputs.
func one(inputs string) string {
	return `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"step","inputs":` + inputs + `}]}`
}

func withParameter(p string) string {
	return `{"schemaVersion":"2.2","parameters":{"P":` + p + `},"mainSteps":[{"action":"aws:runShellScript","name":"step","inputs":{"runCommand":["x"]}}]}`
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestDocumentLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made, _ := w.do("CreateDocument", object{"Name": "web-dev-release", "Content": deploy, "DocumentType": "Command",
		"DocumentFormat": "JSON", "Tags": []object{{"Key": "App", "Value": "web"}}})["DocumentDescription"].(object)
	delete(made, "CreatedDate")
	want := object{"Name": "web-dev-release", "Owner": account, "Status": "Active", "Hash": hash(deploy), "HashType": "Sha256",
		"DocumentVersion": "1", "LatestVersion": "1", "DefaultVersion": "1", "Description": "deploys",
		"Parameters":    []any{object{"Name": "Version", "Type": "String", "Description": "what"}},
		"PlatformTypes": []any{"Linux", "MacOS"}, "DocumentType": "Command", "DocumentFormat": "JSON", "SchemaVersion": "2.2",
		"Tags": []any{object{"Key": "App", "Value": "web"}}}
	if diff := cmp.Diff(want, made); diff != "" {
		t.Error(diff)
	}
	if _, code := w.ask("admin", "ssm", "CreateDocument", object{"Name": "web-dev-release", "Content": deploy}); code != "DocumentAlreadyExists" {
		t.Error(code)
	}
	update := object{"Name": "web-dev-release", "Content": deploy, "DocumentVersion": "$LATEST"}
	if _, code := w.ask("admin", "ssm", "UpdateDocument", update); code != "DuplicateDocumentContent" {
		t.Error(code)
	}
	second := strings.Replace(deploy, "deploys", "deploys again", 1)
	update["Content"], update["VersionName"] = second, "v2"
	if got := text(w.do("UpdateDocument", update), "DocumentDescription", "LatestVersion"); got != "2" {
		t.Error(got)
	}
	for version, want := range map[string]string{"": "1", "$DEFAULT": "1", "$LATEST": "2", "2": "2", "1": "1"} {
		got := w.do("DescribeDocument", object{"Name": "web-dev-release", "DocumentVersion": version})
		if text(got, "Document", "DocumentVersion") != want {
			t.Errorf("version %q is %s", version, text(got, "Document", "DocumentVersion"))
		}
	}
	if got := w.do("GetDocument", object{"Name": "arn:aws:ssm:" + region + ":" + account + ":document/web-dev-release", "VersionName": "v2"}); text(got, "Content") != second {
		t.Error(got)
	}
	if _, code := w.ask("admin", "ssm", "DeleteDocument", object{"Name": "web-dev-release", "DocumentVersion": "1"}); code != "InvalidDocumentOperation" {
		t.Error(code)
	}
	w.do("UpdateDocumentDefaultVersion", object{"Name": "web-dev-release", "DocumentVersion": "2"})
	w.do("DeleteDocument", object{"Name": "web-dev-release", "DocumentVersion": "1"})
	versions := w.do("ListDocumentVersions", object{"Name": "web-dev-release"})["DocumentVersions"].([]any)
	if len(versions) != 1 || text(versions[0].(object), "IsDefaultVersion") != "true" {
		t.Error(versions)
	}
	w.do("DeleteDocument", object{"Name": "web-dev-release"})
	if _, code := w.ask("admin", "ssm", "GetDocument", object{"Name": "web-dev-release"}); code != "InvalidDocument" {
		t.Error(code)
	}
}

func TestDocumentErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, tc := range map[string]struct {
		in   object
		code string
	}{
		"reserved name":         {object{"Name": "AWS-Mine", "Content": deploy}, "ValidationException"},
		"reserved prefix":       {object{"Name": "amazonia", "Content": deploy}, "ValidationException"},
		"short name":            {object{"Name": "ab", "Content": deploy}, "ValidationException"},
		"no content":            {object{"Name": "abc"}, "ValidationException"},
		"unknown type":          {object{"Name": "abc", "Content": deploy, "DocumentType": "Nonsense"}, "ValidationException"},
		"type not served":       {object{"Name": "abc", "Content": deploy, "DocumentType": "Session"}, "InvalidDocumentContent"},
		"policy":                {object{"Name": "abc", "Content": deploy, "DocumentType": "Policy"}, "InvalidDocumentContent"},
		"automation's schema":   {object{"Name": "abc", "Content": deploy, "DocumentType": "Automation"}, "InvalidDocumentSchemaVersion"},
		"schema of automation":  {object{"Name": "abc", "Content": runbook}, "InvalidDocumentSchemaVersion"},
		"automation, no steps":  {object{"Name": "abc", "Content": `{"schemaVersion":"0.3","mainSteps":[]}`, "DocumentType": "Automation"}, "InvalidDocumentContent"},
		"automation, no action": {object{"Name": "abc", "Content": strings.Replace(runbook, `"aws:sleep"`, `"sleep"`, 1), "DocumentType": "Automation"}, "InvalidDocumentContent"},
		"automation, type":      {object{"Name": "abc", "Content": strings.Replace(runbook, `"Integer"`, `"Number"`, 1), "DocumentType": "Automation"}, "InvalidDocumentContent"},
		"attachments":           {object{"Name": "abc", "Content": deploy, "Attachments": []object{{"Key": "SourceUrl", "Values": []string{"s3://b/k"}}}}, "InvalidDocumentContent"},
		"requires":              {object{"Name": "abc", "Content": deploy, "Requires": []object{{"Name": "other"}}}, "InvalidDocumentContent"},
		"onFailure":             {object{"Name": "abc", "Content": one(`{"runCommand":["x"],"onFailure":"abort"}`)}, "InvalidDocumentContent"},
		"onSuccess":             {object{"Name": "abc", "Content": one(`{"runCommand":["x"],"onSuccess":"successAndExit"}`)}, "InvalidDocumentContent"},
		"finallyStep of text":   {object{"Name": "abc", "Content": one(`{"runCommand":["x"],"finallyStep":"last"}`)}, "InvalidDocumentContent"},
		"finallyStep first":     {object{"Name": "abc", "Content": strings.Replace(deploy, `"onFailure":"exit"`, `"finallyStep":true`, 1)}, "InvalidDocumentContent"},
		"precondition":          {object{"Name": "abc", "Content": strings.Replace(deploy, `"StringEquals"`, `"StringLike"`, 1)}, "InvalidDocumentContent"},
		"displayType":           {object{"Name": "abc", "Content": withParameter(`{"type":"String","displayType":"slider"}`)}, "InvalidDocumentContent"},
		"Java's lookahead":      {object{"Name": "abc", "Content": withParameter(`{"type":"String","allowedPattern":"^(?!x).*$"}`)}, "InvalidDocumentContent"},
		"too few by default":    {object{"Name": "abc", "Content": withParameter(`{"type":"StringList","minItems":2,"default":["a"]}`)}, "InvalidDocumentContent"},
		"too long by default":   {object{"Name": "abc", "Content": withParameter(`{"type":"String","maxChars":2,"default":"abc"}`)}, "InvalidDocumentContent"},
		"not JSON":              {object{"Name": "abc", "Content": "{"}, "InvalidDocumentContent"},
		"trailing text":         {object{"Name": "abc", "Content": deploy + "x"}, "InvalidDocumentContent"},
		"schema 9":              {object{"Name": "abc", "Content": `{"schemaVersion":"9.9"}`}, "InvalidDocumentSchemaVersion"},
		"schema number":         {object{"Name": "abc", "Content": `{"schemaVersion":2.2}`}, "InvalidDocumentContent"},
		"no steps":              {object{"Name": "abc", "Content": `{"schemaVersion":"2.2","mainSteps":[]}`}, "InvalidDocumentContent"},
		"unknown plugin":        {object{"Name": "abc", "Content": strings.Replace(deploy, "aws:runShellScript", "aws:runShell", 1)}, "InvalidDocumentContent"},
		"unknown property":      {object{"Name": "abc", "Content": strings.Replace(deploy, `"mainSteps"`, `"runtimeConfig":{},"mainSteps"`, 1)}, "InvalidDocumentContent"},
		"step name twice":       {object{"Name": "abc", "Content": strings.Replace(deploy, `"validate"`, `"release"`, 1)}, "InvalidDocumentContent"},
		"undefined parameter":   {object{"Name": "abc", "Content": strings.Replace(deploy, "{{ Version }}", "{{ Versoin }}", 1)}, "InvalidDocumentContent"},
		"no script":             {object{"Name": "abc", "Content": one(`{}`)}, "InvalidDocumentContent"},
		"script of numbers":     {object{"Name": "abc", "Content": one(`{"runCommand":[1]}`)}, "InvalidDocumentContent"},
		"misspelt input":        {object{"Name": "abc", "Content": one(`{"runCommand":["x"],"timeoutSecond":"5"}`)}, "InvalidDocumentContent"},
		"parameter of no type":  {object{"Name": "abc", "Content": withParameter(`{}`)}, "InvalidDocumentContent"},
		"parameter type":        {object{"Name": "abc", "Content": withParameter(`{"type":"Integer"}`)}, "InvalidDocumentContent"},
		"bad pattern":           {object{"Name": "abc", "Content": withParameter(`{"type":"String","allowedPattern":"("}`)}, "InvalidDocumentContent"},
		"default not allowed":   {object{"Name": "abc", "Content": withParameter(`{"type":"String","allowedValues":["a"],"default":"b"}`)}, "InvalidDocumentContent"},
		"interpolation of list": {object{"Name": "abc", "Content": withParameter(`{"type":"StringList","interpolationType":"ENV_VAR"}`)}, "InvalidDocumentContent"},
		"too large":             {object{"Name": "abc", "Content": one(`{"runCommand":["` + strings.Repeat("x", 65536) + `"]}`)}, "MaxDocumentSizeExceeded"},
		"YAML as JSON":          {object{"Name": "abc", "Content": "schemaVersion: '2.2'"}, "InvalidDocumentContent"},
		"YAML float version":    {object{"Name": "abc", "Content": "schemaVersion: 2.2", "DocumentFormat": "YAML"}, "InvalidDocumentContent"},
		"YAML bomb":             {object{"Name": "abc", "Content": "a: &a [x]\nb: [*a, *a]", "DocumentFormat": "YAML"}, "InvalidDocumentContent"},
		"TEXT":                  {object{"Name": "abc", "Content": deploy, "DocumentFormat": "TEXT"}, "InvalidDocumentContent"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := w.ask("admin", "ssm", "CreateDocument", tc.in); code != tc.code {
				t.Errorf("got %q, want %q: %v", code, tc.code, out)
			}
		})
	}
}

func TestYAMLDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	content := "schemaVersion: \"2.2\"\nmainSteps:\n- action: aws:runShellScript\n  name: step\n  inputs:\n    timeoutSeconds: 10\n    runCommand:\n    - |\n      echo hi\n    - '0123456789'\n"
	made := w.do("CreateDocument", object{"Name": "web-yaml", "Content": content, "DocumentFormat": "YAML"})
	if got := text(made, "DocumentDescription", "Hash"); got != hash(content) {
		t.Error("the hash is not of the content as it was given")
	}
	w.do("SendCommand", object{"DocumentName": "web-yaml", "InstanceIds": []string{a.id}})
	if got := text(a.take(), "Payload"); !strings.Contains(got,
		`"inputs":{"runCommand":["echo hi\n","0123456789"],"timeoutSeconds":10}`) {
		t.Error(got)
	}
}

func TestBuiltinDocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := w.do("DescribeDocument", object{"Name": "AWS-RunShellScript"})
	if text(got, "Document", "Owner")+text(got, "Document", "SchemaVersion") != "Amazon1.2" {
		t.Error(got)
	}
	w.do("GetDocument", object{"Name": "arn:aws:ssm:" + region + "::document/AWS-RunShellScript"})
	for _, operation := range []string{"DeleteDocument", "GetDocument"} {
		if _, code := w.ask("admin", "ssm", operation, object{"Name": "AWS-RunNothing"}); code != "InvalidDocument" {
			t.Error(operation, code)
		}
	}
	if _, code := w.ask("admin", "ssm", "DeleteDocument", object{"Name": "AWS-RunShellScript"}); code != "InvalidDocument" {
		t.Error(code)
	}
}

func TestListDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"web-a", "web-b", "zoo"} {
		w.do("CreateDocument", object{"Name": name, "Content": one(`{"runCommand":["` + name + `"]}`)})
	}
	var names []string
	next := ""
	for range 10 {
		in := object{"MaxResults": 1, "Filters": []object{{"Key": "Owner", "Values": []string{"Self"}}}}
		if next != "" {
			in["NextToken"] = next
		}
		out := w.do("ListDocuments", in)
		for _, d := range out["DocumentIdentifiers"].([]any) {
			names = append(names, text(d.(object), "Name"))
		}
		if next, _ = out["NextToken"].(string); next == "" {
			break
		}
	}
	if diff := cmp.Diff([]string{"web-a", "web-b", "zoo"}, names); diff != "" {
		t.Error(diff)
	}
	for filter, code := range map[string]string{"Name": "", "Nonsense": "InvalidFilterKey"} {
		if _, got := w.ask("admin", "ssm", "ListDocuments", object{"Filters": []object{{"Key": filter, "Values": []string{"web"}}}}); got != code {
			t.Errorf("filter %s: %q", filter, got)
		}
	}
	if _, code := w.ask("admin", "ssm", "ListDocuments", object{"NextToken": "%%"}); code != "InvalidNextToken" {
		t.Error(code)
	}
	// Another account sees only what AWS owns.
	out, _ := w.ask("stranger", "ssm", "ListDocuments", object{})
	if list := out["DocumentIdentifiers"].([]any); len(list) != 1 || text(list[0].(object), "Owner") != "Amazon" {
		t.Error(list)
	}
}

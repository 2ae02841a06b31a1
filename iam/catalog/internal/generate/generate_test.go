package main

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam/catalog/internal/format"
)

func npm(t *testing.T, change map[string]string) fstest.MapFS {
	t.Helper()
	files := map[string]string{
		"package.json": `{"name": "@x/data", "version": "1.0", "license": "MIT", "updatedAt": "2026-09-26T04:46:59.905Z"}`,
		"dist/cjs/globalConditionKeys.js": `exports.globalConditionKeys = [
			{ key: 'aws:userid', category: 'principal', type: 'String', description: '' },
			{ key: 'aws:PrincipalTag/tag-key', category: 'principal', type: 'String', description: '' },
			{ key: 'p:Other', category: 'session', type: 'ARN', description: '' } ];`,
		"data/services.json":        `["q", "p"]`,
		"data/actions/q.json":       `{}`,
		"data/resourceTypes/q.json": `{}`,
		"data/conditionKeys/q.json": `{}`,
		"data/actions/p.json": `{"put": {"name": "Put", "description": "Puts", "accessLevel": "Permissions management, Write",
			"resourceTypes": [{"name": "thing", "required": true, "conditionKeys": ["p:Other"], "dependentActions": ["p:Put"]}],
			"conditionKeys": ["p:Key"], "dependentActions": []},
			"get": {"name": "Get", "accessLevel": "Read"}}`,
		"data/resourceTypes/p.json": `{"thing": {"key": "thing", "arn": "arn:a, arn:b"}}`,
		"data/conditionKeys/p.json": `{"p:key": {"key": "p:Key", "description": "A key", "type": "String"}}`,
	}
	maps.Copy(files, change)
	out := fstest.MapFS{}
	for name, text := range files {
		out[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return out
}

// older is an older version of [npm]'s package: it knows a dependent action, an action that is gone, and not q.
func older(t *testing.T, change map[string]string) fstest.MapFS {
	t.Helper()
	files := map[string]string{
		"package.json":       `{"name": "@x/data", "version": "0.9", "license": "MIT", "updatedAt": "2025-12-06T04:47:37.991Z"}`,
		"data/services.json": `["p"]`,
		"data/actions/p.json": `{"put": {"name": "Put", "accessLevel": "List", "dependentActions": ["p:Get"],
			"resourceTypes": [{"name": "thing", "dependentActions": ["p:Get", "p:Put"]}]},
			"gone": {"name": "Gone", "accessLevel": "Read", "dependentActions": ["x:Gone"]}}`,
	}
	maps.Copy(files, change)
	return npm(t, files)
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	data, err := generate(npm(t, nil), older(t, nil))
	if err != nil {
		t.Fatal(err)
	}
	a, err := format.Open(data)
	if err != nil {
		t.Fatal(err)
	}
	want := format.Header{
		Sources: []format.Source{
			{Package: "@x/data", Version: "1.0", Date: "2026-09-26"},
			{Package: "@x/data", Version: "0.9", Date: "2025-12-06"},
		},
		Globals: []format.Key{{Name: "aws:PrincipalTag/${TagKey}", Type: "String"}, {Name: "aws:userid", Type: "String"}},
	}
	if diff := cmp.Diff(want, a.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"p", "q"}, a.Services); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
	p, _, err := a.Service("p")
	if err != nil {
		t.Fatal(err)
	}
	wantP := format.Service{
		Name:      "p",
		Keys:      []format.Key{{Name: "p:Key", Type: "String"}, {Name: "p:Other"}},
		Resources: []format.Resource{{Name: "thing", ARNs: []string{"arn:a", "arn:b"}}},
		Actions: []format.Action{{Name: "Get", AccessLevel: "Read"}, {
			Name: "Put", AccessLevel: "Permissions management", Keys: []int{0}, Dependents: []string{"p:Get", "p:Put"},
			Types: []format.ActionType{{Name: "thing", Required: true, Keys: []int{1}}},
		}},
	}
	if diff := cmp.Diff(wantP, p); diff != "" {
		t.Errorf("service p (-want +got):\n%s", diff)
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, text, want string }{
		"another license":   {"package.json", `{"name": "@x/data", "license": "AGPL-3.0"}`, "license"},
		"unknown level":     {"data/actions/q.json", `{"a": {"name": "A", "accessLevel": "Odd"}}`, "access level"},
		"not JSON":          {"data/actions/q.json", `{`, "data/actions/q.json"},
		"a missing service": {"data/services.json", `["r"]`, "data/"},
		"globals unread":    {globalsFile, `{ key: "aws:a", category: 'x', type: 'String' }`, "0 of 1"},
		"no globals":        {globalsFile, ``, "0 of 0"},
		"a global twice": {globalsFile, `{ key: 'aws:a', category: 'x', type: 'String', }, { key: 'aws:A', category: 'x', type: 'String', }`,
			"twice"},
		"a tab in a name": {"data/actions/q.json", `{"a": {"name": "A\tB", "accessLevel": "Read"}}`, "separator"},
	}
	for name, tt := range tests {
		_, err := generate(npm(t, map[string]string{tt.file: tt.text}), older(t, nil))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, tt.want)
		}
	}
}

func TestGenerateRefusesTheOlder(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ file, text, want string }{
		"another license":          {"package.json", `{"name": "@x/data", "license": "AGPL-3.0"}`, "license"},
		"a dependent that is gone": {"data/actions/p.json", `{"put": {"name": "Put", "accessLevel": "Write", "dependentActions": ["p:Gone"]}}`, "p:Put depends on p:Gone"},
		"not JSON":                 {"data/actions/p.json", `{`, "data/actions/p.json"},
	}
	for name, tt := range tests {
		_, err := generate(npm(t, nil), older(t, map[string]string{tt.file: tt.text}))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: error %v, want one about %q", name, err, tt.want)
		}
	}
}

// prove must be able to fail.
func TestProveFindsADifference(t *testing.T) {
	t.Parallel()
	src := format.Header{Sources: []format.Source{{Package: "p", Version: "1", Date: "2026-01-01"}}}
	wrote := []format.Service{{Name: "a", Actions: []format.Action{{Name: "A", AccessLevel: "Read"}}}}
	data, err := format.Encode(src, wrote)
	if err != nil {
		t.Fatal(err)
	}
	if err := prove(data, src, wrote); err != nil {
		t.Errorf("the same: %v", err)
	}
	meant := []format.Service{{Name: "a", Actions: []format.Action{{Name: "A", AccessLevel: "List"}}}}
	if prove(data, src, meant) == nil {
		t.Error("another access level: no error")
	}
	if prove(data, format.Header{}, wrote) == nil {
		t.Error("another source: no error")
	}
}

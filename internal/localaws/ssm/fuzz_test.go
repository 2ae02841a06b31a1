package ssm

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// FuzzDocument: whatever the text, the parser answers with a document that can be sent, or with an API error.
func FuzzDocument(f *testing.F) {
	f.Add("Command", runShellScript, "JSON")
	f.Add("Automation", `{"schemaVersion":"0.3","assumeRole":"{{ R }}","parameters":{"R":{"type":"AWS::IAM::Role::Arn"}},"mainSteps":[{"name":"a","action":"aws:sleep","inputs":{"Duration":"PT1S"}}]}`, "JSON")
	f.Add("Command", `{"schemaVersion":"2.2","parameters":{"P":{"type":"StringList","default":["a"],"maxItems":3}},"mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"runCommand":"{{ P }}"}}]}`, "JSON")
	f.Add("Command", "schemaVersion: \"2.2\"\nmainSteps:\n- action: aws:runShellScript\n  name: step\n  inputs: {runCommand: [a, 'b']}\n", "YAML")
	f.Add("Command", "&a [*a]", "YAML")
	f.Fuzz(func(t *testing.T, kind, content, format string) {
		d, err := parseDocument(kind, content, format)
		if err != nil {
			var fault *gateway.Error
			if !errors.As(err, &fault) || fault.Code == "" {
				t.Fatalf("not an API error: %v", err)
			}
			return
		}
		text := d.text
		if !json.Valid(text) {
			t.Fatalf("cannot be sent: %s", text)
		}
		if len(d.steps) == 0 || d.executionTimeout(nil) < minExecution {
			t.Fatal("a document without steps or time")
		}
		// What is sent is the same document.
		again, err := parseDocument(kind, string(text), "JSON")
		if err != nil && len(text) <= maxDocumentSize {
			t.Fatalf("does not parse again: %v: %s", err, text)
		}
		if err == nil && len(again.steps) != len(d.steps) {
			t.Fatal("steps were lost")
		}
		written, err := yamlText(d.tree)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := yamlTree(written); err != nil || !reflect.DeepEqual(back, any(d.tree)) {
			t.Fatalf("other values in YAML: %v\n%#v\n%#v\n%s", err, back, d.tree, written)
		}
	})
}

// FuzzParameters: what a document's parameter is given is refused in the API's words, or bound to the type that the agent
// expects, and within the declared limits.
func FuzzParameters(f *testing.F) {
	f.Add(`{"type":"String","allowedPattern":"^[a-z]+$","maxChars":4}`, "P", "abc", "")
	f.Add(`{"type":"StringList","minItems":1,"maxItems":2,"allowedValues":["a","b"]}`, "P", "a", "b")
	f.Add(`{"type":"String","default":"x"}`, "Q", "{{ssm:/a}}", "")
	f.Fuzz(func(t *testing.T, declared, name, first, second string) {
		d, err := parseDocument(typeCommand, `{"schemaVersion":"2.2","parameters":{"P":`+declared+`},"mainSteps":[{"action":"aws:runShellScript","name":"s","inputs":{"runCommand":"{{ P }}"}}]}`, "JSON")
		if err != nil {
			return
		}
		values := []string{first}
		if second != "" {
			values = append(values, second)
		}
		bound, err := d.bind(map[string][]string{name: values})
		if err != nil {
			var fault *gateway.Error
			if !errors.As(err, &fault) || fault.Code != "InvalidParameters" {
				t.Fatalf("not InvalidParameters: %v", err)
			}
			return
		}
		p := d.parameters["P"]
		if why := p.reject(values); name != "P" || why != "" {
			t.Fatalf("%q was bound: %s", name, why)
		}
		switch got := bound["P"].(type) {
		case string:
			if p.kind != "String" || got != first {
				t.Fatalf("%q became %q", first, got)
			}
		case []string:
			if p.kind != "StringList" || !reflect.DeepEqual(got, values) {
				t.Fatalf("%q became %q", values, got)
			}
		default:
			t.Fatalf("%T", got)
		}
		for _, ref := range storeReferences(map[string][]string{name: values}) {
			if strings.ContainsAny(ref, "}") {
				t.Fatalf("reference %q", ref)
			}
		}
	})
}

// FuzzReply: a reply is refused or within the API's limits.
func FuzzReply(f *testing.F) {
	f.Add(`{"documentStatus":"Success","runtimeStatus":{"s":{"status":"Success","code":0,"standardOutput":"x","startDateTime":"2026-11-22T04:30:00.000Z"}}}`)
	f.Add(`{"documentStatus":"InProgress","runtimeStatus":null}`)
	f.Add(`{"documentStatus":"Failed","runtimeStatus":{"":{"status":"Skipped","code":-1,"endDateTime":"0001-01-01T00:00:00Z"}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseReply(text)
		if err != nil {
			if !errors.Is(err, ErrBadReply) {
				t.Fatalf("not ErrBadReply: %v", err)
			}
			return
		}
		for name, p := range r.plugins {
			if p.Status == "" || utf8.RuneCountInString(p.Stdout) > maxStdout || utf8.RuneCountInString(p.Stderr) > maxStderr ||
				utf8.RuneCountInString(p.Output) > maxOutput {
				t.Fatalf("%q: %+v", name, p)
			}
			if _, err := json.Marshal(p); err != nil {
				t.Fatalf("cannot be stored: %v", err)
			}
		}
	})
}

func FuzzPageToken(f *testing.F) {
	f.Add("17")
	f.Add("i-0123")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := pagePosition(pageToken(text)); text != "" && (err != nil || got != text) {
			t.Fatalf("%q became %q: %v", text, got, err)
		}
		if _, err := pagePosition(text); err != nil {
			var fault *gateway.Error
			if !errors.As(err, &fault) || fault.Code != "InvalidNextToken" {
				t.Fatalf("not InvalidNextToken: %v", err)
			}
		}
	})
}

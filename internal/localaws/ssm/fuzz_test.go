package ssm

import (
	"encoding/json"
	"errors"
	"reflect"
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

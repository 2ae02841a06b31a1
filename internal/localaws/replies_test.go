package localaws_test

import (
	"strings"
	"testing"
)

// TestLongReplies: results that together, or by themselves, are too long for a frame arrive over the control channel, and
// hold nothing up.
func TestLongReplies(t *testing.T) {
	t.Parallel()
	p := newPlace(t, reporting+`,"ssmmessages:*"`)
	p.opened(1)
	step := func(name, command string) string {
		return `{"action":"aws:runShellScript","name":"` + name + `","inputs":{"runCommand":["` + command + `"]}}`
	}
	long := "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
	steps := []string{step("binary", `head -c 24000 /dev/zero | tr '\\000' '\\001'; head -c 24000 /dev/zero | tr '\\000' '\\002' >&2`)}
	for _, name := range []string{"first", "second", "third", "fourth", "fifth", "sixth"} {
		steps = append(steps, step(name, long))
	}
	check(t, p.admin.ask("ssm", "CreateDocument", map[string]any{"Name": "Steps", "DocumentType": "Command",
		"Content": `{"schemaVersion":"2.2","mainSteps":[` + strings.Join(steps, ",") + `]}`}, nil))
	id := p.send(0, map[string]any{"DocumentName": "Steps", "Parameters": map[string]any{}})
	if got := p.wait(id, 0); got.StatusDetails != "Success" {
		t.Errorf("got %+v", got)
	}
	for name, begin := range map[string]string{"binary": "\x01\x01", "first": "line 0\n", "sixth": "line 0\n"} {
		var got outcome
		check(t, p.admin.ask("ssm", "GetCommandInvocation", map[string]string{"CommandId": id, "InstanceId": instance(0), "PluginName": name}, &got))
		if got.StatusDetails != "Success" || !strings.HasPrefix(got.StandardOutputContent, begin) {
			t.Errorf("%s: %s with %d bytes", name, got.StatusDetails, len(got.StandardOutputContent))
		}
	}
}

// TestParameterReferences: {{ssm:name}} stands for what the node's role may read, when the command runs.
func TestParameterReferences(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nodeActions+`,"ssm:GetParameters"`, nodeActions)
	put := func(name, kind, value string) {
		check(t, p.admin.ask("ssm", "PutParameter", map[string]any{"Name": name, "Type": kind, "Value": value, "Overwrite": true}, nil))
	}
	put("/app/version", "String", "v1")
	put("/app/version", "String", "v2")
	put("lines", "StringList", "echo one,echo two")
	commands := []string{"echo {{ssm:/app/version}} {{ ssm:/app/version:1 }}", "{{ssm:lines}}"}
	if got := p.wait(p.send(0, nil, commands...), 0); got.StandardOutputContent != "v2 v1\none\ntwo\n" {
		t.Errorf("got %+v", got)
	}
	if got := p.wait(p.send(1, nil, commands...), 1); got.StatusDetails != "Failed" || got.StandardOutputContent != "" {
		t.Errorf("without permission: %+v", got)
	}
}

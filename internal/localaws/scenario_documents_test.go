package localaws_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdkssm "github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	gocmp "github.com/google/go-cmp/cmp"
)

// documents are what the genuine agent and the built-in node must make the same of. interpolationType is not among them:
// AWS documents it, and the agent's open source does not have it.
var documents = map[string]string{
	"codes 168":               `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "echo out; echo err >&2; exit 168", "") + `,` + sh("b", "echo b", "") + `]}`,
	"codes 169":               `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "echo out; exit 169", "") + `,` + sh("b", "echo b", "") + `,` + sh("c", "echo c", `,"finallyStep":true`) + `]}`,
	"onFailure exit":          `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "printf open >&2; exit 3", `,"onFailure":"exit"`) + `,` + sh("b", "echo b", "") + `]}`,
	"successAndExit":          `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "exit 3", `,"onFailure":"successAndExit"`) + `,` + sh("b", "echo b", "") + `]}`,
	"onSuccess exit":          `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "echo a", `,"onSuccess":"exit"`) + `,` + sh("b", "echo b", "") + `]}`,
	"a failure in the middle": `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "exit 1", "") + `,` + sh("b", "exit 137", "") + `,` + sh("c", "echo c", "") + `]}`,
	"preconditions": `{"schemaVersion":"2.2","parameters":{"Stage":{"type":"String","default":"prod"}},"mainSteps":[` +
		pre("a", `["platformType","Windows"]`) + `,` + pre("b", `["Linux","platformType"]`) + `,` + pre("c", `["{{ Stage }}","prod"]`) + `,` +
		pre("d", `["{{ Stage }}","test"]`) + `]}`,
	"another plugin": `{"schemaVersion":"2.2","mainSteps":[{"action":"aws:psModule","name":"step-a","inputs":{"runCommand":["x"]}},` + sh("b", "echo b", "") + `]}`,
	"much stderr":    `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "head -c 9000 /dev/zero | tr '\\\\0' e >&2; exit 2", "") + `]}`,
	"just too long":  `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "head -c 2500 /dev/zero | tr '\\\\0' x", "") + `,` + sh("b", "head -c 24000 /dev/zero | tr '\\\\0' x", "") + `]}`,
	"both long":      `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "head -c 3000 /dev/zero | tr '\\\\0' x; head -c 3000 /dev/zero | tr '\\\\0' e >&2", "") + `]}`,
	"several scripts": `{"schemaVersion":"1.2","runtimeConfig":{"aws:runShellScript":{"properties":[
		{"id":"0.aws:runShellScript","runCommand":["echo first; exit 3"],"timeoutSeconds":"60"},{"id":"1.aws:runShellScript","runCommand":["echo second"],"timeoutSeconds":"60"}]}}}`,
	"the shell is killed": `{"schemaVersion":"2.2","mainSteps":[` + sh("a", "kill -KILL $PPID", "") + `]}`,
	"a list": `{"schemaVersion":"2.2","parameters":{"lines":{"type":"StringList","default":["echo 1","echo 2"]}},"mainSteps":[
		{"action":"aws:runShellScript","name":"step-a","inputs":{"timeoutSeconds":"60","runCommand":"{{ lines }}"}},` + sh("b", "echo {{ lines }}", "") + `]}`,
}

// sh is a step that runs a script.
func sh(name, script, more string) string {
	return `{"action":"aws:runShellScript","name":"step-` + name + `","inputs":{"timeoutSeconds":"60","runCommand":["` + script + `"]` + more + `}}`
}

// pre is a step with a precondition.
func pre(name, args string) string {
	return `{"action":"aws:runShellScript","name":"step-` + name + `","precondition":{"StringEquals":` + args + `},"inputs":{"timeoutSeconds":"60","runCommand":["echo ` + name + `"]}}`
}

// document runs one and tells what became of it and of each step.
func (w world) document(t *testing.T, name, content string) []string {
	t.Helper()
	_, err := w.ssm.CreateDocument(t.Context(), &sdkssm.CreateDocumentInput{Name: &name, Content: &content, DocumentType: types.DocumentTypeCommand,
		DocumentFormat: types.DocumentFormatJson})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	sent, err := w.ssm.SendCommand(t.Context(), &sdkssm.SendCommandInput{DocumentName: &name, InstanceIds: []string{w.nodes[wholeRole]}})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	for began := time.Now(); time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
		list, err := w.ssm.ListCommandInvocations(t.Context(), &sdkssm.ListCommandInvocationsInput{CommandId: sent.Command.CommandId, Details: true})
		if err != nil {
			t.Fatal(err)
		}
		if len(list.CommandInvocations) == 0 {
			continue
		}
		i := list.CommandInvocations[0]
		if slices.Contains([]types.CommandInvocationStatus{types.CommandInvocationStatusPending, types.CommandInvocationStatusInProgress}, i.Status) {
			continue
		}
		// The last step's reply may come after the document's.
		unknown := slices.ContainsFunc(i.CommandPlugins, func(p types.CommandPlugin) bool { return p.ResponseFinishDateTime == nil })
		if unknown && time.Since(began) < 20*time.Second {
			continue
		}
		told := []string{string(i.Status) + " " + aws.ToString(i.StatusDetails)}
		for _, p := range i.CommandPlugins {
			out, err := w.ssm.GetCommandInvocation(t.Context(), &sdkssm.GetCommandInvocationInput{CommandId: sent.Command.CommandId,
				InstanceId: i.InstanceId, PluginName: p.Name})
			if err != nil {
				t.Fatal(err)
			}
			told = append(told, fmt.Sprintf("%s: %s %s %d %q %q %q", aws.ToString(p.Name), p.Status, aws.ToString(p.StatusDetails), p.ResponseCode,
				aws.ToString(p.Output), short(aws.ToString(out.StandardOutputContent)), aws.ToString(out.StandardErrorContent)))
		}
		return told
	}
	t.Errorf("%s does not end", name)
	return nil
}

// TestBuiltInNodesReadDocumentsLikeTheGenuineAgent runs documents on a cell and on a built-in node, one after the other.
func TestBuiltInNodesReadDocumentsLikeTheGenuineAgent(t *testing.T) {
	t.Parallel()
	agent := genuineAgent(t)
	told := make([]map[string][]string, 2)
	t.Run("both", func(t *testing.T) {
		for i, dir := range []string{agent, ""} {
			t.Run(map[bool]string{true: "cells", false: "built-in nodes"}[dir != ""], func(t *testing.T) {
				t.Parallel()
				w := startNodes(t, dir)
				all := map[string][]string{}
				n := 0
				for name, content := range documents {
					n++
					all[name] = w.document(t, fmt.Sprintf("Document-%d", n), content)
				}
				told[i] = all
			})
		}
	})
	if told[0] == nil || told[1] == nil {
		t.SkipNow() // said above
	}
	if diff := gocmp.Diff(told[0], told[1]); diff != "" {
		t.Errorf("the built-in node is not like the genuine agent: -genuine +built-in\n%s", diff)
	}
}

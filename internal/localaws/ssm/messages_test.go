package ssm_test

import (
	"strings"
	"testing"
)

// TestChannelIsTheNodesOwn: nobody but the node reads or answers its messages, not even a session of the node's role
// that is named like the instance: that name is the choice of whoever assumes the role.
func TestChannelIsTheNodesOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node(1, nil), w.node(2, nil)
	w.session("thief", "web-dev-Node", "laptop", allowAll)
	w.session("forger", "web-dev-Node", a.id, allowAll)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	message := "aws.ssm." + id + "." + a.id
	done := `{"documentStatus":"Success","runtimeStatus":{}}`
	for _, who := range []string{"admin", "thief", "forger", "stranger"} {
		for operation, in := range map[string]object{
			"GetMessages":        {"Destination": a.id, "MessagesRequestId": "r"},
			"GetEndpoint":        {"Destination": a.id},
			"AcknowledgeMessage": {"MessageId": message},
			"DeleteMessage":      {"MessageId": message},
			"FailMessage":        {"MessageId": message, "FailureType": "InternalHandlerException"},
			"SendReply":          {"MessageId": message, "ReplyId": "r", "Payload": done},
		} {
			if _, code := w.ask(who, "ec2messages", operation, in); code != "AccessDeniedException" {
				t.Errorf("%s %s: %q", who, operation, code)
			}
		}
	}
	if _, code := w.ask(b.id, "ec2messages", "GetMessages", object{"Destination": a.id}); code != "AccessDeniedException" {
		t.Errorf("another node reads: %q", code)
	}
	if _, code := w.ask(b.id, "ec2messages", "SendReply", object{"MessageId": message, "Payload": done}); code != "ValidationException" {
		t.Errorf("another node replies: %q", code)
	}
	if got := w.status(id, a.id); got != "Pending/Pending" {
		t.Error(got)
	}
}

func TestMalformedReplies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	message := text(a.take(), "MessageId")
	for name, in := range map[string]object{
		"not JSON":            {"MessageId": message, "Payload": "{"},
		"no status":           {"MessageId": message, "Payload": "{}"},
		"unknown status":      {"MessageId": message, "Payload": `{"documentStatus":"Fine"}`},
		"unknown step status": {"MessageId": message, "Payload": `{"documentStatus":"Success","runtimeStatus":{"x":{"status":"Fine"}}}`},
		"bad time":            {"MessageId": message, "Payload": `{"documentStatus":"Success","runtimeStatus":{"x":{"status":"Success","startDateTime":"now"}}}`},
		"code is text":        {"MessageId": message, "Payload": `{"documentStatus":"Success","runtimeStatus":{"x":{"status":"Success","code":"0"}}}`},
		"no message":          {"Payload": `{"documentStatus":"Success"}`},
		"no command id":       {"MessageId": "aws.ssm.x." + a.id, "Payload": `{"documentStatus":"Success"}`},
	} {
		if _, code := w.ask(a.id, "ec2messages", "SendReply", in); code != "ValidationException" {
			t.Errorf("%s: %q", name, code)
		}
	}
	if got := w.status(id, a.id); got != "InProgress/InProgress" {
		t.Error(got)
	}
	// A reply to something that is long gone is taken and changes nothing.
	a.call("ec2messages", "SendReply", object{"MessageId": strings.Replace(message, id, noSuchCommand, 1), "Payload": `{"documentStatus":"Failed"}`})
	a.call("ec2messages", "SendReply", object{"MessageId": message, "Payload": `{"documentStatus":"Success"}`})
	a.call("ec2messages", "SendReply", object{"MessageId": message, "Payload": `{"documentStatus":"Failed"}`})
	if got := w.status(id, a.id); got != "Success/Success" {
		t.Errorf("after the end a reply still counted: %s", got)
	}
}

func TestFailAndDeleteMessage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	failed, deleted := w.shell(object{"InstanceIds": []string{a.id}}), w.shell(object{"InstanceIds": []string{a.id}})
	a.call("ec2messages", "FailMessage", object{"MessageId": "aws.ssm." + failed + "." + a.id, "FailureType": "InternalHandlerException"})
	a.call("ec2messages", "DeleteMessage", object{"MessageId": "aws.ssm." + deleted + "." + a.id})
	if got := w.status(failed, a.id) + " " + w.status(deleted, a.id); got != "Failed/Failed Pending/Pending" {
		t.Error(got)
	}
	if w.queued(a.id) {
		t.Error("a message is left")
	}
	list := w.do("ListCommandInvocations", object{"CommandId": failed})["CommandInvocations"].([]any)
	if got := text(list[0].(object), "TraceOutput"); got != "InternalHandlerException" {
		t.Error(got)
	}
}

// TestNodePolicyIsEnforced: a node role without a message action cannot do it.
func TestNodePolicyIsEnforced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	w.nodeSession(a.id, "web-dev-Node", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2messages:GetMessages","Resource":"*"}]}`)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	if got := len(a.messages()); got != 1 {
		t.Error(got)
	}
	for _, operation := range []string{"AcknowledgeMessage", "SendReply", "FailMessage", "DeleteMessage", "GetEndpoint"} {
		out, code := w.ask(a.id, "ec2messages", operation, object{"MessageId": "aws.ssm." + id + "." + a.id})
		if code != "AccessDeniedException" {
			t.Errorf("%s: %q %v", operation, code, out)
		}
	}
}

// TestSourceInstanceKeysAreTheSessions: the condition keys say what the credentials were issued to, not what the request
// names.
func TestSourceInstanceKeysAreTheSessions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2messages:*","ssm:*"],"Resource":"*",
		"Condition":{"ArnEquals":{"ec2:SourceInstanceARN":"arn:aws:ec2:eu-west-1:111111111111:instance/` + a.id + `"}}}]}`
	w.nodeSession(a.id, "web-dev-Node", policy)
	w.session("forger", "web-dev-Node", a.id, policy)
	for operation, in := range map[string]object{
		"ec2messages GetMessages":       {"Destination": a.id},
		"ssm UpdateInstanceInformation": {"InstanceId": a.id, "AgentVersion": "3.3.0.0"},
	} {
		service, name, _ := strings.Cut(operation, " ")
		if _, code := w.ask(a.id, service, name, in); code != "" {
			t.Errorf("%s of the node: %q", name, code)
		}
		out, code := w.ask("forger", service, name, in)
		if code != "AccessDeniedException" || !strings.Contains(text(out, "message"), "because no identity-based policy allows") {
			t.Errorf("%s of the forger: %q %v", name, code, out)
		}
	}
}

package ssm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestOutputConfigReachesTheNode: where the output is to go is the node's to know, and what it says is shown.
func TestOutputConfigReachesTheNode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	w.do("CreateDocument", object{"Name": "release", "Content": one(`{"runCommand":["x"]}`)})
	for document, want := range map[string]struct{ step, plugin, url string }{
		"AWS-RunShellScript": {"aws:runShellScript", "awsrunShellScript", "awsrunShellScript/0.awsrunShellScript"},
		"release":            {"step", "awsrunShellScript", "awsrunShellScript/step"},
	} {
		in := object{"DocumentName": document, "InstanceIds": []string{a.id}, "OutputS3BucketName": "logs", "OutputS3KeyPrefix": "runs",
			"CloudWatchOutputConfig": object{"CloudWatchOutputEnabled": true}}
		if document != "release" {
			in["Parameters"] = object{"commands": []string{"true"}}
		}
		sent, _ := w.do("SendCommand", in)["Command"].(object)
		id := text(sent, "CommandId")
		m := a.take()
		payload, _ := decode(t, text(m, "Payload")).(object)
		group := "/aws/ssm/" + document
		if diff := cmp.Diff([]any{"logs", "runs", group, "true"}, []any{payload["OutputS3BucketName"], payload["OutputS3KeyPrefix"],
			payload["CloudWatchLogGroupName"], payload["CloudWatchOutputEnabled"]}); diff != "" {
			t.Error(diff)
		}
		done := plugin("Success", 0, "out", "err")
		prefix := "runs/" + id + "/" + a.id + "/" + want.plugin
		done["outputS3BucketName"], done["outputS3KeyPrefix"] = "logs", prefix
		a.reply(m, "Success", object{want.step: done})

		stdout := "https://s3." + region + ".amazonaws.com/logs/runs/" + id + "/" + a.id + "/" + want.url + "/stdout"
		got := w.invocation(id, a.id)
		list, _ := w.do("ListCommandInvocations", object{"CommandId": id, "Details": true})["CommandInvocations"].([]any)
		inv, _ := list[0].(object)
		p, _ := inv["CommandPlugins"].([]any)[0].(object)
		cw := object{"CloudWatchLogGroupName": group, "CloudWatchOutputEnabled": true}
		if diff := cmp.Diff([]any{stdout, cw, stdout, stdout, "logs", prefix, region, cw, cw, "logs", "runs"},
			[]any{got["StandardOutputUrl"], got["CloudWatchOutputConfig"], inv["StandardOutputUrl"], p["StandardOutputUrl"],
				p["OutputS3BucketName"], p["OutputS3KeyPrefix"], p["OutputS3Region"], inv["CloudWatchOutputConfig"],
				sent["CloudWatchOutputConfig"], sent["OutputS3BucketName"], sent["OutputS3KeyPrefix"]}); diff != "" {
			t.Errorf("%s: %s", document, diff)
		}
	}
}

// TestNoOutputWhileRunning: what a step has written is shown when it has ended.
func TestNoOutputWhileRunning(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	m := a.take()
	a.reply(m, "InProgress", object{"aws:runShellScript": plugin("InProgress", 0, "half", "way")})
	got := w.invocation(id, a.id)
	list, _ := w.do("ListCommandInvocations", object{"CommandId": id, "Details": true})["CommandInvocations"].([]any)
	p, _ := list[0].(object)["CommandPlugins"].([]any)[0].(object)
	if diff := cmp.Diff([]any{"", "", -1.0, "InProgress", ""}, []any{got["StandardOutputContent"], got["StandardErrorContent"],
		got["ResponseCode"], got["Status"], p["Output"]}); diff != "" {
		t.Error(diff)
	}
}

// TestNotificationsAreRecorded: nothing is published, but every read shows what was asked for.
func TestNotificationsAreRecorded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	config := object{"NotificationArn": "arn:aws:sns:eu-west-1:111111111111:topic", "NotificationEvents": []any{"Failed"}, "NotificationType": "Command"}
	role := "arn:aws:iam::" + account + ":role/notify"
	id := w.shell(object{"InstanceIds": []string{a.id}, "NotificationConfig": config, "ServiceRoleArn": role,
		"AlarmConfiguration": object{"Alarms": []object{{"Name": "cpu"}}, "IgnorePollAlarmFailure": true}})
	commands, _ := w.do("ListCommands", object{"CommandId": id})["Commands"].([]any)
	invocations, _ := w.do("ListCommandInvocations", object{"CommandId": id})["CommandInvocations"].([]any)
	c, i := commands[0].(object), invocations[0].(object)
	alarm := object{"Alarms": []any{object{"Name": "cpu"}}, "IgnorePollAlarmFailure": true}
	if diff := cmp.Diff([]any{config, role, alarm, []any{}, config, role}, []any{c["NotificationConfig"], c["ServiceRole"],
		c["AlarmConfiguration"], c["TriggeredAlarms"], i["NotificationConfig"], i["ServiceRole"]}); diff != "" {
		t.Error(diff)
	}
}

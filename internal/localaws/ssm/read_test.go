package ssm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const noSuchCommand = "00000000-0000-4000-8000-000000000000"

// TestStepsOfADocument: output is shown for a named step only, in the API's two lengths.
func TestStepsOfADocument(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	w.do("CreateDocument", object{"Name": "release", "Content": deploy})
	id := text(w.do("SendCommand", object{"DocumentName": "release", "DocumentVersion": "1", "InstanceIds": []string{a.id},
		"Parameters": object{"Version": []string{"1.2"}}}), "Command", "CommandId")
	m := a.take()
	get := func(step string) string {
		o := w.do("GetCommandInvocation", object{"CommandId": id, "InstanceId": a.id, "PluginName": step})
		return fmt.Sprint(text(o, "Status"), " ", o["ResponseCode"], " ", len(text(o, "StandardOutputContent")), " ", len(text(o, "StandardErrorContent")))
	}
	for _, step := range []string{"", "release", "validate"} {
		if got := get(step); got != "InProgress -1 0 0" {
			t.Errorf("%q while running: %s", step, got)
		}
	}
	a.reply(m, "Failed", object{
		"release":  plugin("Success", 0, strings.Repeat("o", 30000), strings.Repeat("e", 9000)),
		"validate": plugin("Failed", 3, "", "broken")})
	want := map[string]string{"": "Failed -1 0 0", "release": "Success 0 24000 8000", "validate": "Failed 3 0 6"}
	got := map[string]string{}
	for step := range want {
		got[step] = get(step)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	list := w.do("ListCommandInvocations", object{"CommandId": id, "Details": true})["CommandInvocations"].([]any)
	var shown []string
	for _, p := range list[0].(object)["CommandPlugins"].([]any) {
		o := p.(object)
		shown = append(shown, fmt.Sprintln(o["Name"], o["Status"], o["ResponseCode"], len(text(o, "Output")), o["ResponseStartDateTime"]))
	}
	if diff := cmp.Diff([]string{"release Success 0 2500 1.7953218e+09\n", "validate Failed 3 6 1.7953218e+09\n"}, shown); diff != "" {
		t.Error(diff)
	}
	if _, code := w.ask("admin", "ssm", "GetCommandInvocation", object{"CommandId": id, "InstanceId": a.id, "PluginName": "aws:runShellScript"}); code != "InvalidPluginName" {
		t.Error(code)
	}
}

func TestReadErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	id := w.shell(object{"InstanceIds": []string{a.id}})
	for name, tc := range map[string]struct {
		who, operation string
		in             object
		code           string
	}{
		"impossible id":            {"admin", "GetCommandInvocation", object{"CommandId": noSuchCommand, "InstanceId": a.id}, "InvocationDoesNotExist"},
		"not an id":                {"admin", "GetCommandInvocation", object{"CommandId": strings.Repeat("x", 36), "InstanceId": a.id}, "InvalidCommandId"},
		"other node":               {"admin", "GetCommandInvocation", object{"CommandId": id, "InstanceId": nodeID(2)}, "InvocationDoesNotExist"},
		"no such step":             {"admin", "GetCommandInvocation", object{"CommandId": id, "InstanceId": a.id, "PluginName": "nothing"}, "InvalidPluginName"},
		"short step":               {"admin", "GetCommandInvocation", object{"CommandId": id, "InstanceId": a.id, "PluginName": "abc"}, "ValidationException"},
		"stranger":                 {"stranger", "GetCommandInvocation", object{"CommandId": id, "InstanceId": a.id}, "InvocationDoesNotExist"},
		"stranger's cancel":        {"stranger", "CancelCommand", object{"CommandId": id}, "InvalidCommandId"},
		"cancel of nothing":        {"admin", "CancelCommand", object{"CommandId": noSuchCommand}, "InvalidCommandId"},
		"cancel on another node":   {"admin", "CancelCommand", object{"CommandId": id, "InstanceIds": []string{nodeID(2)}}, "InvalidInstanceId"},
		"cancel twice on one node": {"admin", "CancelCommand", object{"CommandId": id, "InstanceIds": []string{a.id, a.id}}, "DuplicateInstanceId"},
		"unknown filter":           {"admin", "ListCommands", object{"Filters": []object{{"key": "Colour", "value": "red"}}}, "ValidationException"},
		"filter of the other API":  {"admin", "ListCommands", object{"Filters": []object{{"key": "Status", "value": "Terminated"}}}, "ValidationException"},
		"bad timestamp":            {"admin", "ListCommands", object{"Filters": []object{{"key": "InvokedAfter", "value": "yesterday"}}}, "ValidationException"},
		"bad token":                {"admin", "ListCommands", object{"NextToken": "x"}, "InvalidNextToken"},
		"token of text":            {"admin", "ListCommandInvocations", object{"NextToken": "MTphYmM"}, "InvalidNextToken"},
		"unknown operation":        {"admin", "DescribePatchBaselines", object{}, "UnknownOperationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if out, code := w.ask(tc.who, "ssm", tc.operation, tc.in); code != tc.code {
				t.Errorf("got %q, want %q: %v", code, tc.code, out)
			}
		})
	}
}

func TestListCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node(1, nil), w.node(2, nil)
	w.do("CreateDocument", object{"Name": "release", "Content": one(`{"runCommand":["x"]}`)})
	first := w.shell(object{"InstanceIds": []string{a.id}})
	a.finish("Success", 0)
	w.clock.advance(time.Hour)
	second := text(w.do("SendCommand", object{"DocumentName": "release", "InstanceIds": []string{a.id, b.id}}), "Command", "CommandId")
	b.reply(b.take(), "Failed", object{"step": plugin("Failed", 1, "", "")})
	third := w.shell(object{"InstanceIds": []string{b.id}})
	names := map[string]string{first: "first", second: "second", third: "third"}
	filter := func(key, value string) object { return object{"Filters": []object{{"key": key, "value": value}}} }
	for name, tc := range map[string]struct {
		in   object
		want string
	}{
		"all, newest first": {object{}, "third second first"},
		"by id":             {object{"CommandId": second}, "second"},
		"unknown id":        {object{"CommandId": noSuchCommand}, ""},
		"by node":           {object{"InstanceId": a.id}, "second first"},
		"document":          {filter("DocumentName", "AWS-RunShellScript"), "third first"},
		"status":            {filter("Status", "Success"), "first"},
		"details":           {filter("Status", "Incomplete"), ""},
		"executing":         {filter("ExecutionStage", "Executing"), "third second"},
		"complete":          {filter("ExecutionStage", "Complete"), "first"},
		"after":             {filter("InvokedAfter", "2026-11-22T05:00:00Z"), "third second"},
		"before":            {filter("InvokedBefore", "2026-11-22T05:00:00Z"), "first"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1, 50} { // page by page, and at once
				var got []string
				for _, c := range w.all("ListCommands", "Commands", tc.in, size) {
					got = append(got, names[text(c, "CommandId")])
				}
				if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
					t.Errorf("pages of %d: %s", size, diff)
				}
			}
		})
	}
	if got := len(w.all("ListCommandInvocations", "CommandInvocations", object{}, 2)); got != 4 {
		t.Errorf("%d invocations", got)
	}
	if got := w.all("ListCommandInvocations", "CommandInvocations", filter("Status", "Failed"), 50); len(got) != 1 || text(got[0], "InstanceId") != b.id {
		t.Error(got)
	}
	if out, _ := w.ask("stranger", "ssm", "ListCommands", object{}); len(out["Commands"].([]any)) != 0 {
		t.Error("a stranger sees commands")
	}
}

// all reads every page.
func (w *world) all(operation, field string, in object, size int) (all []object) {
	w.t.Helper()
	request := object{"MaxResults": size}
	for k, v := range in {
		request[k] = v
	}
	for range 100 {
		out := w.do(operation, request)
		for _, item := range out[field].([]any) {
			all = append(all, item.(object))
		}
		next, more := out["NextToken"]
		if !more {
			return all
		}
		request["NextToken"] = next
	}
	w.t.Fatalf("%s does not come to an end", operation)
	return nil
}

package ssm_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAutomationIsStoredAndNotRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	made := w.do("CreateDocument", object{"Name": "runbook", "Content": runbook, "DocumentType": "Automation"})
	description, _ := made["DocumentDescription"].(object)
	if diff := cmp.Diff([]any{object{"Name": "Count", "Type": "Integer", "DefaultValue": "3"}, object{"Name": "Role", "Type": "AWS::IAM::Role::Arn"}},
		description["Parameters"]); diff != "" || text(description, "DocumentType") != "Automation" {
		t.Error(diff, description)
	}
	if got := w.do("GetDocument", object{"Name": "runbook"}); text(got, "DocumentType") != "Automation" || text(got, "Content") != runbook {
		t.Error(got)
	}
	if _, code := w.ask("admin", "ssm", "SendCommand", object{"DocumentName": "runbook", "InstanceIds": []string{a.id}}); code != "InvalidDocument" {
		t.Error(code)
	}
	w.do("CreateDocument", object{"Name": "release", "Content": deploy})
	for kind, want := range map[string]int{"Automation": 1, "Command": 2} {
		if got := w.all("ListDocuments", "DocumentIdentifiers", object{"Filters": []object{{"Key": "DocumentType", "Values": []string{kind}}}}, 50); len(got) != want {
			t.Errorf("%d documents of type %s", len(got), kind)
		}
	}
	// The type is a condition key.
	w.user("reader", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*",
		"Condition":{"StringEquals":{"ssm:DocumentType":"Automation"}}}]}`)
	for name, want := range map[string]string{"runbook": "", "release": "AccessDeniedException"} {
		if _, code := w.ask("reader", "ssm", "GetDocument", object{"Name": name}); code != want {
			t.Errorf("%s: %q", name, code)
		}
	}
}

// TestDocumentFormats: the same document in the other format, and in no third one.
func TestDocumentFormats(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("CreateDocument", object{"Name": "release", "Content": deploy})
	got := text(w.do("GetDocument", object{"Name": "release", "DocumentFormat": "YAML"}), "Content")
	if !strings.Contains(got, "schemaVersion: \"2.2\"\n") || strings.Contains(got, "{\n") {
		t.Errorf("not YAML as people write it: %s", got)
	}
	w.do("CreateDocument", object{"Name": "copy", "Content": got, "DocumentFormat": "YAML"})
	back := text(w.do("GetDocument", object{"Name": "copy", "DocumentFormat": "JSON"}), "Content")
	if diff := cmp.Diff(decode(t, deploy), decode(t, back)); diff != "" {
		t.Error(diff)
	}
	if _, code := w.ask("admin", "ssm", "GetDocument", object{"Name": "release", "DocumentFormat": "TEXT"}); code != "ValidationException" {
		t.Error(code)
	}
}

func TestOldSchemasHaveNoVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	old := `{"schemaVersion":"1.2","runtimeConfig":{"aws:runShellScript":{"properties":[{"runCommand":["true"]}]}}}`
	w.do("CreateDocument", object{"Name": "old", "Content": old})
	update := object{"Name": "old", "Content": deploy, "DocumentVersion": "$LATEST"}
	if _, code := w.ask("admin", "ssm", "UpdateDocument", update); code != "InvalidDocumentSchemaVersion" {
		t.Error(code)
	}
	w.do("CreateDocument", object{"Name": "middle", "Content": strings.Replace(one(`{"runCommand":["x"]}`), `"2.2"`, `"2.0"`, 1)})
	if _, code := w.ask("admin", "ssm", "CreateDocument", object{"Name": "condition", "Content": strings.Replace(deploy, `"2.2"`, `"2.0"`, 1)}); code != "InvalidDocumentContent" {
		t.Error(code)
	}
	update["Name"] = "middle"
	w.do("UpdateDocument", update)
	update["Name"] = "AWS-RunShellScript"
	if _, code := w.ask("admin", "ssm", "UpdateDocument", update); code != "InvalidDocument" {
		t.Error(code)
	}
}

func TestDocumentQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 500 {
		w.do("CreateDocument", object{"Name": fmt.Sprintf("doc-%d", i), "Content": one(`{"runCommand":["x"]}`)})
	}
	in := object{"Name": "one-more", "Content": deploy}
	if _, code := w.ask("admin", "ssm", "CreateDocument", in); code != "DocumentLimitExceeded" {
		t.Error(code)
	}
	if _, code := w.ask("stranger", "ssm", "CreateDocument", in); code != "" {
		t.Errorf("the quota is the account's own: %s", code)
	}
}

// TestDocumentStatusFollows: with a consistency delay a document is not Active, and cannot be sent, at once.
func TestDocumentStatusFollows(t *testing.T) {
	t.Parallel()
	w := newWorldIn(t, "", 2*time.Second)
	a := w.node(1, nil)
	status := func() string { return text(w.do("DescribeDocument", object{"Name": "doc"}), "Document", "Status") }
	send := func() string {
		_, code := w.ask("admin", "ssm", "SendCommand", object{"DocumentName": "doc", "InstanceIds": []string{a.id}})
		return code
	}
	w.do("CreateDocument", object{"Name": "doc", "Content": one(`{"runCommand":["x"]}`)})
	if got := status() + " " + send(); got != "Creating InvalidDocument" {
		t.Error(got)
	}
	w.clock.advance(2 * time.Second)
	if got := status() + " " + send(); got != "Active " {
		t.Error(got)
	}
	out := w.do("UpdateDocument", object{"Name": "doc", "Content": one(`{"runCommand":["y"]}`), "DocumentVersion": "1"})
	if got := text(out, "DocumentDescription", "Status") + " " + status(); got != "Updating Active" {
		t.Error(got)
	}
}

// TestSharedDocuments: another account finds exactly what was shared with it, by ARN.
func TestSharedDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("third", "333333333333", allowAll)
	w.do("CreateDocument", object{"Name": "tool", "Content": one(`{"runCommand":["1"]}`), "Tags": []object{{"Key": "Team", "Value": "a"}}})
	for _, n := range []string{"2", "3"} {
		w.do("UpdateDocument", object{"Name": "tool", "Content": one(`{"runCommand":["` + n + `"]}`), "DocumentVersion": "$LATEST"})
	}
	w.do("UpdateDocumentDefaultVersion", object{"Name": "tool", "DocumentVersion": "2"})
	arn := "arn:aws:ssm:" + region + ":" + account + ":document/tool"
	get := func(who, ref, version string) string {
		in := object{"Name": ref}
		if version != "" {
			in["DocumentVersion"] = version
		}
		out, code := w.ask(who, "ssm", "GetDocument", in)
		if code != "" {
			return code
		}
		return text(out, "DocumentVersion")
	}
	modify := func(more object) {
		t.Helper()
		in := object{"Name": "tool", "PermissionType": "Share"}
		for k, v := range more {
			in[k] = v
		}
		w.do("ModifyDocumentPermission", in)
	}
	// want: no version, $DEFAULT, $LATEST, and 1, 2, 3.
	want := func(who, want string) {
		t.Helper()
		var got []string
		for _, version := range []string{"", "$DEFAULT", "$LATEST", "1", "2", "3"} {
			got = append(got, strings.NewReplacer("InvalidDocumentVersion", "V", "InvalidDocument", "-").Replace(get(who, arn, version)))
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", who, diff)
		}
	}
	want("stranger", "- - - - - -")
	modify(object{"AccountIdsToAdd": []string{stranger}})
	want("stranger", "2 2 V V 2 V")
	want("third", "- - - - - -")
	if got := get("stranger", "tool", ""); got != "InvalidDocument" {
		t.Errorf("by name: %s", got)
	}
	modify(object{"AccountIdsToAdd": []string{stranger}, "SharedDocumentVersion": "$LATEST"})
	want("stranger", "3 V 3 V V 3")
	modify(object{"AccountIdsToAdd": []string{stranger}, "SharedDocumentVersion": "$ALL"})
	want("stranger", "2 2 3 1 2 3")
	modify(object{"AccountIdsToAdd": []string{"All"}})
	want("third", "2 2 V V 2 V")
	if got := len(w.all("ListDocumentVersions", "DocumentVersions", object{"Name": "tool"}, 2)); got != 3 {
		t.Errorf("%d versions for the owner", got)
	}
	// Who is added and removed is removed.
	modify(object{"AccountIdsToAdd": []string{stranger}, "AccountIdsToRemove": []string{stranger, "all"}})
	want("stranger", "- - - - - -")
	w.do("DeleteDocument", object{"Name": "tool"})
}

func TestListSharedDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("third", "333333333333", allowAll)
	w.do("CreateDocument", object{"Name": "tool", "Content": one(`{"runCommand":["1"]}`), "Tags": []object{{"Key": "Team", "Value": "a"}}})
	for _, id := range []string{stranger, "All"} {
		w.do("ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{id}})
	}
	arn := "arn:aws:ssm:" + region + ":" + account + ":document/tool"
	list := func(who, owner string) (names []string) {
		out, code := w.ask(who, "ssm", "ListDocuments", object{"Filters": []object{{"Key": "Owner", "Values": []string{owner}}}})
		if code != "" {
			return []string{code}
		}
		for _, d := range out["DocumentIdentifiers"].([]any) {
			names = append(names, text(d.(object), "Name")+" "+text(d.(object), "Tags"))
		}
		return names
	}
	for query, want := range map[string][]string{"stranger Private": {arn + " []"}, "third Private": nil, "third Public": {"AWS-RunShellScript []", arn + " []"},
		"third Self": nil, "admin Private": nil, "stranger All": {"AWS-RunShellScript []", arn + " []"}} {
		who, owner, _ := strings.Cut(query, " ")
		if diff := cmp.Diff(want, list(who, owner)); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if out := w.do("DescribeDocumentPermission", object{"Name": "tool", "PermissionType": "Share"}); fmt.Sprint(out["AccountIds"]) != "[222222222222 all]" {
		t.Error(out)
	}
	pages := w.all("DescribeDocumentPermission", "AccountSharingInfoList", object{"Name": "tool", "PermissionType": "Share"}, 1)
	if diff := cmp.Diff([]object{{"AccountId": stranger, "SharedDocumentVersion": "$DEFAULT"}, {"AccountId": "all", "SharedDocumentVersion": "$DEFAULT"}}, pages); diff != "" {
		t.Error(diff)
	}
}

func TestSharingErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.user("third", "333333333333", allowAll)
	w.do("CreateDocument", object{"Name": "tool", "Content": one(`{"runCommand":["1"]}`), "Tags": []object{{"Key": "Team", "Value": "a"}}})
	for _, id := range []string{stranger, "All"} {
		w.do("ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{id}})
	}
	arn := "arn:aws:ssm:" + region + ":" + account + ":document/tool"
	accounts := func(n int) (ids []string) {
		for i := range n {
			ids = append(ids, fmt.Sprintf("%012d", 400000000000+i))
		}
		return ids
	}
	for name, tc := range map[string]struct {
		operation string
		in        object
		who, code string
	}{
		"of a stranger":    {"DescribeDocumentPermission", object{"Name": "tool", "PermissionType": "Share"}, "stranger", "InvalidDocument"},
		"by a stranger":    {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{stranger}}, "third", "InvalidDocument"},
		"other type":       {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Lend", "AccountIdsToAdd": []string{stranger}}, "admin", "InvalidPermissionType"},
		"nobody":           {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share"}, "admin", "ValidationException"},
		"no account":       {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{"1234"}}, "admin", "ValidationException"},
		"21 at once":       {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": accounts(21)}, "admin", "ValidationException"},
		"with the owner":   {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{account}}, "admin", "ValidationException"},
		"other version":    {"ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{stranger}, "SharedDocumentVersion": "1"}, "admin", "ValidationException"},
		"of AWS":           {"ModifyDocumentPermission", object{"Name": "AWS-RunShellScript", "PermissionType": "Share", "AccountIdsToAdd": []string{stranger}}, "admin", "InvalidDocument"},
		"delete":           {"DeleteDocument", object{"Name": "tool"}, "admin", "InvalidDocumentOperation"},
		"delete by ARN":    {"DeleteDocument", object{"Name": arn}, "stranger", "ValidationException"},
		"update of theirs": {"UpdateDocument", object{"Name": "tool", "Content": deploy}, "stranger", "InvalidDocument"},
	} {
		if out, code := w.ask(tc.who, "ssm", tc.operation, tc.in); code != tc.code {
			t.Errorf("%s: %q %v", name, code, out)
		}
	}
	for i := range 5 { // four more are public, and then one too many
		name := fmt.Sprintf("public-%d", i)
		w.do("CreateDocument", object{"Name": name, "Content": deploy})
		_, code := w.ask("admin", "ssm", "ModifyDocumentPermission", object{"Name": name, "PermissionType": "Share", "AccountIdsToAdd": []string{"all"}})
		if (code == "DocumentPermissionLimit") != (i == 4) {
			t.Errorf("public document %d: %q", i, code)
		}
	}
	for i := range 51 {
		ids := accounts(20 * (i + 1))[20*i:]
		_, code := w.ask("admin", "ssm", "ModifyDocumentPermission", object{"Name": "public-0", "PermissionType": "Share", "AccountIdsToAdd": ids})
		if (code == "DocumentPermissionLimit") != (i == 50) {
			t.Errorf("%d accounts: %q", 20*(i+1), code)
		}
	}
}

// TestSharedDocumentIsSent: by ARN, and the command shows the ARN.
func TestSharedDocumentIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	arn := "arn:aws:ssm:" + region + ":" + stranger + ":document/tool"
	for operation, in := range map[string]object{"CreateDocument": {"Name": "tool", "Content": one(`{"runCommand":["1"]}`)}} {
		if out, code := w.ask("stranger", "ssm", operation, in); code != "" {
			t.Fatal(code, out)
		}
	}
	send := func() (object, string) {
		return w.ask("admin", "ssm", "SendCommand", object{"DocumentName": arn, "InstanceIds": []string{a.id}})
	}
	if _, code := send(); code != "InvalidDocument" {
		t.Error(code)
	}
	if out, code := w.ask("stranger", "ssm", "ModifyDocumentPermission", object{"Name": "tool", "PermissionType": "Share", "AccountIdsToAdd": []string{account}}); code != "" {
		t.Fatal(code, out)
	}
	out, code := send()
	if code != "" {
		t.Fatal(code, out)
	}
	a.reply(a.take(), "Success", object{"step": plugin("Success", 0, "out", "")})
	id := text(out, "Command", "CommandId")
	if got := w.invocation(id, a.id); text(got, "DocumentName") != arn || text(got, "StandardOutputContent") != "out" {
		t.Error(got)
	}
	// The identity policy must allow that very document.
	w.user("sender", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:SendCommand","Resource":["arn:aws:ssm:*:111111111111:document/*","arn:aws:ec2:*:*:instance/*"]}]}`)
	if _, code := w.ask("sender", "ssm", "SendCommand", object{"DocumentName": arn, "InstanceIds": []string{a.id}}); code != "AccessDeniedException" {
		t.Error(code)
	}
}

// TestDocumentTagsDecide: a document's tags are condition keys of what is done with it.
func TestDocumentTagsDecide(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"ssm:resourceTag", "aws:ResourceTag"} {
		w := newWorld(t)
		a := w.node(1, map[string]string{"App": "web"})
		w.do("CreateDocument", object{"Name": "tagged", "Content": one(`{"runCommand":["x"]}`), "Tags": []object{{"Key": "App", "Value": "web"}}})
		w.do("CreateDocument", object{"Name": "plain", "Content": one(`{"runCommand":["x"]}`)})
		w.user("sender", account, fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:SendCommand","ssm:GetDocument"],
			"Resource":"*","Condition":{"StringEquals":{"%s/App":"web"}}}]}`, key))
		for name, want := range map[string]string{"tagged": "", "plain": "AccessDeniedException", "AWS-RunShellScript": "AccessDeniedException"} {
			for operation, in := range map[string]object{
				"SendCommand": {"DocumentName": name, "InstanceIds": []string{a.id}}, "GetDocument": {"Name": name}} {
				if out, code := w.ask("sender", "ssm", operation, in); code != want {
					t.Errorf("%s %s: %q %v", operation, name, code, out)
				}
			}
		}
		w.user("creator", account, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ssm:CreateDocument","ssm:AddTagsToResource"],
			"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/App":"web"},"ForAllValues:StringEquals":{"aws:TagKeys":["App"]}}}]}`)
		create := func(name string, tags ...object) string {
			_, code := w.ask("creator", "ssm", "CreateDocument", object{"Name": name, "Content": deploy, "Tags": tags})
			return code
		}
		if got := []string{create("one", object{"Key": "App", "Value": "web"}), create("two"), create("three", object{"Key": "App", "Value": "web"}, object{"Key": "X", "Value": "y"})}; got[0] != "" || got[1] != "AccessDeniedException" || got[2] != "AccessDeniedException" {
			t.Error(got)
		}
	}
}

func TestTagsOfDocuments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("CreateDocument", object{"Name": "tool", "Content": deploy, "Tags": []object{{"Key": "Team", "Value": "a"}}})
	id := object{"ResourceType": "Document", "ResourceId": "tool"}
	w.do("AddTagsToResource", object{"ResourceType": "Document", "ResourceId": "tool", "Tags": []object{{"Key": "App", "Value": "web"}, {"Key": "Team", "Value": "b"}}})
	want := []any{object{"Key": "App", "Value": "web"}, object{"Key": "Team", "Value": "b"}}
	if diff := cmp.Diff(want, w.do("ListTagsForResource", id)["TagList"]); diff != "" {
		t.Error(diff)
	}
	w.do("RemoveTagsFromResource", object{"ResourceType": "Document", "ResourceId": "tool", "TagKeys": []string{"App"}})
	if diff := cmp.Diff([]any{want[1]}, w.do("DescribeDocument", object{"Name": "tool"})["Document"].(object)["Tags"]); diff != "" {
		t.Error(diff)
	}
	for who, in := range map[string]object{"stranger": id, "admin": {"ResourceType": "Document", "ResourceId": "AWS-RunShellScript"}} {
		if _, code := w.ask(who, "ssm", "ListTagsForResource", in); code != "InvalidResourceId" {
			t.Errorf("%s: %q", who, code)
		}
	}
}

// TestUpdateErrors: what an update may not repeat, and what it must build on.
func TestUpdateErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := func(n int) string { return one(fmt.Sprintf(`{"runCommand":["%d"]}`, n)) }
	w.do("CreateDocument", object{"Name": "tool", "Content": content(1), "VersionName": "one"})
	w.do("UpdateDocument", object{"Name": "tool", "Content": content(2), "DocumentVersion": "1", "VersionName": "two"})
	for name, tc := range map[string]struct {
		in   object
		code string
	}{
		"content of the latest":   {object{"Content": content(2), "DocumentVersion": "$LATEST"}, "DuplicateDocumentContent"},
		"content of an older":     {object{"Content": content(1), "DocumentVersion": "$LATEST"}, "DuplicateDocumentContent"},
		"name of another":         {object{"Content": content(3), "DocumentVersion": "$LATEST", "VersionName": "one"}, "DuplicateDocumentVersionName"},
		"not the latest":          {object{"Content": content(3), "DocumentVersion": "1"}, "InvalidDocumentVersion"},
		"no such version":         {object{"Content": content(3), "DocumentVersion": "9"}, "InvalidDocumentVersion"},
		"the default by omission": {object{"Content": content(3)}, "InvalidDocumentVersion"},
		"other schema":            {object{"Content": `{"schemaVersion":"3.0"}`, "DocumentVersion": "2"}, "InvalidDocumentSchemaVersion"},
		"no document":             {object{"Content": "[]", "DocumentVersion": "2"}, "InvalidDocumentContent"},
		"too large":               {object{"Content": one(`{"runCommand":["` + strings.Repeat("x", 65536) + `"]}`), "DocumentVersion": "2"}, "MaxDocumentSizeExceeded"},
		"format":                  {object{"Content": content(3), "DocumentVersion": "2", "DocumentFormat": "XML"}, "ValidationException"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tc.in["Name"] = "tool"
			if out, code := w.ask("admin", "ssm", "UpdateDocument", tc.in); code != tc.code {
				t.Errorf("got %q, want %q: %v", code, tc.code, out)
			}
		})
	}
	if got := w.do("DescribeDocument", object{"Name": "tool", "VersionName": "two"}); text(got, "Document", "DocumentVersion") != "2" {
		t.Error(got)
	}
	if _, code := w.ask("admin", "ssm", "DescribeDocument", object{"Name": "tool", "VersionName": "three"}); code != "InvalidDocumentVersion" {
		t.Error(code)
	}
}

func TestVersionQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	content := func(n int) string { return one(fmt.Sprintf(`{"runCommand":["%d"]}`, n)) }
	w.do("CreateDocument", object{"Name": "tool", "Content": content(1)})
	w.do("UpdateDocument", object{"Name": "tool", "Content": content(2), "DocumentVersion": "$LATEST"})
	for _, statement := range []string{
		`WITH RECURSIVE n(i) AS (SELECT 3 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)
			INSERT INTO ssm_document_version (account, region, name, version, created, version_name, display_name, format, content, hash)
			SELECT account, region, name, i, created, '', '', format, content, 'hash ' || i FROM ssm_document_version, n WHERE version = 2`,
		`UPDATE ssm_document SET latest_version = 1000`,
	} {
		_, err := w.db.ExecContext(t.Context(), statement)
		must(t, err)
	}
	if _, code := w.ask("admin", "ssm", "UpdateDocument", object{"Name": "tool", "Content": content(1001), "DocumentVersion": "$LATEST"}); code != "DocumentVersionLimitExceeded" {
		t.Error(code)
	}
	if got := len(w.all("ListDocumentVersions", "DocumentVersions", object{"Name": "tool"}, 50)); got != 1000 {
		t.Errorf("%d versions", got)
	}
}

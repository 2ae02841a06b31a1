package catalog

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// typesOf writes an action's resource types as the reference does: required ones with an asterisk.
func typesOf(a Action) string {
	var out []string
	for _, r := range a.Resources {
		if r.Required {
			out = append(out, r.Type+"*")
		} else {
			out = append(out, r.Type)
		}
	}
	return strings.Join(out, " ")
}

// The actions on which a release's roles rest, as the service authorization reference of 2026-09 has them.
var reference = []struct{ action, level, types, keys string }{
	{"ssm:SendCommand", LevelWrite, "bucket document* instance managed-instance", "aws:ResourceTag/${TagKey} ssm:resourceTag/${TagKey}"},
	{"ssm:GetCommandInvocation", LevelRead, "", ""},
	{"ssm:ListCommandInvocations", LevelList, "", ""},
	{"ssm:ListCommands", LevelList, "", ""},
	{"ssm:CancelCommand", LevelWrite, "", ""},
	{"ssm:DescribeInstanceInformation", LevelRead, "", ""},
	{"ssm:GetDocument", LevelRead, "document*", "ssm:DocumentCategories ssm:DocumentType"},
	{"ssm:UpdateDocument", LevelWrite, "document*", "ssm:DocumentType"},
	{"ssm:DescribeParameters", LevelList, "", ""},
	{"ssm:UpdateInstanceInformation", LevelWrite, "instance managed-instance", "ec2:SourceInstanceARN ssm:SourceInstanceARN"},
	{"ssmmessages:CreateControlChannel", LevelWrite, "", "ec2:SourceInstanceARN ssm:SourceInstanceARN"},
	{"ssmmessages:OpenControlChannel", LevelWrite, "", ""},
	{"ec2messages:GetMessages", LevelRead, "", "ec2:SourceInstanceARN ssm:SourceInstanceARN"},
	{"ec2messages:AcknowledgeMessage", LevelWrite, "", ""},
	{"ec2messages:DeleteMessage", LevelWrite, "", ""},
	{"ec2messages:FailMessage", LevelWrite, "", ""},
	{"ec2messages:GetEndpoint", LevelRead, "", ""},
	{"ec2messages:SendReply", LevelWrite, "", "ec2:SourceInstanceARN ssm:SourceInstanceARN"},
	{"iam:PassRole", LevelWrite, "role*", "iam:AssociatedResourceArn iam:PassedToService"},
	{"cloudformation:ExecuteChangeSet", LevelWrite, "stack*", "cloudformation:ChangeSetName"},
	{"cloudformation:DeleteStack", LevelWrite, "stack*", "cloudformation:RoleArn"},
	{"ec2:DescribeInstances", LevelList, "", "ec2:Region"},
}

func TestR074ActionsAreThoseOfTheReference(t *testing.T) {
	t.Parallel()
	for _, tt := range reference {
		a, ok := Lookup(tt.action)
		if !ok {
			t.Errorf("%s is unknown", tt.action)
			continue
		}
		got := []string{a.String(), a.AccessLevel, typesOf(a), strings.Join(a.ConditionKeys, " ")}
		if diff := cmp.Diff([]string{tt.action, tt.level, tt.types, tt.keys}, got); diff != "" {
			t.Errorf("%s (-reference +catalog):\n%s", tt.action, diff)
		}
	}
}

// R4: a star is accepted silently only for actions without resource types.
func TestR004UnscopableExactlyWithoutResourceTypes(t *testing.T) {
	t.Parallel()
	for _, tt := range reference {
		reason, ok := Unscopable(tt.action)
		if want := tt.types == ""; ok != want {
			t.Errorf("Unscopable(%s) = %t, want %t", tt.action, ok, want)
		}
		if ok && !strings.Contains(reason, tt.action) || ok == (reason == "") {
			t.Errorf("Unscopable(%s) gives the reason %q", tt.action, reason)
		}
	}
	got, _ := Unscopable("SSM:getcommandinvocation")
	want := "AWS defines no resource type for ssm:GetCommandInvocation (service authorization reference, 2026-09): IAM only supports * here"
	if got != want {
		t.Errorf("reason:\n%s\nwant:\n%s", got, want)
	}
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", maxName+1)
	for _, action := range []string{"", ":", "ssm", "ssm:", ":SendCommand", "ssm:SendComand", "nosuch:SendCommand", "ssm:*", "ssm:SendCommand:x", long + ":a", "ssm:" + long} {
		if a, ok := Lookup(action); ok {
			t.Errorf("Lookup(%q) = %v", action, a)
		}
		if reason, ok := Unscopable(action); ok || reason != "" {
			t.Errorf("Unscopable(%q) = %q, %t: nothing is known about it", action, reason, ok)
		}
	}
	if r, ok := ResourceType("ssm", "nosuch"); ok {
		t.Errorf("ResourceType(ssm, nosuch) = %v", r)
	}
	if r, ok := ResourceType("nosuch", "instance"); ok {
		t.Errorf("ResourceType(nosuch, instance) = %v", r)
	}
	if Actions("nosuch") != nil || ConditionKeys("nosuch") != nil {
		t.Error("an unknown service has actions or condition keys")
	}
}

func TestNamesInAnyCase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ssm:sendcommand", "SSM:SENDCOMMAND", "Ssm:SendCommand"} {
		if a, ok := Lookup(name); !ok || a.String() != "ssm:SendCommand" {
			t.Errorf("Lookup(%s) = %v, %t", name, a, ok)
		}
	}
	if r, ok := ResourceType("SSM", "Managed-Instance"); !ok || r.Type != "managed-instance" {
		t.Errorf("ResourceType(SSM, Managed-Instance) = %v, %t", r, ok)
	}
}

func TestResourceTypes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		service, name string
		want          Resource
	}{
		{"ssm", "instance", Resource{
			Service: "ssm", Type: "instance",
			ARNs:          []string{"arn:${Partition}:ec2:${Region}:${Account}:instance/${InstanceId}"},
			ConditionKeys: []string{"aws:ResourceTag/${TagKey}", "ssm:resourceTag/${TagKey}"},
		}},
		{"iam", "role", Resource{
			Service: "iam", Type: "role",
			ARNs:          []string{"arn:${Partition}:iam::${Account}:role/${RoleNameWithPath}"},
			ConditionKeys: []string{"aws:ResourceTag/${TagKey}", "iam:ResourceTag/${TagKey}"},
		}},
		{"apigateway", "Stages", Resource{
			Service: "apigateway", Type: "Stages",
			ARNs: []string{"arn:${Partition}:apigateway:${Region}::/apis/${ApiId}/stages",
				"arn:${Partition}:apigateway:${Region}::/restapis/${RestApiId}/stages"},
			ConditionKeys: []string{"apigateway:Request/AccessLoggingDestination", "apigateway:Request/AccessLoggingFormat", "aws:ResourceTag/${TagKey}"},
		}},
	}
	for _, tt := range tests {
		got, ok := ResourceType(tt.service, tt.name)
		if diff := cmp.Diff(tt.want, got); !ok || diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", tt.service, tt.name, diff)
		}
	}
}

// R7: a document that AWS owns has no account in its ARN; both forms are known.
func TestR007DocumentARNsWithAndWithoutAccount(t *testing.T) {
	t.Parallel()
	r, _ := ResourceType("ssm", "document")
	want := []string{
		"arn:${Partition}:ssm:${Region}:${Account}:document/${DocumentName}",
		"arn:${Partition}:ssm:${Region}::document/${DocumentName}",
	}
	if diff := cmp.Diff(want, r.ARNs); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSource(t *testing.T) {
	t.Parallel()
	version, date := Source()
	if version != "0.21.202609261" || date != "2026-09-26" {
		t.Errorf("Source() = %s, %s: update this test together with the data", version, date)
	}
	older, olderDate := DependentsSource()
	if older != "0.15.202512061" || olderDate != "2025-12-06" {
		t.Errorf("DependentsSource() = %s, %s: update this test together with the data", older, olderDate)
	}
	for name, wants := range map[string][]string{"NOTICE": {version, date, older, olderDate}, "catalog.go": {"iam-data@" + version, "iam-data@" + older}} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range wants {
			if !strings.Contains(string(text), want) {
				t.Errorf("%s does not say %s", name, want)
			}
		}
	}
}

func TestListsAreCopies(t *testing.T) {
	t.Parallel()
	Services()[0] = "changed"
	ConditionKeys("ssm")[0].Name = "changed"
	Actions("ssm")[0] = "changed"
	if slices.Contains(Services(), "changed") || slices.Contains(Actions("ssm"), "changed") || ConditionKeys("ssm")[0].Name == "changed" {
		t.Error("a list that was handed out is the catalog's own")
	}
}

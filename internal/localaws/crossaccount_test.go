package localaws_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// guesses are the victim's things by the name of the member that an operation takes them in: what somebody of another
// account would write there who knows everything about the victim but has none of its keys. The first is the name, the
// second the ARN.
func (v *victim) guesses() map[string][2]string {
	iamARN := "arn:aws:iam::" + victimAccount + ":"
	ssmARN := "arn:aws:ssm:" + victimRegion + ":" + victimAccount + ":"
	logARN := "arn:aws:logs:" + victimRegion + ":" + victimAccount + ":log-group:/shop/deploy"
	twice := func(s string) [2]string { return [2]string{s, s} }
	own := strings.NewReplacer(marker, "mine", "Marker", "Mine") // what others write themselves tells nothing of the victim's
	return map[string][2]string{
		"RoleName": twice("deploy"), "RoleArn": twice(iamARN + "role/deploy"), "RoleSessionName": twice("run"), "UserName": twice("nobody"),
		"GroupName": twice("people"), "PolicyArn": twice(iamARN + "policy/managed"), "PolicySourceArn": twice(iamARN + "role/deploy"),
		"PolicyName": {"inline", "managed"}, "InstanceProfileName": twice("node"), "VersionId": twice("v1"), "PolicyDocument": twice(own.Replace(onlyDeny)),
		"AssumeRolePolicyDocument": twice(accountTrust), "PolicyInput": twice(own.Replace(onlyDeny)), "ActionNames": twice("s3:GetObject"),
		"OpenIDConnectProviderArn": twice(iamARN + "oidc-provider/" + marker + ".example.com"), "AccessKeyId": twice(v.nobody.cred.AccessKeyID),
		"Arn": twice(iamARN + "role/deploy"), "PermissionsBoundary": twice(iamARN + "policy/managed"), "CallerArn": twice(iamARN + "user/nobody"),
		"InstanceId": twice(victimNode), "InstanceIds": twice(victimNode), "Destination": twice(victimNode), "Resources": twice(victimNode),
		"CommandId": twice(v.command), "DocumentName": {"shop-release", ssmARN + "document/shop-release"},
		"MessageId": twice("aws.ssm." + v.command + "." + victimNode), "Content": twice(own.Replace(echoDocument)), "Payload": twice(`{"documentStatus":"Failed"}`),
		"ResourceId": {victimNode, ssmARN + "document/shop-release"}, "ResourceType": {"ManagedInstance", "Document"},
		"ResourceArn": {logARN, iamARN + "role/deploy"}, "ResourceARN": {logARN, ssmARN + "parameter/shop/secret"},
		"LogGroupName": twice("/shop/deploy"), "LogGroupIdentifier": {logARN, "/shop/deploy"}, "LogStreamName": twice("stream"),
		"Path": {"/shop", "/" + marker + "/"}, "Names": {"/shop/plain", ssmARN + "parameter/shop/plain"},
		"Name": {"shop-release", ssmARN + "parameter/shop/plain"}, "Value": twice("changed"), "Message": twice("changed"),
		"ActivationId": twice(v.names["activation"]), "IamRole": twice("deploy"), "AssociationId": twice(v.names["association"]),
		"AlarmName": twice("errors"), "AlarmNames": twice("errors"), "AlarmNamePrefix": twice("err"), "StateValue": twice("ALARM"), "StateReason": twice("changed"),
		"MetricName": twice("errors"), "Namespace": twice("shop"), "Statistic": twice("Sum"), "AlarmDescription": twice("changed"),
		"Key": twice("tag:App"), "Values": twice("shop"), "DocumentVersion": twice("1"), "Type": twice("String"), "Labels": twice("live"),
		"PluginName": twice("release"), "Tags": twice("changed"), "TagKeys": twice("Note"), "Status": twice("Inactive"), "Description": twice("changed"),
		"TargetId": twice(victimAccount), "AccountId": twice(victimAccount), "Url": twice("https://" + marker + ".example.com"),
		"IamInstanceProfile": twice("node"), "JobId": twice(v.names["job"]), "AccountIdsToAdd": twice(otherAccount), "PermissionType": twice("Share"),
		"AgentName": twice("amazon-ssm-agent"), "AgentVersion": twice("3.3.0.0"), "AgentStatus": twice("Active"), "PlatformType": twice("Linux"),
		"PlatformName": twice("x"), "PlatformVersion": twice("1"), "IPAddress": twice("127.0.0.1"), "ComputerName": twice("x"),
	}
}

// filled writes an input with the victim's things in all its members, as JSON of an operation's wire structure. kind
// chooses names or ARNs.
func (v *victim) filled(input any, kind int) map[string]any {
	out, _ := v.fill(reflect.TypeOf(input).Elem(), "", kind, 0).(map[string]any)
	return out
}

func (v *victim) fill(t reflect.Type, name string, kind, depth int) any {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.String:
		guess, ok := v.guesses()[upper(strings.TrimSuffix(name, ".item"))]
		if !ok {
			return nil
		}
		return guess[kind]
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return nil
		}
		if item := v.fill(t.Elem(), name+".item", kind, depth+1); item != nil {
			return []any{item}
		}
	case reflect.Map:
		if item := v.fill(t.Elem(), "Version", kind, depth+1); item != nil {
			return map[string]any{"Version": item}
		}
		if t.Elem().Kind() == reflect.Slice {
			return map[string]any{"Version": []any{"v1"}}
		}
	case reflect.Struct:
		if depth > 4 || t == reflect.TypeFor[gateway.Time]() {
			return nil
		}
		members := map[string]any{}
		v.members(t, members, kind, depth)
		if len(members) > 0 {
			return members
		}
	}
	return nil
}

func (v *victim) members(t reflect.Type, into map[string]any, kind, depth int) {
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Anonymous {
			v.members(f.Type, into, kind, depth)
			continue
		}
		name := f.Name
		for _, tag := range []string{"json", "xml"} {
			if renamed, _, _ := strings.Cut(f.Tag.Get(tag), ","); renamed != "" {
				name = renamed
			}
		}
		if !f.IsExported() || slices.Contains([]string{"NextToken", "Marker", "Filters", "Filter", "ParameterFilters", "DryRun", "Version"}, name) {
			continue
		}
		if kind == 0 && name == "logGroupIdentifier" { // a group has a name or an identifier, not both
			continue
		}
		if value := v.fill(f.Type, name, kind, depth+1); value != nil {
			if name == "logGroupIdentifier" {
				delete(into, "logGroupName")
			}
			into[name] = value
		}
	}
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// flatten writes a filled input as a Query form.
func flatten(prefix string, value any, list string, into url.Values) {
	switch x := value.(type) {
	case string:
		into.Set(prefix, x)
	case []any:
		for i, item := range x {
			flatten(fmt.Sprintf("%s%s.%d", prefix, list, i+1), item, list, into)
		}
	case map[string]any:
		for name, item := range x {
			if prefix != "" {
				name = prefix + "." + name
			}
			flatten(name, item, list, into)
		}
	}
}

// attempt makes the call of an operation with the victim's things in it.
func (v *victim) attempt(t *testing.T, who caller, s gateway.Service, o gateway.Operation, kind int) answer {
	t.Helper()
	in := v.filled(o.Input(), kind)
	if s.Protocol == gateway.JSON11 {
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		return who.ask(t, s.Name, o.Name, string(body))
	}
	form := url.Values{}
	flatten("", in, map[gateway.Protocol]string{gateway.Query: ".member"}[s.Protocol], form)
	return who.ask(t, s.Name, o.Name, form.Encode())
}

// rest are attempts at the operations of REST services, which have no wire structure to fill.
var rest = map[string][]string{
	"ssmmessages": {"POST /v1/control-channel/" + victimNode, "GET /v1/control-channel/" + victimNode + "?role=subscribe&stream=input"},
	"s3":          s3Attempts,
}

// TestNoCrossAccountAccess tries every operation as the administrator of another account, with the victim's names and
// ARNs in it. The victim loses nothing, gets nothing new, and no answer tells anything of it. That the attempts are about
// something is shown by the victim's own administrator, who does see what is tried.
func TestNoCrossAccountAccess(t *testing.T) {
	t.Parallel()
	v := newVictim(t)
	before := v.rows(t)
	tried := 0
	for _, name := range slices.Sorted(maps.Keys(v.other.services)) {
		service := v.other.services[name]
		for _, attempt := range rest[name] {
			method, path, _ := strings.Cut(attempt, " ")
			got := v.other.send(t, method, path, name, http.Header{}, marker[:3])
			v.reveals(t, name+" "+attempt, got)
			tried++
		}
		if service.Protocol == gateway.RESTXML {
			if len(rest[name]) < len(service.Operations) {
				t.Errorf("%s: %d attempts for %d operations", name, len(rest[name]), len(service.Operations))
			}
			continue
		}
		for _, operation := range service.Operations {
			for kind := range 2 {
				v.reveals(t, name+" "+operation.Name, v.attempt(t, v.other, service, operation, kind))
				tried++
			}
		}
	}
	after := v.rows(t)
	for _, row := range lost(before, after) {
		t.Errorf("another account changed: %.500s", row)
	}
	for _, row := range lost(after, before) {
		if strings.Contains(row, victimAccount) && !strings.Contains(row, otherAccount) {
			t.Errorf("another account made: %.500s", row)
		}
	}
	t.Logf("%d attempts", tried)
	v.control(t)
}

// reveals reports an answer to another account that holds anything of the victim's.
func (v *victim) reveals(t *testing.T, what string, got answer) {
	t.Helper()
	// What was asked may come back: the marker in a name that the other account wrote itself is its own.
	body := got.body
	for _, own := range []string{"/" + marker + "/", marker + ".example.com"} {
		body = strings.ReplaceAll(body, own, "")
	}
	if got.status < 300 && strings.Contains(body, marker) {
		t.Errorf("%s: another account was told: %.500s", what, got.body)
	}
	if got.status >= 500 {
		t.Errorf("%s: %d %.300s", what, got.status, got.body)
	}
}

// control shows that the attempts reach: the victim's own administrator gets the victim's things by them.
func (v *victim) control(t *testing.T) {
	t.Helper()
	var found []string
	for _, name := range slices.Sorted(maps.Keys(v.admin.services)) {
		service := v.admin.services[name]
		for _, o := range service.Operations {
			if o.Input() == nil || !strings.HasPrefix(o.Name, "Get") && !strings.HasPrefix(o.Name, "List") && !strings.HasPrefix(o.Name, "Describe") {
				continue
			}
			for kind := range 2 {
				if got := v.attempt(t, v.admin, service, o, kind); got.status < 300 && strings.Contains(got.body, marker) {
					found = append(found, name+":"+o.Name)
					break
				}
			}
		}
	}
	t.Logf("the victim's administrator sees it with %d operations: %s", len(found), strings.Join(found, " "))
	if len(found) < minRevealing {
		t.Errorf("only %d operations show the victim's things to its own administrator, want %d: the attempts are about nothing", len(found), minRevealing)
	}
}

const minRevealing = 20

package localaws_test

import (
	"encoding/json"
	"html"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/iam"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

func element(body, name string) string {
	m := regexp.MustCompile(`(?s)<` + name + `>(.*?)</` + name + `>`).FindStringSubmatch(body)
	if m == nil {
		return ""
	}
	return html.UnescapeString(m[1])
}

// TestDecodeAuthorizationMessage: EC2's denials carry a message that the account may decode, if it is allowed to.
func TestDecodeAuthorizationMessage(t *testing.T) {
	t.Parallel()
	aws, _ := withControl(t)
	admin, stranger := callerOf(t, aws, account, "eu-west-1"), callerOf(t, aws, "222222222222", "eu-west-1")
	if err := aws.PutRole(t.Context(), iam.RoleSpec{Account: account, Name: "limited", Path: "/",
		Trust:    []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}]}`),
		Policies: map[string][]byte{"ops": []byte(`{"Version":"2012-10-17","Statement":[{"Sid":"Never","Effect":"Deny","Action":"ec2:DescribeInstances","Resource":"*"}]}`)},
	}); err != nil {
		t.Fatal(err)
	}
	session := admin.must(t, "sts", "AssumeRole", url.Values{"RoleArn": {"arn:aws:iam::111111111111:role/limited"}, "RoleSessionName": {"run"}}.Encode())
	limited := admin
	limited.cred = sigv4.Credentials{AccessKeyID: element(session, "AccessKeyId"), SecretAccessKey: element(session, "SecretAccessKey"), SessionToken: element(session, "SessionToken")}

	denied := limited.ask(t, "ec2", "DescribeInstances", "")
	_, message, ok := strings.Cut(element(denied.body, "Message"), "Encoded authorization failure message: ")
	if denied.code != "UnauthorizedOperation" || !ok {
		t.Fatalf("%d %s", denied.status, denied.body)
	}
	form := url.Values{"EncodedMessage": {message}}.Encode()
	var doc struct {
		Allowed, ExplicitDeny bool
		MatchedStatements     struct {
			Items []struct{ StatementID string }
		}
		Context struct {
			Principal  struct{ ARN string }
			Action     string
			Conditions struct {
				Items []struct {
					Key    string
					Values struct{ Items []struct{ Value string } }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(element(admin.must(t, "sts", "DecodeAuthorizationMessage", form), "DecodedMessage")), &doc); err != nil {
		t.Fatal(err)
	}
	region := ""
	for _, c := range doc.Context.Conditions.Items {
		if c.Key == "aws:RequestedRegion" {
			region = c.Values.Items[0].Value
		}
	}
	if diff := cmp.Diff([]any{false, true, "ops/Never", "arn:aws:sts::111111111111:assumed-role/limited/run", "ec2:DescribeInstances", "eu-west-1"},
		[]any{doc.Allowed, doc.ExplicitDeny, doc.MatchedStatements.Items[0].StatementID, doc.Context.Principal.ARN, doc.Context.Action, region}); diff != "" {
		t.Error(diff)
	}
	for name, tc := range map[string]struct {
		who  caller
		form string
		code string
	}{
		"another account":    {stranger, form, "InvalidAuthorizationMessageException"},
		"without permission": {limited, form, "AccessDenied"},
		"changed":            {admin, url.Values{"EncodedMessage": {"A" + message[1:]}}.Encode(), "InvalidAuthorizationMessageException"},
		"no message":         {admin, "", "ValidationError"},
		"not base64":         {admin, "EncodedMessage=%21", "InvalidAuthorizationMessageException"},
		"too long":           {admin, "EncodedMessage=" + strings.Repeat("x", 10241), "ValidationError"},
	} {
		if message[0] == 'A' && name == "changed" {
			tc.form = url.Values{"EncodedMessage": {"B" + message[1:]}}.Encode()
		}
		if got := tc.who.ask(t, "sts", "DecodeAuthorizationMessage", tc.form); got.code != tc.code {
			t.Errorf("%s: %s, want %s: %s", name, got.code, tc.code, got.body)
		}
	}
}

func TestGetAccessKeyInfo(t *testing.T) {
	t.Parallel()
	aws, _ := withControl(t)
	admin, stranger := callerOf(t, aws, account, "eu-west-1"), callerOf(t, aws, "222222222222", "eu-west-1")
	for name, tc := range map[string]struct{ key, code, account string }{
		"its own":         {admin.cred.AccessKeyID, "", account},
		"another's":       {stranger.cred.AccessKeyID, "", "222222222222"},
		"short":           {"AKIA", "ValidationError", ""},
		"none that there": {"AKIAAAAAAAAAAAAAAAAA", "ValidationError", ""},
	} {
		got := admin.ask(t, "sts", "GetAccessKeyInfo", "AccessKeyId="+tc.key)
		if got.code != tc.code || element(got.body, "Account") != tc.account {
			t.Errorf("%s: %s %s", name, got.code, got.body)
		}
	}
}

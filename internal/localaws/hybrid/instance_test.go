package hybrid_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

const instance = "i-0123456789abcdef0"

// identity gives the identity credentials of the instance.
func (w *world) identity() sigv4.Credentials {
	w.t.Helper()
	c, err := w.sts.IssueInstanceIdentity(w.t.Context(), "arn:aws:ec2:"+region+":"+account+":instance/"+instance)
	must(w.t, err)
	return sigv4.Credentials{AccessKeyID: c.AccessKeyID, SecretAccessKey: c.SecretAccessKey, SessionToken: c.SessionToken}
}

const defaultHost = "/ssm/managed-instance/default-ec2-instance-management-role"

// TestDefaultHostManagement: an instance registers a key with its identity credentials, and gets the account's role.
func TestDefaultHostManagement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.ec2.Launch(t.Context(), ec2.Instance{ID: instance, Account: account, Region: region}))
	who := w.identity()
	registration := func(key int, fingerprint string) object {
		return object{"Fingerprint": fingerprint, "PublicKey": public(t, keys()[key]), "PublicKeyType": "Rsa"}
	}
	token := func(proof func(*http.Request)) (object, string) {
		r, body := w.request("ssm", "RequestManagedInstanceRoleToken", object{"Fingerprint": instance})
		sigv4.Sign(r, body, who, region, "ssm", w.clock.now())
		proof(r)
		return w.send(r)
	}
	with := func(key int) func(*http.Request) {
		return func(r *http.Request) {
			signature, err := sigv4.SignPSS(keys()[key], r.Header.Get("Authorization"))
			must(t, err)
			r.Header.Set("SSM-AsymmetricKeyAuthorization", "Signature="+signature)
		}
	}
	var got []string
	step := func(_ object, code string) { got = append(got, code) }
	step(token(with(0)))                                                                       // not registered
	step(w.ask(who, "ssm", "RegisterManagedInstance", registration(0, "i-0fedcba9876543210"))) // another's fingerprint
	step(w.ask(w.admin[account], "ssm", "RegisterManagedInstance", registration(0, instance))) // no instance, and no activation
	step(w.ask(who, "ssm", "RegisterManagedInstance", registration(0, instance)))              // registered
	step(w.ask(who, "ssm", "RegisterManagedInstance", registration(0, instance)))              // again
	step(w.ask(who, "ssm", "RegisterManagedInstance", registration(1, instance)))              // with another key
	step(token(with(0)))                                                                       // no role is set
	step(w.ask(w.admin[account], "ssm", "UpdateServiceSetting", object{"SettingId": defaultHost, "SettingValue": "Nobody"}))
	step(w.ask(w.admin[account], "ssm", "UpdateServiceSetting", object{"SettingId": defaultHost, "SettingValue": "service-role/Outside"}))
	step(token(func(*http.Request) {}))                                                                    // no proof
	step(token(with(1)))                                                                                   // another's
	step(token(func(r *http.Request) { with(0)(r); r.Header.Set("SSM-AsymmetricKeyAuthorization", "x") })) // not in its form
	if diff := cmp.Diff([]string{"InvalidInstanceId", "AccessDeniedException", "InvalidActivation", "", "", "InstanceAlreadyRegistered",
		"AccessDeniedException", "ValidationException", "", "AccessDeniedException", "AccessDeniedException", "AccessDeniedException"}, got); diff != "" {
		t.Error(diff)
	}
	out, code := token(with(0))
	if code != "" {
		t.Fatalf("%s: %v", code, out)
	}
	report := object{"AgentName": "amazon-ssm-agent", "AgentVersion": "3.3.0.0", "InstanceId": instance, "PlatformType": "Linux"}
	if out, code := w.ask(credentials(out), "ssm", "UpdateInstanceInformation", report); code != "" {
		t.Errorf("the agent's report: %s: %v", code, out)
	}
	// The identity credentials themselves are worth nothing.
	if _, code := w.ask(who, "ssm", "UpdateInstanceInformation", report); code != "AccessDeniedException" {
		t.Errorf("with identity credentials: %q", code)
	}
	list, _ := w.do("DescribeInstanceInformation", object{})["InstanceInformationList"].([]any)
	if len(list) != 1 || list[0].(object)["ResourceType"] != "EC2Instance" {
		t.Errorf("the nodes are %v", list)
	}
}

func TestServiceSetting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get := func() string {
		s, _ := w.do("GetServiceSetting", object{"SettingId": defaultHost})["ServiceSetting"].(object)
		return fmt.Sprint(s["SettingValue"], " ", s["Status"], " ", strings.HasSuffix(fmt.Sprint(s["ARN"]), ":servicesetting"+defaultHost))
	}
	before := get()
	w.do("UpdateServiceSetting", object{"SettingId": "arn:aws:ssm:eu-west-1:111111111111:servicesetting" + defaultHost, "SettingValue": "Outside"})
	during := get()
	w.do("ResetServiceSetting", object{"SettingId": defaultHost})
	if diff := cmp.Diff([]string{"$None Default true", "Outside Customized true", "$None Default true"}, []string{before, during, get()}); diff != "" {
		t.Error(diff)
	}
	for _, id := range []string{"/ssm/parameter-store/high-throughput-enabled", "arn:aws:ssm:eu-west-1:222222222222:servicesetting" + defaultHost} {
		if _, code := w.ask(w.admin[account], "ssm", "GetServiceSetting", object{"SettingId": id}); code != "ServiceSettingNotFound" && code != "AccessDeniedException" {
			t.Errorf("%s: %q", id, code)
		}
	}
	pass := w.user("without", `{"Effect":"Allow","Action":"ssm:*","Resource":"*"}`)
	if _, code := w.ask(pass, "ssm", "UpdateServiceSetting", object{"SettingId": defaultHost, "SettingValue": "Outside"}); code != "AccessDeniedException" {
		t.Errorf("without PassRole: %q", code)
	}
}

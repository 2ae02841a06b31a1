package ec2_test

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// principals are access keys and the statements that their policies consist of. The account is in front of the name.
type principals map[string]string

func (principals) Credential(_ context.Context, key string) (gateway.Credential, bool, error) {
	id, name, _ := strings.Cut(key, ":")
	return gateway.Credential{Secret: "s", Caller: gateway.Caller{Principal: iam.Principal{
		ARN: "arn:aws:iam::" + id + ":user/" + name, Account: id}}}, true, nil
}

func (p principals) Policies(_ context.Context, c gateway.Caller) (*iam.PolicySet, error) {
	name := c.ARN[strings.LastIndexByte(c.ARN, '/')+1:]
	policy, err := iam.ParsePolicy(name, []byte(`{"Version":"2012-10-17","Statement":[`+p[name]+`]}`))
	return &iam.PolicySet{Identity: []*iam.Policy{policy}}, err
}

// profiles are the instance profiles of every account: web with a role, bare without.
type profiles struct{}

func (profiles) InstanceProfile(_ context.Context, account, name string) (ec2.Profile, bool, error) {
	p := ec2.Profile{ARN: "arn:aws:iam::" + account + ":instance-profile/" + name, ID: "AIPA" + strings.ToUpper(name)}
	if name != "bare" {
		p.RoleARN = "arn:aws:iam::" + account + ":role/" + name
	}
	return p, slices.Contains([]string{"web", "api", "bare"}, name), nil
}

type cloud struct {
	t     *testing.T
	ec2   *ec2.Service
	gw    *gateway.Gateway
	clock time.Time
	told  []string // what the host was told, when there is one
}

func newCloud(t *testing.T, who principals) *cloud {
	t.Helper()
	w := &cloud{t: t, clock: now()}
	db, err := store.Open("")
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w.ec2, err = ec2.New(db, func() time.Time { return w.clock })
	must(t, err)
	w.ec2.UseProfiles(profiles{})
	w.gw = gateway.New(gateway.Config{Directory: who, Events: nothing{}, Now: now, Rand: rand.Reader})
	must(t, w.gw.Register(w.ec2.API()))
	return w
}

// host makes w tell what the host hears, and leaves settling to the test.
func (w *cloud) host() {
	w.ec2.OnChange(func(i ec2.Instance) { w.told = append(w.told, i.State) })
}

type reply struct {
	Run     []string `xml:"instancesSet>item>instanceId"`
	Next    []string `xml:"instancesSet>item>currentState>name"`
	Before  []string `xml:"instancesSet>item>previousState>name"`
	IDs     []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
	States  []string `xml:"reservationSet>item>instancesSet>item>instanceState>name"`
	Res     string   `xml:"reservationId"`
	Assoc   string   `xml:"iamInstanceProfileAssociation>associationId"`
	Code    string   `xml:"Errors>Error>Code"`
	Message string   `xml:"Errors>Error>Message"`
	raw     string
}

// do makes a request as somebody of the test's account, or of another one: 222222222222:name.
func (w *cloud) do(who, action, query string) reply {
	w.t.Helper()
	if !strings.Contains(who, ":") {
		who = account + ":" + who
	}
	body := strings.TrimSuffix("Action="+action+"&Version=2016-11-15&"+query, "&")
	r := httptest.NewRequest("POST", "http://127.0.0.1/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: who, SecretAccessKey: "s"}, region, "ec2", now())
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	a := reply{raw: rec.Body.String()}
	must(w.t, xml.Unmarshal(rec.Body.Bytes(), &a))
	return a
}

// ok is do for a request that must succeed.
func (w *cloud) ok(who, action, query string) reply {
	w.t.Helper()
	a := w.do(who, action, query)
	if a.Code != "" {
		w.t.Fatalf("%s %s: %s: %s", action, query, a.Code, a.Message)
	}
	return a
}

const all = `{"Effect":"Allow","Action":"*","Resource":"*"}`

const image = "ImageId=ami-0123456789abcdef0&MinCount=1&MaxCount=1"

func (w *cloud) state(id string) string {
	w.t.Helper()
	i, err := w.ec2.Instance(context.Background(), account, region, id)
	must(w.t, err)
	return i.State
}

// TestLifecycle takes an instance through all states, each seen by the host and by DescribeInstances.
func TestLifecycle(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all})
	w.host()
	run := w.ok("admin", "RunInstances", image+"&IamInstanceProfile.Name=web&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=App&TagSpecification.1.Tag.1.Value=shop")
	id := run.Run[0]
	settle := func() {
		t.Helper()
		i, err := w.ec2.Instance(context.Background(), account, region, id)
		must(t, err)
		must(t, w.ec2.Settle(context.Background(), i))
	}
	step := func(action, before, next, after string) {
		t.Helper()
		a := w.ok("admin", action, "InstanceId.1="+id)
		if diff := cmp.Diff([]string{before, next}, append(a.Before, a.Next...)); diff != "" {
			t.Errorf("%s: %s", action, diff)
		}
		settle()
		if got := w.state(id); got != after {
			t.Errorf("after %s the instance is %s", action, got)
		}
	}
	if got := w.state(id); got != ec2.Pending {
		t.Errorf("launched: %s", got)
	}
	settle()
	step("StartInstances", "running", "running", "running")
	step("StopInstances", "running", "stopping", "stopped")
	step("StopInstances", "stopped", "stopped", "stopped")
	if a := w.do("admin", "RebootInstances", "InstanceId.1="+id); a.Code != "IncorrectInstanceState" {
		t.Error("rebooted while stopped:", a.raw)
	}
	step("StartInstances", "stopped", "pending", "running")
	w.ok("admin", "RebootInstances", "InstanceId.1="+id)
	step("TerminateInstances", "running", "shutting-down", "terminated")
	for _, action := range []string{"StartInstances", "StopInstances"} {
		if a := w.do("admin", action, "InstanceId.1="+id); a.Code != "IncorrectInstanceState" {
			t.Errorf("%s of a terminated instance: %s", action, a.raw)
		}
	}
	step("TerminateInstances", "terminated", "terminated", "terminated")
	if diff := cmp.Diff([]string{"pending", "stopping", "pending", "running", "shutting-down"}, w.told); diff != "" {
		t.Error(diff)
	}
	w.clock = w.clock.Add(61 * time.Minute)
	if a := w.do("admin", "DescribeInstances", "InstanceId.1="+id); a.Code != "InvalidInstanceID.NotFound" {
		t.Error("an hour later:", a.raw)
	}
}

// TestLateSettle: what the host says of an earlier transition changes nothing.
func TestLateSettle(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newCloud(t, principals{"admin": all})
	id := w.ok("admin", "RunInstances", image).Run[0]
	early, err := w.ec2.Instance(ctx, account, region, id)
	must(t, err)
	early.State = ec2.Stopping
	must(t, w.ec2.Settle(ctx, early))
	if got := w.state(id); got != ec2.Running {
		t.Error(got)
	}
	must(t, w.ec2.Fail(ctx, early, "Server.InternalError", "x"))
	if got := w.state(id); got != ec2.Running {
		t.Error(got)
	}
}

func TestFailedStart(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newCloud(t, principals{"admin": all})
	w.host()
	id := w.ok("admin", "RunInstances", image).Run[0]
	i, err := w.ec2.Instance(ctx, account, region, id)
	must(t, err)
	must(t, w.ec2.Fail(ctx, i, "Server.InternalError", "Server.InternalError: Internal error on launch"))
	if a := w.ok("admin", "DescribeInstances", "InstanceId.1="+id); w.state(id) != ec2.Terminated || !strings.Contains(a.raw, "<code>Server.InternalError</code>") {
		t.Error(a.raw)
	}
}

// TestRunErrors: what is wrong with a launch, or forbidden, launches nothing.
func TestRunErrors(t *testing.T) {
	t.Parallel()
	const run = `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*"}`
	except := func(kind string) string {
		return run + `,{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:` + kind + `/*"}`
	}
	w := newCloud(t, principals{"admin": all, "runner": run, "tagger": run + `,{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{"StringEquals":{"ec2:CreateAction":"StartInstances"}}}`,
		"passer": run + `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111111111111:role/api"}`,
		"other":  run + `,{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ssm.amazonaws.com"}}}`,
		"small":  `{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"StringEqualsIfExists":{"ec2:InstanceType":"t3.nano"}}}`,
		"image":  except("image"), "subnet": except("subnet"), "eni": except("network-interface"), "sg": except("security-group"), "volume": except("volume"), "instance": except("instance")})
	profile, tags := "&IamInstanceProfile.Name=web", "&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=App&TagSpecification.1.Tag.1.Value=shop"
	for _, tc := range []struct{ who, query, code string }{
		{"admin", "MinCount=1&MaxCount=1", "MissingParameter"},
		{"admin", "ImageId=ami-0123456789abcdef0&MaxCount=1", "MissingParameter"},
		{"admin", "ImageId=ami-1&MinCount=1&MaxCount=1", "InvalidAMIID.Malformed"},
		{"admin", "ImageId=ami-0123456789abcdef0&MinCount=0&MaxCount=1", "InvalidParameterValue"},
		{"admin", "ImageId=ami-0123456789abcdef0&MinCount=2&MaxCount=1", "InvalidParameterCombination"},
		{"admin", "ImageId=ami-0123456789abcdef0&MinCount=1001&MaxCount=1001", "InstanceLimitExceeded"},
		{"admin", image + "&InstanceType=huge", "InvalidParameterValue"},
		{"admin", image + "&KeyName=mine", "UnknownParameter"},
		{"admin", image + "&LaunchTemplate.LaunchTemplateName=x", "UnknownParameter"},
		{"admin", image + "&SubnetId=subnet-1", "InvalidSubnetID.NotFound"},
		{"admin", image + "&SecurityGroupId.1=sg-1", "InvalidGroup.NotFound"},
		{"admin", image + "&Placement.AvailabilityZone=us-east-1a", "InvalidParameterValue"},
		{"admin", image + "&MetadataOptions.HttpTokens=never", "InvalidParameterValue"},
		{"admin", image + "&UserData=%25", "InvalidParameterValue"},
		{"admin", image + "&IamInstanceProfile.Name=none", "InvalidParameterValue"},
		{"admin", image + "&IamInstanceProfile.Name=bare", "InvalidParameterValue"},
		{"admin", image + "&IamInstanceProfile.Arn=" + url.QueryEscape("arn:aws:iam::222222222222:instance-profile/web"), "InvalidParameterValue"},
		{"admin", image + "&TagSpecification.1.ResourceType=volume&TagSpecification.1.Tag.1.Key=App", "InvalidParameterValue"},
		{"admin", image + "&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=aws:x", "InvalidParameterValue"},
		{"admin", image + "&DryRun=true", "DryRunOperation"},
		{"nobody", image + "&DryRun=true", "UnauthorizedOperation"},
		{"nobody", image, "UnauthorizedOperation"},
		{"runner", image + profile, "UnauthorizedOperation"},
		{"passer", image + profile, "UnauthorizedOperation"},
		{"other", image + profile, "UnauthorizedOperation"},
		{"runner", image + tags, "UnauthorizedOperation"},
		{"tagger", image + tags, "UnauthorizedOperation"},
		{"small", image + "&InstanceType=t3.large", "UnauthorizedOperation"},
		{"image", image, "UnauthorizedOperation"},
		{"subnet", image, "UnauthorizedOperation"},
		{"eni", image, "UnauthorizedOperation"},
		{"sg", image, "UnauthorizedOperation"},
		{"volume", image, "UnauthorizedOperation"},
		{"instance", image, "UnauthorizedOperation"},
	} {
		if a := w.do(tc.who, "RunInstances", tc.query); a.Code != tc.code {
			t.Errorf("%s: %s: got %s: %s, want %s", tc.who, tc.query, a.Code, a.Message, tc.code)
		}
	}
	if a := w.ok("admin", "DescribeInstances", ""); len(a.IDs) != 0 {
		t.Error("launched all the same:", a.raw)
	}
	w.ok("passer", "RunInstances", image+"&IamInstanceProfile.Name=api")
	w.ok("small", "RunInstances", image+"&InstanceType=t3.nano")
	w.ok("runner", "RunInstances", image)
}

func TestClientToken(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all})
	first := w.ok("admin", "RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=2&MaxCount=3&ClientToken=once")
	again := w.ok("admin", "RunInstances", "ImageId=ami-0123456789abcdef0&MinCount=2&MaxCount=3&ClientToken=once")
	slices.Sort(first.Run)
	slices.Sort(again.Run)
	if diff := cmp.Diff(first.Run, again.Run); diff != "" || len(first.Run) != 3 || first.Res != again.Res {
		t.Error(diff, first.Res, again.Res)
	}
	if a := w.do("admin", "RunInstances", image+"&ClientToken=once"); a.Code != "IdempotentParameterMismatch" {
		t.Error(a.raw)
	}
	other := w.ok("222222222222:admin", "RunInstances", image+"&ClientToken=once")
	if slices.Contains(first.Run, other.Run[0]) {
		t.Error("a token of another account was redeemed")
	}
}

// TestStatePermissions: tags decide who may stop what, and who may not does not learn whether it is there.
func TestStatePermissions(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all,
		"shop":    `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/App":"shop"}}}`,
		"old":     `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"ec2:ResourceTag/App":"shop"}}}`,
		"node":    `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"ArnLike":{"ec2:InstanceProfile":"arn:aws:iam::*:instance-profile/web"}}}`,
		"ireland": `{"Effect":"Allow","Action":"ec2:*","Resource":"*","Condition":{"StringEquals":{"ec2:Region":"us-east-1"}}}`})
	tagged := func(app, more string) string {
		return w.ok("admin", "RunInstances", image+more+"&TagSpecification.1.ResourceType=instance&TagSpecification.1.Tag.1.Key=App&TagSpecification.1.Tag.1.Value="+app).Run[0]
	}
	shop, blog := tagged("shop", "&IamInstanceProfile.Name=web"), tagged("blog", "")
	for _, who := range []string{"shop", "old", "node"} {
		w.ok(who, "RebootInstances", "InstanceId.1="+shop)
		for _, query := range []string{"InstanceId.1=" + blog, "InstanceId.1=" + id(99), "InstanceId.1=" + shop + "&InstanceId.2=" + blog} {
			if a := w.do(who, "StopInstances", query); a.Code != "UnauthorizedOperation" {
				t.Errorf("%s: %s: %s", who, query, a.raw)
			}
		}
	}
	if a := w.do("ireland", "StopInstances", "InstanceId.1="+shop); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
	for who, code := range map[string]string{"222222222222:admin": "InvalidInstanceID.NotFound", "admin": ""} {
		for _, action := range []string{"RebootInstances", "StopInstances", "StartInstances", "TerminateInstances"} {
			if a := w.do(who, action, "InstanceId.1="+shop); a.Code != code {
				t.Errorf("%s: %s: got %s %s, want %s", who, action, a.Code, a.Message, code)
			}
		}
	}
	if a := w.do("admin", "StopInstances", ""); a.Code != "MissingParameter" {
		t.Error(a.raw)
	}
	if a := w.do("admin", "StopInstances", "InstanceId.1="+blog+"&Hibernate=true"); a.Code != "UnknownParameter" {
		t.Error(a.raw)
	}
	if a := w.do("admin", "StopInstances", "InstanceId.1="+blog+"&InstanceId.2="+id(99)); a.Code != "InvalidInstanceID.NotFound" || w.state(blog) != ec2.Running {
		t.Error("one of two was stopped:", a.raw)
	}
}

func TestTerminationProtection(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all})
	id := w.ok("admin", "RunInstances", image+"&DisableApiTermination=true&UserData=aGVsbG8%3D").Run[0]
	if a := w.do("admin", "TerminateInstances", "InstanceId.1="+id); a.Code != "OperationNotPermitted" || w.state(id) != ec2.Running {
		t.Error(a.raw)
	}
	w.ok("admin", "ModifyInstanceAttribute", "InstanceId="+id+"&DisableApiTermination.Value=false")
	for attribute, want := range map[string]string{"disableApiTermination": "<value>false</value>", "userData": "<value>aGVsbG8=</value>", "instanceType": "<value>t3.micro</value>"} {
		if a := w.ok("admin", "DescribeInstanceAttribute", "InstanceId="+id+"&Attribute="+attribute); !strings.Contains(a.raw, want) {
			t.Error(a.raw)
		}
	}
	for _, query := range []string{"Attribute=kernel&Value=x", "Attribute=disableApiTermination&Value=perhaps"} {
		if a := w.do("admin", "ModifyInstanceAttribute", "InstanceId="+id+"&"+query); a.Code != "InvalidParameterValue" {
			t.Error(a.raw)
		}
	}
	w.ok("admin", "TerminateInstances", "InstanceId.1="+id)
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all,
		"app": `{"Effect":"Allow","Action":["ec2:CreateTags","ec2:DeleteTags"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/App":"shop"},"ForAllValues:StringEquals":{"aws:TagKeys":["Version"]}}}`})
	id := w.ok("admin", "RunInstances", image).Run[0]
	shows := func(query, want string) {
		t.Helper()
		a := w.ok("admin", "DescribeTags", query)
		var pairs struct {
			Tags []struct {
				K string `xml:"key"`
				V string `xml:"value"`
			} `xml:"tagSet>item"`
		}
		must(t, xml.Unmarshal([]byte(a.raw), &pairs))
		var got []string
		for _, p := range pairs.Tags {
			got = append(got, p.K+"="+p.V)
		}
		if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	on := "ResourceId.1=" + id + "&"
	if a := w.do("app", "CreateTags", on+"Tag.1.Key=Version&Tag.1.Value=1"); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
	w.ok("admin", "CreateTags", on+"Tag.1.Key=App&Tag.1.Value=shop&Tag.2.Key=Empty&Tag.2.Value=")
	w.ok("app", "CreateTags", on+"Tag.1.Key=Version&Tag.1.Value=1")
	if a := w.do("app", "CreateTags", on+"Tag.1.Key=Owner&Tag.1.Value=me"); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
	shows("", "App=shop Empty= Version=1")
	shows("Filter.1.Name=key&Filter.1.Value.1=V*", "Version=1")
	shows("Filter.1.Name=tag:App&Filter.1.Value.1=shop", "App=shop")
	shows("Filter.1.Name=resource-id&Filter.1.Value.1=i-1", "")
	w.ok("admin", "DeleteTags", on+"Tag.1.Key=Version&Tag.1.Value=2&Tag.2.Key=Empty&Tag.2.Value=")
	shows("", "App=shop Version=1")
	w.ok("admin", "DeleteTags", on+"Tag.1.Key=Version")
	shows("", "App=shop")
	for query, code := range map[string]string{
		on + "Tag.1.Key=&Tag.1.Value=x":                            "InvalidParameterValue",
		on + "Tag.1.Key=AWS:x":                                     "InvalidParameterValue",
		on + "Tag.1.Key=a&Tag.2.Key=a":                             "InvalidParameterValue",
		on + "Tag.1.Key=a&Tag.1.Value=" + strings.Repeat("x", 257): "InvalidParameterValue",
		on:                               "MissingParameter",
		"Tag.1.Key=a":                    "MissingParameter",
		"ResourceId.1=vol-1&Tag.1.Key=a": "InvalidID",
		"ResourceId.1=i-00000000000000099&Tag.1.Key=a": "InvalidInstanceID.NotFound",
	} {
		if a := w.do("admin", "CreateTags", query); a.Code != code {
			t.Errorf("%.60s: got %s %s, want %s", query, a.Code, a.Message, code)
		}
	}
	var many strings.Builder
	for n := range 50 {
		fmt.Fprintf(&many, "&Tag.%d.Key=k%d", n+1, n)
	}
	if a := w.do("admin", "CreateTags", "ResourceId.1="+id+many.String()); a.Code != "TagLimitExceeded" {
		t.Error(a.raw)
	}
	w.ok("admin", "DeleteTags", on)
	shows("", "")
}

func TestProfileAssociations(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all, "web": `{"Effect":"Allow","Action":"ec2:*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::111111111111:role/web"}`,
		"narrow": `{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"ArnLike":{"ec2:NewInstanceProfile":"arn:aws:iam::*:instance-profile/api"}}}`})
	w.host()
	id := w.ok("admin", "RunInstances", image).Run[0]
	i, err := w.ec2.Instance(context.Background(), account, region, id)
	must(t, err)
	must(t, w.ec2.Settle(context.Background(), i))
	w.told = nil
	associate := "InstanceId=" + id + "&IamInstanceProfile.Name="
	if a := w.do("web", "AssociateIamInstanceProfile", associate+"api"); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
	if a := w.do("narrow", "AssociateIamInstanceProfile", associate+"api"); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
	first := w.ok("web", "AssociateIamInstanceProfile", associate+"web").Assoc
	if a := w.do("admin", "AssociateIamInstanceProfile", associate+"api"); a.Code != "IncorrectState" {
		t.Error(a.raw)
	}
	if a := w.do("web", "ReplaceIamInstanceProfileAssociation", "AssociationId="+first+"&IamInstanceProfile.Name=api"); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
	if a := w.do("222222222222:admin", "DisassociateIamInstanceProfile", "AssociationId="+first); a.Code != "InvalidAssociationID.NotFound" {
		t.Error(a.raw)
	}
	second := w.ok("admin", "ReplaceIamInstanceProfileAssociation", "AssociationId="+first+"&IamInstanceProfile.Name=api").Assoc
	if first == second {
		t.Error("the replaced association has the same id")
	}
	a := w.ok("admin", "DescribeIamInstanceProfileAssociations", "Filter.1.Name=instance-id&Filter.1.Value.1="+id)
	if !strings.Contains(a.raw, second) || !strings.Contains(a.raw, "<arn>arn:aws:iam::111111111111:instance-profile/api</arn><id>AIPAAPI</id>") {
		t.Error(a.raw)
	}
	for filter, want := range map[string]int{"iam-instance-profile.arn": 1, "iam-instance-profile.name": 0} {
		query := "Filter.1.Name=" + filter + "&Filter.1.Value.1=" + url.QueryEscape("arn:aws:iam::111111111111:instance-profile/api")
		if a := w.ok("admin", "DescribeInstances", query); len(a.IDs) != want {
			t.Errorf("%s: %v", filter, a.IDs)
		}
	}
	w.ok("admin", "DisassociateIamInstanceProfile", "AssociationId="+second)
	if a := w.do("admin", "DisassociateIamInstanceProfile", "AssociationId="+second); a.Code != "InvalidAssociationID.NotFound" {
		t.Error(a.raw)
	}
	if diff := cmp.Diff([]string{"running", "running", "running"}, w.told); diff != "" {
		t.Error("the host was told:", diff)
	}
}

func TestInstanceStatus(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all})
	running, stopped := w.ok("admin", "RunInstances", image).Run[0], w.ok("admin", "RunInstances", image).Run[0]
	w.ok("admin", "StopInstances", "InstanceId.1="+stopped)
	for query, want := range map[string][]string{
		"": {running}, "IncludeAllInstances=true": {running, stopped}, "InstanceId.1=" + stopped: nil,
		"InstanceId.1=" + stopped + "&IncludeAllInstances=true":                               {stopped},
		"Filter.1.Name=instance-status.status&Filter.1.Value.1=ok":                            {running},
		"Filter.1.Name=system-status.reachability&Filter.1.Value.1=failed":                    nil,
		"IncludeAllInstances=true&Filter.1.Name=instance-state-name&Filter.1.Value.1=stopped": {stopped},
	} {
		var got struct {
			IDs []string `xml:"instanceStatusSet>item>instanceId"`
		}
		must(t, xml.Unmarshal([]byte(w.ok("admin", "DescribeInstanceStatus", query).raw), &got))
		slices.Sort(want)
		if diff := cmp.Diff(want, got.IDs); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	if a := w.do("admin", "DescribeInstanceStatus", "Filter.1.Name=event.code&Filter.1.Value.1=x"); a.Code != "InvalidParameterValue" {
		t.Error(a.raw)
	}
}

func TestPlaces(t *testing.T) {
	t.Parallel()
	w := newCloud(t, principals{"admin": all})
	if a := w.ok("admin", "DescribeRegions", "RegionName.1=eu-west-1"); strings.Count(a.raw, "<item>") != 1 || !strings.Contains(a.raw, "<regionEndpoint>ec2.eu-west-1.amazonaws.com</regionEndpoint>") {
		t.Error(a.raw)
	}
	if a := w.do("admin", "DescribeRegions", "RegionName.1=mars-1"); a.Code != "InvalidParameterValue" {
		t.Error(a.raw)
	}
	if a := w.ok("admin", "DescribeAvailabilityZones", "Filter.1.Name=zone-id&Filter.1.Value.1=euw1-az2"); !strings.Contains(a.raw, "<zoneName>eu-west-1b</zoneName>") {
		t.Error(a.raw)
	}
	if a := w.do("admin", "DescribeAvailabilityZones", "ZoneName.1=us-east-1a"); a.Code != "InvalidParameterValue" {
		t.Error(a.raw)
	}
}

package ec2_test

import (
	"context"
	"crypto/rand"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
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

const (
	account = "111111111111"
	region  = "eu-west-1"
)

func now() time.Time { return time.Date(2026, 11, 22, 4, 30, 0, 0, time.UTC) }

// directory knows a user of an account under the account's number, who may describe, and one who may nothing.
type directory struct{ allow *iam.Policy }

func (directory) Credential(_ context.Context, key string) (gateway.Credential, bool, error) {
	return gateway.Credential{Secret: "s", Caller: gateway.Caller{Principal: iam.Principal{
		ARN: "arn:aws:iam::" + key + ":user/u", Account: strings.TrimPrefix(key, "weak")}}}, true, nil
}

func (d directory) Policies(_ context.Context, c gateway.Caller) (*iam.PolicySet, error) {
	if strings.Contains(c.ARN, "weak") {
		return &iam.PolicySet{}, nil
	}
	return &iam.PolicySet{Identity: []*iam.Policy{d.allow}}, nil
}

type nothing struct{}

func (nothing) Record(context.Context, gateway.Event) error { return nil }

type world struct {
	ec2 *ec2.Service
	gw  *gateway.Gateway
}

func newWorld(t testing.TB) *world {
	t.Helper()
	db, err := store.Open("")
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	s, err := ec2.New(db, now)
	must(t, err)
	allow, err := iam.ParsePolicy("allow", []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:DescribeInstances","Resource":"*"}]}`))
	must(t, err)
	gw := gateway.New(gateway.Config{Directory: directory{allow}, Events: nothing{}, Now: now, Rand: rand.Reader})
	must(t, gw.Register(s.API()))
	return &world{s, gw}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) launch(t testing.TB, i ec2.Instance) {
	t.Helper()
	i.Account, i.Region = account, region
	must(t, w.ec2.Launch(context.Background(), i))
}

// answer is what the tests read of DescribeInstances, and of its errors.
type answer struct {
	IDs  []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
	Next string   `xml:"nextToken"`
	Code string   `xml:"Errors>Error>Code"`
	Text string   `xml:"Errors>Error>Message"`
	raw  string
}

func (w *world) describe(t testing.TB, who, query string) answer {
	t.Helper()
	body := strings.TrimSuffix("Action=DescribeInstances&Version=2016-11-15&"+query, "&")
	r := httptest.NewRequest("POST", "http://127.0.0.1/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	sigv4.Sign(r, []byte(body), sigv4.Credentials{AccessKeyID: who, SecretAccessKey: "s"}, region, "ec2", now())
	rec := httptest.NewRecorder()
	w.gw.ServeHTTP(rec, r)
	a := answer{raw: rec.Body.String()}
	must(t, xml.Unmarshal(rec.Body.Bytes(), &a))
	return a
}

func id(n int) string { return fmt.Sprintf("i-%017x", n) }

func TestShape(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(t, ec2.Instance{ID: id(1), Tags: map[string]string{"App": "web", "Name": "<one>"}, PrivateIP: "10.0.0.7",
		ProfileARN: "arn:aws:iam::111111111111:instance-profile/slipway/web-dev-Node"})
	_, got, _ := strings.Cut(w.describe(t, account, "").raw, "</requestId>")
	want := `<reservationSet><item><reservationId>r-00000000000000001</reservationId><ownerId>111111111111</ownerId>` +
		`<instancesSet><item><instanceId>i-00000000000000001</instanceId><imageId>ami-0123456789abcdef0</imageId>` +
		`<instanceState><code>16</code><name>running</name></instanceState>` +
		`<privateDnsName>ip-10-0-0-7.eu-west-1.compute.internal</privateDnsName><reason></reason><amiLaunchIndex>0</amiLaunchIndex>` +
		`<instanceType>t3.micro</instanceType><launchTime>2026-11-22T04:30:00.000Z</launchTime>` +
		`<placement><availabilityZone>eu-west-1a</availabilityZone><tenancy>default</tenancy></placement>` +
		`<subnetId>subnet-0a958971b953e9d09</subnetId><vpcId>vpc-0329a7b6d34070a6f</vpcId><privateIpAddress>10.0.0.7</privateIpAddress>` +
		`<groupSet><item><groupId>sg-0a6d2f094c5273fe0</groupId><groupName>default</groupName></item></groupSet>` +
		`<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><clientToken></clientToken>` +
		`<tagSet><item><key>App</key><value>web</value></item><item><key>Name</key><value>&lt;one&gt;</value></item></tagSet>` +
		`<iamInstanceProfile><arn>arn:aws:iam::111111111111:instance-profile/slipway/web-dev-Node</arn></iamInstanceProfile>` +
		`<metadataOptions><state>applied</state><httpTokens>required</httpTokens><httpPutResponseHopLimit>2</httpPutResponseHopLimit>` +
		`<httpEndpoint>enabled</httpEndpoint><instanceMetadataTags>disabled</instanceMetadataTags></metadataOptions>` +
		`</item></instancesSet></item></reservationSet></DescribeInstancesResponse>`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(t, ec2.Instance{ID: id(1), Tags: map[string]string{"App": "web", "Env": "dev"}, PrivateIP: "10.0.0.1"})
	w.launch(t, ec2.Instance{ID: id(2), Tags: map[string]string{"App": "web*", "Env": "prod"}, PrivateIP: "10.0.0.2"})
	w.launch(t, ec2.Instance{ID: id(3), Tags: map[string]string{"App": "api"}, State: ec2.Stopped})
	must(t, w.ec2.Launch(context.Background(), ec2.Instance{ID: id(4), Account: "222222222222", Region: region}))
	must(t, w.ec2.Launch(context.Background(), ec2.Instance{ID: id(5), Account: account, Region: "us-east-1"}))
	for query, want := range map[string]string{
		"":                      "1 2 3",
		"InstanceId.1=" + id(2): "2",
		"Filter.1.Name=tag:App&Filter.1.Value.1=web":                                                       "1",
		"Filter.1.Name=tag:App&Filter.1.Value.1=web&Filter.1.Value.2=api":                                  "1 3",
		"Filter.1.Name=tag:App&Filter.1.Value.1=web*":                                                      "1 2",
		"Filter.1.Name=tag:App&Filter.1.Value.1=" + url.QueryEscape(`web\*`):                               "2",
		"Filter.1.Name=tag:App&Filter.1.Value.1=?p?":                                                       "3",
		"Filter.1.Name=tag:App&Filter.1.Value.1=web*&Filter.2.Name=tag:Env&Filter.2.Value.1=dev":           "1",
		"Filter.1.Name=tag-key&Filter.1.Value.1=Env":                                                       "1 2",
		"Filter.1.Name=tag-value&Filter.1.Value.1=api":                                                     "3",
		"Filter.1.Name=instance-state-name&Filter.1.Value.1=stopped":                                       "3",
		"Filter.1.Name=private-ip-address&Filter.1.Value.1=10.0.0.*":                                       "1 2",
		"Filter.1.Name=tag:App&Filter.1.Value.1=none":                                                      "",
		"InstanceId.1=" + id(3) + "&InstanceId.2=" + id(1) + "&Filter.1.Name=tag-key&Filter.1.Value.1=Env": "1",
	} {
		t.Run(query, func(t *testing.T) {
			t.Parallel()
			a := w.describe(t, account, query)
			var got []string
			for _, i := range a.IDs {
				got = append(got, i[len(i)-1:])
			}
			if diff := cmp.Diff(want, strings.Join(got, " ")); diff != "" || a.Code != "" {
				t.Error(diff, a.Code, a.Text)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.launch(t, ec2.Instance{ID: id(1)})
	for _, tc := range []struct{ who, query, code, text string }{
		{account, "InstanceId.1=" + id(9), "InvalidInstanceID.NotFound", "The instance ID '" + id(9) + "' does not exist"},
		{account, "InstanceId.1=" + id(9) + "&InstanceId.2=" + id(8), "InvalidInstanceID.NotFound", "The instance IDs '" + id(8) + ", " + id(9) + "' do not exist"},
		{"222222222222", "InstanceId.1=" + id(1), "InvalidInstanceID.NotFound", "The instance ID '" + id(1) + "' does not exist"},
		{account, "InstanceId.1=web-1", "InvalidInstanceID.Malformed", `Invalid id: "web-1"`},
		{account, "Filter.1.Name=colour&Filter.1.Value.1=red", "InvalidParameterValue", "The filter 'colour' is invalid"},
		{account, "MaxResults=4", "InvalidParameterValue", "Value ( 4 ) for parameter maxResults is invalid. Expecting a value between 5 and 1000."},
		{account, "MaxResults=5&InstanceId.1=" + id(1), "InvalidParameterCombination", "The parameter instancesSet cannot be used with the parameter maxResults"},
		{account, "NextToken=x", "InvalidParameterValue", "The token 'x' is invalid"},
		{account, "DryRun=true", "DryRunOperation", "Request would have succeeded, but DryRun flag is set."},
	} {
		if a := w.describe(t, tc.who, tc.query); a.Code != tc.code || a.Text != tc.text {
			t.Errorf("%s: got %s %q, want %s %q", tc.query, a.Code, a.Text, tc.code, tc.text)
		}
	}
	if a := w.describe(t, "weak"+account, ""); a.Code != "UnauthorizedOperation" {
		t.Error(a.raw)
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for n := range 12 {
		w.launch(t, ec2.Instance{ID: id(n)})
	}
	var sizes []int
	next := ""
	for range 5 {
		a := w.describe(t, account, "MaxResults=5&NextToken="+url.QueryEscape(next))
		sizes = append(sizes, len(a.IDs))
		if next = a.Next; next == "" {
			break
		}
	}
	if diff := cmp.Diff([]int{5, 5, 2}, sizes); diff != "" {
		t.Error(diff)
	}
}

func TestLaunch(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	w := newWorld(t)
	w.launch(t, ec2.Instance{ID: id(1), Launched: now().Add(-time.Hour)})
	w.launch(t, ec2.Instance{ID: id(1), State: ec2.Stopped})
	got, err := w.ec2.Instance(ctx, account, region, id(1))
	must(t, err)
	if got.State != ec2.Stopped || !got.Launched.Equal(now().Add(-time.Hour)) {
		t.Errorf("changed to %+v", got)
	}
	if _, err := w.ec2.Instance(ctx, account, region, id(2)); !errors.Is(err, ec2.ErrNotFound) {
		t.Error(err)
	}
	for _, bad := range []ec2.Instance{{ID: "web-1"}, {ID: id(3), State: "asleep"}} {
		if err := w.ec2.Launch(ctx, bad); err == nil {
			t.Errorf("launched %+v", bad)
		}
	}
}

// TestLaunchElsewhere: an id names one machine, whoever has it.
func TestLaunchElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one := ec2.Instance{ID: "i-0123456789abcdef0", Account: account, Region: region}
	must(t, w.ec2.Launch(t.Context(), one))
	must(t, w.ec2.Launch(t.Context(), one))
	for _, other := range []ec2.Instance{{ID: one.ID, Account: "222222222222", Region: region}, {ID: one.ID, Account: account, Region: "us-east-1"}} {
		if err := w.ec2.Launch(t.Context(), other); err == nil {
			t.Errorf("launched again in %s, %s", other.Account, other.Region)
		}
	}
}

package iam_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
)

// sized is a document of two statements in two lines whose shortest form has n characters.
func sized(t *testing.T, n int) *iam.Document {
	t.Helper()
	const first = `{"Effect":"Allow","Action":"a:b","Resource":"*"},`
	text := func(sid string) string {
		return `{"Statement":[` + first + "\n" + ` {"Effect":"Deny","Action":"*","Resource":"*","Principal":"*","Sid":"` + sid + `"}]}`
	}
	d := parse(t, text(""))
	d = parse(t, text(strings.Repeat("x", n-d.Size()-len(`"Sid":"",`))))
	if got := d.Size(); got != n {
		t.Fatalf("the fixture has %d characters, want %d", got, n)
	}
	return d
}

func parse(t *testing.T, text string) *iam.Document {
	t.Helper()
	d, err := iam.Parse("p", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// quotaFindings are those of the errors that are about quotas.
func quotaFindings(errs []error) (list []string) {
	for _, err := range errs {
		if f, ok := err.(*iam.SyntaxError); ok && strings.HasPrefix(string(f.Code), "quota-") {
			list = append(list, fmt.Sprintf("%s %v", f.Code, err))
		}
	}
	return list
}

// TestR118Size: the numbers are those of reference_iam-quotas.html ("IAM and AWS STS quotas"), API_AssumeRole.html
// (session policies: "can't exceed 2,048 characters"), orgs_reference_limits.html, vpc-limits-endpoints.html
// ("Characters per VPC endpoint policy 20,480") and bucket-policies.html (20 KB).
func TestR118Size(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind iam.PolicyKind
		max  int
		want string
	}{
		"managed":          {iam.ManagedPolicy, 6_144, "6145 characters, and AWS takes 6144 for a managed policy"},
		"role":             {iam.RolePolicy, 10_240, "10241 characters, and AWS takes 10240 for all inline policies of a role"},
		"user":             {iam.UserPolicy, 2_048, "2049 characters, and AWS takes 2048 for all inline policies of a user"},
		"group":            {iam.GroupPolicy, 5_120, "5121 characters, and AWS takes 5120 for all inline policies of a group"},
		"trust":            {iam.TrustPolicy, 2_048, "2049 characters, and AWS takes 2048 for a trust policy (up to 4096 on request)"},
		"session":          {iam.SessionPolicy, 2_048, "2049 characters, and AWS takes 2048 for a session policy"},
		"service control":  {iam.ServiceControlPolicy, 10_240, "10241 characters, and AWS takes 10240 for a service control policy"},
		"resource control": {iam.ResourceControlPolicy, 5_120, "5121 characters, and AWS takes 5120 for a resource control policy"},
		"bucket":           {iam.BucketPolicy, 20_480, "20481 bytes, and AWS takes 20480 for a bucket policy"},
		"endpoint":         {iam.EndpointPolicy, 20_480, "20481 characters, and AWS takes 20480 for an endpoint policy"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := quotaFindings(sized(t, tt.max).Validate(tt.kind)); got != nil {
				t.Errorf("fits, and is refused: %v", got)
			}
			got := quotaFindings(sized(t, tt.max+1).Validate(tt.kind))
			if diff := cmp.Diff([]string{"quota-size p:2:2: " + tt.want}, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for _, kind := range []iam.PolicyKind{iam.ResourcePolicy, iam.IdentityPolicy} {
		if got := quotaFindings(sized(t, 100_000).Validate(kind)); got != nil {
			t.Errorf("there is no one quota for kind %d: %v", kind, got)
		}
	}
}

func TestSizeCountsCharacters(t *testing.T) {
	t.Parallel()
	d := parse(t, "{ \"Statement\" : [ ],\n \"Id\": \"é a\" }\n")
	if got, want := d.Size(), len(`{"Id":"e a","Statement":[]}`); got != want {
		t.Errorf("got %d, want %d", got, want)
	}
}

// TestR118Together: "the total aggregate policy size (the sum size of all inline policies) per entity cannot exceed
// the following limits" (reference_iam-quotas.html).
func TestR118Together(t *testing.T) {
	t.Parallel()
	named := func(name string, size int) *iam.Document {
		d := sized(t, size)
		d.Name = name
		return d
	}
	tests := map[string]struct {
		attached iam.Attachments
		want     []string
	}{
		"all fit": {iam.Attachments{
			Name: "r", Holder: iam.RolePolicy, Inline: []*iam.Document{named("a", 5_120), named("b", 5_120)},
			Managed: []*iam.Document{named("m", 6_144)}, ManagedCount: 10, Trust: named("t", 2_048), Boundary: named("x", 6_144),
		}, nil},
		"nothing fits": {iam.Attachments{
			Name: "r", Holder: iam.RolePolicy, Inline: []*iam.Document{named("a", 5_120), named("b", 5_121), named("c", 200)},
			Managed: []*iam.Document{named("m", 6_145)}, ManagedCount: 11, Trust: named("t", 2_049), Boundary: named("x", 6_145),
		}, []string{
			"quota-size b:2:2: 10441 characters, and AWS takes 10240 for all inline policies of a role",
			"quota-size m:2:2: 6145 characters, and AWS takes 6144 for a managed policy",
			"quota-size x:2:2: 6145 characters, and AWS takes 6144 for a managed policy",
			"quota-size t:2:2: 2049 characters, and AWS takes 2048 for a trust policy (up to 4096 on request)",
			"quota-count r: 11 policies, and AWS takes 10 for managed policies attached to a role (up to 20 on request)",
		}},
		"of a user": {
			iam.Attachments{Name: "u", Holder: iam.UserPolicy, Inline: []*iam.Document{named("a", 2_040), named("b", 200)}},
			[]string{"quota-size b:1:15: 2240 characters, and AWS takes 2048 for all inline policies of a user"},
		},
		"unknown size": {
			iam.Attachments{Name: "u", Holder: iam.UserPolicy, Inline: []*iam.Document{named("a", 4_000), {ID: iam.Intrinsic(`{"Ref":"x"}`)}}},
			nil,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var errs []error
			for _, f := range tt.attached.Quotas() {
				errs = append(errs, f)
			}
			if diff := cmp.Diff(tt.want, quotaFindings(errs)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestR118Source: a text counts as it is written; white space counts where AWS counts it.
func TestR118Source(t *testing.T) {
	t.Parallel()
	spaces := strings.Repeat(" \n", 5_000)
	text := func(n int) []byte {
		return []byte(`{` + spaces + `"Id": "` + strings.Repeat(`\"`, n/2) + `", "Statement": []}`)
	}
	const around = len(`{"Id":"","Statement":[]}`)
	tests := map[string]struct {
		src  []byte
		kind iam.PolicyKind
		want string
	}{
		"without white space": {text(6_144 - around), iam.ManagedPolicy, ""},
		"one too many":        {append(text(6_144-around), '}'), iam.ManagedPolicy, "quota-size p:5001:6147: 6145 characters, and AWS takes 6144 for a managed policy"},
		"with white space":    {text(1_000), iam.ServiceControlPolicy, "quota-size p:5001:240: 11027 characters, and AWS takes 10240 for a service control policy"},
		"characters":          {[]byte(strings.Repeat("é", 5_120)), iam.ResourceControlPolicy, ""},
		"bytes":               {[]byte(strings.Repeat("é", 10_241)), iam.BucketPolicy, "quota-size p:1:20481: 20482 bytes, and AWS takes 20480 for a bucket policy"},
		"no quota":            {text(100_000), iam.ResourcePolicy, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := ""
			for _, f := range iam.CheckSource("p", tt.src, tt.kind) {
				got += fmt.Sprintf("%s %v", f.Code, f)
			}
			if got != tt.want {
				t.Errorf("got %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestQuotasNameTheirPage(t *testing.T) {
	t.Parallel()
	for _, q := range iam.Quotas() {
		if q.Page == "" || q.What == "" || q.Max <= 0 || q.Raisable != 0 && q.Raisable <= q.Max {
			t.Errorf("incomplete: %+v", q)
		}
	}
}

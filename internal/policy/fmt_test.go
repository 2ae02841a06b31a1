package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/policy"
)

func TestFormatOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, text string
		want       policy.Format
	}{
		{"a.json", "Version: x", policy.JSON}, {"a.JSON", "", policy.JSON}, {"a.yaml", "{}", policy.YAML}, {"a.yml", "", policy.YAML},
		{"-", " \n{", policy.JSON}, {"-", "Version: x", policy.YAML}, {"policy", "\ufeff{}", policy.JSON}, {"policy.txt", "", policy.YAML},
	} {
		if got := policy.FormatOf(c.name, []byte(c.text)); got != c.want {
			t.Errorf("%s with %q: got %s, want %s", c.name, c.text, got, c.want)
		}
	}
}

// TestFmtFlips turns policies into the other format and back.
func TestFmtFlips(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"all": allowAll, "deny": denyS3All, "trust": trusting(user), "no statements": `{"Version":"2008-10-17","Statement":[]}`,
		"everything": `{"Id":"i: #","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["111122223333"],"Service":"ec2.amazonaws.com"},` +
			`"NotAction":["a:b"],"NotResource":"${aws:username}","Condition":{"NumericLessThan":{"a:k":[1.50,"0123"]},"Null":{"a:k":true}}}}`,
		"intrinsics": `{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":[{"Fn::Sub":["${A}-x",{"A":{"Ref":"B"}}]},{"Fn::GetAtt":["C","Arn"]}]}]}`,
	} {
		first := format(t, "a.json", text, policy.JSON)
		yaml := format(t, "a.json", text, policy.YAML)
		if diff := cmp.Diff(first, format(t, "a.yaml", yaml, policy.JSON)); diff != "" {
			t.Errorf("%s: JSON by way of YAML (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(yaml, format(t, "a.yaml", yaml, "")); diff != "" {
			t.Errorf("%s: YAML printed twice (-want +got):\n%s", name, diff)
		}
	}
}

func format(t *testing.T, name, text string, to policy.Format) string {
	t.Helper()
	f, err := policy.Fmt(name, []byte(text), policy.FmtOptions{To: to})
	if err != nil || len(f.Findings) > 0 {
		t.Fatalf("%s: %v %v", text, err, f.Findings)
	}
	return string(f.Text)
}

func TestFmtFindings(t *testing.T) {
	t.Parallel()
	const twice = `{"Statement":[{"Effect":"Allow","Action":"a:b","Action":"c:d","Resource":"*"}]}`
	trust := iam.TrustPolicy
	for name, c := range map[string]struct {
		text     string
		options  policy.FmtOptions
		printed  bool
		findings []string
	}{
		"strict":  {twice, policy.FmtOptions{}, false, []string{"duplicate key"}},
		"lenient": {twice, policy.FmtOptions{Lenient: true}, true, []string{"duplicate key"}},
		"kind":    {allowAll, policy.FmtOptions{Kind: &trust}, true, []string{"must not have a Resource", "no Principal"}},
		"no JSON": {"{", policy.FmtOptions{Lenient: true}, false, []string{"a.json:1:2: "}},
	} {
		f, err := policy.Fmt("a.json", []byte(c.text), c.options)
		if err != nil || (f.Text != nil) != c.printed || len(f.Findings) != len(c.findings) {
			t.Errorf("%s: %v, printed %q, findings %v", name, err, f.Text, f.Findings)
			continue
		}
		for i, want := range c.findings {
			if got := f.Findings[i].Error(); !strings.Contains(got, want) {
				t.Errorf("%s: got %q, want %q", name, got, want)
			}
		}
	}
}

func TestFmtComments(t *testing.T) {
	t.Parallel()
	const rest = "Version: '2012-10-17'\nStatement: []\n"
	for text, want := range map[string]bool{
		rest: false, "# why\n" + rest: true, "Id: a # why\n" + rest: true, "Id: a#b\n" + rest: false, "Id: a#b #c\n" + rest: true,
	} {
		f, err := policy.Fmt("a.yaml", []byte(text), policy.FmtOptions{})
		if err != nil || f.Text == nil || f.Comments != want {
			t.Errorf("%q: comments %v, want %v (%v %v)", text, f.Comments, want, err, f.Findings)
		}
	}
}

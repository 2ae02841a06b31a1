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
	trust, managed := iam.TrustPolicy, iam.ManagedPolicy
	for name, c := range map[string]struct {
		text     string
		options  policy.FmtOptions
		printed  bool
		findings []string
	}{
		"strict":  {twice, policy.FmtOptions{}, false, []string{"duplicate key"}},
		"lenient": {twice, policy.FmtOptions{Lenient: true}, true, []string{"duplicate key"}},
		"kind":    {allowAll, policy.FmtOptions{Kind: &trust}, true, []string{"no Principal", "must not have a Resource"}},
		"semantic, without a kind": {
			`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Is":{"a:b":"c"},"Bool":{"a:b":"1"}}},{"Sid":"a b","Effect":"Deny","Action":"ä"}]}`,
			policy.FmtOptions{}, true, []string{`a.json:1:79: unknown condition operator "Is"`, `a.json:1:98: Bool on a:b`, `a.json:1:149: action "ä"`},
		},
		"in order of place": {
			`{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Is":{"a:b":"c"}}},{"Effect":"Deny","Action":"a","Action":"b","Resource":"*"}]}`,
			policy.FmtOptions{Lenient: true, Kind: &managed}, true, []string{"a.json:1:79: unknown", "a.json:1:122: duplicate key", "a.json:1:131: action"},
		},
		"too long": {long(6_144), policy.FmtOptions{Kind: &managed}, true, []string{"a.json:1:15: 6145 characters, and AWS takes 6144 for a managed policy"}},
		"fits":     {long(6_143), policy.FmtOptions{Kind: &managed}, true, nil},
		"no JSON":  {"{", policy.FmtOptions{Lenient: true}, false, []string{"a.json:1:2: "}},
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

// long is a policy of one character more than n.
func long(n int) string {
	const around = `{"Statement":[{"Sid":"","Effect":"Deny","Action":"*","Resource":"*"}]}`
	return `{"Statement":[{"Sid":"` + strings.Repeat("x", n+1-len(around)) + `","Effect":"Deny","Action":"*","Resource":"*"}]}`
}

// TestR118FmtAdvice: white space counts against some quotas as it is written. That is no mistake, since canonical text
// has more of it than the shortest.
func TestR118FmtAdvice(t *testing.T) {
	t.Parallel()
	scp := iam.ServiceControlPolicy
	text := strings.Replace(long(9_999), ":", ":"+strings.Repeat(" ", 500), 1)
	f, err := policy.Fmt("a.json", []byte(text), policy.FmtOptions{Kind: &scp})
	if err != nil || f.Text == nil || len(f.Findings) > 0 {
		t.Fatalf("%v %v", err, f.Findings)
	}
	const want = "a.json:1:10241: 10500 characters, and AWS takes 10240 for a service control policy, as it is written; the shortest form has 10000"
	if len(f.Advice) != 1 || f.Advice[0].Error() != want {
		t.Errorf("got %v, want %s", f.Advice, want)
	}
	if f, err = policy.Fmt("a.json", f.Text, policy.FmtOptions{Kind: &scp}); err != nil || len(f.Findings) > 0 {
		t.Errorf("what is printed is refused: %v %v", err, f.Findings)
	}
}

// TestFmtDrops: what a lenient reader passes over is told, so that no file is overwritten without it.
func TestFmtDrops(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		`{"Statement":[],"Id":7}`:            false,
		`{"Statement":[],"Comment":"why"}`:   true,
		`{"Id":"a","Id":"b","Statement":[]}`: true,
		`{"Id":"a","Statement":[]}`:          false,
	} {
		f, err := policy.Fmt("a.json", []byte(text), policy.FmtOptions{Lenient: true})
		if err != nil || f.Text == nil || (f.Drops() != nil) != want {
			t.Errorf("%s: %v, drops %v, want %v", text, err, f.Drops(), want)
		}
	}
}

// TestFmtCanonicalButForComments compares with the canonical text, whatever the comments.
func TestFmtCanonicalButForComments(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"# why\nVersion: '2012-10-17' # this\n  # one\nStatement: []\n# end\n": true,
		"# why\nVersion: 2012-10-17\nStatement: []\n":                          false,
		"# why\nStatement: []\nVersion: '2012-10-17'\n":                        false,
		"# why\n\nVersion: '2012-10-17'\nStatement: []\n":                      false,
		"Version: '2012-10-17'\nStatement: [] # end":                           true,
		"Version: '2012-10-17'\nStatement: [ ] # end\n":                        false,
		"Id: 'a #b'\nStatement: []\n":                                          true,
		"Id: \"a #b\"\nStatement: []\n":                                        false,
	} {
		f, err := policy.Fmt("a.yaml", []byte(text), policy.FmtOptions{})
		if err != nil || f.Text == nil {
			t.Fatalf("%q: %v %v", text, err, f.Findings)
		}
		if got := f.Canonical([]byte(text)); got != want {
			t.Errorf("%q: canonical %v, want %v; it is\n%s", text, got, want, f.Text)
		}
	}
}

func TestFmtComments(t *testing.T) {
	t.Parallel()
	const rest = "Version: '2012-10-17'\nStatement: []\n"
	for text, want := range map[string]bool{
		rest: false, "# why\n" + rest: true, "Id: a # why\n" + rest: true, "Id: a#b\n" + rest: false, "Id: a#b #c\n" + rest: true,
		"Id: a\r# why\n" + rest: true, "Id: a\u0085# why\n" + rest: true, "Id: a\u2028# why\n" + rest: true, "Id: a\u2029# why\n" + rest: true,
		"Id: é#b\n" + rest: false, "\ufeff# why\n" + rest: true, "Id: a\t# why\n" + rest: true,
	} {
		f, err := policy.Fmt("a.yaml", []byte(text), policy.FmtOptions{})
		if err != nil || f.Text == nil || f.Comments != want {
			t.Errorf("%q: comments %v, want %v (%v %v)", text, f.Comments, want, err, f.Findings)
		}
	}
}

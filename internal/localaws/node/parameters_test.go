package node

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestSubstitute(t *testing.T) {
	t.Parallel()
	v := values{text: map[string]any{
		"Version":  "v1; id",
		"commands": []any{"echo a", `echo "b"`},
		"Price":    "$$5 $Nobody",
		"Outer":    "{{ Version }}",
	}}
	tests := map[string]struct {
		in, want any
	}{
		"whole string":               {"{{ Version }}", "v1; id"},
		"no blanks":                  {"{{Version}}", "v1; id"},
		"raw inside a text":          {"deploy {{ Version }} now", "deploy v1; id now"},
		"list alone":                 {"{{ commands }}", []any{"echo a", `echo "b"`}},
		"list in a list is nested":   {[]any{"{{ commands }}"}, []any{[]any{"echo a", `echo "b"`}}},
		"list inside a text is JSON": {"x {{ commands }}", `x ["echo a","echo \"b\""]`},
		"dollars alone stay":         {"{{ Price }}", "$$5 $Nobody"},
		"dollars inside a text":      {"it is {{ Price }}", "it is $5 "},
		"unknown reference stays":    {"{{ Nobody }} and {{ Nobody2 }}", "{{ Nobody }} and {{ Nobody2 }}"},
		"a value's own reference":    {"a {{ Outer }}", "a v1; id"},
		"in a map":                   {map[string]any{"k": []any{"{{Version}}!"}}, map[string]any{"k": []any{"v1; id!"}}},
		"other values":               {[]any{1.5, true, nil}, []any{1.5, true, nil}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, v.substitute(test.in)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolve(t *testing.T) {
	t.Parallel()
	declared := map[string]parameter{
		"Version": {Type: typeString, AllowedPattern: "v[0-9]+", Default: "v0"},
		"Hosts":   {Type: typeStringList, AllowedPattern: "^[a-z]+$", Default: []any{"a"}},
		"Safe":    {Type: typeString, InterpolationType: interpolateEnv, Default: ""},
		"Level":   {Type: typeString, AllowedValues: []string{"low", "high"}, Default: "low"},
	}
	tests := map[string]struct {
		given map[string]any
		want  map[string]any
		env   []string
		err   string
	}{
		"defaults": {
			want: map[string]any{"Version": "v0", "Hosts": []any{"a"}, "Level": "low"}, env: []string{"SSM_Safe="},
		},
		"lists of one, as SendCommand has them": {
			given: map[string]any{"Version": []any{"v2"}, "Hosts": []string{"x", "y"}, "Safe": []any{"$(id)"}},
			want:  map[string]any{"Version": "v2", "Hosts": []any{"x", "y"}, "Level": "low"},
			env:   []string{"SSM_Safe=$(id)"},
		},
		"the pattern is not anchored, as in the agent": {
			given: map[string]any{"Version": "xv2; id"},
			want:  map[string]any{"Version": "xv2; id", "Hosts": []any{"a"}, "Level": "low"}, env: []string{"SSM_Safe="},
		},
		"pattern":           {given: map[string]any{"Version": "main"}, err: "parameter Version: the value does not match"},
		"pattern of a list": {given: map[string]any{"Hosts": []any{"a", "B"}}, err: "parameter Hosts: the value does not match"},
		"allowed values":    {given: map[string]any{"Level": "mid"}, err: "parameter Level: the value is not one of"},
		"two for a string":  {given: map[string]any{"Version": []any{"v1", "v2"}}, err: "parameter Version: want one value"},
		"undeclared":        {given: map[string]any{"Verison": "v1"}, err: "parameter Verison: the document does not declare it"},
		"an object":         {given: map[string]any{"Version": map[string]any{}}, err: "parameter Version: want a string"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := resolve(declared, test.given, nil)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got error %v, want %q", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.text); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(test.env, got.env); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestResolveBadDeclarations(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]parameter{
		"want one value":       {Type: typeString}, // required, not given
		"type \"Boolean\"":     {Type: "Boolean", Default: true},
		"allowedPattern":       {Type: typeString, Default: "x", AllowedPattern: "(?=x)"},
		"is unknown":           {Type: typeString, Default: "x", InterpolationType: "MAGIC"},
		"for type String only": {Type: typeStringList, Default: []any{"x"}, InterpolationType: interpolateEnv},
	} {
		if _, err := resolve(map[string]parameter{"P": p}, nil, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got error %v, want %q", p, err, want)
		}
	}
	if _, err := resolve(map[string]parameter{"my_name": {Type: typeString, Default: "x"}}, nil, nil); err == nil {
		t.Error("a name that the agent ignores was taken")
	}
}

func TestTimeoutOf(t *testing.T) {
	t.Parallel()
	tests := []struct {
		raw  any
		want int
	}{
		{"600", 600}, {600.0, 600}, {json.Number("7"), 7}, {" 5 ", 5}, {"172800", 172800},
		{"4", 3600}, {"2", 3600}, {"172801", 3600}, {"-1", 3600}, {"", 3600}, {nil, 3600}, {"10m", 3600}, {[]any{"60"}, 3600},
	}
	for _, test := range tests {
		if got := timeoutOf(test.raw); got != time.Duration(test.want)*time.Second {
			t.Errorf("timeoutOf(%v) = %v, want %d s", test.raw, got, test.want)
		}
	}
}

// FuzzSubstitute: a value that is handed in by the environment never gets into the text; one without a dollar and
// braces is in it as it is.
func FuzzSubstitute(f *testing.F) {
	f.Add("echo {{ A }} {{B}}", "x", "; id")
	f.Add("{{ A }}", "$1", "`id`")
	f.Fuzz(func(t *testing.T, text, a, secret string) {
		v, err := resolve(map[string]parameter{
			"A": {Type: typeString}, "B": {Type: typeString, InterpolationType: interpolateEnv},
		}, map[string]any{"A": a, "B": secret}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.substitute("{{B}}"); got != "{{B}}" {
			t.Errorf("the text got %q of an environment parameter", got)
		}
		if diff := cmp.Diff([]string{"SSM_B=" + secret}, v.env); diff != "" {
			t.Error(diff)
		}
		got, ok := v.substitute(text).(string)
		if !ok {
			t.Fatalf("a string became %T", v.substitute(text))
		}
		if !strings.Contains(text, "{{") && got != text {
			t.Errorf("%q without references became %q", text, got)
		}
		if plain := !strings.ContainsAny(a, "${}"); plain && v.substitute("<{{ A }}>") != "<"+a+">" {
			t.Errorf("value %q became %q", a, v.substitute("<{{ A }}>"))
		}
	})
}

// FuzzParseDocument: whatever comes, parse answers with steps or an error, and every script has a legal time limit.
func FuzzParseDocument(f *testing.F) {
	f.Add(string(shell("echo {{ A }}")), `{}`)
	f.Add(`{"schemaVersion":"1.2","parameters":{"commands":{"type":"StringList"}},"runtimeConfig":{"aws:runShellScript":{"properties":[{"id":"0.aws:runShellScript","runCommand":"{{ commands }}"}]}}}`, `{"commands":["id"]}`)
	f.Add(`{"schemaVersion":"2.2","mainSteps":[{"action":"aws:runShellScript","name":"../x","inputs":{"runCommand":["x"],"timeoutSeconds":"1","finallyStep":true}}]}`, `null`)
	f.Fuzz(func(t *testing.T, content, given string) {
		var parameters map[string]any
		if json.Unmarshal([]byte(given), &parameters) != nil {
			return
		}
		p, err := parse(json.RawMessage(content), parameters, nil)
		if err == nil && len(p.steps) == 0 {
			t.Error("neither steps nor an error")
		}
		for _, s := range p.steps {
			if s.action == runShellScript && len(s.scripts) == 0 && s.invalid == nil {
				t.Errorf("step %q: neither a script nor an error", s.name)
			}
			for _, script := range s.scripts {
				if script.Timeout < minTimeout*time.Second || script.Timeout > maxTimeout*time.Second {
					t.Errorf("step %q: time limit %v", s.name, script.Timeout)
				}
			}
			if strings.ContainsAny(directoryName(s.name), "/\x00") || strings.Trim(directoryName(s.name), ".") == "" {
				t.Errorf("step %q has directory %q", s.name, directoryName(s.name))
			}
		}
	})
}

// FuzzParseMessage: a message is refused, or names a command whose id can be a file's name.
func FuzzParseMessage(f *testing.F) {
	f.Add("aws.ssm.11111111-2222-3333-4444-555555555555.i-0123456789abcdef0", `{"DocumentContent":{},"CancelMessageId":"aws.ssm.a.b"}`)
	f.Add("aws.ssm...", `{`)
	f.Fuzz(func(t *testing.T, id, payload string) {
		m := message{MessageID: id, Payload: payload}
		if p, err := parseSend(m); err == nil && (directoryName(p.CommandID) != p.CommandID || strings.Contains(id, "/")) {
			t.Errorf("message %q was taken for command %q", id, p.CommandID)
		}
		if target, err := parseCancel(m); err == nil && strings.ContainsAny(target, "/\x00") {
			t.Errorf("cancel of %q was taken", target)
		}
	})
}

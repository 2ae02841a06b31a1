package parameters

import (
	"strings"
	"testing"
)

// FuzzReference: whatever is read of a reference names the parameter in the same way again.
func FuzzReference(f *testing.F) {
	for _, seed := range []string{"/a/b", "a:1", "/a:live", "arn:aws:ssm:eu-west-1:111111111111:parameter/a/b:2", "arn:aws:ssm:::parameter/", ":", "a:b:c", " a "} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseReference(text)
		if err != nil {
			return
		}
		if r.name == "" || !nameForm.MatchString(r.name) || strings.Contains(r.name, ":") {
			t.Errorf("%q names %q", text, r.name)
		}
		again, err := parseReference(r.name + r.selector)
		if r.account == "" && (err != nil || again != r) {
			t.Errorf("%q is %+v, and that is %+v, %v", text, r, again, err)
		}
	})
}

// FuzzNewName: a name that may be given can be referred to, and its ARN names it.
func FuzzNewName(f *testing.F) {
	at := space{"111111111111", "eu-west-1"}
	for _, seed := range []string{"/a/b", "a", "//", "/", "aws", "/a/", " x ", "-", "/ssm"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		name, err := newName(at, text)
		if err != nil {
			return
		}
		if again, err := newName(at, name); err != nil || again != name {
			t.Errorf("%q becomes %q: %v", name, again, err)
		}
		if r, err := parseReference(name); err != nil || r.name != name || r.selector != "" {
			t.Errorf("%q cannot be referred to: %+v, %v", name, r, err)
		}
		if r, err := parseReference(arn(at, name)); err != nil || strings.TrimPrefix(r.name, "/") != strings.TrimPrefix(name, "/") {
			t.Errorf("the ARN of %q names %+v, %v", name, r, err)
		}
	})
}

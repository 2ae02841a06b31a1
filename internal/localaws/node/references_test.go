package node

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// shelf is a Parameter Store.
func shelf(_ context.Context, names []string) (found []StoreParameter, err error) {
	if len(names) > maxNames {
		return nil, errors.New("too many names at once")
	}
	for _, p := range []StoreParameter{
		{Name: "/app/version", Value: "$v1 & more", Type: "String"},
		{Name: "/app/version", Value: "v0", Type: "String", Selector: ":1"},
		{Name: "steps", Value: "echo a,echo b", Type: "StringList"},
		{Name: "/key", Value: "c2VjcmV0", Type: "SecureString"},
	} {
		if slices.Contains(names, p.Name+p.Selector) {
			found = append(found, p)
		}
	}
	for _, name := range names {
		if strings.HasPrefix(name, "many-") {
			found = append(found, StoreParameter{Name: name, Value: "x", Type: "String"})
		}
	}
	return found, nil
}

func TestReferences(t *testing.T) {
	t.Parallel()
	many := ""
	for c := 'a'; c <= 'z'; c++ {
		many += "{{ssm:many-" + string(c) + "}}"
	}
	tests := map[string]struct {
		in, want any
		err      string
	}{
		"raw in a text":       {in: map[string]any{"k": "a {{ ssm:/app/version }}, {{ssm:/app/version:1}}"}, want: map[string]any{"k": "a $v1 & more, v0"}},
		"a list in a list":    {in: []any{"begin", " {{ssm:steps}} ", "end"}, want: []any{"begin", "echo a", "echo b", "end"}},
		"a list in a text":    {in: []any{"x {{ssm:steps}}"}, err: "Parameter steps of type StringList cannot be used as a String"},
		"a secret":            {in: "{{ssm:/key}}", err: "Parameters [/key] of type SecureString are not supported"},
		"none":                {in: "{{ssm:/nothing}} {{ssm:/app/version}}", err: "Input contains invalid parameters [/nothing]"},
		"ten at a time":       {in: many, want: strings.Repeat("x", 26)},
		"another kind":        {in: "{{ssm-secure:x}}", want: "{{ssm-secure:x}}"},
		"what is no string":   {in: []any{1.5, nil, true}, want: []any{1.5, nil, true}},
		"no reference at all": {in: "{{ x }}", want: "{{ x }}"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := newReferences(t.Context(), shelf).resolve(test.in)
			if test.err != "" {
				if err == nil || err.Error() != test.err {
					t.Errorf("got %v, %v, want %s", got, err, test.err)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
				t.Error(diff, err)
			}
		})
	}
}

// TestReferencesInParameters: a pattern is for what the reference stands for.
func TestReferencesInParameters(t *testing.T) {
	t.Parallel()
	declared := map[string]parameter{"Version": {Type: typeString, AllowedPattern: `^v\d$`}}
	for given, want := range map[string]string{"{{ssm:/app/version:1}}": "", "{{ssm:/app/version}}": "does not match the allowed pattern"} {
		_, err := resolve(declared, map[string]any{"Version": given}, newReferences(t.Context(), shelf))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", given, err)
		}
	}
}

// TestReferencesOfTheCancelled: a command that is cancelled while its parameters are read is cancelled, not failed.
func TestReferencesOfTheCancelled(t *testing.T) {
	t.Parallel()
	env := fakeEnv(t, nil)
	env.Parameters = func(ctx context.Context, _ []string) ([]StoreParameter, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := Run(ctx, Job{CommandID: "c", Document: shell("echo {{ssm:/app/version}}")}, env, nil)
	if got.Status != Cancelled {
		t.Errorf("got %+v", got)
	}
}

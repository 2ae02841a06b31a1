package cli

import (
	"errors"
	"fmt"
	"testing"
)

func TestHintOf(t *testing.T) {
	t.Parallel()
	inner := &failure{code: exitUsage, err: errors.New("inner"), hint: "do this"}
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"none":                 {errors.New("plain"), ""},
		"its own":              {inner, "do this"},
		"behind one without":   {&failure{code: exitRefused, err: fmt.Errorf("outer: %w", inner)}, "do this"},
		"among joined":         {errors.Join(errors.New("first"), fmt.Errorf("second: %w", inner)), "do this"},
		"the outer of two":     {&failure{err: inner, hint: "rather this"}, "rather this"},
		"a joined one without": {errors.Join(errors.New("a"), errors.New("b")), ""},
	} {
		if got := hintOf(c.err); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

func TestResumeLine(t *testing.T) {
	t.Parallel()
	const id = "0831e1a8-a1ac-4257-a1fd-c831b48c4107"
	for name, c := range map[string]struct {
		release releaseFlags
		place   placeFlags
		want    string
	}{
		"AWS": {releaseFlags{File: "slipway.yaml"}, placeFlags{}, "slipway resume " + id + " --stage dev"},
		"all flags": {
			releaseFlags{File: "my shop/slipway.yaml", Set: map[string]string{"version": "v2", "colour": "it's red"}},
			placeFlags{EndpointURL: "http://127.0.0.1:4510", Profile: "ops", AssumeRole: "arn:aws:iam::111111111111:role/shop-dev-Deploy"},
			"slipway resume " + id + ` -f 'my shop/slipway.yaml' --set 'colour=it'\''s red' --set version=v2 --stage dev` +
				" --endpoint-url http://127.0.0.1:4510 --profile ops --assume-role-arn arn:aws:iam::111111111111:role/shop-dev-Deploy",
		},
		"a local AWS that is kept": {releaseFlags{File: "slipway.yaml"}, placeFlags{Local: true, Data: "d"}, "slipway resume " + id + " --stage dev --local --data d"},
		"one that is not":          {releaseFlags{File: "slipway.yaml"}, placeFlags{Local: true}, ""},
	} {
		if got := resumeLine(c.release, c.place, "dev", id); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", name, got, c.want)
		}
	}
}

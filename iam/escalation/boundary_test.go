package escalation_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam/escalation"
)

// TestR116BoundariesThatCanBeRewritten: who decides what a boundary says has, or gives, what the policies allow without it.
func TestR116BoundariesThatCanBeRewritten(t *testing.T) {
	t.Parallel()
	const (
		edge    = "arn:aws:iam::" + account + ":policy/edge"
		version = "iam:CreatePolicyVersion on " + edge
	)
	write, all, s3 := allow("iam:CreatePolicyVersion", edge), allow("*", "*"), allow("s3:*", "*")
	tests := map[string]struct {
		own, boundary []string
		change        func(w *escalation.World)
		want          []string
	}{
		"everything without it": {[]string{all}, []string{write, s3}, nil, []string{version + " → " + everything}},
		"something without it": {[]string{write, allow("s3:* ec2:*", "*")}, []string{write, s3}, nil,
			[]string{version + " → more for itself, up to what its own policies allow"}},
		"nothing without it": {[]string{write, allow("s3:Get*", "*")}, []string{write, s3}, nil, nil},
		"an old version": {[]string{all}, []string{allow("iam:SetDefaultPolicyVersion", edge)}, nil,
			[]string{"iam:SetDefaultPolicyVersion on " + edge + " → " + everything + " (if another version allows more)"}},
		"versions that it may delete": {[]string{all}, []string{allow("iam:DeletePolicyVersion iam:DeletePolicy", edge)}, nil, nil},
		"another policy":              {[]string{all}, []string{allow("iam:CreatePolicyVersion", edge+"-2")}, nil, nil},
		"a boundary of AWS": {[]string{all}, []string{allow("iam:CreatePolicyVersion", "*"), s3}, func(w *escalation.World) {
			w.Principals[0].Boundary = readOnly
		}, nil},
		"another's": {[]string{write}, []string{write}, func(w *escalation.World) {
			ann := userOf(t, "Ann", all)
			ann.Policies.Boundary, ann.Boundary = policy(t, s3), edge
			w.Principals = append(w.Principals, ann)
		}, []string{version + " → Ann"}},
		"another's, which is used": {[]string{write, allow("iam:CreateAccessKey", "*")}, []string{all}, func(w *escalation.World) {
			w.Principals[0].Boundary = ""
			ann := userOf(t, "Ann", all)
			ann.Policies.Boundary, ann.Boundary = policy(t, s3), edge
			w.Principals = append(w.Principals, ann)
		}, []string{"iam:CreateAccessKey → Ann", version + " → Ann", "iam:CreatePolicyVersion + iam:CreateAccessKey on Ann → " + everything}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			deploy := roleOf(t, "Deploy", "", test.own...)
			deploy.Policies.Boundary, deploy.Boundary = policy(t, test.boundary...), edge
			w := &escalation.World{Principals: []escalation.Principal{deploy}}
			if test.change != nil {
				test.change(w)
			}
			expect(t, w, test.want)
		})
	}
}

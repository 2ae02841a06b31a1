package difference_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/difference"
)

func policy(t *testing.T, text string) *iam.Document {
	t.Helper()
	d, findings := iam.Read("p.json", []byte(`{"Version":"2012-10-17","Statement":[`+text+`]}`), iam.ReadOptions{Intrinsics: true})
	if len(findings) > 0 {
		t.Fatal(findings[0])
	}
	return d
}

const (
	account = "111122223333"
	send    = `{"Effect":"Allow","Action":"ssm:SendCommand","Resource":"arn:aws:ssm:eu-west-1:111122223333:document/web"}`
	trust   = `{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:AssumeRole"}`
)

func role(t *testing.T, change func(*roles.Role)) *roles.Set {
	t.Helper()
	r := roles.Role{
		Account: account, Name: "web-dev-Deploy", Path: "/slipway/", Trust: policy(t, trust),
		Policies: []roles.Policy{{Name: "deploy", Document: policy(t, send)}},
	}
	change(&r)
	return &roles.Set{Roles: []roles.Role{r}}
}

// TestR095DriftByMeaning: what differs is told by kind, and what means the same is the same in whatever words.
func TestR095DriftByMeaning(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change func(*roles.Role)
		want   difference.Verdict
		text   string
	}{
		"nothing": {func(*roles.Role) {}, difference.Same, "same: 1 of 1"},
		"other words": {func(r *roles.Role) {
			r.Policies[0].Name = "another"
			r.Policies[0].Document = policy(t, strings.Replace(send, `"ssm:SendCommand"`, `["SSM:SendCommand"]`, 1))
		}, difference.Same, "same: 1 of 1"},
		"more": {func(r *roles.Role) {
			r.Policies[0].Document = policy(t, strings.Replace(send, "document/web", "document/*", 1))
		}, difference.Different, "may, and should not: ssm:SendCommand on arn:aws:ssm:eu-west-1:111122223333:document/*"},
		"less": {func(r *roles.Role) { r.Policies = nil }, difference.Different, "should, and may not: ssm:SendCommand"},
		"a denial": {func(r *roles.Role) {
			r.Policies = append(r.Policies, roles.Policy{Name: "deny", Document: policy(t, strings.Replace(send, "Allow", "Deny", 1))})
		}, difference.Different, "should, and may not: what p.json:1:38 0 (Deny) takes away of ssm:SendCommand on arn"},
		"trust": {func(r *roles.Role) {
			r.Trust = policy(t, strings.Replace(trust, "111122223333", "999999999999", 1))
		}, difference.Different, "be assumed by others: sts:AssumeRole"},
		"no trust":   {func(r *roles.Role) { r.Trust = nil }, difference.Different, "should, and may not: be assumed by others"},
		"a boundary": {func(r *roles.Role) { r.Boundary = policy(t, send) }, difference.Different, "it has a permissions boundary, and should have none"},
		"a path":     {func(r *roles.Role) { r.Path = "/" }, difference.Different, "its path is /"},
		"a path that a deploy knows": {func(r *roles.Role) { r.Path = iam.Intrinsic(`{"Ref":"Path"}`) }, difference.Undecided,
			`cannot be told: its path is only known when it is deployed: {"Ref":"Path"}`},
		"a boundary that nobody gave": {func(r *roles.Role) {
			r.Doubts = []string{"the text of its permissions boundary arn:aws:iam::111122223333:policy/x is not given"}
		}, difference.Undecided, "policy/x is not given: an account dump has it"},
		"a text that nobody gave": {func(r *roles.Role) {
			r.Attached = []roles.Attached{{ARN: "arn:aws:iam::111122223333:policy/x"}}
		}, difference.Undecided, "the text of the attached policy arn:aws:iam::111122223333:policy/x is not given"},
		"a value that a deploy knows": {func(r *roles.Role) {
			r.Policies[0].Document = policy(t, strings.Replace(send, `"arn:aws:ssm:eu-west-1:111122223333:document/web"`, `{"Ref":"X"}`, 1))
		}, difference.Undecided, "only known when p.json is deployed"},
		"a doubt": {func(r *roles.Role) { r.Doubts = []string{"it is only partly told"} }, difference.Undecided, "cannot be told: it is only partly told"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := difference.Compare(role(t, func(*roles.Role) {}), role(t, test.change), difference.Options{Want: "a", Have: "b", AnyAction: true})
			if err != nil {
				t.Fatal(err)
			}
			if found.Verdict != test.want || !strings.Contains(found.Text(), test.text) {
				t.Errorf("got %s, want %s with %q:\n%s", found.Verdict, test.want, test.text, found.Text())
			}
			if exit := map[difference.Verdict]int{difference.Same: 0, difference.Different: 1, difference.Undecided: 3}[test.want]; found.Exit() != exit {
				t.Errorf("exit code %d, want %d", found.Exit(), exit)
			}
		})
	}
}

// TestR062AccountsWithoutRoles: a role that an account of the release has not is missing there, and one too many is extra.
func TestR062AccountsWithoutRoles(t *testing.T) {
	t.Parallel()
	want := role(t, func(*roles.Role) {})
	want.Add(role(t, func(r *roles.Role) { r.Account = "222233334444" }))
	have := role(t, func(*roles.Role) {})
	have.Add(role(t, func(r *roles.Role) { r.Name = "web-old-Deploy" }))
	found, err := difference.Compare(want, have, difference.Options{Want: "slipway.yaml", Have: "files"})
	if err != nil {
		t.Fatal(err)
	}
	text := found.Text()
	for _, line := range []string{
		"web-dev-Deploy in account 222233334444\n  missing: only slipway.yaml has it", "web-old-Deploy in account 111122223333\n  extra: only files has it",
		"different: 2 of 3 roles are not the same",
	} {
		if !strings.Contains(text, line) {
			t.Errorf("no %q in\n%s", line, text)
		}
	}
}

// TestR123OnlyWhatIsAddedCounts: of a role that others made, what the release adds to it must be there; what it has besides, and whom it
// lets in, is its owner's.
func TestR123OnlyWhatIsAddedCounts(t *testing.T) {
	t.Parallel()
	want := role(t, func(r *roles.Role) {
		r.Adds, r.Trust, r.Policies, r.Doubts = true, nil, nil, []string{"the release " + roles.OnlyAdds}
		r.Attached = []roles.Attached{{ARN: "arn:aws:iam::111122223333:policy/slipway/web-dev-Node", Document: policy(t, send)}}
	})
	for name, test := range map[string]struct {
		change func(*roles.Role)
		want   difference.Verdict
		text   string
	}{
		"it has it and more": {func(r *roles.Role) {
			r.Policies = append(r.Policies, roles.Policy{Name: "own", Document: policy(t, strings.Replace(send, "document/web", "document/*", 1))})
			r.InstanceProfile = true
		}, difference.Same, "same: 1 of 1"},
		"it lacks it": {func(r *roles.Role) { r.Policies = nil }, difference.Different, "should, and may not: ssm:SendCommand"},
		"it denies it": {func(r *roles.Role) {
			r.Policies = append(r.Policies, roles.Policy{Name: "deny", Document: policy(t, strings.Replace(send, "Allow", "Deny", 1))})
		}, difference.Different, "should, and may not: what p.json:1:38 0 (Deny) takes away of ssm:SendCommand on arn"},
		"another path": {func(r *roles.Role) { r.Path = "/" }, difference.Different, "its path is /"},
		"a boundary":   {func(r *roles.Role) { r.Boundary = policy(t, send) }, difference.Undecided, "it has a permissions boundary, which may"},
		"a text that nobody gave": {func(r *roles.Role) {
			r.Attached = []roles.Attached{{ARN: "arn:aws:iam::111122223333:policy/x"}}
		}, difference.Undecided, "the text of the attached policy"},
		"it is added to by others": {func(r *roles.Role) { r.Doubts = []string{"the template " + roles.OnlyAdds} }, difference.Undecided, "the template only adds to it"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := difference.Compare(want, role(t, test.change), difference.Options{Want: "a", Have: "b", AnyAction: true})
			if err != nil {
				t.Fatal(err)
			}
			if found.Verdict != test.want || !strings.Contains(found.Text(), test.text) {
				t.Errorf("got %s, want %s with %q:\n%s", found.Verdict, test.want, test.text, found.Text())
			}
		})
	}
}

// TestDenialsAreToldByWhatTheyTakeAway: in words, with a request that is made in the region of its resource where the denial reads that.
func TestDenialsAreToldByWhatTheyTakeAway(t *testing.T) {
	t.Parallel()
	const deny = `{"Sid": "No", "Effect": "Deny", `
	for name, test := range map[string]struct{ deny, want, example string }{
		"everything": {deny + `"Action": "*", "Resource": "*"}`, "(Deny) takes away of everything\n", "document/web\n"},
		"all but one": {deny + `"NotAction": "iam:*", "Resource": "*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": "eu-central-1"}}}`,
			"(Deny) takes away of everything but iam:*\n", "document/web with aws:requestedregion=eu-west-1\n"},
		"all but somewhere": {deny + `"Action": "ssm:*", "NotResource": "arn:aws:s3:::*"}`, "(Deny) takes away of ssm:* on everything but arn:aws:s3:::*\n", ""},
		"in the clear": {deny + `"Action": "*", "Resource": "*", "Condition": {"Bool": {"aws:SecureTransport": "false"}}}`,
			"(Deny) takes away of everything\n", "document/web with aws:securetransport=false\n"},
	} {
		have := role(t, func(r *roles.Role) {
			r.Policies = append(r.Policies, roles.Policy{Name: "deny", Document: policy(t, test.deny)})
		})
		want := role(t, func(*roles.Role) {})
		for what, sides := range map[string][2]*roles.Set{"should, and may not": {want, have}, "may, and should not": {have, want}} {
			found, err := difference.Compare(sides[0], sides[1], difference.Options{Want: "a", Have: "b", AnyAction: true})
			if err != nil {
				t.Fatal(err)
			}
			text := found.Text()
			told := what + ": what "
			if what == "may, and should not" {
				told = what + ": what statement No (Deny), as a has it takes away"
				test.want = strings.TrimPrefix(test.want, "(Deny) ")
			}
			if !strings.Contains(text, told) || !strings.Contains(text, test.want) || !strings.Contains(text, test.example) {
				t.Errorf("%s, %s: no %q, %q and %q in\n%s", name, what, told, test.want, test.example, text)
			}
		}
	}
}

// TestWhatABoundaryTakesAway is a difference of the policies all the same, and said to be none of what the role may do.
func TestWhatABoundaryTakesAway(t *testing.T) {
	t.Parallel()
	const bounded = "which its permissions boundary takes away"
	for name, test := range map[string]struct {
		more string
		want bool
	}{
		"another action":     {`{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"}`, true},
		"another service":    {`{"Effect": "Allow", "Action": ["lambda:*"], "Resource": "arn:aws:lambda:*:*:function:x"}`, true},
		"another bucket":     {`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::other/*"}`, true},
		"in part":            {`{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*"}`, false},
		"everything":         {`{"Effect": "Allow", "Action": "*", "Resource": "*"}`, false},
		"all but what it is": {`{"Effect": "Allow", "NotAction": ["s3:*", "ssm:*"], "Resource": "*"}`, true},
		"all but a path":     {`{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::mine*"}`, false},
		"with a comma in it": {`{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": ["arn:aws:s3:::mine*", "arn:aws:s3:::a/1, 2"]}`, true},
		"all but another":    {`{"Effect": "Allow", "NotAction": ["iam:*", "ec2:*"], "Resource": "*"}`, false},
	} {
		bound := func(r *roles.Role) {
			r.Boundary = policy(t, `{"Effect": "Allow", "Action": "ssm:*", "Resource": "*"}, {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::mine*", "arn:aws:s3:::a/1, 2"]}`)
		}
		have := role(t, func(r *roles.Role) {
			bound(r)
			r.Policies = append(r.Policies, roles.Policy{Name: "more", Document: policy(t, test.more)})
		})
		found, err := difference.Compare(role(t, bound), have, difference.Options{Want: "a", Have: "b", AnyAction: true})
		if err != nil {
			t.Fatal(err)
		}
		if text := found.Text(); found.Verdict != difference.Different || strings.Contains(text, bounded) != test.want {
			t.Errorf("%s: told: %t\n%s", name, !test.want, text)
		}
	}
}

package difference_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/roles"
	"github.com/slipway-cd/slipway/internal/roles/difference"
)

const readers = `{"Sid":"Readers","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:role/r"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}`

func withOthers(t *testing.T, change func(*roles.Set)) *roles.Set {
	t.Helper()
	set := role(t, func(*roles.Role) {})
	set.Users = []roles.User{{Account: account, Name: "web-CI", Path: "/slipway/", Policies: []roles.Policy{{Name: "ci", Document: policy(t, send)}}}}
	set.Buckets = []roles.Bucket{{Account: account, Name: "b", Policy: policy(t, readers)}}
	change(set)
	return set
}

// TestR095UsersAndBucketsAreCompared: nothing is the same that nobody has compared.
func TestR095UsersAndBucketsAreCompared(t *testing.T) {
	t.Parallel()
	wide := strings.Replace(readers, "s3:GetObject", "s3:*", 1)
	for name, test := range map[string]struct {
		change func(*roles.Set)
		want   difference.Verdict
		text   string
	}{
		"nothing": {func(*roles.Set) {}, difference.Same, "same: 3 of 3 roles, users and policies of buckets are the same"},
		"a user more": {func(s *roles.Set) {
			s.Users[0].Policies[0].Document = policy(t, strings.Replace(send, "document/web", "document/*", 1))
		}, difference.Different, "user web-CI in account 111122223333\n  may, and should not: ssm:SendCommand"},
		"no user":  {func(s *roles.Set) { s.Users = nil }, difference.Different, "user web-CI in account 111122223333\n  missing"},
		"a bucket": {func(s *roles.Set) { s.Buckets[0].Policy = policy(t, wide) }, difference.Different, "the policy of bucket b in account 111122223333\n  may, and should not: let others do s3:"},
		"less of a bucket": {func(s *roles.Set) {
			s.Buckets[0].Policy = policy(t, strings.Replace(readers, "b/*", "b/x", 1))
		}, difference.Different, "by statement Readers (Allow), as release has it"},
		"no bucket":        {func(s *roles.Set) { s.Buckets = nil }, difference.Undecided, "cannot be told: nobody gave it: write it as 111122223333/bucket-b.json"},
		"a bucket's doubt": {func(s *roles.Set) { s.Buckets[0].Doubts = []string{"it may not exist"} }, difference.Undecided, "cannot be told: it may not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := difference.Compare(withOthers(t, func(*roles.Set) {}), withOthers(t, test.change), difference.Options{Want: "release", Have: "files"})
			if err != nil {
				t.Fatal(err)
			}
			if found.Verdict != test.want || !strings.Contains(found.Text(), test.text) {
				t.Errorf("got %s, want %s with %q:\n%s", found.Verdict, test.want, test.text, found.Text())
			}
		})
	}
}

// TestARoleThatIsThereTwice: which of two counts nobody can tell.
func TestARoleThatIsThereTwice(t *testing.T) {
	t.Parallel()
	have := role(t, func(*roles.Role) {})
	have.Add(role(t, func(*roles.Role) {}))
	if _, err := difference.Compare(role(t, func(*roles.Role) {}), have, difference.Options{}); err == nil || !strings.Contains(err.Error(), "given twice") {
		t.Errorf("got %v", err)
	}
}

package given_test

import (
	"testing"

	"github.com/slipway-cd/slipway/iam"
	"github.com/slipway-cd/slipway/internal/roles/given"
)

// FuzzRead reads whatever there is: no text breaks a reader, what is read can be printed, and of a name only a marked one
// has the character that marks.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{deployer, dumpText, planText, `{"Version":"2012-10-17","Statement":[]}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		set, findings := given.Read("file", text, given.Options{Account: "111122223333", Region: "eu-west-1", Parameters: map[string]string{"AppId": "${x}"}})
		if set == nil {
			if len(findings) == 0 {
				t.Fatal("nothing was read, and nothing said why")
			}
			return
		}
		for _, r := range set.Roles {
			for _, p := range r.Policies {
				if p.Document == nil {
					t.Fatal("a policy without a document")
				}
				_ = p.Document.JSON()
			}
			_, _ = given.Shown(r.Name), iam.IntrinsicPattern(r.Name)
		}
	})
}

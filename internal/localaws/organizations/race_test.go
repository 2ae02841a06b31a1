package organizations_test

import (
	"strings"
	"sync"
	"testing"
)

// TestAccountsAreMadeOnce: of any number of requests at once for an account with one address, one makes it.
func TestAccountsAreMadeOnce(t *testing.T) {
	t.Parallel()
	w, _, _ := organized(t)
	before, err := w.iam.Accounts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var running sync.WaitGroup
	answers := make([]string, 8)
	for i := range answers {
		running.Go(func() {
			_, answers[i] = w.ask(boss, "CreateAccount", map[string]string{"Email": "one@example.com", "AccountName": "one"})
		})
	}
	running.Wait()
	made, refused := 0, 0
	for _, a := range answers {
		if strings.Contains(a, `"SUCCEEDED"`) {
			made++
		}
		if strings.Contains(a, "EMAIL_ALREADY_EXISTS") {
			refused++
		}
	}
	after, err := w.iam.Accounts(t.Context())
	if err != nil || made != 1 || refused != len(answers)-1 || len(after) != len(before)+1 {
		t.Errorf("%d were made, %d refused, there are %d accounts more, %v: %.300q", made, refused, len(after)-len(before), err, answers)
	}
}

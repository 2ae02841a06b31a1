package localaws_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws"
)

// TestAccountsInOrder: whichever numbers accounts have, the one that was made first is the default, also in the next run;
// and one that is made while it runs is found at once.
func TestAccountsInOrder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := localaws.Open(t.Context(), localaws.Config{Dir: dir})
	check(t, err)
	for _, id := range []string{"999999999999", "111111111111"} {
		_, err := first.EnsureAccount(t.Context(), id)
		check(t, err)
	}
	check(t, first.Close(context.WithoutCancel(t.Context())))

	second := open(t, dir)
	check(t, second.Serve("127.0.0.1:0"))
	_, err = second.WriteControl(t.Context(), "")
	check(t, err)
	keys, err := second.EnsureAccount(t.Context(), "000000000001")
	check(t, err)
	control, err := localaws.ReadControl(dir)
	check(t, err)
	if diff := cmp.Diff([]string{"999999999999", "111111111111"}, ids(control)); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	control, err = control.Current(t.Context())
	check(t, err)
	if diff := cmp.Diff([]string{"999999999999", "111111111111", "000000000001"}, ids(control)); diff != "" {
		t.Fatalf("later (-want +got):\n%s", diff)
	}
	if got := control.Accounts[2].AccessKeyID; got != keys.AccessKeyID {
		t.Errorf("the later account has the key %s, want %s", got, keys.AccessKeyID)
	}
	control.Token = "guessed"
	if _, err := control.Current(t.Context()); err == nil {
		t.Error("the accounts' keys were given to somebody without the token")
	}
}

func ids(control localaws.Control) []string {
	out := make([]string, len(control.Accounts))
	for i, account := range control.Accounts {
		out[i] = account.ID
	}
	return out
}

package organizations_test

import (
	"strings"
	"testing"

	"github.com/slipway-cd/slipway/internal/localaws/iam"
)

func keysOf(body string) iam.Keys {
	between := func(name string) string {
		_, rest, _ := strings.Cut(body, "<"+name+">")
		text, _, _ := strings.Cut(rest, "</"+name+">")
		return text
	}
	return iam.Keys{AccessKeyID: between("AccessKeyId"), SecretAccessKey: between("SecretAccessKey")}
}

// TestSeeding: what Go code puts there limits as what the API does, is replaced and not doubled, and stays.
func TestSeeding(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	db, _, org := opened(t, dir)
	ctx := t.Context()
	if err := org.AttachSCP(ctx, one, "no-users", []byte(denyUsers)); err == nil {
		t.Error("attached to an account outside of any organization")
	}
	id, err := org.EnsureOrganization(ctx, boss)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := org.EnsureOrganization(ctx, boss); err != nil || again != id {
		t.Errorf("another organization %s: %v", again, err)
	}
	for range 2 {
		if err := org.Join(ctx, boss, one); err != nil {
			t.Fatal(err)
		}
		if err := org.AttachSCP(ctx, one, "no-users", []byte(denyUsers)); err != nil {
			t.Fatal(err)
		}
	}
	if err := org.AttachRCP(ctx, one, "no-send", []byte(denySend)); err != nil {
		t.Fatal(err)
	}
	if err := org.AttachSCP(ctx, one, "bad", []byte("{")); err == nil {
		t.Error("a bad document was attached")
	}
	if err := org.AttachSCP(ctx, boss, "no-users", []byte(denyUsers)); err == nil {
		t.Error("attached to the management account")
	}
	if err := org.Join(ctx, one, two); err == nil {
		t.Error("joined a member's organization")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	_, _, org = opened(t, dir)
	m := org.Membership(one)
	if m == nil || m.Organization != id || len(m.SCPs) != 2 || len(m.SCPs[1]) != 2 || len(m.RCPs[1]) != 2 {
		t.Fatalf("after opening again: %+v", m)
	}
	if m := org.Membership(boss); m == nil || m.SCPs != nil || m.RCPs != nil {
		t.Errorf("management account: %+v", m)
	}
	if m := org.Membership(two); m != nil {
		t.Errorf("an account outside: %+v", m)
	}
}

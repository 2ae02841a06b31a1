package iam

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// TestSessionsLeaveTheCache: what is kept in memory is forgotten with every change of an identity, and with no session
// that is made or report that is asked for.
func TestSessionsLeaveTheCache(t *testing.T) {
	t.Parallel()
	db, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(db, time.Now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	put := func() {
		t.Helper()
		err := s.PutRole(t.Context(), RoleSpec{Account: "111111111111", Name: "r",
			Trust: []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`)})
		if err != nil {
			t.Fatal(err)
		}
	}
	put()
	before := s.cache.generation
	role, err := s.Role(t.Context(), "111111111111", "r")
	if err == nil {
		err = s.PutSession(t.Context(), &Session{Role: role, Name: "run", Expires: time.Now().Add(time.Hour)})
	}
	if err == nil {
		err = s.foldEvents(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if s.cache.generation != before {
		t.Error("a session has cleared the cache")
	}
	put()
	if s.cache.generation == before {
		t.Error("a change has not cleared the cache")
	}
}

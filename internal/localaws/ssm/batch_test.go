package ssm

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// TestPanicOfOneOfMany: a change that panics does so for whoever wanted it, and takes nothing else along.
func TestPanicOfOneOfMany(t *testing.T) {
	t.Parallel()
	db, err := store.Open("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	instances, err := ec2.New(db, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan error, 1)
	s, err := New(db, instances, Config{OnError: func(err error) { heard <- err }})
	if err != nil {
		t.Fatal(err)
	}
	broken := func(*work) error { panic("broken") }
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if i%10 != 0 {
				if err := s.together(func(*work) error { return nil }); err != nil {
					t.Error(err)
				}
				return
			}
			defer func() {
				if recover() != "broken" {
					t.Error("the panic got lost")
				}
			}()
			_ = s.together(broken)
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		all.Wait()
		s.soon("", broken)
		if err := <-heard; err == nil {
			t.Error("nobody heard of a panic that nobody waits for")
		}
		if err := s.together(func(*work) error { return errors.New("mine") }); err == nil || err.Error() != "mine" {
			t.Errorf("got %v", err)
		}
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("after a panic nothing is written any more")
	}
}

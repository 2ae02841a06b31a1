package ssm_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/ec2"
	"github.com/slipway-cd/slipway/internal/localaws/ssm"
)

// TestRunOutlivesAnError: deadlines pass again once what went wrong is over.
func TestRunOutlivesAnError(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.node(1, nil)
	id := w.shell(object{"InstanceIds": []string{a.id}, "TimeoutSeconds": 30})
	failed := make(chan error, 10)
	service, err := ssm.New(w.db, w.ec2, ssm.Config{Now: w.clock.now, OnError: func(err error) { failed <- err }})
	must(t, err)
	_, err = w.db.ExecContext(context.Background(), `ALTER TABLE ssm_invocation RENAME TO broken`)
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		service.Run(ctx)
		close(ended)
	}()
	<-failed
	_, err = w.db.ExecContext(context.Background(), `ALTER TABLE broken RENAME TO ssm_invocation`)
	must(t, err)
	w.clock.advance(31 * time.Second)
	for start := time.Now(); !strings.HasPrefix(w.status(id, a.id), "TimedOut"); time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 10*time.Second {
			t.Fatal("the deadline never passed")
		}
	}
	cancel()
	<-ended
	if len(failed) > 0 {
		t.Errorf("the same error was reported again: %v", <-failed)
	}
}

// halfBlind cannot look up one instance.
type halfBlind struct {
	*ec2.Service
	hidden string
}

var errBlind = errors.New("no such luck")

func (h halfBlind) Instance(ctx context.Context, account, region, id string) (ec2.Instance, error) {
	if id == h.hidden {
		return ec2.Instance{}, errBlind
	}
	return h.Service.Instance(ctx, account, region, id)
}

// TestTickEndsTheOthers: one invocation that cannot be ended keeps none of the others.
func TestTickEndsTheOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a, b := w.node(1, nil), w.node(2, nil)
	first := w.shell(object{"InstanceIds": []string{a.id}, "TimeoutSeconds": 30})
	second := w.shell(object{"InstanceIds": []string{b.id}, "TimeoutSeconds": 30})
	service, err := ssm.New(w.db, halfBlind{w.ec2, a.id}, ssm.Config{Now: w.clock.now})
	must(t, err)
	w.clock.advance(31 * time.Second)
	if err := service.Tick(t.Context()); !errors.Is(err, errBlind) {
		t.Errorf("got %v, want the error of the first", err)
	}
	if got := w.status(first, a.id) + " " + w.status(second, b.id); got != "Delayed/Delayed TimedOut/DeliveryTimedOut" {
		t.Error(got)
	}
}

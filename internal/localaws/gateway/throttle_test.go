package gateway_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// TestThrottled: each protocol has its own error, and what is throttled is neither handled nor hidden from the event log.
func TestThrottled(t *testing.T) {
	t.Parallel()
	for service, want := range map[string]struct {
		code   string
		status int
	}{
		"ssm": {"ThrottlingException", http.StatusBadRequest},
		"sts": {"Throttling", http.StatusBadRequest},
		"ec2": {"RequestLimitExceeded", http.StatusServiceUnavailable},
	} {
		t.Run(service, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, allowAll(t))
			w.gw.Throttle(service+":Ping", gateway.Throttle{PerSecond: 1, Burst: 2})
			body := map[string]string{"ssm": "{}"}[service]
			for range 2 {
				if got := w.ask(t, service, "Ping", body, key, nil); got.Code != http.StatusOK {
					t.Fatalf("within the burst: %d %s", got.Code, got.Body)
				}
			}
			got := w.ask(t, service, "Ping", body, key, nil)
			if got.Code != want.status || code(got) != want.code {
				t.Errorf("got %d %s, want %d %s", got.Code, code(got), want.status, want.code)
			}
			if got := w.handled.Load(); got != 2 {
				t.Errorf("%d calls were handled, want 2", got)
			}
			if got := w.ask(t, service, "PingNamed", body, key, nil); got.Code != http.StatusOK {
				t.Errorf("another action: %d %s", got.Code, got.Body)
			}
			events, err := w.log.List(t.Context(), gateway.Filter{Name: "Ping"})
			if err != nil || len(events) != 3 || events[2].ErrorCode != want.code {
				t.Errorf("got %d events, %v, want the third to be throttled", len(events), err)
			}
			w.gw.Unthrottle(service + ":Ping")
			if got := w.ask(t, service, "Ping", body, key, nil); got.Code != http.StatusOK {
				t.Errorf("turned off: %d %s", got.Code, got.Body)
			}
		})
	}
}

// TestThrottleFillsUp: tokens come back with time, not above the burst.
func TestThrottleFillsUp(t *testing.T) {
	t.Parallel()
	at := now
	w := newWorldAt(t, allowAll(t), func() time.Time { return at })
	w.gw.Throttle("ssm:Ping", gateway.Throttle{PerSecond: 0.5})
	ask := func() int { return w.ask(t, "ssm", "Ping", "{}", key, nil).Code }
	got := []int{ask(), ask()}
	at = at.Add(time.Second)
	got = append(got, ask())
	at = at.Add(time.Second)
	got = append(got, ask(), ask())
	at = at.Add(10 * time.Second)
	got = append(got, ask(), ask())
	if diff := cmp.Diff([]int{200, 400, 400, 200, 400, 200, 400}, got); diff != "" {
		t.Error(diff)
	}
}

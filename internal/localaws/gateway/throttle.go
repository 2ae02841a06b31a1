package gateway

import (
	"math"
	"net/http"
	"sync"
	"time"
)

// Throttle limits how often one action may be called in an account and region, as a token bucket: Burst calls at once,
// PerSecond more each second. AWS throttles so ("Request throttling for the Amazon EC2 API"); its figures differ by
// account, so here they are whoever turns it on says.
type Throttle struct {
	PerSecond float64
	Burst     int // 0 means PerSecond rounded up, at least 1
}

// bucket is the state of a throttle for one account and region.
type bucket struct {
	tokens float64
	filled time.Time
}

// throttles are the actions that are throttled now, by service:Operation. The zero value throttles nothing.
type throttles struct {
	mu      sync.Mutex
	limits  map[string]Throttle
	buckets map[[3]string]*bucket // by action, account, region
}

// Throttle turns throttling of an action ("ssm:GetCommandInvocation") on, or changes it. It works from the next request.
func (g *Gateway) Throttle(action string, limit Throttle) {
	if limit.Burst <= 0 {
		limit.Burst = max(1, int(math.Ceil(limit.PerSecond)))
	}
	t := &g.throttles
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.limits == nil {
		t.limits, t.buckets = map[string]Throttle{}, map[[3]string]*bucket{}
	}
	t.limits[action] = limit
	for key := range t.buckets {
		if key[0] == action {
			delete(t.buckets, key)
		}
	}
}

// Unthrottle turns throttling of an action off.
func (g *Gateway) Unthrottle(action string) {
	g.throttles.mu.Lock()
	defer g.throttles.mu.Unlock()
	delete(g.throttles.limits, action)
}

// admit takes a token for a call, or says that there is none.
func (t *throttles) admit(action, account, region string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	limit, ok := t.limits[action]
	if !ok {
		return true
	}
	key := [3]string{action, account, region}
	b := t.buckets[key]
	if b == nil {
		b = &bucket{tokens: float64(limit.Burst), filled: now}
		t.buckets[key] = b
	}
	if gained := now.Sub(b.filled).Seconds() * limit.PerSecond; gained > 0 {
		b.tokens, b.filled = min(float64(limit.Burst), b.tokens+gained), now
	}
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// throttle refuses a call whose action is called too often, before anything else is asked of it.
func (x *exchange) throttle() error {
	c := x.call
	action := c.Service + ":" + c.Operation
	if x.gw.throttles.admit(action, c.Caller.Account, c.Region, c.Time) {
		return nil
	}
	return throttled(x.protocol)
}

// throttled is the error of each protocol ("Common errors" of the services' API references; S3: "Error responses").
func throttled(p Protocol) *Error {
	switch p {
	case JSON11:
		return &Error{Code: "ThrottlingException", Message: "Rate exceeded"}
	case EC2Query:
		return &Error{Code: "RequestLimitExceeded", Message: "Request limit exceeded.", Status: http.StatusServiceUnavailable}
	case RESTXML:
		return &Error{Code: "SlowDown", Message: "Please reduce your request rate.", Status: http.StatusServiceUnavailable}
	}
	return &Error{Code: "Throttling", Message: "Rate exceeded"}
}

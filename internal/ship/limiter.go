package ship

import (
	"context"
	"sync"
	"time"
)

// The pace of one API in one account and region. AWS publishes no figures for Run Command; fullPace is far below what
// it was seen to bear, and a throttled answer halves it.
const (
	fullPace  = 20.0 // calls a second
	burst     = 40.0 // calls at once after a rest
	leastPace = 0.5
	// regain is how much of its pace an API gets back each second without throttling.
	regain = 0.1
)

// Limiter paces the calls that all deploys of a process make, for each API by itself: a token bucket whose rate is halved
// by every throttled answer and comes back slowly. The zero value is ready to use.
type Limiter struct {
	mu   sync.Mutex
	apis map[string]*pace
}

// pace is the token bucket of one API.
type pace struct {
	rate, tokens float64
	at           time.Time // when tokens was right
	answered     time.Time // the last answer that was not throttled
	halved       time.Time
}

// pace gives an API's bucket as it is now.
func (l *Limiter) pace(api string, now time.Time) *pace {
	if l.apis == nil {
		l.apis = map[string]*pace{}
	}
	p := l.apis[api]
	if p == nil {
		p = &pace{rate: fullPace, tokens: burst, at: now}
		l.apis[api] = p
	}
	if gone := now.Sub(p.at).Seconds(); gone > 0 {
		p.tokens = min(p.tokens+gone*p.rate, burst)
		p.rate = min(p.rate+gone*regain, fullPace)
		p.at = now
	}
	return p
}

// take reserves a call and tells how long it has to wait.
func (l *Limiter) take(api string, now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pace(api, now)
	p.tokens--
	if p.tokens >= 0 {
		return 0
	}
	return time.Duration(-p.tokens / p.rate * float64(time.Second))
}

// throttled slows an API down. Answers to calls that were under way together count once.
func (l *Limiter) throttled(api string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.pace(api, now)
	p.tokens = min(p.tokens, 0)
	if p.halved.IsZero() || now.Sub(p.halved) >= time.Second {
		p.rate, p.halved = max(p.rate/2, leastPace), now
	}
}

// answered notes that a call got through.
func (l *Limiter) answered(api string, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pace(api, now).answered = now
}

// lastAnswer is when a call of the API last got through; zero for never.
func (l *Limiter) lastAnswer(api string) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	if p := l.apis[api]; p != nil {
		return p.answered
	}
	return time.Time{}
}

// admit waits for an API's turn.
func (r *runner) admit(ctx context.Context, api string) error {
	if wait := r.limiter.take(r.paceOf(api), r.cfg.Now()); wait > 0 {
		return r.sleep(ctx, wait)
	}
	return ctx.Err()
}

// paceOf names the quota that a call counts against.
func (r *runner) paceOf(api string) string { return r.stage.Account + "/" + r.stage.Region + "/" + api }

// heard tells the limiter how a call ended.
func (r *runner) heard(api string, err error) {
	if err != nil && classify(err) == throttled {
		r.limiter.throttled(r.paceOf(api), r.cfg.Now())
		return
	}
	r.limiter.answered(r.paceOf(api), r.cfg.Now())
}

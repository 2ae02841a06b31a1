package ssm

import (
	"sync"
	"time"
)

// nodeKey names a node: ids are unique within an account and region only.
type nodeKey struct{ account, region, instance string }

// hub knows which nodes can be reached, and wakes those who bring them messages. The zero value is ready to use.
type hub struct {
	mu       sync.Mutex
	waiting  map[nodeKey]chan struct{}
	polls    map[nodeKey]poll
	channels map[nodeKey]*channel
	// due are the nodes with a channel that may have messages, in order; one goroutine brings them as long as there
	// are any.
	due      []nodeKey
	isDue    map[nodeKey]bool
	bringing bool
	bringers sync.WaitGroup
}

// poll is a node that asks for messages by itself.
type poll struct {
	held int // requests that wait now
	last time.Time
}

// pollGap is how long after its last answered poll a node still counts as connected: it will ask again at once.
const pollGap = 5 * time.Second

// wait gives a channel that is closed by the next notify for key. Take it before looking for messages,
// so that none slips through in between.
func (h *hub) wait(key nodeKey) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	ch, ok := h.waiting[key]
	if !ok {
		if h.waiting == nil {
			h.waiting = map[nodeKey]chan struct{}{}
		}
		ch = make(chan struct{})
		h.waiting[key] = ch
	}
	return ch
}

// notify says that there are messages for a node. An open channel brings them; else whoever waits for them is woken.
// It tells whether somebody must begin to bring what is due.
func (h *hub) notify(key nodeKey) (begin bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.channels[key] != nil {
		return h.markDue(key)
	}
	h.wake(key)
	return false
}

// wake wakes the polls of a node. The caller holds mu.
func (h *hub) wake(key nodeKey) {
	if ch, ok := h.waiting[key]; ok {
		close(ch)
		delete(h.waiting, key)
	}
}

// markDue notes that a channel may have messages. The caller holds mu.
func (h *hub) markDue(key nodeKey) (begin bool) {
	if !h.isDue[key] {
		if h.isDue == nil {
			h.isDue = map[nodeKey]bool{}
		}
		h.isDue[key] = true
		h.due = append(h.due, key)
	}
	if h.bringing {
		return false
	}
	h.bringing = true
	h.bringers.Add(1)
	return true
}

// nextDue takes up to n nodes that are due. When there are none, whoever brings messages must end.
func (h *hub) nextDue(n int) []nodeKey {
	h.mu.Lock()
	defer h.mu.Unlock()
	n = min(n, len(h.due))
	next := h.due[:n:n]
	h.due = h.due[n:]
	for _, key := range next {
		delete(h.isDue, key)
	}
	if n == 0 {
		h.due, h.bringing = nil, false
		h.bringers.Done()
	}
	return next
}

// polled counts the requests of a node that wait for messages; by is 1 at the beginning and -1 at the end.
func (h *hub) polled(key nodeKey, by int, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.polls == nil {
		h.polls = map[nodeKey]poll{}
	}
	h.polls[key] = poll{held: h.polls[key].held + by, last: now}
}

// connected tells whether a node has a channel, or asks for messages.
func (h *hub) connected(key nodeKey, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, known := h.polls[key]
	return h.channels[key] != nil || p.held > 0 || known && now.Sub(p.last) < pollGap
}

// connect makes c the channel of a node, in place of the one that it had.
func (h *hub) connect(c *channel) (before *channel, begin bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.channels == nil {
		h.channels = map[nodeKey]*channel{}
	}
	before = h.channels[c.key]
	h.channels[c.key] = c
	return before, h.markDue(c.key)
}

// disconnect takes c away, unless a newer one has its place.
func (h *hub) disconnect(c *channel) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.channels[c.key] == c {
		delete(h.channels, c.key)
	}
}

func (h *hub) channel(key nodeKey) *channel {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.channels[key]
}

// direct tells whether a new message may be given to a node's channel at once: there is one, and no other message is on
// its way, which would be overtaken.
func (h *hub) direct(key nodeKey) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.channels[key] != nil && !h.bringing
}

func (h *hub) anyChannel() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.channels) > 0
}

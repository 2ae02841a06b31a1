package ssm

import "sync"

// nodeKey names a node: ids are unique within an account and region only.
type nodeKey struct{ account, region, instance string }

// hub wakes nodes that wait for messages. The zero value is ready to use.
type hub struct {
	mu      sync.Mutex
	waiting map[nodeKey]chan struct{}
}

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

func (h *hub) notify(key nodeKey) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if ch, ok := h.waiting[key]; ok {
		close(ch)
		delete(h.waiting, key)
	}
}

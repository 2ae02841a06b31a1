package ssm

import "sync"

// memo keeps what stored texts were decoded to. A command's request and limits never change, and are needed each time
// that the command is looked at. The values are shared: nobody may change them.
type memo[T any] struct {
	mu     sync.RWMutex
	values map[string]T
}

// Bounds of a memo: how many texts, and how long one may be.
const (
	maxMemos    = 1024
	maxMemoText = 8 << 10
)

// get gives what decode makes of text.
func (m *memo[T]) get(text string, decode func(text string) (T, error)) (T, error) {
	m.mu.RLock()
	value, ok := m.values[text]
	m.mu.RUnlock()
	if ok {
		return value, nil
	}
	value, err := decode(text)
	if err != nil || len(text) > maxMemoText {
		return value, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil || len(m.values) >= maxMemos {
		m.values = map[string]T{}
	}
	m.values[text] = value
	return value, nil
}

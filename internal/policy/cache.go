package policy

import "strings"

// cache keeps what was made of a text. It is bounded: what is used goes into the young generation; when that is full
// it becomes the old one, and what was in the old one and was not used since is dropped.
type cache[V any] struct {
	young, old map[string]V
	size       int // bytes of the keys in young
}

// The bounds of one generation. A compiled policy takes some ten times the memory of its text.
const (
	maxCacheEntries = 8192
	maxCacheBytes   = 4 << 20
)

// get finds the value of a text, or makes and keeps it. make gets a copy of the text that it may keep.
func (c *cache[V]) get(text string, make func(string) V) V {
	if v, ok := c.young[text]; ok {
		return v
	}
	text = strings.Clone(text)
	v, ok := c.old[text]
	if !ok {
		v = make(text)
	}
	c.put(text, v)
	return v
}

func (c *cache[V]) put(text string, v V) {
	if c.young == nil || len(c.young) >= maxCacheEntries || c.size+len(text) > maxCacheBytes {
		c.old, c.young, c.size = c.young, map[string]V{}, 0
	}
	c.young[text] = v
	c.size += len(text)
}

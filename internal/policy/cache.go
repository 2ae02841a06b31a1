package policy

// cache keeps what was made of a text. It is bounded: what is used goes into the young generation; when that is full
// it becomes the old one, and what was in the old one and was not used since is dropped. The zero cache is ready.
type cache[K comparable, V any] struct {
	young, old map[K]kept[K, V]
	size       int // weight of what is in young
}

// kept is a value with the key that it is kept under: a key to look for may be a part of a long line.
type kept[K comparable, V any] struct {
	key    K
	value  V
	weight int
}

// The bounds of one generation of each cache, in bytes of memory as the weights estimate it. Two generations of all
// four are 56 MB; Go's collector lets the heap grow to twice what is in use.
const (
	maxDocuments = 16 << 20
	maxBundles   = 8 << 20
	maxContexts  = 3 << 20
	maxCallers   = 1 << 20
)

// find looks for a key. most is the bound, as for put.
func (c *cache[K, V]) find(key K, most int) (value V, ok bool) {
	if k, ok := c.young[key]; ok {
		return k.value, true
	}
	k, ok := c.old[key]
	if ok {
		c.add(k, most)
	}
	return k.value, ok
}

// put keeps a value, unless it is so heavy that it would drive out much else. The key is kept as well: it must not be a
// part of a longer text.
func (c *cache[K, V]) put(key K, value V, weight, most int) {
	if weight > most/4 {
		return
	}
	c.add(kept[K, V]{key, value, weight}, most)
}

// add makes room where there is none, also for what comes over from the old generation.
func (c *cache[K, V]) add(k kept[K, V], most int) {
	if c.size+k.weight > most {
		c.old, c.young, c.size = c.young, nil, 0
	}
	if c.young == nil {
		c.young = map[K]kept[K, V]{}
	}
	c.young[k.key] = k
	c.size += k.weight
}

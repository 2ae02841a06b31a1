package iam

import (
	"sort"
	"strings"
)

// Context holds the condition keys of a request. Keys are compared without regard to case, as AWS does.
// The zero Context has no keys. A Context is not changed once it is made.
type Context struct {
	values map[string][]string
	under  map[string][]string // for the keys that values does not have
}

// NewContext makes a context of keys and their values. A key without values counts as absent.
// The lists are kept, not copied. Keys that differ only in case are joined, in the order of their spelling.
func NewContext(values map[string][]string) Context {
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	sort.Strings(names)
	c := Context{values: make(map[string][]string, len(values))}
	for _, name := range names {
		key, list := strings.ToLower(name), values[name]
		if old := c.values[key]; len(old) > 0 {
			list = append(old[:len(old):len(old)], list...)
		}
		c.values[key] = list
	}
	return c
}

// Get returns the values of a key, and none when it is absent.
func (c Context) Get(key string) []string { return c.lookup(strings.ToLower(key)) }

// Keys lists the keys in lower case, sorted.
func (c Context) Keys() []string {
	keys := make([]string, 0, len(c.values)+len(c.under))
	for key := range c.values {
		keys = append(keys, key)
	}
	for key := range c.under {
		if _, covered := c.values[key]; !covered {
			keys = append(keys, key)
		}
	}
	sort.Strings(keys)
	return keys
}

// lookup is Get for a key that is already in lower case.
func (c Context) lookup(key string) []string {
	values, ok := c.values[key]
	if !ok && c.under != nil {
		return c.under[key]
	}
	return values
}

// over lays the context over another one, of which those keys count that it does not have itself. Neither may have been
// laid over a third.
func (c Context) over(under Context) Context {
	if len(c.values) == 0 {
		return under
	}
	return Context{values: c.values, under: under.values}
}

// Package recordtest is a bucket in memory for the tests of what keeps records: with conditions, a clock of its own, and
// faults.
package recordtest

import (
	"context"
	"crypto/md5"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-cd/slipway/internal/record"
)

// Bucket is a record.Bucket in memory. Fields are set before it is used.
type Bucket struct {
	// Now is the bucket's own clock.
	Now func() time.Time
	// Fault, asked before every call, makes it fail; nil for never.
	Fault func(c Call) Fault
	// Ignore makes the bucket one that ignores conditions.
	Ignore struct{ Absent, ETag bool }

	mu      sync.Mutex
	objects map[string]object
	calls   []Call
}

// Call is one call of a bucket.
type Call struct {
	Op  string // Get, Put, List
	Key string
	// Body and When are a Put's.
	Body []byte
	When record.Condition
}

// Fault is how a call fails. The zero Fault is that it does not.
type Fault struct {
	// Err is what the caller gets.
	Err error
	// Acts is true when the call is carried out all the same, and only its answer is lost.
	Acts bool
	// Again is true when the call is carried out twice, as a client does that repeats what was lost.
	Again bool
}

type object struct {
	body []byte
	etag string
	at   time.Time
}

func (b *Bucket) enter(c Call) Fault {
	b.mu.Lock()
	b.calls = append(b.calls, c)
	b.mu.Unlock()
	if b.Fault == nil {
		return Fault{}
	}
	return b.Fault(c)
}

// Calls are the calls so far.
func (b *Bucket) Calls() []Call {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.calls)
}

// Get is record.Bucket's.
func (b *Bucket) Get(ctx context.Context, key string) (record.Object, error) {
	if f := b.enter(Call{Op: "Get", Key: key}); f.Err != nil {
		return record.Object{}, f.Err
	}
	if err := ctx.Err(); err != nil {
		return record.Object{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	o, ok := b.objects[key]
	if !ok {
		return record.Object{}, fmt.Errorf("get %s: %w", key, record.ErrNotFound)
	}
	// Whole seconds, as HTTP has them.
	age := b.Now().Truncate(time.Second).Sub(o.at.Truncate(time.Second))
	return record.Object{Body: slices.Clone(o.body), ETag: o.etag, Age: age}, nil
}

// Put is record.Bucket's.
func (b *Bucket) Put(ctx context.Context, key string, body []byte, when record.Condition) (string, error) {
	f := b.enter(Call{Op: "Put", Key: key, Body: slices.Clone(body), When: when})
	if f.Err != nil && !f.Acts {
		return "", f.Err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	etag, err := b.put(key, body, when)
	if f.Again {
		etag, err = b.put(key, body, when)
	}
	if f.Err != nil {
		return "", f.Err
	}
	return etag, err
}

func (b *Bucket) put(key string, body []byte, when record.Condition) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now, exists := b.objects[key]
	absent, over := when.Absent && !b.Ignore.Absent, when.ETag != "" && !b.Ignore.ETag
	if absent && exists || over && now.etag != when.ETag {
		return "", fmt.Errorf("put %s: %w", key, record.ErrConflict)
	}
	if b.objects == nil {
		b.objects = map[string]object{}
	}
	// As S3's own, the ETag tells contents apart, not writes.
	b.objects[key] = object{slices.Clone(body), fmt.Sprintf("%q", fmt.Sprintf("%x", md5.Sum(body))), b.Now()}
	return b.objects[key].etag, nil
}

// List is record.Bucket's.
func (b *Bucket) List(ctx context.Context, prefix, after string, limit int) ([]string, error) {
	if f := b.enter(Call{Op: "List", Key: prefix}); f.Err != nil {
		return nil, f.Err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	var keys []string
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if strings.HasPrefix(key, prefix) && key > after && len(keys) < limit {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Object gives the body of an object; nil when there is none.
func (b *Bucket) Object(key string) []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.objects[key].body)
}

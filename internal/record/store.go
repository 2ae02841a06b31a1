package record

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Config is what a Store needs. All of it must be there.
type Config struct {
	Bucket     Bucket
	App, Stage string
	Now        func() time.Time
	// NewToken gives a new name, unique in the world, to a holder of the lock.
	NewToken func() string
	// Redact takes secrets out of a text. Every text of a record passes through it before it is written.
	Redact func(string) string
}

// Store is the record of one stage. It is for one goroutine at a time; a [Lease] of it is for several.
type Store struct {
	c Config
	// exist are the deploys that were seen in the bucket: nothing is ever deleted.
	exist map[string]bool
	// state is the version of the state object that this store read or wrote last.
	state *stateVersion
	// probed is true once the bucket has shown that it keeps conditions.
	probed bool
}

// NewStore makes a Store. It makes no request.
func NewStore(c Config) (*Store, error) {
	if c.Bucket == nil || c.App == "" || c.Stage == "" || c.Now == nil || c.NewToken == nil || c.Redact == nil {
		return nil, errors.New("record: bucket, app, stage, clock, tokens and redaction are all needed")
	}
	return &Store{c: c, exist: map[string]bool{}}, nil
}

// attempts bounds how often a write is tried again that met somebody else's.
const attempts = 10

// format is the version of the objects. One that a newer slipway wrote is refused: what it says is not known here.
const format = 1

// envelope is what every object begins with. Revision counts the writes of objects that change hands, so that no two
// contents, and no two ETags, are ever the same.
type envelope struct {
	Format   int `json:"format"`
	Revision int `json:"revision,omitempty"`
}

// key is the name of an object of the stage.
func (s *Store) key(name string) string { return s.c.App + "/" + s.c.Stage + "/" + name }

// name is the stage, for people.
func (s *Store) name() string { return s.c.App + "/" + s.c.Stage }

// put writes an object under a condition. The answer to a write can be lost: after every error the object is read, and
// one that has just this content was written. Otherwise now is the object as it stands, nil where there is none or
// that could not be read.
func (s *Store) put(ctx context.Context, key string, body []byte, when Condition) (etag string, now *Object, err error) {
	etag, err = s.c.Bucket.Put(ctx, key, body, when)
	if err == nil {
		return etag, nil, nil
	}
	err = fmt.Errorf("write %s: %w", key, err)
	found, readErr := s.c.Bucket.Get(ctx, key)
	switch {
	case errors.Is(readErr, ErrNotFound):
		return "", nil, err
	case readErr != nil:
		return "", nil, fmt.Errorf("%w; whether it was written could not be read: %v", err, readErr)
	case bytes.Equal(found.Body, body):
		return found.ETag, nil, nil
	}
	return "", &found, err
}

// get reads an object into into, which must have been empty.
func (s *Store) get(ctx context.Context, key string, into any) (Object, envelope, error) {
	o, err := s.c.Bucket.Get(ctx, key)
	if err != nil {
		return Object{}, envelope{}, fmt.Errorf("read %s: %w", key, err)
	}
	e, err := decode(key, o.Body, into)
	return o, e, err
}

func decode(key string, body []byte, into any) (envelope, error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		return e, fmt.Errorf("%s is damaged: %w", key, err)
	}
	if e.Format != format {
		return e, fmt.Errorf("%s has format %d and this slipway knows %d: use the slipway that wrote it, or a newer one", key, e.Format, format)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return e, fmt.Errorf("%s is damaged: %w", key, err)
	}
	return e, nil
}

// encode writes an object: the envelope's fields and then v's, which is a pointer to a struct.
func encode(e envelope, v any) ([]byte, error) {
	head, err := json.Marshal(e)
	if err != nil {
		return nil, err
	}
	rest, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	if len(rest) > len("{}") {
		head = append(append(head[:len(head)-1], ','), rest[1:]...)
	}
	var out bytes.Buffer
	if err := json.Indent(&out, head, "", " "); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

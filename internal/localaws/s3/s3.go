// Package s3 is Amazon S3 in the local AWS: buckets, objects with versions and conditional writes, multipart uploads and
// bucket policies.
//
// Requests come in through the gateway ([Service.API]), which has verified the signature of their head; bodies are
// verified while they are read, and nothing of a body that turns out wrong is kept. Every operation authorises itself,
// on the bucket that it has found, before it does anything (operation.run); bucket policies take part.
//
// State is in SQLite: an object is a row with pieces, a piece is a blob, a blob is rows of at most 1 MiB. A large body is
// staged as a blob without a lock, and one transaction at its end checks the conditions and makes the object: of any
// number of conditional writers one wins, and a reader sees a whole object or none.
package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// Config are the settings of a [Service]; the zero value is ready to use.
type Config struct {
	// Now is the clock; nil means the real one.
	Now func() time.Time
	// Rand gives the bytes of version and upload ids; nil means crypto/rand.
	Rand io.Reader
	// OnError hears of what goes wrong after an answer: content that nobody refers to and that could not be removed. It
	// is removed when the service is made the next time. nil is silent.
	OnError func(error)
}

// Service is Amazon S3. It is safe for concurrent use.
type Service struct {
	db      *store.DB
	now     func() time.Time
	onError func(error)
	blobs   *blobs
	// lastObject is the greatest id that a version was given. Only a transaction counts it on, so that the order of ids is
	// that of the versions.
	lastObject atomic.Int64
	// policies are the compiled bucket policies, by bucket id.
	policies sync.Map

	randMu sync.Mutex
	rand   io.Reader
}

// New makes the service and its tables, and removes the content that uploads left behind which never ended.
func New(db *store.DB, cfg Config) (*Service, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Rand == nil {
		cfg.Rand = rand.Reader
	}
	if cfg.OnError == nil {
		cfg.OnError = func(error) {}
	}
	ctx := context.Background()
	if err := db.Migrate(ctx, "s3", schema...); err != nil {
		return nil, err
	}
	blobs, err := newBlobs(ctx, db)
	if err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	s := &Service{db: db, now: cfg.Now, rand: cfg.Rand, onError: cfg.OnError, blobs: blobs}
	var last int64
	if err := db.QueryRowContext(ctx, `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 's3_object'), 0)`).Scan(&last); err != nil {
		return nil, fmt.Errorf("s3: %w", err)
	}
	s.lastObject.Store(last)
	return s, nil
}

// API is the service behind the gateway.
func (s *Service) API() gateway.Service {
	api := gateway.Service{Name: "s3", Protocol: gateway.RESTXML, Route: route, Streaming: true, Unsigned: true}
	for _, o := range operations() {
		api.Operations = append(api.Operations, s.serve(o))
	}
	return api
}

// EnsureBucket makes a bucket, if the account does not have it, as the account's owner would: private, with the bucket
// owner's control enforced. The error says when another account, or another region, has the name.
func (s *Service) EnsureBucket(ctx context.Context, account, region, name string) error {
	if !validBucketName(name) {
		return fmt.Errorf("bucket %q: not a valid name", name)
	}
	return s.db.Tx(ctx, func(tx *store.Tx) error {
		b, err := findBucket(ctx, tx, name)
		switch {
		case errors.Is(err, errNoBucket):
			return s.makeBucket(ctx, tx, &bucket{name: name, account: account, region: region, settings: newSettings()})
		case err != nil:
			return err
		case b.account != account || b.region != region:
			return fmt.Errorf("bucket %s: account %s has it in %s", name, b.account, b.region)
		}
		return nil
	})
}

const idAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._"

// newID is a random text of n characters, n at most 64.
func (s *Service) newID(n int) (string, error) {
	b := make([]byte, n)
	s.randMu.Lock()
	_, err := io.ReadFull(s.rand, b)
	s.randMu.Unlock()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	for i := range b {
		b[i] = idAlphabet[b[i]&63]
	}
	return string(b), nil
}

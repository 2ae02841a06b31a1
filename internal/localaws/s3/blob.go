package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// chunkSize is how much content a row holds, and with that what a request holds in memory.
const chunkSize = 1 << 20

// blobs keeps content: immutable, named by a number, there as long as an object or an upload refers to it or somebody
// reads it.
type blobs struct {
	db   *store.DB
	last atomic.Int64

	// gate keeps a reader from finding a blob in the moment in which it is given up.
	gate sync.RWMutex
	mu   sync.Mutex
	// readers counts those of each blob; doomed blobs go with their last one.
	readers map[int64]int
	doomed  map[int64]bool
}

// newBlobs removes what nothing refers to: content of uploads that had not ended when the process did.
func newBlobs(ctx context.Context, db *store.DB) (*blobs, error) {
	_, err := db.ExecContext(ctx, `DELETE FROM s3_chunk WHERE blob NOT IN (SELECT blob FROM s3_piece UNION SELECT blob FROM s3_part)`)
	if err != nil {
		return nil, err
	}
	b := &blobs{db: db, readers: map[int64]int{}, doomed: map[int64]bool{}}
	var last int64
	if err := db.QueryRowContext(ctx, `SELECT coalesce(max(blob), 0) FROM s3_chunk`).Scan(&last); err != nil {
		return nil, err
	}
	b.last.Store(last)
	return b, nil
}

// piece is a part of an object: a whole blob.
type piece struct{ blob, size int64 }

// pin keeps the blobs of pieces until unpin. The gate is held for reading.
func (b *blobs) pin(pieces []piece) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range pieces {
		b.readers[p.blob]++
	}
}

// unpin ends the reading of blobs, and removes those that were given up meanwhile.
func (b *blobs) unpin(ctx context.Context, pieces []piece) error {
	b.mu.Lock()
	var free []int64
	for _, p := range pieces {
		if b.readers[p.blob]--; b.readers[p.blob] > 0 {
			continue
		}
		delete(b.readers, p.blob)
		if b.doomed[p.blob] {
			delete(b.doomed, p.blob)
			free = append(free, p.blob)
		}
	}
	b.mu.Unlock()
	return b.remove(ctx, free)
}

// giveUp removes blobs that an object or an upload has ceased to refer to, or has never begun to. Those that somebody
// reads stay until unpin, and those that something else refers to stay.
func (b *blobs) giveUp(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	b.gate.Lock()
	b.mu.Lock()
	var free []int64
	for _, id := range ids {
		if b.readers[id] > 0 {
			b.doomed[id] = true
			continue
		}
		free = append(free, id)
	}
	b.mu.Unlock()
	b.gate.Unlock()
	return b.remove(ctx, free)
}

func (b *blobs) remove(ctx context.Context, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	return b.db.Tx(context.WithoutCancel(ctx), func(tx *store.Tx) error {
		for _, id := range ids {
			_, err := tx.ExecContext(ctx, `DELETE FROM s3_chunk WHERE blob = ?1 AND NOT EXISTS (SELECT 1 FROM s3_piece WHERE blob = ?1)
				AND NOT EXISTS (SELECT 1 FROM s3_part WHERE blob = ?1)`, id)
			if err != nil {
				return fmt.Errorf("remove content: %w", err)
			}
		}
		return nil
	})
}

// staged is content that was received: in memory when it is short, as a blob otherwise.
type staged struct {
	blob  int64
	size  int64
	short []byte // nil once the content is stored
}

// stage takes content in, to its end. What was stored of content that breaks off, or is not as long as expected, is
// removed.
func (b *blobs) stage(ctx context.Context, content io.Reader, expected int64) (*staged, error) {
	c := &staged{blob: b.last.Add(1)}
	err := b.fill(ctx, c, content, expected)
	if err == nil && c.size != expected {
		err = fail("IncompleteBody")
	}
	if err != nil {
		return nil, errors.Join(err, b.discard(ctx, c))
	}
	return c, nil
}

func (b *blobs) fill(ctx context.Context, c *staged, content io.Reader, expected int64) error {
	// One byte more than expected, so that the end is met.
	buffer := make([]byte, min(expected+1, chunkSize))
	for seq := 0; c.size <= expected; seq++ {
		n, err := io.ReadFull(content, buffer)
		ended := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !ended {
			return err
		}
		if c.size += int64(n); ended && seq == 0 {
			c.short = buffer[:n]
			return nil
		}
		if n > 0 {
			if err := b.append(ctx, c.blob, seq, buffer[:n]); err != nil {
				return err
			}
		}
		if ended {
			return nil
		}
	}
	return nil
}

func (b *blobs) append(ctx context.Context, blob int64, seq int, data []byte) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO s3_chunk (blob, seq, data) VALUES (?, ?, ?)`, blob, seq, data)
	return err
}

// pieces are what an object is made of that has this content; none when it is empty.
func (c *staged) pieces() []piece {
	if c.size == 0 {
		return nil
	}
	return []piece{{c.blob, c.size}}
}

// keep stores staged content that is still in memory, in the transaction that refers to it.
func (c *staged) keep(ctx context.Context, tx *store.Tx) error {
	if len(c.short) == 0 {
		return nil
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO s3_chunk (blob, seq, data) VALUES (?, 0, ?)`, c.blob, c.short)
	return err
}

// discard removes content that nothing will refer to.
func (b *blobs) discard(ctx context.Context, c *staged) error {
	if c == nil || c.short != nil || c.size == 0 {
		return nil
	}
	return b.remove(ctx, []int64{c.blob})
}

// content reads length bytes of pieces, from offset on, one row at a time. The pieces are pinned.
type content struct {
	ctx            context.Context
	db             *store.DB
	pieces         []piece
	offset, length int64
	rest           []byte
}

// Read gives the next bytes. A row that is not there is an error, not an end.
func (c *content) Read(p []byte) (int, error) {
	if len(c.rest) == 0 {
		if c.length <= 0 {
			return 0, io.EOF
		}
		if err := c.next(); err != nil {
			return 0, &readError{err}
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// readError is an error of content, as opposed to one of where it is written to.
type readError struct{ error }

// Unwrap gives the cause.
func (e *readError) Unwrap() error { return e.error }

// next loads the row that offset is in.
func (c *content) next() error {
	for len(c.pieces) > 0 && c.offset >= c.pieces[0].size {
		c.offset -= c.pieces[0].size
		c.pieces = c.pieces[1:]
	}
	if len(c.pieces) == 0 {
		return fmt.Errorf("content ends %d bytes early", c.length)
	}
	if err := c.ctx.Err(); err != nil {
		return err
	}
	var data []byte
	err := c.db.QueryRowContext(c.ctx, `SELECT data FROM s3_chunk WHERE blob = ? AND seq = ?`, c.pieces[0].blob, c.offset/chunkSize).Scan(&data)
	if err != nil {
		return fmt.Errorf("read content: %w", err)
	}
	skip := c.offset % chunkSize
	if skip >= int64(len(data)) {
		return fmt.Errorf("content of blob %d ends early", c.pieces[0].blob)
	}
	data = data[skip:]
	data = data[:min(int64(len(data)), c.length)]
	c.rest, c.length, c.offset = data, c.length-int64(len(data)), c.offset+int64(len(data))
	return nil
}

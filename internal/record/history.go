package record

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// pageOfKeys is S3's largest page.
const pageOfKeys = 1000

// lookBack are the ages up to which deploys are looked for, one after the other: S3 lists from the oldest on, and a
// stage that is deployed every hour has nearly ten thousand a year. The last is all of them.
var lookBack = []time.Duration{14 * 24 * time.Hour, 120 * 24 * time.Hour, 0}

// History gives the last n deploys, the newest first.
func (s *Store) History(ctx context.Context, n int) ([]*Deploy, error) {
	var ids []string
	for _, age := range lookBack {
		after := ""
		if age > 0 {
			after = s.c.Now().Add(-age).UTC().Format(IDTime)
		}
		var err error
		if ids, err = s.idsAfter(ctx, after); err != nil {
			return nil, err
		}
		if len(ids) >= n {
			break
		}
	}
	slices.Reverse(ids)
	var deploys []*Deploy
	for _, id := range ids[:max(min(n, len(ids)), 0)] {
		d, err := s.Load(ctx, id)
		if err != nil {
			return nil, err
		}
		deploys = append(deploys, d)
	}
	return deploys, nil
}

// idsAfter lists the ids of the deploys that sort after a time, the oldest first.
func (s *Store) idsAfter(ctx context.Context, after string) ([]string, error) {
	prefix := s.key(deploysFolder)
	var ids []string
	for last := prefix + after; ; {
		keys, err := s.c.Bucket.List(ctx, prefix, last, pageOfKeys)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", prefix, err)
		}
		for _, key := range keys {
			id, isDeploy := strings.CutSuffix(strings.TrimPrefix(key, prefix), ".json")
			if isDeploy {
				ids = append(ids, id)
			}
		}
		if len(keys) < pageOfKeys {
			return ids, nil
		}
		last = keys[len(keys)-1]
	}
}

// Find loads a deploy by its id, or by its run id; [ErrNotFound] when there is none.
func (s *Store) Find(ctx context.Context, name string) (*Deploy, error) {
	if strings.ContainsAny(name, "/ ") || name == "" {
		return nil, fmt.Errorf("deploy %q: %w", name, ErrNotFound)
	}
	d, err := s.Load(ctx, name)
	if !errors.Is(err, ErrNotFound) {
		return d, err
	}
	ids, err := s.idsAfter(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if strings.HasSuffix(id, "-"+name) {
			return s.Load(ctx, id)
		}
	}
	return nil, fmt.Errorf("deploy %s: %w", name, ErrNotFound)
}

package ssm

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"maps"
	"slices"
)

// documentTags are the tags of documents, by name.
type documentTags struct{ *Service }

// TagARN is the document's ARN.
func (documentTags) TagARN(account, region, name string) string {
	return documentARN(account, region, name)
}

// Tags gives a document's tags. AWS's own documents belong to nobody here.
func (s documentTags) Tags(ctx context.Context, account, region, name string) (map[string]string, bool, error) {
	return loadDocumentTags(ctx, s.db, account, region, name)
}

func loadDocumentTags(ctx context.Context, q querier, account, region, name string) (map[string]string, bool, error) {
	var text string
	err := q.QueryRowContext(ctx, `SELECT tags FROM ssm_document WHERE account = ? AND region = ? AND name = ?`,
		account, region, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	var tags []tag
	err = json.Unmarshal([]byte(text), &tags)
	return tagMap(tags), true, err
}

// ChangeTags changes a document's tags.
func (s documentTags) ChangeTags(ctx context.Context, account, region, name string, change func(map[string]string) error) (found bool, err error) {
	err = s.update(ctx, func(w *work) error {
		var tags map[string]string
		if tags, found, err = loadDocumentTags(ctx, w, account, region, name); err != nil || !found {
			return err
		}
		if err := change(tags); err != nil {
			return err
		}
		list := make([]tag, 0, len(tags))
		for _, key := range slices.Sorted(maps.Keys(tags)) {
			list = append(list, tag{key, tags[key]})
		}
		text, err := json.Marshal(list)
		if err != nil {
			return err
		}
		_, err = w.ExecContext(ctx, `UPDATE ssm_document SET tags = ? WHERE account = ? AND region = ? AND name = ?`,
			string(text), account, region, name)
		return err
	})
	return found, err
}

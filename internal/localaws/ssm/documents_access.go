package ssm

import (
	"context"
	"errors"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
)

// documentAccess is one document, with its type and its tags. One that is not there is asked for as a command document:
// who may not know is denied before being told that there is none.
func (s *Service) documentAccess(ctx context.Context, c *gateway.Call, ref string) ([]gateway.Access, error) {
	d, err := find(ctx, s.db, c, ref, selector{})
	if isFault(err) {
		d, err = stored{kind: typeCommand}, nil
	}
	if err != nil {
		return nil, err
	}
	keys := tagKeys(tagMap(d.tags))
	keys["ssm:DocumentType"] = []string{d.kind}
	return []gateway.Access{{Resource: refARN(c, ref), Context: keys}}, nil
}

// isFault says that an error is the client's, and no failure of the service.
func isFault(err error) bool {
	var fault *gateway.Error
	return errors.As(err, &fault)
}

// tagMap is a list of tags by key.
func tagMap(tags []tag) map[string]string {
	byKey := make(map[string]string, len(tags))
	for _, t := range tags {
		byKey[t.Key] = t.Value
	}
	return byKey
}

// requestTagKeys are the condition keys of tags that a request brings.
func requestTagKeys(tags []tag) map[string][]string {
	keys := make(map[string][]string, len(tags)+2)
	for _, t := range tags {
		keys["aws:RequestTag/"+t.Key] = []string{t.Value}
		keys["aws:TagKeys"] = append(keys["aws:TagKeys"], t.Key)
	}
	return keys
}

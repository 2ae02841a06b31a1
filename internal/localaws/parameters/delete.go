package parameters

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/slipway-cd/slipway/internal/localaws/gateway"
	"github.com/slipway-cd/slipway/internal/localaws/store"
)

type nameInput struct{ Name string }

func (s *Service) deleteAccess(ctx context.Context, c *gateway.Call, in *nameInput) ([]gateway.Access, error) {
	return s.onName(ctx, c, &in.Name)
}

func (s *Service) delete(ctx context.Context, c *gateway.Call, in *nameInput) (*struct{}, error) {
	gone, err := s.remove(ctx, spaceOf(c), in.Name)
	if err == nil && !gone {
		err = notFound(in.Name)
	}
	return &struct{}{}, err
}

// remove deletes a parameter with all its versions, and says whether it was there.
func (s *Service) remove(ctx context.Context, at space, name string) (gone bool, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		if _, err := tx.ExecContext(ctx, `DELETE FROM parameters_version WHERE account = ? AND region = ? AND name = ?`, at.account, at.region, name); err != nil {
			return fmt.Errorf("delete parameter: %w", err)
		}
		result, err := tx.ExecContext(ctx, `DELETE FROM parameters_name WHERE account = ? AND region = ? AND name = ?`, at.account, at.region, name)
		if err != nil {
			return fmt.Errorf("delete parameter: %w", err)
		}
		n, err := result.RowsAffected()
		gone = n > 0
		return err
	})
	return gone, err
}

type namesInput struct{ Names []string }

type deleteManyOutput struct {
	DeletedParameters []string
	InvalidParameters []string
}

func (s *Service) deleteManyAccess(ctx context.Context, c *gateway.Call, in *namesInput) ([]gateway.Access, error) {
	if err := checkCount("names", in.Names, 10); err != nil {
		return nil, err
	}
	var needs []gateway.Access
	for i := range in.Names {
		one, err := s.onName(ctx, c, &in.Names[i])
		if err != nil {
			return nil, err
		}
		needs = append(needs, one...)
	}
	return needs, nil
}

func (s *Service) deleteMany(ctx context.Context, c *gateway.Call, in *namesInput) (*deleteManyOutput, error) {
	out := &deleteManyOutput{DeletedParameters: []string{}, InvalidParameters: []string{}}
	for _, name := range in.Names {
		gone, err := s.remove(ctx, spaceOf(c), name)
		switch {
		case err != nil:
			return nil, err
		case gone:
			out.DeletedParameters = append(out.DeletedParameters, name)
		default:
			out.InvalidParameters = append(out.InvalidParameters, name)
		}
	}
	return out, nil
}

// TagARN is the ARN of a parameter. With Tags and ChangeTags it makes Service the keeper of the tags of the resource type
// Parameter, for the tag operations of Systems Manager.
func (s *Service) TagARN(account, region, name string) string {
	return arn(space{account, region}, name)
}

// Tags gives a parameter's tags; found is false when there is none.
func (s *Service) Tags(ctx context.Context, account, region, name string) (tags map[string]string, found bool, err error) {
	_, tags, err = latest(ctx, s.db, space{account, region}, name)
	if errors.Is(err, errNone) {
		return nil, false, nil
	}
	return tags, err == nil, err
}

// ChangeTags keeps what change makes of a parameter's tags.
func (s *Service) ChangeTags(ctx context.Context, account, region, name string, change func(tags map[string]string) error) (found bool, err error) {
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		_, tags, err := latest(ctx, tx, space{account, region}, name)
		if errors.Is(err, errNone) {
			return nil
		}
		if err != nil {
			return err
		}
		found = true
		if err := change(tags); err != nil {
			return err
		}
		text, err := json.Marshal(tags)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE parameters_name SET tags = ? WHERE account = ? AND region = ? AND name = ?`, string(text), account, region, name)
		return err
	})
	return found && err == nil, err
}

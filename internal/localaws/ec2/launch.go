package ec2

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"github.com/slipway-cd/slipway/internal/localaws/store"
)

// make stores the new instances; those of an earlier request with the same token are not fresh.
func (s *Service) make(ctx context.Context, in *runInput, i Instance) (made []Instance, fresh bool, err error) {
	request, err := digest(in)
	if err != nil {
		return nil, false, err
	}
	err = s.db.Tx(ctx, func(tx *store.Tx) error {
		made, fresh = nil, false
		all, err := s.inRegion(ctx, tx, i)
		if err != nil {
			return err
		}
		if earlier, err := redeem(ctx, tx, i, request); err != nil || earlier != "" {
			made = slices.DeleteFunc(all, func(old Instance) bool { return old.reservation() != earlier })
			if err == nil && len(made) == 0 {
				err = fault("InvalidParameterValue", "The instances of the client token '"+i.Token+"' do not exist any more")
			}
			return err
		}
		fresh = true
		made, err = s.insert(ctx, tx, all, i, *in.MinCount, *in.MaxCount)
		return err
	})
	return made, fresh, err
}

func (s *Service) inRegion(ctx context.Context, tx *store.Tx, i Instance) (all []Instance, err error) {
	rows, err := tx.QueryContext(ctx, `SELECT instance FROM ec2_instance WHERE account = ? AND region = ? ORDER BY id`, i.Account, i.Region)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		i, err := decode(text)
		if err != nil {
			return nil, err
		}
		all = append(all, i)
	}
	return all, rows.Err()
}

// redeem notes the client token, or gives the reservation that an equal request with the same token made.
func redeem(ctx context.Context, tx *store.Tx, i Instance, request string) (reservation string, err error) {
	if i.Token == "" {
		return "", nil
	}
	var before string
	err = tx.QueryRowContext(ctx, `SELECT request, reservation FROM ec2_token WHERE account = ? AND region = ? AND token = ?`,
		i.Account, i.Region, i.Token).Scan(&before, &reservation)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		_, err = tx.ExecContext(ctx, `INSERT INTO ec2_token (account, region, token, request, reservation) VALUES (?,?,?,?,?)`,
			i.Account, i.Region, i.Token, request, i.Reservation)
		return "", err
	case err == nil && before != request:
		return "", fault("IdempotentParameterMismatch", "Arguments on this idempotent request are inconsistent with arguments used in previous request(s).")
	}
	return reservation, err
}

func digest(in *runInput) (string, error) {
	text, err := json.Marshal(in)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}

// insert makes as many instances as there is room for, at least least. Each gets the next free address.
func (s *Service) insert(ctx context.Context, tx *store.Tx, all []Instance, i Instance, least, most int) ([]Instance, error) {
	taken := map[string]bool{}
	live := 0
	for _, old := range all {
		if s.forgotten(old) { // nobody sees it any more
			if _, err := tx.ExecContext(ctx, `DELETE FROM ec2_instance WHERE account = ? AND region = ? AND id = ?`,
				old.Account, old.Region, old.ID); err != nil {
				return nil, fmt.Errorf("forget instance %s: %w", old.ID, err)
			}
			continue
		}
		taken[old.address()] = true
		if old.State != Terminated {
			live++
		}
	}
	room := min(most, maxInstances-live)
	if room < least {
		return nil, fault("InstanceLimitExceeded", fmt.Sprintf("You have requested more instances (%d) than your current instance limit of %d allows.", live+least, maxInstances))
	}
	var made []Instance
	address := netip.AddrFrom4([4]byte{172, 31, 0, 4}) // AWS keeps the first four of a subnet
	for n := range room {
		for taken[address.String()] {
			address = address.Next()
		}
		id, err := s.newID("i-")
		if err != nil {
			return nil, err
		}
		one := i
		one.ID, one.Index, one.PrivateIP = id, n, address.String()
		taken[one.PrivateIP] = true
		if err := save(ctx, tx, one); err != nil {
			return nil, err
		}
		made = append(made, one)
	}
	return made, nil
}

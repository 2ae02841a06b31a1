package ec2

import (
	"context"
	"encoding/json"
	"fmt"
)

// All lists the instances of all accounts and regions: the machines that the local AWS has to run.
func (s *Service) All(ctx context.Context) ([]Instance, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT instance FROM ec2_instance ORDER BY account, region, id`)
	if err != nil {
		return nil, fmt.Errorf("list instances: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []Instance
	for rows.Next() {
		var content string
		var instance Instance
		if err := rows.Scan(&content); err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		if err := json.Unmarshal([]byte(content), &instance); err != nil {
			return nil, fmt.Errorf("list instances: %w", err)
		}
		all = append(all, instance)
	}
	return all, rows.Err()
}

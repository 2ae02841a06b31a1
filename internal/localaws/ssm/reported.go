package ssm

import (
	"context"
	"fmt"
	"time"
)

// Reported counts the nodes, in all accounts and regions, that have pinged at or after since.
func (s *Service) Reported(ctx context.Context, since time.Time) (int, error) {
	var n int
	err := s.db.QueryRowContext(ctx, `SELECT count(*) FROM ssm_node WHERE pinged >= ?`, since.UnixNano()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count nodes: %w", err)
	}
	return n, nil
}

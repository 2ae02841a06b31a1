package ssmmessages

import (
	"errors"
	"time"
)

// beginSweep looks after silent connections as long as there are any. The caller holds mu.
func (s *Service) beginSweep() {
	if s.sweeping {
		return
	}
	s.sweeping = true
	s.running.Go(func() {
		ticker := time.NewTicker(s.cfg.Idle / 4)
		defer ticker.Stop()
		for {
			select {
			case <-s.ended:
				return
			case <-ticker.C:
				if !s.sweep() {
					return
				}
			}
		}
	})
}

var errSilent = errors.New("nothing was heard of the node")

// sweep ends the connections that have been silent for too long, and tells whether there are others.
func (s *Service) sweep() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		if c.silent() > s.cfg.Idle {
			c.end(errSilent)
		}
	}
	s.sweeping = len(s.open) > 0
	return s.sweeping
}

package ci

import (
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/plan"
)

// margin is what a job needs besides the commands themselves: a runner's start, installing slipway, the preflight, and
// the cancellation at the end.
const margin = 15 * time.Minute

// many is the fleet for which a rollout by percentages is counted: rounding makes the most batches of it.
const many = 1000

// Limit is how long a stage's commands may take together until each has ended or was given up: delivery and execution
// timeouts, for each batch, with the pauses and the checks between batches. Where batches are numbers of nodes, or
// max-concurrency is one, it counts as many nodes as the targets want at the least; more nodes take longer.
func Limit(s *plan.Stage) time.Duration {
	var total time.Duration
	for i := range s.Steps {
		total += stepLimit(&s.Steps[i], max(s.Targets.Min, len(s.Targets.Instances), 1))
	}
	return total
}

func stepLimit(s *plan.Step, nodes int) time.Duration {
	once := time.Duration(s.DeliveryTimeout+s.ExecutionTimeout) * time.Second
	if s.Once {
		return once
	}
	if len(s.Rollout.Batches) == 0 {
		return time.Duration(waves(s.MaxConcurrency, nodes)) * once
	}
	batches := countBatches(s.Rollout.Batches, nodes)
	if strings.HasSuffix(s.Rollout.Batches[len(s.Rollout.Batches)-1], "%") {
		batches = max(batches, countBatches(s.Rollout.Batches, many))
	}
	each := once + time.Duration(s.Rollout.Pause)*time.Second
	if s.Check != nil {
		each += stepLimit(s.Check, nodes)
	}
	return time.Duration(batches) * each
}

// countBatches is how many batches a rollout has with so many nodes. The last size is repeated.
func countBatches(sizes []string, nodes int) int {
	count := 0
	for left := nodes; left > 0; count++ {
		left -= sizeOf(sizes[min(count, len(sizes)-1)], nodes)
	}
	return count
}

// waves is how many groups of at most so many nodes follow each other.
func waves(concurrency string, nodes int) int {
	size := sizeOf(concurrency, nodes)
	return (nodes + size - 1) / size
}

// sizeOf is a number of nodes, or a percentage of all, rounded down and at least one. What is neither stands for all:
// package release lets nothing else through.
func sizeOf(size string, nodes int) int {
	number, percent := strings.CutSuffix(size, "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || n < 1:
		return nodes
	case percent:
		return max(1, nodes*n/100)
	}
	return n
}

// minutes is the timeout-minutes of a job whose commands take at most this long.
func minutes(limit time.Duration) int {
	return int((limit + margin + time.Minute - 1) / time.Minute)
}

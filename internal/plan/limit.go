package plan

import (
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/release"
)

// JobMargin is what a job needs besides the commands themselves: a runner's start, installing slipway, the preflight, and
// the cancellation at the end.
const JobMargin = 15 * time.Minute

// many is the largest fleet for which a rollout by percentages is counted. A small one may have more batches than a large
// one: a quarter of seven nodes is one node.
const many = 1000

// Limit is how long a stage's commands may take together until each has ended or was given up: delivery and execution
// timeouts, for each batch, with the pauses and the checks between batches, and the same again for a rollback; the tests, the runbooks, and the hooks. Where
// batches are numbers of nodes, or max-concurrency is one, it counts as many nodes as the targets want at the least; more
// nodes take longer.
func (s *Stage) Limit() time.Duration {
	var total time.Duration
	for i := range s.Steps {
		total += s.Steps[i].limit(max(s.Targets.Min, len(s.Targets.Instances), 1))
	}
	if s.OnFailure == string(release.Rollback) {
		total *= 2 // it ships as the deploy before did, which is taken to have been like this one
	}
	for _, t := range s.Tests {
		total += time.Duration(t.Timeout) * time.Second
	}
	for _, a := range s.Automations {
		total += time.Duration(a.Timeout) * time.Second
	}
	for _, hook := range []*Hook{s.Hooks.Before, s.Hooks.After} {
		if hook != nil {
			total += release.HookTimeout
		}
	}
	return total
}

func (s *Step) limit(nodes int) time.Duration {
	once := time.Duration(s.DeliveryTimeout+s.ExecutionTimeout) * time.Second
	sizes, healthy := s.Rollout.Batches, s.Rollout.MinHealthy
	switch {
	case s.Once:
		return once
	case len(sizes) == 0 && healthy == "" && s.Check == nil: // Run Command itself spreads it
		return time.Duration(worst([]string{s.MaxConcurrency}, "", nodes)) * once
	case len(sizes) == 0:
		sizes = []string{"100%"}
	}
	each := once + time.Duration(s.Rollout.Pause)*time.Second
	if s.Check != nil {
		each += s.Check.limit(nodes)
	}
	return time.Duration(worst(sizes, healthy, nodes)) * each
}

// worst is how many batches a rollout has with so many nodes; where the last size, which is repeated, is a percentage, with
// so many or more.
func worst(sizes []string, healthy string, nodes int) int {
	most := countBatches(sizes, healthy, nodes)
	if strings.HasSuffix(sizes[len(sizes)-1], "%") {
		for n := nodes + 1; n <= many; n++ {
			most = max(most, countBatches(sizes, healthy, n))
		}
	}
	return most
}

// countBatches is how many batches a rollout has with so many nodes. The last size is repeated, and none is larger than
// what min-healthy leaves.
func countBatches(sizes []string, healthy string, nodes int) int {
	room := nodes - healthyOf(healthy, nodes)
	if room < 1 {
		return 1 // nothing is sent
	}
	count := 0
	for left := nodes; left > 0; count++ {
		left -= min(sizeOf(sizes[min(count, len(sizes)-1)], nodes), room)
	}
	return count
}

// healthyOf is how many of the nodes stay in service: a percentage is rounded up.
func healthyOf(healthy string, nodes int) int {
	number, percent := strings.CutSuffix(healthy, "%")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil:
		return 0
	case percent:
		return (nodes*n + 99) / 100
	}
	return n
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

// JobMinutes is the timeout-minutes of a job whose commands take at most this long.
func JobMinutes(limit time.Duration) int {
	return int((limit + JobMargin + time.Minute - 1) / time.Minute)
}

// Clock writes a duration without the zeros that String leaves at its end.
func Clock(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

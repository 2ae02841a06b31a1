package ship

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTailsTakeTurns: however many commands a batch is, a tick reads of two what their scripts print, and of each soon.
func TestTailsTakeTurns(t *testing.T) {
	t.Parallel()
	for _, commands := range []int{1, 2, 3, 20} {
		r := &runner{}
		var all []*watch
		for range commands {
			all = append(all, &watch{})
		}
		turns := make([]int, commands)
		for range commands {
			r.chooseTails(all)
			now := 0
			for i, w := range all {
				if w.tails {
					turns[i]++
					now++
				}
			}
			if want := min(commands, tailsPerTick); now != want {
				t.Errorf("%d commands: a tick reads %d, want %d", commands, now, want)
			}
		}
		want := make([]int, commands)
		for i := range want {
			want[i] = min(commands, tailsPerTick)
		}
		if diff := cmp.Diff(want, turns); diff != "" {
			t.Errorf("%d commands in as many ticks: -want +got:\n%s", commands, diff)
		}
	}
	(&runner{}).chooseTails(nil)
}

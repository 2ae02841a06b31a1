package ssm_test

import "testing"

// BenchmarkSendAndGet is a send and a read, through the gateway with signatures and policies.
func BenchmarkSendAndGet(b *testing.B) {
	w := newWorld(b)
	a := w.node(1, nil)
	b.ReportAllocs()
	for b.Loop() {
		id := w.shell(object{"InstanceIds": []string{a.id}})
		w.invocation(id, a.id)
	}
}

// BenchmarkRoundTrip is what a deploy to one node asks of the control plane.
func BenchmarkRoundTrip(b *testing.B) {
	w := newWorld(b)
	a := w.node(1, nil)
	b.ReportAllocs()
	for b.Loop() {
		id := w.shell(object{"InstanceIds": []string{a.id}})
		a.finish("Success", 0)
		if got := w.status(id, a.id); got != "Success/Success" {
			b.Fatal(got)
		}
	}
}

// TestPairAllocations is a gate on the figure that docs name: a send and a read, the client of the test included.
func TestPairAllocations(t *testing.T) {
	w := newWorld(t)
	a := w.node(1, nil)
	pair := func() { w.invocation(w.shell(object{"InstanceIds": []string{a.id}}), a.id) }
	pair()
	const most = 1100 // 1839 before statements were kept prepared and stored texts decoded once
	if n := testing.AllocsPerRun(50, pair); n > most {
		t.Errorf("%.0f allocations a pair, want at most %d", n, most)
	}
}

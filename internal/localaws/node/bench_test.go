package node

import (
	"fmt"
	"testing"
)

// BenchmarkCommand is the shortest command on a node that runs already; BenchmarkFirstCommand makes the node and its
// file system for it.
func BenchmarkCommand(b *testing.B) {
	n := testNode(b, testConfig(b))
	id := 0
	for b.Loop() {
		id++
		if r := n.RunDocument(b.Context(), Job{CommandID: fmt.Sprintf("c-%d", id), Document: shell("true")}, nil); r.Status != Success {
			b.Fatalf("got %+v", r)
		}
	}
}

// BenchmarkFirstCommand is documented with BenchmarkCommand.
func BenchmarkFirstCommand(b *testing.B) {
	for b.Loop() {
		n, err := New(testConfig(b))
		if err != nil {
			b.Fatal(err)
		}
		if r := n.RunDocument(b.Context(), Job{CommandID: "c-1", Document: shell("true")}, nil); r.Status != Success {
			b.Fatalf("got %+v", r)
		}
		if err := n.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

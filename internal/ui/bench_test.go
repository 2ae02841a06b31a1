package ui

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/slipway-cd/slipway/internal/ship"
)

// fleet is a UI in the middle of a deploy to so many nodes, half of which run.
func fleet(nodes int) *UI {
	u := New(io.Discard, io.Discard, Options{Size: func() (int, int) { return 120, 40 }, Color: true,
		Now: func() time.Time { return noon.Add(time.Minute) }, Every: func(time.Duration, func()) func() { return func() {} }})
	u.Begin(Subject{App: "shop", Version: "v42"})
	ids := make([]string, nodes)
	for i := range ids {
		ids[i] = nodeID(i)
	}
	u.Event(ship.Event{Time: noon, Kind: ship.EventTargets, Stage: "prod", Nodes: ids})
	for _, id := range ids[:nodes/2] {
		u.Event(ship.Event{Time: noon, Kind: ship.EventNode, Stage: "prod", Step: "release", Instance: id, Status: "InProgress"})
	}
	return u
}

// nodeEvents are what a look at nodes brings: for each a line of output.
func nodeEvents(nodes int) []ship.Event {
	var events []ship.Event
	for i := range nodes {
		events = append(events, ship.Event{Time: noon, Kind: ship.EventOutput, Stage: "prod", Step: "release", Instance: nodeID(i), Message: fmt.Sprintf("line %d\n", i)})
	}
	return events
}

func BenchmarkEvents500(b *testing.B) {
	u, events := fleet(500), nodeEvents(500)
	b.ReportAllocs()
	for b.Loop() {
		for _, e := range events {
			u.Event(e)
		}
	}
}

func BenchmarkFrame500(b *testing.B) {
	u := fleet(500)
	b.ReportAllocs()
	for b.Loop() {
		u.screen.drawn = nil
		u.draw()
	}
}

// What an event and a frame allocate does not grow with the fleet.
func TestAllocations(t *testing.T) {
	small, large := fleet(100), fleet(1000)
	event := nodeEvents(1)[0]
	for _, tt := range []struct {
		what        string
		of          func(u *UI) func()
		most, ratio float64
	}{
		{"an event", func(u *UI) func() { return func() { u.Event(event) } }, 4, 1},
		{"a frame", func(u *UI) func() {
			return func() {
				u.screen.drawn = nil
				u.draw()
			}
		}, 700, 1.2},
	} {
		few, many := testing.AllocsPerRun(20, tt.of(small)), testing.AllocsPerRun(20, tt.of(large))
		if many > tt.most || many > few*tt.ratio+1 {
			t.Errorf("%s: %.0f allocations with 100 nodes, %.0f with 1,000; want at most %.0f, and hardly more with more nodes", tt.what, few, many, tt.most)
		}
	}
}

//go:build race

package rehearse_test

// underRace says that the race detector is on: everything takes several times as much memory.
const underRace = true

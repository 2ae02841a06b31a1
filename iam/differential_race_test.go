//go:build race

package iam_test

// underRace says that the race detector is on: everything takes several times as long.
const underRace = true

//go:build race

package learn

// raceEnabled is set under the race detector, where sync.Pool drops items on purpose.
const raceEnabled = true

//go:build race

package autograd

// raceEnabled is set under the race detector, where sync.Pool drops items on purpose.
const raceEnabled = true

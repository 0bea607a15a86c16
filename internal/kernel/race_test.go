//go:build race

package kernel

// poolLoss is the allocations a run that are no fault: under the race detector sync.Pool forgets at
// random.
const poolLoss = 2

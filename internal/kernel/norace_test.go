//go:build !race

package kernel

// poolLoss is the allocations a run that are no fault.
const poolLoss = 0

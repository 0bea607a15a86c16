//go:build !linux

package app

// physicalMemory is how many bytes the machine has, 0 where that is not known.
func physicalMemory() int64 { return 0 }

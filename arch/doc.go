// Package arch holds the rules of the house as tests: which package may import which, where a dependency is explained,
// how long a file and a function may be.
//
// The table is in house.go; docs/ARCHITECTURE.md explains it. The checks are plain functions over a Module, so that the
// tests can run them on a small house with planted faults in testdata as well as on this one.
package arch

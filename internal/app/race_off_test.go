//go:build !race

package app

// thin leaves out no step of the long loops.
const thin = 1

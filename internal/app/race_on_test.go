//go:build race

package app

// thin leaves out most of the steps of long loops: under the race detector each takes ten times as long, and every
// sixth shows as many races. It has no factor in common with the number of kinds of faults.
const thin = 6

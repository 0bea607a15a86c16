//go:build !linux

package main

import "time"

var began = time.Now()

// threadSeconds is the clock where threads have none of their own that we know.
func threadSeconds() float64 { return time.Since(began).Seconds() }

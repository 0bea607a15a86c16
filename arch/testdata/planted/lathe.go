// Package lathe is a house with faults.
package lathe

import (
	_ "example.org/explained/part"
	_ "lathe/internal/tensor"
)

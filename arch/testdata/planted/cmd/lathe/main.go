// Command lathe is the top.
package main

import (
	_ "lathe/internal/guard"
	_ "lathe/internal/tensor"
)

func main() {}

// Package tensor imports what it must not.
package tensor

import (
	_ "net/http"

	_ "example.org/unexplained/v2"
	_ "lathe"
)

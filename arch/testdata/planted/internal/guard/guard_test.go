package guard

import (
	"testing"

	_ "lathe/internal/tensor"
)

// TODO: test it.
func TestGuard(t *testing.T) { t.Skip("later") }

//go:build torture

package torture

import "testing"

func TestTortureWrites(t *testing.T) { killWrites(t, 100) }

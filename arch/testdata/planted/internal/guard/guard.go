// The gate, with a comment that begins wrongly.
package guard

import (
	_ "lathe"
	_ "lathe/internal/disk"
	_ "lathe/internal/stray"
)

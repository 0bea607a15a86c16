//go:build noasm && darwin

package guard

import _ "lathe/cmd/lathe"

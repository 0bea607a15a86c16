package child

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_X86_64

// anywhereHere are the calls that amd64 has besides.
var anywhereHere = []uintptr{unix.SYS_TIME}

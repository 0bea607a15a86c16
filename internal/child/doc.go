// Package child is the one supervisor of child processes: whatever parses hostile data or runs for long does so in a
// process of its own, `lathe child KIND`, which can crash, hang or run out of memory without hurting the service.
//
// The parent's side is Supervisor: Run starts a child, hands it a Job over an inherited socket, passes on what comes
// back and returns when the process is gone. The child's side is Main, which locks the process down (no network, no
// opening of files, no new processes, bounded memory; see Gap) before it reads its first byte, and Conn, through which
// a Work gets its spec and inputs and sends events and streams.
//
// Both directions carry frames of [1 byte kind][4 bytes length][at most 1 MiB]. Input is pulled, one chunk for one
// request, so the child's reader never blocks and a stop always gets through; everything else is held back by the
// socket alone. The parent trusts no length, name or order that a child sends. docs/adr/0013-children.md tells why.
package child

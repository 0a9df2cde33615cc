// Package pin keeps a goroutine on its processor for a moment, as sync.Pool does.
package pin

import _ "unsafe" // for go:linkname

// Pin keeps the goroutine on its processor, whose number it returns, until Unpin: nothing else runs there
// meanwhile. A few instructions may lie between the two; nothing that waits or allocates.
//
// The runtime does not offer this to packages, but keeps the name linkable for those that use it: see the
// comment of procPin in runtime/proc.go. A Go release that takes it away fails the build here, not later.
//
//go:linkname Pin runtime.procPin
func Pin() int

// Unpin ends what Pin began.
//
//go:linkname Unpin runtime.procUnpin
func Unpin()

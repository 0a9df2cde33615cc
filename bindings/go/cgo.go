package pointmill

// The archives are beside this file, one folder for each platform; `cargo xtask go` builds them.

// #cgo CFLAGS: -I${SRCDIR}/native/include -DPOINTMILL_STATIC
// #cgo linux,amd64 LDFLAGS: ${SRCDIR}/native/linux_amd64/libpointmill.a -lm -ldl -lpthread -lgcc_s
// #cgo linux,arm64 LDFLAGS: ${SRCDIR}/native/linux_arm64/libpointmill.a -lm -ldl -lpthread -lgcc_s
// #cgo noescape pointmill_record_batch
// #cgo nocallback pointmill_record_batch
// #cgo noescape pointmill_sketch_insert
// #cgo nocallback pointmill_sketch_insert
// #cgo noescape pointmill_sketch_insert_many
// #cgo nocallback pointmill_sketch_insert_many
// #include "pointmill.h"
import "C"

import (
	"strings"
	"unsafe"
)

// Version is the release of the engine that is linked in, for instance "0.1.0".
func Version() string { return C.GoString(C.pointmill_version()) }

// The header and the archive belong together, or numbers and layouts do not match.
func init() {
	if got, want := uint32(C.pointmill_abi_version()), uint32(C.POINTMILL_ABI_VERSION); got != want {
		panic("pointmill: the static archive has another ABI than the header; run `cargo xtask go` again")
	}
}

// borrow lends a Go string to one C call. The pointer is not kept by the callee.
func borrow(s string) C.pointmill_str {
	return C.pointmill_str{ptr: (*C.char)(unsafe.Pointer(unsafe.StringData(s))), len: C.size_t(len(s))}
}

// text copies a borrowed C text.
func text(s C.pointmill_str) string {
	if s.len == 0 {
		return ""
	}
	return strings.Clone(unsafe.String((*byte)(unsafe.Pointer(s.ptr)), int(s.len)))
}

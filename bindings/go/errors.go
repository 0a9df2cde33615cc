package pointmill

// #include "pointmill.h"
import "C"

import (
	"fmt"
	"strings"
	"unsafe"
)

// Code is a code of the C library. It never changes its meaning.
type Code int32

// The codes that a caller can meet. [Code.String] says cause and remedy of every code.
const (
	CodeInvalid         Code = C.POINTMILL_E_INVALID
	CodeIndex           Code = C.POINTMILL_E_INDEX
	CodeHandle          Code = C.POINTMILL_E_HANDLE
	CodeKind            Code = C.POINTMILL_E_KIND
	CodeFormat          Code = C.POINTMILL_E_FORMAT
	CodeNotFinite       Code = C.POINTMILL_E_NOT_FINITE
	CodeStaleContext    Code = C.POINTMILL_E_STALE_CONTEXT
	CodeTooOld          Code = C.POINTMILL_E_TOO_OLD
	CodeTooNew          Code = C.POINTMILL_E_TOO_NEW
	CodeInvalidName     Code = C.POINTMILL_E_INVALID_NAME
	CodeNoRoom          Code = C.POINTMILL_E_NO_ROOM
	CodeEmpty           Code = C.POINTMILL_E_EMPTY
	CodeNoSketch        Code = C.POINTMILL_E_NO_SKETCH
	CodeTooMany         Code = C.POINTMILL_E_TOO_MANY
	CodeUnknownOption   Code = C.POINTMILL_E_UNKNOWN_OPTION
	CodeBadValue        Code = C.POINTMILL_E_BAD_VALUE
	CodeArenaTooSmall   Code = C.POINTMILL_E_ARENA_TOO_SMALL
	CodeNoMemory        Code = C.POINTMILL_E_NO_MEMORY
	CodeDecode          Code = C.POINTMILL_E_DECODE
	CodeEncode          Code = C.POINTMILL_E_ENCODE
	CodeDeliveryLater   Code = C.POINTMILL_E_DELIVERY_LATER
	CodeDeliveryDropped Code = C.POINTMILL_E_DELIVERY_DROPPED
	CodeClosed          Code = C.POINTMILL_E_CLOSED
	CodePanic           Code = C.POINTMILL_E_PANIC
	CodePoisoned        Code = C.POINTMILL_E_POISONED
)

// Name is the name of the code in the C header, for instance "POINTMILL_E_NO_ROOM".
func (c Code) Name() string { return C.GoString(C.pointmill_code_name(C.int32_t(c))) }

// String says the cause and the remedy, in one sentence.
func (c Code) String() string { return C.GoString(C.pointmill_strerror(C.int32_t(c))) }

// Error is a refusal. Compare with errors.Is and one of the variables Err…, or look at Code.
type Error struct {
	Code   Code
	Detail string // cause and remedy
}

func (e *Error) Error() string { return "pointmill: " + e.Detail }

// Is says whether target is an Error with the same code.
func (e *Error) Is(target error) bool {
	other, ok := target.(*Error)
	return ok && other.Code == e.Code
}

// For errors.Is. These values are also what the recording calls return: they allocate nothing.
var (
	// ErrNotFinite: the value is NaN or infinite. The point was refused and counted.
	ErrNotFinite = failure(CodeNotFinite)
	// ErrTooOld and ErrTooNew: the time lies outside of past_max_s and future_max_s. Counted.
	ErrTooOld = failure(CodeTooOld)
	ErrTooNew = failure(CodeTooNew)
	// ErrInvalidName: the name is empty or too long, or a tag is too long. Counted.
	ErrInvalidName = failure(CodeInvalidName)
	// ErrNoRoom: contexts_max or the memory is exhausted, and the metric has no overflow context. Counted.
	ErrNoRoom = failure(CodeNoRoom)
	// ErrEmpty: a sketch without values has no quantile.
	ErrEmpty = failure(CodeEmpty)
	// ErrNoSketch: counts and gauges have no quantile.
	ErrNoSketch = failure(CodeNoSketch)
	// ErrIndex: there is no such entry.
	ErrIndex = failure(CodeIndex)
	// ErrUnknownOption and ErrBadValue: an option; the detail names it and what it allows.
	ErrUnknownOption = failure(CodeUnknownOption)
	ErrBadValue      = failure(CodeBadValue)
	// ErrDecode: hostile or damaged bytes; the detail names the byte.
	ErrDecode = failure(CodeDecode)
	// ErrClosed is returned by every call on an engine, client, snapshot or sketch after its Close.
	ErrClosed = failure(CodeClosed)
	// ErrDeliveryLater: not everything has arrived yet; it is kept and sent again.
	ErrDeliveryLater = failure(CodeDeliveryLater)
	// ErrDeliveryDropped: points were given up, or the format cannot carry them; the ledger says how many
	// and why.
	ErrDeliveryDropped = failure(CodeDeliveryDropped)
)

func failure(code Code) *Error { return &Error{Code: code, Detail: code.String()} }

// check turns a status into an error; nil for success.
func check(status C.int32_t) error {
	if status == C.POINTMILL_OK {
		return nil
	}
	switch Code(status) {
	case CodeNotFinite:
		return ErrNotFinite
	case CodeTooOld:
		return ErrTooOld
	case CodeTooNew:
		return ErrTooNew
	case CodeInvalidName:
		return ErrInvalidName
	case CodeNoRoom:
		return ErrNoRoom
	case CodeClosed:
		return ErrClosed
	}
	return failure(Code(status))
}

// named says which text ErrInvalidName is about: the empty name, or the longest.
func named(err error, name string, tags []string) error {
	if err != error(ErrInvalidName) {
		return err
	}
	what, text := "name", name
	for _, tag := range tags {
		if name != "" && len(tag) > len(text) {
			what, text = "tag", tag
		}
	}
	start, rest := text, ""
	const most = 40
	if len(text) > most {
		start, rest = strings.ToValidUTF8(text[:most], ""), "..."
	}
	detail := fmt.Sprintf("the %s %q%s has %d bytes; %s", what, start, rest, len(text), ErrInvalidName.Detail)
	return &Error{Code: CodeInvalidName, Detail: detail}
}

func newDetail() C.pointmill_error {
	var detail C.pointmill_error
	detail.struct_size = C.uint32_t(unsafe.Sizeof(detail))
	return detail
}

// checkDetail is check for calls that say more than a code.
func checkDetail(status C.int32_t, detail *C.pointmill_error) error {
	if status == C.POINTMILL_OK {
		return nil
	}
	if said := C.GoString(&detail.detail[0]); said != "" {
		return &Error{Code: Code(status), Detail: said}
	}
	return failure(Code(status))
}

package pointmill

// #include <stdlib.h>
// #include "pointmill.h"
import "C"

import (
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unsafe"
)

// Options of an engine or encoder by name, as text: {"contexts_max": "5000", "format": "sketches"}.
// [OptionList] names them all.
type Options map[string]string

// Option describes one option.
type Option struct {
	Name    string
	Type    string // "number", "choice", "flag" or "text"
	Doc     string
	Default string
	// Min and Max are the range of a number; Max is the greatest length of a text.
	Min, Max uint64
	// Choices are the words that a choice allows.
	Choices []string
}

// OptionList describes every option there is: those of engines first, then those of encoders.
func OptionList() []Option {
	count := int(C.pointmill_config_count())
	list := make([]Option, 0, count)
	for i := range count {
		var raw C.pointmill_option
		raw.struct_size = C.uint32_t(unsafe.Sizeof(raw))
		if C.pointmill_config_option(C.size_t(i), &raw) != C.POINTMILL_OK {
			break
		}
		option := Option{Name: text(raw.name), Type: optionType(uint32(raw._type)), Doc: text(raw.doc), Default: text(raw.default_text),
			Min: uint64(raw.min), Max: uint64(raw.max)}
		if raw._type == C.POINTMILL_OPTION_NUMBER && option.Default == "" {
			option.Default = strconv.FormatUint(uint64(raw.default_number), 10)
		}
		for j := range int(raw.choices_len) {
			var word C.pointmill_str
			if C.pointmill_config_choice(C.size_t(i), C.size_t(j), &word) == C.POINTMILL_OK {
				option.Choices = append(option.Choices, text(word))
			}
		}
		list = append(list, option)
	}
	return list
}

func optionType(number uint32) string {
	switch number {
	case C.POINTMILL_OPTION_NUMBER:
		return "number"
	case C.POINTMILL_OPTION_CHOICE:
		return "choice"
	case C.POINTMILL_OPTION_FLAG:
		return "flag"
	case C.POINTMILL_OPTION_TEXT:
		return "text"
	}
	return "other"
}

// config makes the C object, or says which option is wrong and what it allows. The caller frees it.
func (o Options) config() (*C.pointmill_config, error) {
	var config *C.pointmill_config
	if err := check(C.pointmill_config_new(&config)); err != nil {
		return nil, err
	}
	names := make([]string, 0, len(o))
	for name := range o {
		names = append(names, name)
	}
	sort.Strings(names) // the same error for the same mistake
	for _, name := range names {
		if err := setOption(config, name, o[name]); err != nil {
			C.pointmill_config_free(config)
			return nil, err
		}
	}
	return config, nil
}

func setOption(config *C.pointmill_config, name, value string) error {
	if strings.IndexByte(name, 0) >= 0 || strings.IndexByte(value, 0) >= 0 {
		return &Error{Code: CodeBadValue, Detail: fmt.Sprintf("option %q: a NUL byte ends texts in C; remove it", name)}
	}
	key, val := C.CString(name), C.CString(value)
	defer C.free(unsafe.Pointer(key))
	defer C.free(unsafe.Pointer(val))
	detail := newDetail()
	return checkDetail(C.pointmill_config_set(config, key, val, &detail), &detail)
}

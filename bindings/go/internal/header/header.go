// Package header holds Go structs against those of the C header, for tests.
package header

import (
	"bufio"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// CheckFields says where the fields of a Go struct are not the uint64_t of a C struct, in its order. Such
// structs are copied as one piece.
func CheckFields(t *testing.T, path, name string, got reflect.Type) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	field := regexp.MustCompile(`^\s+uint64_t (\w+);`)
	var want []string
	inside := false
	for lines := bufio.NewScanner(file); lines.Scan(); {
		line := lines.Text()
		switch {
		case strings.HasPrefix(line, "typedef struct "+name+" {"):
			inside = true
		case strings.HasPrefix(line, "} "+name+";"):
			inside = false
		case inside:
			if match := field.FindStringSubmatch(line); match != nil {
				want = append(want, strings.ReplaceAll(match[1], "_", ""))
			}
		}
	}
	if len(want) != got.NumField() || len(want) == 0 {
		t.Fatalf("%d fields, the header has %d", got.NumField(), len(want))
	}
	for i, name := range want {
		if field := strings.ToLower(got.Field(i).Name); field != name {
			t.Errorf("field %d is %s, the header has %s", i, field, name)
		}
	}
}

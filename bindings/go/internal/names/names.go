// Package names remembers which number stands for a name and its tags, so that they travel to C once.
package names

// Max is how many names a Table remembers; beyond that it starts over, so that memory has a bound.
const Max = 4096

// Table maps a kind, a name and tags in the order given to a number. The same tags in another order are
// remembered once more. It is not locked.
type Table struct {
	ids     map[string]uint64
	scratch []byte
}

// Find looks a name up and allocates nothing. The key is for Put, and lives until the next Find.
func (t *Table) Find(kind byte, name string, tags []string) (id uint64, key []byte, known bool) {
	// Lengths keep ("a", "bc") and ("ab", "c") apart, whatever bytes they hold.
	key = append(t.scratch[:0], kind)
	key = appendText(key, name)
	for _, tag := range tags {
		key = appendText(key, tag)
	}
	t.scratch = key
	id, known = t.ids[string(key)]
	return id, key, known
}

func appendText(key []byte, text string) []byte {
	n := len(text)
	key = append(key, byte(n), byte(n>>8), byte(n>>16), byte(n>>24))
	return append(key, text...)
}

// Put remembers the number of a name that Find did not know.
func (t *Table) Put(key []byte, id uint64) {
	if t.ids == nil || len(t.ids) >= Max {
		t.ids = make(map[string]uint64)
	}
	t.ids[string(key)] = id
}

// Forget drops everything.
func (t *Table) Forget() { t.ids = nil }

// Len is how many names are remembered.
func (t *Table) Len() int { return len(t.ids) }

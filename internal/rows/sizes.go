package rows

import "reflect"

// sizes estimates the heap that a decoded value takes, from its type and from the encoded values seen.
type sizes struct {
	own          int64 // of the value's struct
	flat         bool  // values hold nothing beyond it
	count, bytes int64
}

func (s *sizes) saw(n int) { s.count++; s.bytes += int64(n) }

// average is the bytes of a value beyond its own struct.
func (s *sizes) average() int64 {
	if s.flat || s.count == 0 {
		return 0
	}
	return s.bytes / s.count
}

// charge tells the budget what the tables hold now, and drops rows if that is too much.
func (r *Rows) charge() {
	r.account()
	if len(r.dirty) == 0 && r.budget.Over() && len(r.undo) == 0 {
		r.rotate()
		r.account()
	}
}

func (r *Rows) account() {
	values := Chunk * int64(len(r.young.entries)+len(r.old.entries)) * r.sizes.own
	more := int64(r.young.count+r.old.count) * r.sizes.average()
	n := r.young.size + r.old.size + values + more + r.orderSize()
	r.budget.add(n - r.charged)
	r.charged = n
}

// consistsOf is true for types made of nothing but some kinds.
func consistsOf(t reflect.Type, some func(reflect.Kind) bool) bool {
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			if !consistsOf(t.Field(i).Type, some) {
				return false
			}
		}
		return true
	case reflect.Array:
		return consistsOf(t.Elem(), some)
	}
	return some(t.Kind())
}

func isNumber(k reflect.Kind) bool { return k <= reflect.Complex128 && k != reflect.Uintptr }

// canBeChanged is false for types whose values cannot be changed in place.
func canBeChanged(t reflect.Type) bool {
	return !consistsOf(t, func(k reflect.Kind) bool { return isNumber(k) || k == reflect.String })
}

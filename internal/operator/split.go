package operator

// Split gives each record the number of the first predicate that accepts it, or the number of predicates where none
// does.
func Split[K, V any](predicates []func(record[K, V]) (bool, error)) func(record[K, V]) (int, error) {
	return func(r record[K, V]) (int, error) {
		for i, accepts := range predicates {
			if ok, err := accepts(r); ok || err != nil {
				return i, err
			}
		}
		return len(predicates), nil
	}
}

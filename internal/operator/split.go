package operator

// Split gives each record the number of the first predicate that accepts it, or the number of predicates where none
// does.
func Split(predicates []func(r *flow) (bool, error)) func(r *flow) (int, error) {
	return func(r *flow) (int, error) {
		for i, accepts := range predicates {
			if ok, err := accepts(r); ok || err != nil {
				return i, err
			}
		}
		return len(predicates), nil
	}
}

package conformance

// Results are the ids under which other nodes read this one: its own, or those of a split's branches; none of a "to".
func (n Node) Results() []string {
	if n.Op != "split" {
		if n.ID == "" {
			return nil
		}
		return []string{n.ID}
	}
	var ids []string
	for _, b := range n.Branches {
		ids = append(ids, n.ID+"."+b.Name)
	}
	if n.Default != "" {
		ids = append(ids, n.ID+"."+n.Default)
	}
	return ids
}

// Operands are the ids of the nodes that a node reads: in, with, ins.
func (n Node) Operands() []string {
	var ids []string
	for _, id := range append([]string{n.In, n.With}, n.Ins...) {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
)

// printer prints what a command finds, as text for people or as JSON for programs.
type printer struct {
	out  io.Writer
	errs io.Writer // for notes
	json bool
}

// row is a line of a table. Its JSON is that of the value.
type row interface {
	// columns are the values of the line.
	columns() []any
}

// table prints rows under a head, or a JSON array of them.
func table[R row](p *printer, head string, rows []R) error {
	if p.json {
		if rows == nil {
			rows = []R{}
		}
		return p.value(rows)
	}
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, head)
	for _, r := range rows {
		for i, c := range r.columns() {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, c)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// value prints JSON.
func (p *printer) value(v any) error {
	e := json.NewEncoder(p.out)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// note says beside what is printed what that does not tell, also to who reads JSON.
func (p *printer) note(format string, args ...any) {
	fmt.Fprintf(p.errs, "millstream: "+format+"\n", args...)
}

// line prints text, where text is wanted.
func (p *printer) line(format string, args ...any) {
	if !p.json {
		fmt.Fprintf(p.out, format+"\n", args...)
	}
}

package topology

import (
	"fmt"
	"strings"
)

const marksStyle = `<style>
.ms .mark{font-size:11px;fill:var(--line);paint-order:stroke;stroke:var(--box);stroke-width:4px}
.ms .bad{fill:#c02626}
@media(prefers-color-scheme:dark){.ms .bad{fill:#ff7b72}}
</style>
`

// of is the mark of a shape.
func (m Marks) of(s *shape) Mark {
	if strings.HasPrefix(s.class, "topic") {
		return m.Topics[s.name]
	}
	return m.Nodes[s.name]
}

// writeMarks puts texts below shapes, at their left, and in the middle of edges, where curves are steep.
func (p *picture) writeMarks(b *strings.Builder) {
	if len(p.marks.Topics)+len(p.marks.Nodes)+len(p.marks.Edges) == 0 {
		return
	}
	b.WriteString(marksStyle)
	for _, s := range p.shapes {
		p.marks.of(s).write(b, s.x()+2, s.y()+shapeHeight+13, "start")
	}
	for _, e := range p.edges {
		if e.class == "flow" {
			x := (e.from.x() + e.to.x() + shapeWidth) / 2
			y := (e.from.y() + e.to.y() + shapeHeight) / 2
			p.marks.Edges[[2]string{e.from.name, e.to.name}].write(b, x+6, y+4, "start")
		}
	}
}

func (m Mark) write(b *strings.Builder, x, y int, anchor string) {
	if m.Text == "" {
		return
	}
	class := "mark"
	if m.Bad {
		class = "mark bad"
	}
	fmt.Fprintf(b, `<text class="%s" x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", class, x, y, anchor, xmlText(m.Text))
}

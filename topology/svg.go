package topology

import (
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
)

// Marks are what SVGWith shows of a topology at work. What is not there has none.
type Marks struct {
	Topics map[string]Mark    // by the name that Describe has
	Nodes  map[string]Mark    // by name
	Edges  map[[2]string]Mark // by the names of the shapes at both ends, where one of them is a topic
}

// Mark is a short text at a shape or an edge.
type Mark struct {
	Text  string
	Bad   bool   // it is what one should look at
	Title string // more, in the element's title
}

// SVGWith is SVG with marks.
func (t *Topology) SVGWith(m Marks) string {
	p := &picture{byID: map[string]*shape{}, marks: m}
	draw(t.of(), p)
	p.layout()
	return p.write()
}

// SVG is the topology as a picture: layers from the topics that are read down to those that are written, a box for each
// sub-topology, with its steps and stores. It stands alone, or within a page of HTML, follows the reader's preference
// for light or dark, and is the same on each machine. Elements have a title with their whole name.
func (t *Topology) SVG() string { return t.SVGWith(Marks{}) }

// picture is a pen that remembers what it was told, and then lays it out: the rank of a shape is its layer, and each
// box has a range of columns, its lane, to itself.
type picture struct {
	shapes []*shape
	byID   map[string]*shape
	boxes  []box
	edges  []edge
	width  int
	height int
	marks  Marks
}

type shape struct {
	id, name, class string
	lane            int // number of its box; topics are in that of who uses them first; -1: not known
	rank, column    int
	from            []*shape // that flow into it
}

type box struct {
	title         string
	first, width  int // columns
	top, bottom   int // ranks
	hasAnyOfRanks bool
}

type edge struct {
	from, to *shape
	class    string
}

const (
	shapeWidth  = 168
	shapeHeight = 30
	columnStep  = shapeWidth + 28
	rankStep    = shapeHeight + 40
	margin      = 24
	longestText = 24 // letters that a shape has room for
)

func (p *picture) add(id, name, class string, lane int) {
	s := &shape{id: id, name: name, class: class, lane: lane}
	p.shapes, p.byID[id] = append(p.shapes, s), s
}

func (p *picture) topic(id, name string, internal bool) {
	class := "topic"
	if internal {
		class = "topic internal"
	}
	p.add(id, name, class, -1)
}

func (p *picture) openBox(_, title string) { p.boxes = append(p.boxes, box{title: title}) }
func (p *picture) node(id, name string)    { p.add(id, name, "step", len(p.boxes)-1) }
func (p *picture) store(id, name string)   { p.add(id, name, "store", len(p.boxes)-1) }
func (p *picture) closeBox()               {}

func (p *picture) flow(from, to string) {
	f, t := p.byID[from], p.byID[to]
	p.edges = append(p.edges, edge{f, t, "flow"})
	t.from = append(t.from, f)
	for _, s := range []*shape{f, t} {
		if s.lane < 0 {
			s.lane = max(f.lane, t.lane)
		}
	}
}

func (p *picture) use(node, store string) {
	f, t := p.byID[node], p.byID[store]
	p.edges = append(p.edges, edge{f, t, "use"})
	t.from = append(t.from, f)
}

// layout gives each shape its layer and its column.
func (p *picture) layout() {
	ranks := map[*shape]int{}
	for _, s := range p.shapes {
		s.rank = rankOf(s, ranks)
	}
	used := map[[2]int]int{} // columns of a lane that are taken, by lane and rank
	for _, s := range p.shapes {
		at := [2]int{s.lane, s.rank}
		s.column = used[at]
		used[at]++
	}
	for lane := range p.boxes {
		b := &p.boxes[lane]
		b.width = 1
		for at, n := range used {
			if at[0] == lane {
				b.width = max(b.width, n)
			}
		}
		if lane > 0 {
			b.first = p.boxes[lane-1].first + p.boxes[lane-1].width
		}
	}
	for _, s := range p.shapes {
		b := &p.boxes[s.lane]
		s.column += b.first
		p.width, p.height = max(p.width, s.column+1), max(p.height, s.rank+1)
		if strings.HasPrefix(s.class, "topic") {
			continue
		}
		if !b.hasAnyOfRanks {
			b.top, b.bottom, b.hasAnyOfRanks = s.rank, s.rank, true
		}
		b.top, b.bottom = min(b.top, s.rank), max(b.bottom, s.rank)
	}
}

// rankOf is one more than the rank of whatever flows into a shape. A topic that is read behind where it is written
// would have no end of them: one that is under way counts as 0.
func rankOf(s *shape, ranks map[*shape]int) int {
	if rank, known := ranks[s]; known {
		return rank
	}
	ranks[s] = 0
	rank := 0
	for _, f := range s.from {
		rank = max(rank, rankOf(f, ranks)+1)
	}
	ranks[s] = rank
	return rank
}

func (s *shape) x() int { return margin + s.column*columnStep }
func (s *shape) y() int { return margin + 16 + s.rank*rankStep }

const pictureStyle = `<style>
.ms{color-scheme:light dark;--ink:#1c2733;--line:#5a6b7d;--paper:#fff;--box:#f2f5f8;--topic:#e3eefb;--store:#e8f5e6}
.ms text{font:12px system-ui,sans-serif;fill:var(--ink)}
.ms .box{fill:var(--box);stroke:var(--line);stroke-opacity:.4}
.ms .title{font-size:11px;fill:var(--line)}
.ms .step rect{fill:var(--paper);stroke:var(--line)}
.ms .topic rect{fill:var(--topic);stroke:var(--line)}
.ms .internal rect{stroke-dasharray:5 3}
.ms .store rect{fill:var(--store);stroke:var(--line)}
.ms path{fill:none;stroke:var(--line)}
.ms .use{stroke-dasharray:2 3}
.ms marker path{fill:var(--line);stroke:none}
@media(prefers-color-scheme:dark){
.ms{--ink:#e6edf3;--line:#8fa1b3;--paper:#1b232c;--box:#131a21;--topic:#17304d;--store:#193421}}
</style>
`

func (p *picture) write() string {
	var b strings.Builder
	w, h := 2*margin+p.width*columnStep-(columnStep-shapeWidth), 2*margin+16+p.height*rankStep-(rankStep-shapeHeight)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" class="ms" role="img" aria-label="topology" `+
		`viewBox="0 0 %d %d" width="%d" height="%d">`+"\n", w, h, w, h)
	b.WriteString(pictureStyle)
	b.WriteString(`<defs><marker id="ms-arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" markerHeight="8" ` +
		`orient="auto"><path d="M0 0L8 4L0 8z"/></marker></defs>` + "\n")
	for _, box := range p.boxes {
		box.write(&b)
	}
	for _, e := range p.edges {
		e.write(&b)
	}
	for _, s := range p.shapes {
		s.write(&b, p.marks.of(s))
	}
	p.writeMarks(&b)
	b.WriteString("</svg>\n")
	return b.String()
}

func (x box) write(b *strings.Builder) {
	left, top := margin+x.first*columnStep-12, margin+16+x.top*rankStep-22
	fmt.Fprintf(b, `<rect class="box" x="%d" y="%d" width="%d" height="%d" rx="6"/>`+"\n",
		left, top, x.width*columnStep-(columnStep-shapeWidth)+24, (x.bottom-x.top)*rankStep+shapeHeight+34)
	fmt.Fprintf(b, `<text class="title" x="%d" y="%d">%s</text>`+"\n", left+8, top+14, xmlText(x.title))
}

func (e edge) write(b *strings.Builder) {
	x1, y1, x2, y2 := e.from.x()+shapeWidth/2, e.from.y()+shapeHeight, e.to.x()+shapeWidth/2, e.to.y()
	arrow := ` marker-end="url(#ms-arrow)"`
	if e.class == "use" {
		arrow = ""
	}
	bend := max((y2-y1)/2, rankStep/3)
	fmt.Fprintf(b, `<path class="%s" d="M%d %dC%d %d %d %d %d %d"%s/>`+"\n",
		e.class, x1, y1, x1, y1+bend, x2, y2-bend, x2, y2, arrow)
}

func (s *shape) write(b *strings.Builder, m Mark) {
	round := map[string]int{"step": 6, "store": 14}[s.class]
	title := s.name
	if m.Title != "" {
		title += "\n" + m.Title
	}
	fmt.Fprintf(b, `<g class="%s"><title>%s</title><rect x="%d" y="%d" width="%d" height="%d" rx="%d"/>`,
		s.class, xmlText(title), s.x(), s.y(), shapeWidth, shapeHeight, round)
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="middle">%s</text></g>`+"\n",
		s.x()+shapeWidth/2, s.y()+shapeHeight/2+4, xmlText(short(s.name)))
}

// short is a name without its middle, if it is too long: names often differ at their ends.
func short(name string) string {
	r := []rune(name)
	if len(r) <= longestText {
		return name
	}
	half := (longestText - 1) / 2
	return string(slices.Concat(r[:half], []rune("…"), r[len(r)-half:]))
}

func xmlText(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a Builder takes all
	return b.String()
}

package topology_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/streams"
)

// drawn are the shapes of a picture, by their whole names. It fails unless the picture is sound XML.
func drawn(t *testing.T, svg string) (rects [][4]int, names []string, edges int) {
	d := xml.NewDecoder(strings.NewReader(svg))
	class := ""
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return rects, names, edges
		}
		require.NoError(t, err, svg)
		e, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		attrs := map[string]string{}
		for _, a := range e.Attr {
			attrs[a.Name.Local] = a.Value
		}
		switch e.Name.Local {
		case "g":
			class = attrs["class"]
		case "title":
			name := ""
			require.NoError(t, d.DecodeElement(&name, &e))
			names = append(names, name)
		case "path":
			if attrs["class"] != "" {
				edges++
			}
		case "rect":
			if class == "" {
				continue // a box
			}
			var r [4]int
			for i, name := range []string{"x", "y", "width", "height"} {
				r[i], err = strconv.Atoi(attrs[name])
				require.NoError(t, err)
			}
			rects = append(rects, r)
		}
	}
}

// TestPicture has each step, topic and store once, none over another, and all within its bounds.
func TestPicture(t *testing.T) {
	topo := compile(t, countsAndWindows)
	svg := topo.SVG()
	golden(t, "describe.svg", svg)
	rects, names, edges := drawn(t, svg)
	require.Len(t, rects, len(names))
	for _, name := range []string{"in", "out", "counts", "windows", "app-by-word-repartition", "source-0"} {
		require.Contains(t, names, name)
	}
	require.Greater(t, edges, len(names)/2)
	requireApart(t, rects)
	require.Equal(t, svg, topo.SVG(), "it is the same each time")
}

func requireApart(t *testing.T, rects [][4]int) {
	for i, a := range rects {
		for _, b := range rects[:i] {
			apart := a[0]+a[2] < b[0] || b[0]+b[2] < a[0] || a[1]+a[3] < b[1] || b[1]+b[3] < a[1]
			require.True(t, apart, "%v over %v", a, b)
		}
	}
}

// TestPictureOfALoop: a topic that is read behind where it is written has an end, and names are text.
func TestPictureOfALoop(t *testing.T) {
	topo := compile(t, func(b *streams.Builder) {
		streams.From(b, in).Filter(func(v string) bool { return v != "" }).To(in)
	})
	rects, names, _ := drawn(t, topo.SVG())
	require.Len(t, rects, len(names))
	requireApart(t, rects)
}

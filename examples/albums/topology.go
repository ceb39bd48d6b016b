package main

import (
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
)

// Album is a row of the table albums; the key is the album's id. It names a row of the table artists; one by many
// artists names none.
type Album struct {
	Title  string `json:"title"`
	Artist string `json:"artist,omitempty"`
}

// Artist is a row of the table artists; the key is the artist's id.
type Artist struct {
	Name string `json:"name"`
}

// Entry is a row of the catalogue; the key is the album's id.
type Entry struct {
	Title string `json:"title"`
	By    string `json:"by"`
}

// What outlives the process is declared once, with its name and its serdes.
var (
	Albums     = streams.NewTopic("albums", serde.String, album)
	AlbumRows  = state.NewKeyValue("album-rows", serde.String, album)
	Artists    = streams.NewTopic("artists", serde.String, artist)
	ArtistRows = state.NewKeyValue("artist-rows", serde.String, artist)
	ByArtist   = streams.NewForeignKey("by-artist", serde.String, serde.String, album, artist)
	Entries    = state.NewKeyValue("entries", serde.String, serde.JSON[Entry]())
	Catalogue  = streams.NewTopic("catalogue", serde.String, serde.JSON[Entry]())

	album  = serde.JSON[Album]()
	artist = serde.JSON[Artist]()
)

// Build describes the job: albums with the names of their artists. The tables have different keys, so a row of one lies
// in another partition than the row of the other that it names; the join sends what it needs between them. It follows
// both tables: an artist with a new name changes all entries that name it.
func Build() (*streams.Topology, error) {
	b := streams.NewBuilder("album-catalogue")
	albums, artists := streams.TableFrom(b, Albums, AlbumRows), streams.TableFrom(b, Artists, ArtistRows)
	entries := streams.LeftJoinForeignKey(albums, artists, ByArtist, Entries, artistOf, entry)
	entries.ToStream().To(Catalogue)
	return b.Build()
}

func artistOf(_ string, a Album) streams.Optional[string] {
	return streams.Optional[string]{Value: a.Artist, OK: a.Artist != ""}
}

func entry(a Album, artist streams.Optional[Artist]) Entry {
	switch {
	case artist.OK:
		return Entry{Title: a.Title, By: artist.Value.Name}
	case a.Artist == "":
		return Entry{Title: a.Title, By: "various artists"}
	}
	return Entry{Title: a.Title, By: "unknown"}
}

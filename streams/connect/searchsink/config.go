package searchsink

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
)

// Config says what is written where.
type Config[K, V any] struct {
	// URL is that of a node, or of what stands before the nodes.
	URL string
	// Index is the index, or an alias of one. It must be there, unless Create is given.
	Index string
	// Create is the body with which a missing index is created: settings and mappings. Default: a missing index is an
	// error.
	Create json.RawMessage
	// ID is the id of a key's document, at most 512 bytes.
	ID func(K) string
	// Document is what is indexed, written by encoding/json. Default: the value.
	Document func(K, V) any
	// Deleted is what is indexed in place of a document whose value is null. Queries must leave it out. Default: the
	// document is deleted, see the package's comment.
	Deleted func(K) any
	// Generation is to be raised when the topic is created anew, with lower offsets than the index has seen, from 0 to at
	// most 32,767.
	Generation int16

	// Header is sent with each request: an Authorization, for example.
	Header http.Header
	// Client sends the requests. Default: http.DefaultClient. Certificates and proxies are its business.
	Client *http.Client
	// BulkBytes is the most bytes of documents in one request; a larger document goes alone. Default: 5 MB.
	BulkBytes int
}

func (c Config[K, V]) validate() error {
	var errs []error
	bad := func(wrong bool, text string) {
		if wrong {
			errs = append(errs, errors.New(text))
		}
	}
	bad(!strings.HasPrefix(c.URL, "http://") && !strings.HasPrefix(c.URL, "https://"), "URL must begin with http")
	_, err := url.Parse(c.URL)
	bad(err != nil, "URL is not one") // its error would show a password
	bad(c.Index == "" || strings.ContainsAny(c.Index, "/?#"), "Index is needed: the name of an index")
	bad(c.ID == nil, "ID is needed")
	bad(c.Generation < 0, "Generation must not be negative")
	bad(c.BulkBytes < 0, "BulkBytes must not be negative")
	return errors.Join(errs...)
}

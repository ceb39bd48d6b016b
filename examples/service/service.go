package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"golang.org/x/sync/errgroup"

	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/inspect"
	metrics "github.com/millstream-go/millstream/streams/metrics/prometheus"
)

// below is where the page, the snapshot and the stores are served. It is at the end of each process's Config.Endpoint.
const below = "/millstream"

// service is one process: the application, and HTTP in front of it.
type service struct {
	app      *streams.App
	listener net.Listener
	server   *http.Server
}

// newService opens the port and makes the application. Where config has no Endpoint it is the address of the port,
// which the other processes must be able to reach; all addresses of a machine are none that they could.
func newService(config streams.Config, listen string) (*service, error) {
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, err
	}
	if config.Endpoint == "" {
		if at, ok := listener.Addr().(*net.TCPAddr); ok && at.IP.IsUnspecified() {
			return nil, errors.Join(fmt.Errorf("listening at %s tells no address for the others: set application.server, as "+
				"http://host:%d%s", listen, at.Port, below), listener.Close())
		}
		config.Endpoint = "http://" + listener.Addr().String() + below
	}
	topo, err := Build()
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	app, err := streams.New(topo, config)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	s := &service{app: app, listener: listener}
	s.server = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 5 * time.Second}
	return s, nil
}

// handler is all that the process serves. What is below needs to be guarded where strangers reach the port: it shows
// records here.
func (s *service) handler() http.Handler {
	options := inspect.Options{ShowRecords: true}
	registry := prometheus.NewRegistry()
	registry.MustRegister(metrics.New(s.app, streams.TaskLevel))
	mux := http.NewServeMux()
	mux.HandleFunc("GET /products/{product}", s.sold)
	mux.Handle("GET /livez", inspect.Livez(s.app, options))
	mux.Handle("GET /readyz", inspect.Readyz(s.app, options))
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	mux.Handle(below+"/", http.StripPrefix(below, inspect.Handler(s.app, options)))
	return mux
}

// run serves until ctx ends. Then the application commits and leaves the group, while requests are still answered, and
// says that it is not ready any more; after that the port is closed.
func (s *service) run(ctx context.Context) error {
	group, all := errgroup.WithContext(ctx)
	group.Go(func() error { // ends with Shutdown
		if err := s.server.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error { // ends with ctx, or when it fails
		err := s.app.Run(all)
		stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		return errors.Join(err, s.server.Shutdown(stopping))
	})
	return group.Wait()
}

// answer is what is known of a product.
type answer struct {
	Product string `json:"product"`
	Sold    int64  `json:"sold"`
}

// sold answers with the pieces of a product that were sold. A process that does not have it redirects to the one that
// has, once.
func (s *service) sold(w http.ResponseWriter, r *http.Request) {
	product := streams.OfKey(serde.String, r.PathValue("product"))
	view, err := s.app.View(r.Context(), Sold, product)
	var away *streams.UnavailableError
	if errors.As(err, &away) && !away.Here && !r.URL.Query().Has("redirected") {
		s.redirect(w, r, product)
		return
	}
	if err != nil {
		later(w, err)
		return
	}
	defer view.Close()
	sold, ok, err := Sold.In(view).Get(r.PathValue("product"))
	switch {
	case err != nil:
		later(w, err)
	case !ok:
		http.Error(w, "nothing of it was sold", http.StatusNotFound)
	default:
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer{r.PathValue("product"), sold}) // who asked may be gone
	}
}

// redirect names the process that has a product.
func (s *service) redirect(w http.ResponseWriter, r *http.Request, product streams.ViewOption) {
	owner, err := s.app.Owner(r.Context(), Sold, product)
	switch {
	case err != nil:
		later(w, err)
	case owner.Here || owner.Endpoint == "":
		later(w, fmt.Errorf("partition %d moves", owner.Partition))
	default:
		to := strings.TrimSuffix(strings.TrimSuffix(owner.Endpoint, "/"), below) + r.URL.EscapedPath() + "?redirected"
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	}
}

// later says that the same request may be answered in a moment: tasks move, or are restored.
func later(w http.ResponseWriter, err error) {
	w.Header().Set("Retry-After", "1")
	http.Error(w, err.Error(), http.StatusServiceUnavailable)
}

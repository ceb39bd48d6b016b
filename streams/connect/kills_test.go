package connect_test

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/internal/servicetest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect"
	"github.com/millstream-go/millstream/streams/connect/searchsink"
	"github.com/millstream-go/millstream/streams/connect/sqlsink"
	"github.com/millstream-go/millstream/testkit/broker"
)

type (
	order struct {
		Cents int64 `json:"cents"` // 0: the account is closed
	}
	total struct {
		Cents  int64 `json:"cents"`
		Orders int64 `json:"orders"`
	}
	// job is an application that adds up orders, and two sinks for the totals, in a process of their own.
	job struct {
		Brokers             []string
		Name, Dir           string
		Postgres, Search    string
		OrdersIn, TotalsOut string
	}
)

func (j job) orders() streams.Topic[string, order] {
	return streams.NewTopic(j.OrdersIn, serde.String, serde.JSON[order]())
}

func (j job) totals() streams.Topic[string, total] {
	return streams.NewTopic(j.TotalsOut, serde.String, serde.JSON[total]())
}

var kills = flag.Int("kills", 12, "of processes and servers, in TestKills")

const jobVariable = "MILLSTREAM_TEST_JOB"

func TestMain(m *testing.M) {
	if text := os.Getenv(jobVariable); text != "" {
		var j job
		if err := json.Unmarshal([]byte(text), &j); err != nil {
			panic(err)
		}
		panic(j.run(context.Background()))
	}
	os.Exit(m.Run())
}

// run never returns, but for an error: the process is killed.
func (j job) run(ctx context.Context) error {
	b := streams.NewBuilder(j.Name)
	sums := state.NewKeyValue("sums", serde.String, serde.JSON[total]())
	streams.AggregateRecord(streams.From(b, j.orders()).GroupByKey(), sums, func() total { return total{} },
		func(r streams.Record[string, order], t total) (streams.Optional[total], error) {
			if r.Value.Cents == 0 {
				return streams.None[total](), nil
			}
			return streams.Some(total{Cents: t.Cents + r.Value.Cents, Orders: t.Orders + 1}), nil
		}).ToStream().To(j.totals())
	topo, err := b.Build()
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	app, err := streams.New(topo, streams.Config{Brokers: j.Brokers, StateDir: j.Dir, Logger: log})
	if err != nil {
		return err
	}
	db, err := sql.Open("postgres", j.Postgres)
	if err != nil {
		return err
	}
	table, err := connect.New(j.totals(), j.table(db), j.sinkConfig("-table", log))
	if err != nil {
		return err
	}
	index, err := connect.New(j.totals(), j.index(), j.sinkConfig("-index", log))
	if err != nil {
		return err
	}
	ended := make(chan error, 3)
	for _, run := range []func(context.Context) error{app.Run, table.Run, index.Run} {
		// Ends with the process.
		go func() { ended <- run(ctx) }()
	}
	// The parent asks how far both are; it ends this process, or its input ends.
	go func() {
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			fmt.Println(place(table), place(index))
		}
		os.Exit(3)
	}()
	return <-ended
}

func place(r *connect.Runner[string, total]) (sum int64) {
	for _, next := range r.Status().Next {
		sum += next
	}
	return sum
}

// sinkConfig makes the instance a static member, so that a process that was killed and comes back has its partitions at
// once.
func (j job) sinkConfig(suffix string, log *slog.Logger) connect.Config {
	return connect.Config{
		Brokers: j.Brokers, Group: j.Name + suffix, Kafka: []kgo.Opt{kgo.InstanceID("one")}, BatchRecords: 200,
		BackoffMax: time.Second, WriteTimeout: 10 * time.Second, Logger: log,
	}
}

func (j job) table(db *sql.DB) connect.Sink[string, total] {
	return sqlsink.New(db, sqlsink.Config[string, total]{
		Name: "totals", Table: "totals", Key: []string{"customer"}, Columns: []string{"cents", "orders"},
		KeyOf:  func(c string) []any { return []any{c} },
		Values: func(t total) []any { return []any{t.Cents, t.Orders} },
	})
}

func (j job) index() connect.Sink[string, total] {
	return searchsink.New(searchsink.Config[string, total]{
		URL: j.Search, Index: "totals", ID: func(c string) string { return c },
		Create: json.RawMessage(`{"settings":{"number_of_replicas":0,"index.gc_deletes":"1h"}}`),
	})
}

// process is a job that runs.
type process struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Scanner
}

func (j job) start(t *testing.T) *process {
	text, err := json.Marshal(j)
	require.NoError(t, err)
	p := &process{cmd: exec.Command(os.Args[0])}
	p.cmd.Env = append(os.Environ(), jobVariable+"="+string(text))
	p.cmd.Stderr = os.Stderr
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	p.out = bufio.NewScanner(out)
	require.NoError(t, p.cmd.Start())
	return p
}

// kill ends the process with SIGKILL.
func (p *process) kill() {
	p.cmd.Process.Kill()
	p.cmd.Wait()
}

// written is how far both sinks are: the sums of their places.
func (p *process) written(t *testing.T) (table, index int64) {
	_, err := fmt.Fprintln(p.in)
	require.NoError(t, err)
	require.True(t, p.out.Scan(), "the process has ended")
	_, err = fmt.Sscan(p.out.Text(), &table, &index)
	require.NoError(t, err)
	return table, index
}

// TestKills: totals of orders, kept by an application, go to PostgreSQL and to OpenSearch, while the process that does
// all of that is killed, and so are both servers. In the end table and index are what the topic says, and the database
// has seen no total of a customer twice or older than before.
func TestKills(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	pg, search := servicetest.StartPostgres(t), servicetest.StartOpenSearch(t)
	j := job{
		Brokers: brokers, Name: kafkatest.Name("kills"), Dir: t.TempDir(), Postgres: pg.URL, Search: search.URL,
		OrdersIn: kafkatest.Topic(t, brokers, "orders", 4, nil), TotalsOut: kafkatest.Topic(t, brokers, "totals", 4, nil),
	}
	db, err := sql.Open("postgres", pg.URL)
	require.NoError(t, err)
	defer db.Close()
	prepareTable(t, db)
	b, err := broker.Connect(brokers...)
	require.NoError(t, err)
	defer b.Close()

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	const each = 1500
	p := j.start(t)
	defer func() { p.kill() }()
	for n := range *kills {
		feed(t, b, j.orders(), rng, each)
		table, index := p.written(t)
		for more := table + index + rng.Int64N(each); table+index < more; table, index = p.written(t) {
			time.Sleep(time.Millisecond)
		}
		switch n % 4 {
		case 1:
			pg.Kill()
			pg.Restart()
		case 3:
			search.Kill()
			search.Restart()
		default:
			p.kill()
			p = j.start(t)
		}
	}
	want := map[string]total{}
	for !settled(t, b, j, *kills*each, want) {
		time.Sleep(200 * time.Millisecond)
	}
	require.NotEmpty(t, want)
	require.Equal(t, want, tableRows(t, db))
	require.Equal(t, want, documents(t, search.URL))
	var wrong int
	require.NoError(t, db.QueryRow("select count(*) from wrong").Scan(&wrong))
	require.Zero(t, wrong, "a total was written twice, or an older one over a newer one")
}

// prepareTable has a trigger note each write that does not raise a total: repeated, or older.
func prepareTable(t *testing.T, db *sql.DB) {
	for _, statement := range []string{
		"create table totals (customer text primary key, cents bigint not null, orders bigint not null)",
		"create table wrong (customer text, was bigint, is_now bigint)",
		`create function look() returns trigger language plpgsql as $$ begin
			if new.orders <= old.orders then insert into wrong values (new.customer, old.orders, new.orders); end if;
			return new; end $$`,
		"create trigger looked before update on totals for each row execute function look()",
	} {
		_, err := db.Exec(statement)
		require.NoError(t, err)
	}
}

// feed sends orders of customers. Some close their accounts, for good: one that begins anew has fewer orders, and would
// look as if an older total had been written.
func feed(t *testing.T, b *broker.Broker, topic streams.Topic[string, order], rng *rand.Rand, n int) {
	round := rng.Uint32()
	var records []streams.Record[string, order]
	for i := range n {
		customer, cents := fmt.Sprintf("c-%d", rng.IntN(500)), 1+rng.Int64N(10_000)
		if i%3 == 0 {
			customer = fmt.Sprintf("c-%d-%d", round, rng.IntN(100))
		}
		records = append(records, streams.NewRecord(customer, order{Cents: cents}, time.Now().UnixMilli()))
	}
	for i := range 50 {
		customer := fmt.Sprintf("c-%d-%d", round, i)
		records = append(records, streams.NewRecord(customer, order{}, time.Now().UnixMilli()))
	}
	require.NoError(t, broker.Produce(t.Context(), b, topic, records...))
}

// settled is true once the application has answered all orders, and both sinks have written all answers; then want is
// what the topic says.
func settled(t *testing.T, b *broker.Broker, j job, orders int, want map[string]total) bool {
	records, err := broker.Read(t.Context(), b, j.totals())
	require.NoError(t, err)
	sent, err := broker.Read(t.Context(), b, j.orders())
	require.NoError(t, err)
	open := map[string]total{}
	for _, r := range sent {
		if v := open[r.Key]; r.Value.Cents == 0 {
			delete(open, r.Key)
		} else {
			open[r.Key] = total{Cents: v.Cents + r.Value.Cents, Orders: v.Orders + 1}
		}
	}
	clear(want)
	for _, r := range records {
		if want[r.Key] = r.Value; r.NullValue {
			delete(want, r.Key)
		}
	}
	if len(sent) < orders || fmt.Sprint(open) != fmt.Sprint(want) {
		return false
	}
	db, err := sql.Open("postgres", j.Postgres)
	require.NoError(t, err)
	defer db.Close()
	return fmt.Sprint(tableRows(t, db)) == fmt.Sprint(want) && fmt.Sprint(documents(t, j.Search)) == fmt.Sprint(want)
}

func tableRows(t *testing.T, db *sql.DB) map[string]total {
	rows, err := db.Query("select customer, cents, orders from totals")
	require.NoError(t, err)
	defer rows.Close()
	out := map[string]total{}
	for rows.Next() {
		var c string
		var v total
		require.NoError(t, rows.Scan(&c, &v.Cents, &v.Orders))
		out[c] = v
	}
	require.NoError(t, rows.Err())
	return out
}

func documents(t *testing.T, url string) map[string]total {
	response, err := http.Post(url+"/totals/_refresh", "application/json", nil)
	require.NoError(t, err)
	response.Body.Close()
	response, err = http.Get(url + "/totals/_search?size=10000")
	require.NoError(t, err)
	defer response.Body.Close()
	var found struct {
		Hits struct {
			Hits []struct {
				ID     string `json:"_id"`
				Source total  `json:"_source"`
			}
		}
	}
	require.NoError(t, json.NewDecoder(response.Body).Decode(&found))
	out := map[string]total{}
	for _, h := range found.Hits.Hits {
		out[h.ID] = h.Source
	}
	return out
}

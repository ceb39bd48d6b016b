package debezium_test

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/millstream-go/millstream/internal/kafkatest"
	"github.com/millstream-go/millstream/internal/servicetest"
	"github.com/millstream-go/millstream/serde"
	"github.com/millstream-go/millstream/state"
	"github.com/millstream-go/millstream/streams"
	"github.com/millstream-go/millstream/streams/connect/debezium"
	"github.com/millstream-go/millstream/testkit/broker"
	"github.com/millstream-go/millstream/topology"
)

var transactions = flag.Int("transactions", 20_000, "of TestJoinedTableIsTheDatabases")

type (
	client struct {
		ID      int64            `debezium:"id"`
		Name    string           `debezium:"name"`
		Balance debezium.Decimal `debezium:"balance,scale=2"`
		Note    *string          `debezium:"note"`
	}
	purchase struct {
		Client int64            `debezium:"customer_id"`
		Amount debezium.Decimal `debezium:"amount,scale=2"`
		Placed time.Time        `debezium:"placed"`
	}
	bought struct {
		Name, Note      string
		Balance, Amount debezium.Decimal
		Placed          string
	}
)

const shop = `
create table customers (id bigint primary key, name text not null, balance numeric(12,2) not null default 0, note text);
alter table customers alter column note set storage external;
create table orders (
  region text not null, id integer not null,
  customer_id bigint not null references customers (id) on update cascade on delete cascade,
  amount numeric(12,2) not null, placed timestamptz not null, primary key (region, id)
);
alter table orders replica identity full;`

// statement is one of a transaction: keys change, rows go and come back, large values stay as they are.
func statement(rng *rand.Rand) string {
	c, r, o := rng.IntN(300), [...]string{"EU", "US", "<&>"}[rng.IntN(3)], rng.IntN(200)
	switch rng.IntN(10) {
	case 0, 1:
		note := "null"
		if rng.IntN(2) == 0 {
			note = fmt.Sprintf("repeat('%d of a long note ', 300)", rng.IntN(100))
		}
		return fmt.Sprintf("insert into customers values (%d, 'n%d', %d.%02d, %s) on conflict do nothing", c, rng.IntN(1000),
			rng.IntN(2000)-1000, rng.IntN(100), note)
	case 2, 3:
		return fmt.Sprintf("update customers set balance = balance + %d.01, name = 'm%d' where id = %d", rng.IntN(9),
			rng.IntN(1000), c)
	case 4:
		if rng.IntN(4) > 0 {
			return fmt.Sprintf("delete from orders where region = '%s' and id = %d", r, o)
		}
		return fmt.Sprintf("delete from customers where id = %d", c)
	case 5:
		to := rng.IntN(300) // without a new note, its value would be sent neither under the old key nor under the new one
		return fmt.Sprintf("update customers set id = %d, note = note || '.' where id = %d and not exists "+
			"(select 1 from customers where id = %[1]d)", to, c)
	case 6:
		return fmt.Sprintf("update orders set amount = amount + 0.%02d where region = '%s' and id = %d", rng.IntN(100), r, o)
	case 7:
		to := rng.IntN(200)
		return fmt.Sprintf("update orders set id = %d where region = '%s' and id = %d and not exists "+
			"(select 1 from orders where region = '%[2]s' and id = %[1]d)", to, r, o)
	}
	return fmt.Sprintf("insert into orders select '%s', %d, id, %d.%02d, timestamptz '2026-01-01 00:00:00.%06d+02' "+
		"from customers where id = %d on conflict do nothing", r, o, rng.IntN(1000), rng.IntN(100), rng.IntN(1_000_000), c)
}

func transact(t *testing.T, db *sql.DB, rng *rand.Rand, n int) {
	for range n {
		statements := []string{"begin"}
		for range 1 + rng.IntN(4) {
			statements = append(statements, statement(rng))
		}
		end := "commit"
		if rng.IntN(10) == 0 {
			end = "rollback"
		}
		_, err := db.Exec(strings.Join(append(statements, end), ";"))
		require.NoError(t, err)
	}
}

func shopTopology(t *testing.T, name string) (*topology.Topology, streams.Topic[orderKey, bought]) {
	clientKey := debezium.JSONColumn[int64]("id")
	clients := streams.NewTopic(name+".public.customers", clientKey, debezium.JSON[client]())
	purchases := streams.NewTopic(name+".public.orders", orderKeys, debezium.JSON[purchase]())
	out := streams.NewTopic(name+"-bought", orderKeys, serde.JSON[bought]())
	b := streams.NewBuilder(name + "-app")
	c := debezium.Table(b, clients, state.NewKeyValue("clients", clientKey, debezium.JSONRow[client]()))
	p := debezium.Table(b, purchases, state.NewKeyValue("purchases", orderKeys, debezium.JSONRow[purchase]()))
	streams.JoinForeignKey(p, c, streams.NewForeignKey("by", orderKeys, clientKey, debezium.JSONRow[purchase](),
		debezium.JSONRow[client]()), state.NewKeyValue("bought", orderKeys, serde.JSON[bought]()),
		func(_ orderKey, p purchase) streams.Optional[int64] { return streams.Some(p.Client) }, buy).ToStream().To(out)
	return build(t, b), out
}

func buy(p purchase, c client) bought {
	b := bought{Name: c.Name, Balance: c.Balance, Amount: p.Amount, Placed: p.Placed.Format(time.RFC3339Nano)}
	if c.Note != nil {
		b.Note = *c.Note
	}
	return b
}

// answer is the join as the database makes it.
func answer(t *testing.T, db *sql.DB) map[orderKey]bought {
	rows, err := db.Query("select region, o.id, name, coalesce(note, ''), balance, amount, placed from orders o " +
		"join customers c on c.id = customer_id")
	require.NoError(t, err)
	defer rows.Close()
	out := map[orderKey]bought{}
	for rows.Next() {
		var k orderKey
		var b bought
		var placed time.Time
		require.NoError(t, rows.Scan(&k.Region, &k.ID, &b.Name, &b.Note, &b.Balance, &b.Amount, &placed))
		b.Placed = placed.UTC().Format(time.RFC3339Nano)
		out[k] = b
	}
	require.NoError(t, rows.Err())
	return out
}

// runApp runs an application. going fails the test if it has ended by itself.
func runApp(t *testing.T, brokers []string, topo *topology.Topology, dir string) (stop, going func()) {
	app, err := streams.New(topo, streams.Config{Brokers: brokers, StateDir: dir, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	// Ends with ctx.
	go func() { ended <- app.Run(ctx) }()
	stop = func() {
		cancel()
		require.NoError(t, <-ended)
	}
	going = func() {
		select {
		case err := <-ended:
			require.FailNow(t, "the application has ended", "%v", err)
		default:
		}
	}
	return stop, going
}

// waitStreaming waits until Debezium is done with its snapshot. One that is killed within it makes another, and was seen
// to leave out what had changed in between.
func waitStreaming(t *testing.T, b *broker.Broker, topic string, going func()) {
	events := streams.NewTopic(topic, serde.String, serde.String)
	for {
		going()
		records, err := broker.Read(t.Context(), b, events)
		require.NoError(t, err)
		if slices.ContainsFunc(records, func(r streams.Record[string, string]) bool {
			return strings.Contains(r.Value, `"snapshot":"false"`)
		}) {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// TestJoinedTableIsTheDatabases: customers and orders change by random transactions in a PostgreSQL, Debezium, which is
// killed in between, writes their changes, and an application, which is restarted, joins the tables. In the end its
// result is the database's own, row by row.
func TestJoinedTableIsTheDatabases(t *testing.T) {
	brokers := kafkatest.Brokers(t)
	pg := servicetest.StartPostgres(t)
	worker := servicetest.StartConnect(t, brokers)
	db, err := sql.Open("postgres", pg.URL)
	require.NoError(t, err)
	defer db.Close()
	db.SetMaxOpenConns(1)
	_, err = db.Exec(shop)
	require.NoError(t, err)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	transact(t, db, rng, *transactions/10) // for the snapshot

	name := "shop" + strings.ReplaceAll(kafkatest.Name(""), "-", "")
	topo, out := shopTopology(t, name)
	b, err := broker.Connect(brokers...)
	require.NoError(t, err)
	defer b.Close()
	require.NoError(t, b.CreateTopicsOf(t.Context(), topo, 3))
	worker.CreateDebezium(name, pg, "public.customers,public.orders", nil)
	dir := t.TempDir()
	stop, going := runApp(t, brokers, topo, dir)
	transact(t, db, rng, 20)
	waitStreaming(t, b, name+".public.customers", going)
	for part := range 3 {
		transact(t, db, rng, *transactions*3/20)
		if part < 2 {
			worker.Kill()
		} else {
			stop()
			stop, going = runApp(t, brokers, topo, dir)
		}
		transact(t, db, rng, *transactions*3/20)
		if part < 2 {
			worker.Restart()
		}
	}
	want := answer(t, db)
	require.Greater(t, len(want), 50)
	got := map[orderKey]bought{}
	for !maps.Equal(want, got) {
		going()
		records, err := broker.Read(t.Context(), b, out)
		require.NoError(t, err)
		clear(got)
		for _, r := range records {
			if got[r.Key] = r.Value; r.NullValue {
				delete(got, r.Key)
			}
		}
		if end, ok := t.Deadline(); ok && time.Until(end) < 30*time.Second {
			require.Equal(t, want, got)
		}
		time.Sleep(200 * time.Millisecond)
	}
	stop()
	t.Logf("%d rows are equal", len(want))
}

// Package worker carries out what package task decides: it talks to Kafka, reads the clock, and writes to disk.
//
// # Worker and session
//
// A Worker lasts as long as its application runs. It has what must outlive a failure: its configuration, its identity
// in the group and as a producer, the waits that it tells of, how fast the brokers take bytes (allowance), how long
// steps are (pacer), and what sessions that failed have to tell those that follow (lessons).
//
// A session is the life of one Kafka client. It has everything else: the layout of the topology on the topics, the
// client, the membership of the group, the transaction (producer), the tasks (task.Set), the restores under way and the
// global tables. A session is never mended and never reset. Whatever goes wrong with Kafka, or with what all tasks
// share, ends it; what it had is dropped, and the worker makes a new one, under the same identity, at what the group
// has committed. That is what a killed process does, too, so there is one way to begin.
//
// # The states of a session
//
//	joining    from its beginning until the group has said which partitions it has
//	restoring  at least one task is not running yet: its databases are opened, its changelogs read, or it waits for
//	           something that is in its way alone
//	running    all its tasks run, or it has none
//	ended
//
// Beside them, stalled is a worker that has had something to commit for Config.StallTimeout: it is told until a commit.
//
// # Beginning
//
// Worker.runSession does, in this order:
//
//  1. It finds the layout (cluster.Cluster.Layout). Topics that are gone, or others by now, end the application here.
//     Where no topic matches the patterns yet, the session only waits for one.
//  2. Exactly once: it asks for the producer id under its transactional id (fenceOwnTransaction). That ends what a
//     predecessor left open, so that the offsets which the group tells afterwards are final.
//  3. It opens the global tables and reads their topics to the end.
//  4. It makes the client, which joins the group.
//
// The order matters: 2 before 4, since offsets are read in 4; 3 before 4, since tasks find every row of global tables.
//
// # The loop
//
// One goroutine, the worker's, has the set, the tasks that run and the transaction. session.loop is a round of it:
//
//	handleEvents   what the group's callbacks and the restores have posted, in order
//	endIfMoved     ends the session if the group was given other offsets
//	poll           takes records of the client; waits for some if the last round had none
//	step           processes records and punctuations for 25 ms at most, hands outputs to the client
//	commit         if one is due
//	show, flow     tells what the worker has; pauses partitions that have enough waiting, resumes others
//	check          begins the looks at the cluster that are due, each on a goroutine of its own
//
// What may happen between two steps, and nowhere else:
//
//	assign         the group has given partitions: tasks whose inputs are all there go to a restore
//	startTask      a restore gives a task back: it enters the set and its partitions are resumed
//	revoke         the group takes partitions: what is done is committed, then the tasks leave. The client waits for it
//	noteCoverage, noteBounds, verifyTopics ...   what a look at the cluster has found
//	globals.enter  rows of global tables; their goroutine waits for it
//
// A restore owns its tasks, from assign until startTask; the set does not know them. stop ends it and waits, so that
// nobody else has the tasks when they are given up.
//
// # Commit
//
// session.commit makes what the tasks have done durable: outputs and changelog records are acknowledged, then the
// offsets are in Kafka, by a transaction or by a plain commit, then the rows and the offsets are in the databases.
// Kafka first: a database may lag, it never leads. After an error in it nothing of the session counts any more; whether
// Kafka has committed the next session reads from the group's offsets. What the changelogs do not have, as a store has
// none, is kept with the databases until then (task.Set.Unsettle).
//
// A commit is made in the name of the member that was given the tasks (membership): if the client has become another
// member meanwhile, the session ends without one.
//
// # What a failure costs
//
// What is one task's before it runs costs that task: restore.tryLater closes its databases if they failed, and it is
// tried again while the others go on. So it is with a directory that is in use, a database that cannot be opened or is
// damaged, a changelog or an input without a leader, and topics that cannot be read just now.
//
// A task that runs can be restored alone, too, where its database is what failed (session.evict): a record that met the
// damage has been undone, so what was done before it is committed, with what the others did. What was fetched of the
// task's inputs waits for it.
//
// Everything else that happens to a task that runs ends the session, as its outputs lie in the transaction of all
// tasks; see DESIGN.md, "What a failure costs". Errors that no new beginning would cure (classify: fatal) end the
// application.
//
// # What is owed when a session ends
//
// However it ends, session.finish and session.end see to it that
//
//   - nobody waits for the worker any more: events are stopped, callbacks and the globals' goroutine return;
//   - restores are stopped, and what they have read is kept;
//   - all tasks have left the set, undone to the last commit, and their databases are given back to the process
//     (Engines): open, for whoever has the task next. Those that failed are closed, damaged ones set aside (repair);
//   - the client is closed. Records that it had are not sent; a transaction that is open is ended by the next session's
//     step 2, or by depart;
//   - what the next session must mind is in the lessons;
//   - a worker that does not begin again has left the group, unless Config.StayOnStop says otherwise, and has ended its
//     transaction, so that others need not wait for brokers to notice. One that was fenced by another process of the
//     same identity leaves nothing: it would take that one out.
//
// When the context of Run ends, the record in work is finished and a last commit is made, within
// Config.ShutdownTimeout. Worker.GiveUp takes a worker out of Kafka whose step does not return then.
package worker

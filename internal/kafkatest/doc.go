// Package kafkatest gives tests a real Kafka. Tests that need one are skipped unless MILLSTREAM_KAFKA is 1; then they
// never are: where no broker can be started, they fail.
//
//	brokers := kafkatest.Brokers(t)                    // a broker that tests share
//	in := kafkatest.Topic(t, brokers, "in", 4, nil)    // a topic of this test alone
//
//	broker := kafkatest.Start(t)                       // a broker of this test alone, to be mistreated
//	broker.Kill()
//	broker.Restart()
//	brokers := kafkatest.StartThree(t)                 // three that replicate
//
// The brokers are processes that kafka.sh starts; it can be used by hand as well. Each lives at most as long as the
// process of the tests, even where that is killed or runs into its time limit.
package kafkatest

// Package settings reads the configuration of Kafka programs as operators write it: properties in Java's format, or
// environment variables, with Kafka's names. It knows those that concern the client; what an application has besides it
// asks for by name. What nobody has asked for is an error, as a setting that does nothing is worse than none.
package settings

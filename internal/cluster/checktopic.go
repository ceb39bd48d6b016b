package cluster

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// check finds settings with which the topic would lose what the application needs.
func (t internalTopic) check(have map[string]string) error {
	policy := strings.Split(have["cleanup.policy"], ",")
	retention, _ := strconv.ParseInt(have["retention.ms"], 10, 64)
	switch {
	case t.changelog && t.retention == 0 && slices.Contains(policy, "delete"):
		return t.unfit("cleanup.policy "+have["cleanup.policy"], "compact, as its rows have no end")
	case t.changelog && !slices.Contains(policy, "compact") && t.retention == 0:
		return t.unfit("cleanup.policy "+have["cleanup.policy"], "compact")
	case !t.changelog && slices.Contains(policy, "compact"):
		return t.unfit("cleanup.policy "+have["cleanup.policy"], "delete, as each record counts")
	case t.retention > 0 && retention >= 0 && retention < t.retention.Milliseconds():
		return t.unfit("retention.ms "+have["retention.ms"], milliseconds(t.retention)+" or more")
	}
	return nil
}

// unfit is the error of a setting. A changelog has it by mistake, or was made for another kind of store.
func (t internalTopic) unfit(have, want string) error {
	cure := "set it so with kafka-configs --alter, and take it out of Config.TopicConfigs if it is from there"
	if t.changelog {
		cure += "; if another kind of store, or one of other windows, had this name before, give this one a new name"
	}
	return &InternalTopicError{Topic: t.name, Have: have, Want: want, Cure: cure}
}

// losing is a setting with which an internal topic loses what the application needs, and what it should be instead.
type losing struct{ setting, want string }

// losses are the settings of that kind. This library creates no topic with one, nor does Kafka Streams.
func (t internalTopic) losses(have map[string]string) (found []losing) {
	if have[createTime] == "LogAppendTime" {
		found = append(found, losing{createTime, "CreateTime, as its records tell when they were"})
	}
	lag, _ := strconv.ParseInt(have[compactionLag], 10, 64)
	if lag < t.lag.Milliseconds() {
		found = append(found, losing{compactionLag, milliseconds(t.lag) + " or more, as all versions of a key count"})
	}
	if !strings.Contains(have["cleanup.policy"], "delete") {
		return found
	}
	if ms, limited := limit(have["retention.ms"]); !t.changelog && limited && ms < Forever.Milliseconds() {
		found = append(found, losing{"retention.ms", "-1, as each record counts until it is processed"})
	}
	if _, limited := limit(have["retention.bytes"]); limited {
		found = append(found, losing{"retention.bytes", "-1, as each record counts, however many there are"})
	}
	return found
}

// limit is the value of a setting that limits something unless it is below 0, or not told.
func limit(value string) (n int64, limited bool) {
	n, err := strconv.ParseInt(value, 10, 64)
	return n, err == nil && n >= 0
}

// checkLosses refuses settings that lose something, but for those that Config.TopicConfigs asks for: New tells of them.
// It warns only of limits that the brokers have for all topics: Kafka Streams once created topics that have no other.
func (c *Cluster) checkLosses(s Setup, t internalTopic, rc kadm.ResourceConfig) error {
	have := settings(rc)
	for _, l := range t.losses(have) {
		switch value := have[l.setting]; {
		case value != "" && s.TopicConfigs[l.setting] == value:
		case strings.HasPrefix(l.setting, "retention.") && !hasOfItsOwn(rc, l.setting):
			if _, told := c.limits.LoadOrStore(t.name+" "+l.setting, true); !told {
				s.Logger.Warn("an internal topic may lose records", "topic", t.name, l.setting, value, "needs", l.want)
			}
		default:
			return t.unfit(l.setting+" "+cmp.Or(value, "that is not told"), l.want)
		}
	}
	return nil
}

// hasOfItsOwn is true if a topic has a setting of its own, not that of the brokers.
func hasOfItsOwn(rc kadm.ResourceConfig, setting string) bool {
	return slices.ContainsFunc(rc.Configs, func(c kadm.Config) bool {
		return c.Key == setting && c.Source == kmsg.ConfigSourceDynamicTopicConfig
	})
}

// CheckTopicConfigs refuses settings of Config.TopicConfigs that no internal topic may have, and tells of those with
// which internal topics lose what the application needs.
func CheckTopicConfigs(s Setup) error {
	for _, t := range internalTopics(s) {
		var unfit *InternalTopicError
		if errors.As(t.check(t.configs), &unfit) {
			return fmt.Errorf("streams: Config.TopicConfigs: internal topic %s would have %s, and needs %s: leave that setting "+
				"out", t.name, unfit.Have, unfit.Want)
		}
		for _, l := range t.losses(t.configs) {
			if value, set := s.TopicConfigs[l.setting]; set {
				s.Logger.Warn("Config.TopicConfigs has an internal topic lose records", "topic", t.name, l.setting, value,
					"needs", l.want)
			}
		}
	}
	return nil
}

// Losses are the settings with which an internal topic loses what an application needs, in words. lag is for how long
// the versions of a key may be asked for, 0: the last one alone.
func Losses(changelog bool, lag time.Duration, have map[string]string) (texts []string) {
	for _, l := range (internalTopic{changelog: changelog, lag: min(lag, Forever)}).losses(have) {
		texts = append(texts, fmt.Sprintf("has %s %s, and needs %s", l.setting, have[l.setting], l.want))
	}
	return texts
}

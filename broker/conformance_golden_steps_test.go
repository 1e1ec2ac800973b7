package broker_test

import (
	"encoding/binary"
	"strconv"

	"boxoffice/broker/remoting"
)

// batchItem is one message of a batch body, as the Go client writes it.
func batchItem(body, properties string) []byte {
	order := binary.BigEndian
	item := order.AppendUint32(nil, uint32(22+len(body)+len(properties)))
	item = append(item, make([]byte, 12)...) // magic, checksum, flag
	item = order.AppendUint32(item, uint32(len(body)))
	item = append(item, body...)
	item = order.AppendUint16(item, uint16(len(properties)))
	return append(item, properties...)
}

func ending() []exchange {
	half := func(body string) func(*talk) *remoting.Frame {
		return func(k *talk) *remoting.Frame {
			k.half = k.w.sendHalf(k.topic, k.sellers, body, nil)
			return k.half
		}
	}
	end := func(file string, decision int) exchange {
		return ask(file, remoting.EndTransaction, func(k *talk) map[string]string {
			return endExt(k.t, k.sellers, k.half, decision)
		}, nil)
	}
	var check *remoting.Frame
	return []exchange{
		{"034-heartbeat-producer", func(k *talk) *remoting.Frame {
			body := `{"clientID":"` + k.name("client") + `","consumerDataSet":[],"producerDataSet":[{"groupName":"` + k.sellers + `"}]}`
			return k.w.ask(remoting.HeartBeat, nil, []byte(body))
		}},
		{"010-send-half", half("sold")},
		end("037-end-commit", remoting.SysFlagCommit),
		{"010-send-half-again", half("unsold")},
		end("037-end-rollback", remoting.SysFlagRollback),
		ask("037-end-not-found", remoting.EndTransaction, func(k *talk) map[string]string {
			ext := endExt(k.t, k.sellers, k.half, remoting.SysFlagCommit)
			ext["commitLogOffset"] = "999999999999"
			return ext
		}, nil),
		{"039-check", func(k *talk) *remoting.Frame {
			k.w.sendHalf(k.topic, k.sellers, "open", nil)
			for check == nil || check.Ext["transactionId"] != "key-open" {
				// A real broker that checks every second asks about the one before too: it notes ends every 3 s only.
				check = k.w.await(remoting.CheckTransactionState)
			}
			return check
		}},
		{"037-end-of-check", func(k *talk) *remoting.Frame {
			return k.w.ask(remoting.EndTransaction, checkedExt(k.sellers, check, remoting.SysFlagRollback), nil)
		}},
	}
}

// pulled repeats a pull until it brings messages.
func pulled(file, queueID, offset, tags string) exchange {
	return exchange{file, func(k *talk) *remoting.Frame {
		var f *remoting.Frame
		eventually(k.t, file, func() bool {
			f = k.w.ask(remoting.PullMessage, pullOne(k, queueID, offset, tags), nil)
			return f.Code == remoting.Success
		})
		return f
	}}
}

func pullOne(k *talk, queueID, offset, tags string) map[string]string {
	ext := pullExt(k.group, k.topic, 0, 0)
	ext["queueId"], ext["queueOffset"], ext["subscription"] = queueID, offset, tags
	ext["sysFlag"], ext["maxMsgNums"] = "4", "1"
	return ext
}

func reading() []exchange {
	pull := func(file, offset, tags string) exchange {
		return ask(file, remoting.PullMessage, func(k *talk) map[string]string { return pullOne(k, "0", offset, tags) }, nil)
	}
	return []exchange{
		pulled("011-pull-found", "0", "0", "*"),
		pulled("011-pull-committed", "0", "1", "*"),
		pulled("011-pull-short", "1", "0", "*"),
		pulled("011-pull-of-batch", "1", "1", "*"),
		pulled("011-pull-delayed", "1", "3", "late"),
		pull("011-pull-not-found", "2", "*"),
		pull("011-pull-no-match", "0", "black"),
		pull("011-pull-offset-moved", "9", "*"),
		ask("011-pull-no-subscription", remoting.PullMessage, func(k *talk) map[string]string {
			ext := pullOne(k, "0", "0", "*")
			ext["sysFlag"] = "0"
			return ext
		}, nil),
		ask("011-pull-unknown-topic", remoting.PullMessage, func(k *talk) map[string]string {
			ext := pullOne(k, "0", "0", "*")
			ext["topic"] += "-no"
			return ext
		}, nil),
		ask("030-max-offset", remoting.GetMaxOffset, queue(), nil),
		ask("031-min-offset", remoting.GetMinOffset, queue(), nil),
		ask("029-search-offset", remoting.SearchOffsetByTimestamp, queue("timestamp", "1"), nil),
		ask("033-view", remoting.ViewMessageByID, func(k *talk) map[string]string {
			return map[string]string{"offset": strconv.FormatInt(offsetOf(k, k.sent), 10)}
		}, nil),
		ask("033-view-nothing", remoting.ViewMessageByID, func(*talk) map[string]string {
			return map[string]string{"offset": "999999999999"}
		}, nil),
	}
}

func offsetOf(k *talk, sent *remoting.Frame) int64 {
	k.t.Helper()
	_, offset, err := remoting.ParseMessageID(sent.Ext["msgId"])
	if err != nil {
		k.t.Fatal(err)
	}
	return offset
}

func grouping() []exchange {
	group := func(k *talk) map[string]string { return map[string]string{"consumerGroup": k.group} }
	lock := func(k *talk) []byte { return lockBody(k.t, k.group, "one", k.topic, k.broker, 1) }
	beat := func(client string) func(k *talk) []byte {
		return func(k *talk) []byte {
			return []byte(`{"clientID":"` + client + `","producerDataSet":[],"consumerDataSet":[{"groupName":"` + k.group +
				`","consumeType":"CONSUME_PASSIVELY","messageModel":"CLUSTERING","consumeFromWhere":"CONSUME_FROM_FIRST_OFFSET",` +
				`"subscriptionDataSet":[{"topic":"` + k.topic + `","subString":"*","subVersion":1,"expressionType":"TAG"}]}]}`)
		}
	}
	return []exchange{
		ask("038-consumers-none", remoting.GetConsumerListByGroup, func(k *talk) map[string]string {
			return map[string]string{"consumerGroup": k.group + "-no"}
		}, nil),
		ask("034-heartbeat-consumer", remoting.HeartBeat, nil, beat("one")),
		{"040-notify", func(k *talk) *remoting.Frame {
			k.wire().mustAsk(remoting.HeartBeat, nil, beat("two")(k))
			return k.w.await(remoting.NotifyConsumerIDsChanged)
		}},
		{"038-consumers", func(k *talk) *remoting.Frame {
			eventually(k.t, "one consumer", func() bool { return len(consumerList(k.t, k.reading, k.group)) == 2 })
			return k.w.ask(remoting.GetConsumerListByGroup, group(k), nil)
		}},
		ask("014-query-offset-none", remoting.QueryConsumerOffset, func(k *talk) map[string]string {
			return map[string]string{"consumerGroup": k.group, "topic": k.topic, "queueId": "0", "setZeroIfNotFound": "false"}
		}, nil),
		ask("015-update-offset", remoting.UpdateConsumerOffset, queue("consumerGroup", "<group>", "commitOffset", "1"), nil),
		ask("014-query-offset", remoting.QueryConsumerOffset, queue("consumerGroup", "<group>"), nil),
		ask("041-lock", remoting.LockBatchMQ, nil, lock),
		ask("042-unlock", remoting.UnlockBatchMQ, nil, lock),
	}
}

func returning() []exchange {
	back := func(file, level, offset string) exchange {
		return ask(file, remoting.ConsumerSendMsgBack, func(k *talk) map[string]string {
			if offset == "" {
				offset = strconv.FormatInt(offsetOf(k, k.sent), 10)
			}
			return map[string]string{
				"group": k.group, "offset": offset, "delayLevel": level, "originMsgId": k.sent.Ext["msgId"],
				"originTopic": k.topic, "unitMode": "false", "maxReconsumeTimes": "2",
			}
		}, nil)
	}
	stored := func(prefix string) func(*talk) *remoting.Frame {
		return func(k *talk) *remoting.Frame {
			var f *remoting.Frame
			eventually(k.t, prefix, func() bool {
				ext := pullOne(k, "0", "0", "*")
				ext["topic"] = prefix + k.group
				f = k.w.ask(remoting.PullMessage, ext, nil)
				return f.Code == remoting.Success
			})
			return f
		}
	}
	return []exchange{
		back("036-send-back", "1", ""),
		back("036-send-back-dead", "-1", ""),
		back("036-send-back-nothing", "1", "999999999999"),
		{"011-pull-retry", stored("%RETRY%")},
		{"011-pull-dead-letter", stored("%DLQ%")},
		ask("035-unregister", remoting.UnregisterClient, func(k *talk) map[string]string {
			return map[string]string{"clientID": "one", "consumerGroup": k.group, "producerGroup": k.sellers}
		}, nil),
	}
}

package mq

import "encoding/json"

// parseBrokers reads the addresses of the master brokers by name from the answer about the cluster.
func parseBrokers(body []byte) (map[string]string, error) {
	var cluster struct {
		BrokerAddrTable map[string]struct {
			BrokerAddrs map[string]string
		}
	}
	err := json.Unmarshal(body, &cluster)
	masters := make(map[string]string)
	for name, broker := range cluster.BrokerAddrTable {
		if address, ok := broker.BrokerAddrs["0"]; ok {
			masters[name] = address
		}
	}
	return masters, err
}

// quoteIntegerKeys makes JSON of what nameservers write: fastjson leaves the integer keys of maps unquoted, as in
// {0:"..."}.
func quoteIntegerKeys(loose []byte) []byte {
	strict := make([]byte, 0, len(loose)+16)
	inString := false
	for i := 0; i < len(loose); i++ {
		c := loose[i]
		strict = append(strict, c)
		switch {
		case inString && c == '\\' && i+1 < len(loose):
			i++
			strict = append(strict, loose[i])
		case c == '"':
			inString = !inString
		case !inString && (c == '{' || c == ','):
			end := i + 1
			for end < len(loose) && loose[end] >= '0' && loose[end] <= '9' {
				end++
			}
			if end > i+1 && end < len(loose) && loose[end] == ':' {
				strict = append(strict, '"')
				strict = append(strict, loose[i+1:end]...)
				strict = append(strict, '"')
				i = end - 1
			}
		}
	}
	return strict
}

package database

// signIn is MySQL's packet HandshakeResponse41 of a user without a password: flags of the long password, of the protocol
// and of its authentication, the largest packet, utf8, and 23 bytes of nothing.
func signIn(user string) []byte {
	body := []byte{0x01, 0x82, 0, 0, 0, 0, 0, 1, 33}
	body = append(body, make([]byte, 23)...)
	body = append(body, user...)
	return packet(1, append(body, 0, 0))
}

// query is the packet COM_QUERY.
func query(statement string) []byte { return packet(0, append([]byte{3}, statement...)) }

// row is what a row of texts looks like.
func row(texts ...string) []byte {
	var b []byte
	for _, text := range texts {
		b = append(append(b, byte(len(text))), text...)
	}
	return b
}

// packet puts MySQL's header before a body of less than 256 bytes.
func packet(number byte, body []byte) []byte {
	return append([]byte{byte(len(body)), 0, 0, number}, body...)
}

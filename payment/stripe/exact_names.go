package stripe

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	nameCharacters = "abcdefghijklmnopqrstuvwxyz0123456789_"
	metadataName   = "metadata" // an object whose names are the shop's
)

// exactNames returns a JSON value as Stripe's library may read it, which takes names in any case, and the last of those that
// are given twice. A name twice in one object is an error. Names that no field of Stripe's has are left out: Amount_Total,
// beside amount_total or alone, is not the amount.
func exactNames(raw []byte) ([]byte, error) {
	var exact bytes.Buffer
	in, out := jsontext.NewDecoder(bytes.NewReader(raw)), jsontext.NewEncoder(&exact)
	for {
		container, members := in.StackIndex(in.StackDepth())
		isName := container == jsontext.KindBeginObject && members%2 == 0
		token, err := in.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return exact.Bytes(), nil
		case err != nil:
			return nil, err
		case isName && token.Kind() == jsontext.KindString:
			err = copyMember(in, out, token.String())
		default:
			err = out.WriteToken(token)
		}
		if err != nil {
			return nil, err
		}
	}
}

// copyMember copies a member whose name has been read: for one that Stripe does not have nothing, and of metadata all.
func copyMember(in *jsontext.Decoder, out *jsontext.Encoder, name string) error {
	if strings.Trim(name, nameCharacters) != "" {
		return in.SkipValue()
	}
	if err := out.WriteToken(jsontext.String(name)); err != nil || name != metadataName {
		return err
	}
	value, err := in.ReadValue()
	if err != nil {
		return err
	}
	return out.WriteValue(value)
}

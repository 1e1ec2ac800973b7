package remoting

import "fmt"

// batchItemFixedBytes is an item with an empty body and no properties.
const batchItemFixedBytes = 22

// BatchItem is one message of a SendBatchMessage body.
type BatchItem struct {
	Flag       int32
	Body       []byte // aliases the request's body
	Properties string // wire form
}

// DecodeBatch splits the body of SendBatchMessage: n times totalSize 4,
// magic 4, crc 4, flag 4, body length 4, body, properties length 2, properties.
// Clients send 0 for magic and crc, so neither is checked. An empty batch and
// anything that is not exactly this layout is ErrMalformedMessage.
func DecodeBatch(body []byte) ([]BatchItem, error) {
	var items []BatchItem
	c := cursor{rest: body}
	for len(c.rest) > 0 {
		size := uint64(c.uint32())
		item := cursor{failed: size < batchItemFixedBytes}
		if !item.failed {
			item.rest = c.take(size - 4)
		}
		item.take(8)
		decoded := BatchItem{Flag: int32(item.uint32())}
		decoded.Body = item.take(uint64(item.uint32()))
		decoded.Properties = string(item.take(uint64(item.uint16())))
		if item.failed || len(item.rest) != 0 || len(decoded.Properties) > maxPropertiesBytes {
			return nil, fmt.Errorf("decode item %d of a batch of %d bytes: %w", len(items), len(body), ErrMalformedMessage)
		}
		items = append(items, decoded)
	}
	if len(items) == 0 {
		return nil, fmt.Errorf("decode empty batch: %w", ErrMalformedMessage)
	}
	return items, nil
}

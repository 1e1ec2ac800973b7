package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/doctor"
	"boxoffice/order"
	"boxoffice/stock"
)

// doctorTimeout bounds a visit as a whole; it reads every order once.
const doctorTimeout = 10 * time.Minute

// visit is one run of the doctor, and what must be closed after it.
type visit struct {
	config  Config
	office  doctor.Office
	skipped string // why the queue is not examined
	closers []func() error
}

// runDoctor examines an office: boxoffice doctor [-fix] [-json], and the flags of the office. It fails when something
// needs attention.
func runDoctor(ctx context.Context, args []string, getenv func(string) string, now func() time.Time, stdout io.Writer) (err error) {
	var fix, asJSON bool
	config, err := parseToolConfig(args, getenv, stdout, func(flags *flag.FlagSet) {
		flags.BoolVar(&fix, "fix", false, "send again what a loss has left behind")
		flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	v := &visit{config: config}
	defer func() { err = errors.Join(err, v.close()) }()
	if err := v.open(ctx, now); err != nil {
		return err
	}
	return v.make(ctx, fix, asJSON, stdout)
}

func (v *visit) make(ctx context.Context, fix, asJSON bool, stdout io.Writer) error {
	report, err := doctor.Examine(ctx, v.office)
	if err != nil {
		return err
	}
	report.Skipped = v.skipped
	left := report.Total()
	if fix && !report.Healthy() {
		if left, err = v.treat(ctx, report); err != nil {
			return errors.Join(err, show(report, asJSON, stdout))
		}
	}
	if err := show(report, asJSON, stdout); err != nil {
		return err
	}
	if left > 0 {
		noun := "troubles need"
		if left == 1 {
			noun = "trouble needs"
		}
		return fmt.Errorf("%d %s attention; -fix re-drives what has a remedy", left, noun)
	}
	return nil
}

func (v *visit) treat(ctx context.Context, report *doctor.Report) (left int, err error) {
	if v.office.Bus == nil {
		return 0, errors.Join(errors.New("nothing can be sent: "+v.skipped), v.office.Away)
	}
	if v.office.Sender, err = v.office.Bus.NewSender(ctx, event.GroupStock); err != nil {
		return 0, err
	}
	return doctor.Treat(ctx, v.office, report)
}

func show(report *doctor.Report, asJSON bool, stdout io.Writer) error {
	if !asJSON {
		return report.Print(stdout)
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func (v *visit) open(ctx context.Context, now func() time.Time) error {
	stockDB, err := v.openDatabase(ctx, v.config.StockDSN)
	if err != nil {
		return fmt.Errorf("BOXOFFICE_STOCK_DSN: %w", err)
	}
	orderDB, err := v.openDatabase(ctx, v.config.OrderDSN)
	if err != nil {
		return fmt.Errorf("BOXOFFICE_ORDER_DSN: %w", err)
	}
	quiet := slog.New(slog.DiscardHandler)
	orders := order.New(ctx, orderDB, nil, order.Options{Now: now, Log: quiet, MaxBatch: v.config.MaxBatch}) // only read from
	v.closers = append(v.closers, func() error { orders.Close(); return nil })
	v.office = doctor.Office{
		Stock: stock.New(stockDB, stock.Options{
			SweepGrace: v.config.SweepGrace, Now: now, Log: quiet,
		}),
		Orders: orders, Now: now,
	}
	owner, err := stockDB.Owner(ctx)
	if err != nil {
		return fmt.Errorf("BOXOFFICE_STOCK_DSN: %w", err)
	}
	v.openQueue(ctx, owner, quiet)
	return nil
}

// openDatabase leaves the schema as it is, and makes no file where there is none.
func (v *visit) openDatabase(ctx context.Context, dsn string) (*db.DB, error) {
	if err := existing(dsn); err != nil {
		return nil, err
	}
	d, err := db.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	v.closers = append(v.closers, d.Close)
	return d, nil
}

// openQueue connects to the nameservers, or opens the embedded broker's log if no office has it open.
func (v *visit) openQueue(ctx context.Context, owner string, log *slog.Logger) {
	servers := v.config.NameServers
	if len(servers) == 0 {
		address, err := v.findBroker()
		if err != nil {
			v.skipped = err.Error()
			return
		}
		servers = []string{address}
	}
	bus, err := mq.Open(ctx, mq.Config{
		NameServers: servers, Process: "boxoffice-doctor", Prefix: v.config.QueuePrefix, Owner: owner, Log: log,
	})
	if err != nil {
		v.office.Away = fmt.Errorf("BOXOFFICE_NAMESRV: %w", err)
		return
	}
	v.closers = append(v.closers, bus.Close)
	v.office.Bus = bus
}

// findBroker opens the log of the embedded broker, or finds the office that has it open by what that has written down.
func (v *visit) findBroker() (address string, err error) {
	address, err = v.openBroker()
	if err == nil {
		return address, nil
	}
	if address, noteErr := readNameServer(v.config.DataDir); noteErr == nil {
		return address, nil
	}
	return "", fmt.Errorf("the embedded broker cannot be opened (%w); while an office runs, give -namesrv and the nameserver of its ready line", err)
}

// openBroker runs the broker of a stopped office without check-backs: with no producer there, each would be lost.
func (v *visit) openBroker() (address string, err error) {
	dir := brokerDir(v.config.DataDir)
	if _, err := os.Stat(dir); err != nil {
		return "", err
	}
	const never = 100 * 365 * 24 * time.Hour
	b, err := broker.New(broker.WithListen(v.config.BrokerListen), broker.WithDataDir(dir), broker.WithTransactionCheckInterval(never))
	if err != nil {
		return "", err
	}
	v.closers = append(v.closers, b.Close)
	return b.Addr(), nil
}

func (v *visit) close() error {
	var err error
	for _, closer := range slices.Backward(v.closers) {
		err = errors.Join(err, closer())
	}
	return err
}

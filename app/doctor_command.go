package app

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"time"

	"boxoffice/app/settings"
	"boxoffice/broker"
	"boxoffice/common/db"
	"boxoffice/common/event"
	"boxoffice/common/mq"
	"boxoffice/doctor"
	"boxoffice/order"
	"boxoffice/payment"
	"boxoffice/sql"
	"boxoffice/stock"
)

// doctorTimeout bounds an examination as a whole; it reads every order once.
const doctorTimeout = 10 * time.Minute

// runDoctor examines an office: boxoffice doctor [-fix] [-json], and the flags of the office. It fails when something
// needs attention.
func runDoctor(ctx context.Context, call settings.Invocation) (err error) {
	var fix, asJSON bool
	config, err := settings.ParseTool(call, func(flags *flag.FlagSet) {
		flags.BoolVar(&fix, "fix", false, "send again what a loss has left behind")
		flags.BoolVar(&asJSON, "json", false, "print the report as JSON")
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	e := &examination{config: config}
	defer func() { err = errors.Join(err, e.closeAll(stopTimeout)) }()
	if err := e.open(ctx, call.Now); err != nil {
		return err
	}
	return e.run(ctx, fix, asJSON, call.Stdout)
}

// run prints the report, and fails with the number of troubles that are left.
func (e *examination) run(ctx context.Context, fix, asJSON bool, stdout io.Writer) error {
	report, err := doctor.Examine(ctx, e.office)
	if err != nil {
		return err
	}
	report.Skipped = e.skipped
	left := report.Total()
	if fix && !report.Healthy() {
		if left, err = e.fix(ctx, report); err != nil {
			return errors.Join(err, printReport(report, asJSON, stdout))
		}
	}
	if err := printReport(report, asJSON, stdout); err != nil {
		return err
	}
	if left > 0 {
		noun := "troubles need"
		if left == 1 {
			noun = "trouble needs"
		}
		return fmt.Errorf("%d %s attention; -fix repairs what has a remedy", left, noun)
	}
	return nil
}

func (e *examination) fix(ctx context.Context, report *doctor.Report) (left int, err error) {
	if e.office.Bus == nil {
		return 0, errors.Join(errors.New("nothing can be sent"+e.whyNoQueue()), e.office.BusErr)
	}
	if e.office.Sender, err = e.office.Bus.NewSender(ctx, event.GroupStock); err != nil {
		return 0, err
	}
	return doctor.Fix(ctx, e.office, report)
}

func printReport(report *doctor.Report, asJSON bool, stdout io.Writer) error {
	if !asJSON {
		return report.Print(stdout)
	}
	encoder := json.NewEncoder(stdout)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}

func (e *examination) open(ctx context.Context, now func() time.Time) error {
	stockDB, err := e.openExisting(ctx, e.config.StockDSN, sql.Stock)
	if err != nil {
		return fmt.Errorf("BOXOFFICE_STOCK_DSN: %w", err)
	}
	orderDB, err := e.openExistingOf(ctx, stockDB, e.config.OrderDSN, "BOXOFFICE_ORDER_DSN", sql.Order)
	if err != nil {
		return err
	}
	quiet := slog.New(slog.DiscardHandler)
	orders := order.New(ctx, orderDB, nil, order.Options{Now: now, Log: quiet, MaxBatch: e.config.MaxBatch}) // only read from
	e.onClose(func() error { orders.Close(); return nil })
	payments := payment.New(orderDB, payment.Options{Orders: orders, Now: now, Log: quiet})
	e.onClose(func() error { payments.Close(); return nil })
	e.office = doctor.Office{
		Stock: stock.New(stockDB, stock.Options{
			SweepGrace: e.config.SweepGrace, AskGrace: e.config.PayGrace, Now: now, Log: quiet,
		}),
		Orders: orders, Payments: payments, Now: now,
	}
	missing, err := e.openFurther(ctx, stockDB, quiet)
	if err != nil {
		return err
	}
	owner, err := stockDB.Owner(ctx)
	if err != nil {
		return fmt.Errorf("BOXOFFICE_STOCK_DSN: %w", err)
	}
	e.openQueue(ctx, owner, quiet)
	e.skipMissing(ctx, missing)
	return nil
}

// openFurther adds the parts whose databases the office has made, with their subscriptions: the queue knows them from then on.
// It returns the others.
func (e *examination) openFurther(ctx context.Context, stockDB *db.DB, log *slog.Logger) (missing []missingPart, err error) {
	for _, part := range e.furtherParts(log) {
		if part.dsn == "" {
			missing = append(missing, missingPart{part, part.setting + " is not set"})
			continue
		}
		if err := checkFileExists(part.dsn); err != nil {
			missing = append(missing, missingPart{part, "no database: " + err.Error()})
			continue
		}
		d, err := e.openExistingOf(ctx, stockDB, part.dsn, part.setting, part.migrations)
		switch {
		case errors.Is(err, db.ErrAway), errors.Is(err, db.ErrUnopenable): // the others are examined all the same
			e.skip(part.name, err.Error())
		case err != nil:
			return nil, err
		default:
			part.use(d)
		}
		e.office.Further = append(e.office.Further, part.subscriptions...)
	}
	return missing, nil
}

// openQueue connects to the configured nameservers, or to the embedded broker. Without a queue the databases are examined
// all the same.
func (e *examination) openQueue(ctx context.Context, owner string, log *slog.Logger) {
	servers := e.config.NameServers
	if len(servers) == 0 {
		address, err := e.findBroker()
		if err != nil {
			e.skip(queuePart, err.Error())
			return
		}
		servers = []string{address}
	}
	bus, err := mq.Open(ctx, mq.Config{
		NameServers: servers, Process: "boxoffice-doctor", Prefix: e.config.QueuePrefix, Owner: owner, Log: log,
	})
	if err != nil {
		e.office.BusErr = fmt.Errorf("BOXOFFICE_NAMESRV: %w", err)
		return
	}
	e.onClose(bus.Close)
	e.office.Bus = bus
}

// findBroker returns the address of the embedded broker: of one that it starts on the log, or, if a running office has
// the log locked, of the office's.
func (e *examination) findBroker() (address string, err error) {
	b, err := e.openBroker()
	if err == nil {
		return b.Addr(), nil
	}
	running := broker.IsLocked(err) || errors.As(err, new(*net.OpError)) // it has the log, or the port
	if !running && !errors.Is(err, fs.ErrNotExist) {
		return "", brokerRemedy(err, "BOXOFFICE_BROKER_LISTEN", "BOXOFFICE_DATA_DIR", e.config.DataDir, "BOXOFFICE_CUT_DAMAGE=true")
	}
	if address, noteErr := readNameServer(e.config.DataDir); running && noteErr == nil {
		return address, nil
	}
	return "", fmt.Errorf("the embedded broker cannot be opened (%w); while an office runs, give -namesrv and the nameserver of its ready line", err)
}

// openBroker starts the embedded broker of a stopped office. It makes no check-backs: with no producer to answer them,
// each would be wasted, and a half message has only so many. It deletes nothing: how long the office keeps its messages is
// the office's to say, and among those that are old are the ones that nobody has read, which the doctor is here for.
func (e *examination) openBroker() (*broker.Broker, error) {
	dir := brokerDir(e.config.DataDir)
	if _, err := os.Stat(dir); err != nil {
		return nil, err
	}
	const never = 100 * 365 * 24 * time.Hour
	b, err := broker.New(broker.WithListen(e.config.BrokerListen), broker.WithDataDir(dir),
		broker.WithTransactionCheckInterval(never), broker.WithRetention(0, 0))
	if err != nil {
		return nil, err
	}
	e.onClose(b.Close)
	return b, nil
}

package crash

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"boxoffice/common/db"
	"boxoffice/common/failpoint"
	"boxoffice/simulator"
)

// site is an office and all that it stands on.
type site struct {
	dir    string
	office *process
	broker *process // nil: the stack's
	shop   string   // URL
	dsn    map[string]string
	armed  string // file
	seen   string // file

	provider *simulator.Simulator
	gateway  gateway
	servers  []*httptest.Server
	drop     func() error // databases that were made on a stack; nil: none
}

// gateway takes messages to phones and remembers which it has got.
type gateway struct {
	mu  sync.Mutex
	got map[string]int // by Webhook-Id
}

func (g *gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.got[r.Header.Get("Webhook-Id")]++
	w.WriteHeader(http.StatusNoContent)
}

// received is how often each message came.
func (g *gateway) received(id string) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.got[id]
}

// build makes the program with failpoints.
func build(ctx context.Context, dir string) (string, error) {
	binary := filepath.Join(dir, "boxoffice-failpoints")
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	command := exec.CommandContext(ctx, "go", "build", "-tags", "failpoints", "-o", binary, ".")
	command.Dir = strings.TrimSpace(string(root))
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the program with failpoints: %w\n%s", err, out)
	}
	return binary, nil
}

// openSite starts an office. The caller closes it, also after an error.
func openSite(ctx context.Context, o Options, dir, binary string) (*site, error) {
	s := &site{
		dir: dir, shop: fmt.Sprintf("http://127.0.0.1:%d", o.Port), gateway: gateway{got: map[string]int{}},
		armed: filepath.Join(dir, "armed"), seen: filepath.Join(dir, "seen"), dsn: map[string]string{},
	}
	for _, name := range bases() {
		s.dsn[name] = "sqlite:" + filepath.Join(dir, name+".db")
	}
	payments, err := s.openProvider(o.Seed)
	if err != nil {
		return s, err
	}
	phones := httptest.NewServer(&s.gateway)
	s.servers = append(s.servers, phones)
	nameServer, prefix := fmt.Sprintf("127.0.0.1:%d", o.Port+2), ""
	if o.Stack != "" {
		prefix = "boxoffice_test_drill" + strconv.FormatInt(time.Now().UnixMilli(), 36) + "_"
		if nameServer, err = s.useStack(ctx, o.Stack, prefix); err != nil {
			return s, err
		}
	}
	env := slices.DeleteFunc(os.Environ(), func(setting string) bool { return strings.HasPrefix(setting, "BOXOFFICE_") })
	admin := fmt.Sprintf("127.0.0.1:%d", o.Port+1)
	s.office = &process{
		name: "office", binary: binary, args: []string{"-log-level", "warn"}, log: filepath.Join(dir, "office.log"),
		env: append(env,
			"BOXOFFICE_LISTEN=127.0.0.1:"+strconv.Itoa(o.Port), "BOXOFFICE_ADMIN_LISTEN="+admin, "BOXOFFICE_DATA_DIR="+dir,
			"BOXOFFICE_NAMESRV="+nameServer, "BOXOFFICE_QUEUE_PREFIX="+prefix,
			"BOXOFFICE_STOCK_DSN="+s.dsn[stockBase], "BOXOFFICE_ORDER_DSN="+s.dsn[orderBase],
			"BOXOFFICE_TICKETS_DSN="+s.dsn[ticketsBase], "BOXOFFICE_NOTIFY_DSN="+s.dsn[notifyBase],
			"BOXOFFICE_JWT_SECRET="+jwtSecret, "BOXOFFICE_WEBHOOK_SECRET="+webhookSecret(),
			"BOXOFFICE_TICKET_KEY="+base64.StdEncoding.EncodeToString([]byte(jwtSecret)),
			"BOXOFFICE_SMS_URL="+phones.URL, "BOXOFFICE_SMS_SECRET="+webhookSecret(),
			"BOXOFFICE_PAYMENT_URL="+payments, "BOXOFFICE_PUBLIC_URL="+s.shop,
			"BOXOFFICE_PAY_WINDOW=5s", "BOXOFFICE_PAY_LEASE=3s", "BOXOFFICE_PAY_GRACE=2s", "BOXOFFICE_SWEEP_GRACE=1s",
			failpoint.DirVariable+"="+dir),
		isReady: func(ctx context.Context) bool { return answers(ctx, "http://"+admin+"/readyz") },
	}
	if o.Stack == "" {
		s.broker = &process{
			name: "broker", binary: binary, env: env, log: filepath.Join(dir, "broker.log"),
			args: []string{"broker", "-listen", nameServer, "-data", filepath.Join(dir, "broker"),
				"-check-timeout", "1s", "-check-interval", "3s"},
			isReady: func(ctx context.Context) bool { return listens(ctx, nameServer) },
		}
		if err := s.broker.start(ctx); err != nil {
			return s, err
		}
	}
	return s, s.office.start(ctx)
}

// openProvider starts the payment provider, whose payers pay soon, some of them twice, too late, or another sum.
func (s *site) openProvider(seed uint64) (url string, err error) {
	server := httptest.NewUnstartedServer(nil)
	if s.provider, err = simulator.New(simulator.Options{
		Seed: seed, Secret: webhookSecret(), Log: slog.New(slog.DiscardHandler), PublicURL: func() string { return server.URL },
		FirstPause: 100 * time.Millisecond,
		Faults: simulator.Faults{
			AutoPay: 0.85, OddPay: 0.3, AutoPayWithin: 300 * time.Millisecond, LateWithin: 9 * time.Second,
			Early: 0.1, Duplicate: 0.1, RefundUnanswered: 0.1, MaxDelay: 300 * time.Millisecond,
		},
	}); err != nil {
		return "", err
	}
	server.Config.Handler = s.provider.Handler()
	server.Start()
	s.servers = append(s.servers, server)
	return server.URL + "/api", nil
}

// useStack makes databases of the drill's own on a running stack, and returns its nameserver.
func (s *site) useStack(ctx context.Context, dir, prefix string) (nameServer string, err error) {
	out, err := exec.CommandContext(ctx, "go", "run", "boxoffice/scripts/stack", "env", "-test", "-dir", dir).Output()
	if err != nil {
		return "", fmt.Errorf("ask the stack where it is: %w", err)
	}
	server := ""
	for line := range strings.Lines(string(out)) {
		name, value, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "export "), "=")
		switch name {
		case "BOXOFFICE_TEST_NAMESRV":
			nameServer, _, _ = strings.Cut(strings.Trim(value, "'"), ";")
		case "BOXOFFICE_TEST_MYSQL":
			server = strings.Trim(value, "'")
		}
	}
	if nameServer == "" || server == "" {
		return "", errors.New("the stack does not say where it is: run stack up first")
	}
	root, err := db.OpenThrough(ctx, server+"/information_schema", nil)
	if err != nil {
		return "", err
	}
	s.drop = func() error { return dropBases(server, prefix) }
	for _, name := range bases() {
		if _, err := root.Reader().ExecContext(ctx, "CREATE DATABASE "+prefix+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"); err != nil {
			return "", errors.Join(fmt.Errorf("make a database: %w", err), root.Close())
		}
		s.dsn[name] = server + "/" + prefix + name
	}
	return nameServer, root.Close()
}

// dropBases removes the databases that a drill has made on a stack.
func dropBases(server, prefix string) error {
	ctx, cancel := context.WithTimeout(context.Background(), readyLimit)
	defer cancel()
	root, err := db.OpenThrough(ctx, server+"/information_schema", nil)
	if err != nil {
		return err
	}
	for _, name := range bases() {
		_, dropped := root.Reader().ExecContext(ctx, "DROP DATABASE IF EXISTS "+prefix+name)
		err = errors.Join(err, dropped)
	}
	return errors.Join(err, root.Close())
}

// close ends all that was started.
func (s *site) close() {
	for _, p := range []*process{s.office, s.broker} {
		if p != nil {
			p.kill()
		}
	}
	if s.provider != nil {
		s.provider.Close()
	}
	for _, server := range s.servers {
		server.Close()
	}
}

package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"boxoffice/scripts/stack/internal/database"
	"boxoffice/scripts/stack/internal/file"
	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/process"
	"boxoffice/scripts/stack/internal/rocketmq"
	"boxoffice/scripts/stack/internal/settings"
)

// Call is one verb of the command.
type Call struct {
	Verb  string
	Part  string // kill, freeze, thaw and start only
	Purge bool   // down only
}

// args says what one command is in compose's words.
func args(c Call) []string {
	service := c.Part
	if service == "db" {
		service = "mysql"
	}
	switch c.Verb {
	case "up":
		return []string{"up", "-d", "--wait", "namesrv", "broker", "mysql"}
	case "down":
		if c.Purge {
			return []string{"down", "--volumes"}
		}
		return []string{"down"}
	case "kill":
		return []string{"kill", "-s", "KILL", service}
	case "freeze":
		return []string{"pause", service}
	case "thaw":
		return []string{"unpause", service}
	case "start":
		return []string{"up", "-d", "--wait", "--no-deps", service}
	}
	return []string{"ps", "--all"}
}

// env fills in docker/compose.yaml for clients on this machine: the
// broker is reached at its published port, so it must call itself 127.0.0.1.
func env(s settings.Settings, brokerConfFile string) []string {
	return []string{
		fmt.Sprintf("NAMESRV_PORT=%d", s.NamesrvPort()),
		fmt.Sprintf("BROKER_PORT=%d", s.BrokerPort(0)),
		fmt.Sprintf("MYSQL_PORT=%d", s.DBPort()),
		"BROKER_CONF=" + brokerConfFile,
		"SUBNET=172.30.77", // beside a production set on the same engine
		"MYSQL_PASSWORD=" + database.Password,
		"BOXOFFICE_JWT_SECRET=unused",
		"BOXOFFICE_WEBHOOK_SECRET=unused",
	}
}

// Run does what a call asks for with the stack in dir; up returns when all of it is ready.
func Run(ctx context.Context, dir part.Dir, s settings.Settings, c Call, stdout io.Writer) error {
	composeFile, err := File()
	if err != nil {
		return err
	}
	conf := filepath.Join(string(dir), "broker.conf")
	if err := file.Replace(conf, []byte(rocketmq.ContainerConf(s))); err != nil {
		return err
	}
	words := append([]string{"compose", "-p", project, "-f", composeFile}, args(c)...)
	cmd := exec.CommandContext(ctx, "docker", words...)
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), env(s, conf)...), os.Stderr, os.Stderr
	if c.Verb == "status" {
		cmd.Stdout = stdout
	}
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("docker compose %s: %w", c.Verb, err)
	}
	if c.Verb != "up" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, part.ReadyWait)
	defer cancel()
	var last error
	err = process.Poll(ctx, func() (bool, error) {
		last = errors.Join(database.Ready(ctx, s.DBPort()), rocketmq.BrokerReady(ctx, s.BrokerPort(0), s.NamesrvAddrs()))
		return last == nil, nil
	})
	if err != nil {
		return fmt.Errorf("containers run, but not ready: %w", errors.Join(err, last))
	}
	return nil
}

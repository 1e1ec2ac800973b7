package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	rocketmqVersion = "5.3.3"
	clusterName     = "boxoffice"
	namesrvName     = "namesrv"
	brokerName      = "broker"

	// mavenPlugin is pinned: the plugin a bare "dependency:" finds changes.
	mavenPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

	pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>boxoffice</groupId><artifactId>stack</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-namesrv</artifactId><version>` + rocketmqVersion + `</version></dependency>
    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-broker</artifactId><version>` + rocketmqVersion + `</version></dependency>
  </dependencies>
</project>
`
)

func (s stack) jarDir() string { return filepath.Join(s.dir, "rocketmq-"+rocketmqVersion) }

// fetchJars downloads RocketMQ once. The directory appears under its name only
// when it is complete.
func (s stack) fetchJars(ctx context.Context) error {
	if _, err := os.Stat(s.jarDir()); err == nil {
		return nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("RocketMQ's jars come with Maven: install Maven and Java 17 (Debian: apt-get install maven), or start a Docker engine")
	}
	if _, err := fmt.Fprintf(s.out, "# downloading RocketMQ %s into %s\n", rocketmqVersion, s.dir); err != nil {
		return fmt.Errorf("print progress: %w", err)
	}
	partial := s.jarDir() + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o755)); err != nil {
		return fmt.Errorf("make jar directory: %w", err)
	}
	pomFile := filepath.Join(partial, "pom.xml")
	if err := writeFile(pomFile, []byte(pom)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "-f", pomFile, mavenPlugin,
		"-DincludeScope=runtime", "-DoutputDirectory="+partial)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download RocketMQ with mvn: %w\n%s", err, out)
	}
	if err := os.Rename(partial, s.jarDir()); err != nil {
		return fmt.Errorf("keep jars: %w", err)
	}
	return nil
}

// printJars prints the directory of the jars alone, for programs that run RocketMQ in their own way.
func (s stack) printJars(ctx context.Context, stdout io.Writer) error {
	if err := s.fetchJars(ctx); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(stdout, s.jarDir()); err != nil {
		return fmt.Errorf("print directory: %w", err)
	}
	return nil
}

// javaCommand runs one of RocketMQ's servers. RocketMQ writes its logs below
// user.home, and refuses to start without ROCKETMQ_HOME.
func (s stack) javaCommand(dir, mainClass, conf string, memory ...string) (argv, env []string, err error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, nil,
			errors.New("RocketMQ needs Java: install Java 17 (Debian: apt-get install openjdk-17-jre-headless), or start a Docker engine")
	}
	confFile := filepath.Join(dir, "rocketmq.conf")
	if err := writeFile(confFile, []byte(conf)); err != nil {
		return nil, nil, err
	}
	argv = append([]string{java}, memory...)
	argv = append(argv,
		"-Duser.home="+dir,
		"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
		"--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
		"--add-opens=java.base/java.nio=ALL-UNNAMED",
		"-cp", filepath.Join(s.jarDir(), "*"),
		mainClass, "-c", confFile)
	return argv, []string{"ROCKETMQ_HOME=" + dir}, nil
}

func (s stack) namesrv() part { return s.namesrvAt(namesrvName, s.settings.namesrvPort()) }

func (s stack) namesrvAt(name string, port int) part {
	return part{
		name: name,
		port: port,
		prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			return s.javaCommand(dir, "org.apache.rocketmq.namesrv.NamesrvStartup", namesrvConf(port, dir),
				"-Xms128m", "-Xmx256m", "-XX:MaxDirectMemorySize=128m", "-XX:+UseSerialGC")
		},
		ready: func(ctx context.Context) error {
			_, err := clusterInfo(ctx, loopback(port))
			return err
		},
	}
}

func (s stack) broker(i int) part {
	name := brokerName
	if i > 0 {
		name += strconv.Itoa(i + 1)
	}
	return s.brokerAt(name, brokerConf{name: "broker-" + string(rune('a'+i)), port: s.settings.brokerPort(i)},
		"-Xms512m", "-Xmx1g", "-XX:MaxDirectMemorySize=512m", "-XX:+UseG1GC")
}

func (s stack) brokerAt(name string, conf brokerConf, memory ...string) part {
	conf.namesrv = strings.Join(s.settings.namesrvAddrs(), ";")
	conf.checkInterval, conf.checkTimeout, conf.checkMax = s.settings.CheckInterval, s.settings.CheckTimeout, s.settings.CheckMax
	return part{
		name: name,
		port: conf.port,
		prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			conf.store = dir
			return s.javaCommand(dir, "org.apache.rocketmq.broker.BrokerStartup", conf.render(), memory...)
		},
		ready: func(ctx context.Context) error { return s.brokerReady(ctx, loopback(conf.port)) },
	}
}

// brokerReady wants both: the broker opens its port before it registers, and
// a nameserver may remember a broker that died. One nameserver of several is enough.
func (s stack) brokerReady(ctx context.Context, addr string) error {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("connect broker: %w", err)
	}
	if err := conn.Close(); err != nil {
		return fmt.Errorf("close broker connection: %w", err)
	}
	var failed error
	for _, namesrv := range s.settings.namesrvAddrs() {
		cluster, err := clusterInfo(ctx, namesrv)
		switch {
		case err != nil:
			failed = errors.Join(failed, err)
		case strings.Contains(cluster, `"`+addr+`"`):
			return nil
		default:
			failed = errors.Join(failed, fmt.Errorf("broker %s is not registered at the nameserver %s", addr, namesrv))
		}
	}
	return failed
}

func checkPortFree(ctx context.Context, port int) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", loopback(port))
	if err != nil {
		return fmt.Errorf("port %d is taken (choose others with up -port-base): %w", port, err)
	}
	return ln.Close()
}

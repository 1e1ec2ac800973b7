// Package rocketmq runs the nameservers and brokers of a stack: RocketMQ's own jars, on the installed Java.
package rocketmq

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"

	"boxoffice/scripts/stack/internal/file"
	"boxoffice/scripts/stack/internal/part"
)

const (
	version = "5.3.3"

	// mavenPlugin is pinned: the plugin a bare "dependency:" finds changes.
	mavenPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies"

	pom = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>boxoffice</groupId><artifactId>stack</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-namesrv</artifactId><version>` + version + `</version></dependency>
    <dependency><groupId>org.apache.rocketmq</groupId><artifactId>rocketmq-broker</artifactId><version>` + version + `</version></dependency>
  </dependencies>
</project>
`
)

// Jars is where RocketMQ's jars are below the directory of a stack.
func Jars(dir part.Dir) string { return filepath.Join(string(dir), "rocketmq-"+version) }

// FetchJars downloads RocketMQ once, into the directory of a stack, and says so to out. The directory of the jars appears under
// its name only when it is complete.
func FetchJars(ctx context.Context, dir part.Dir, out io.Writer) error {
	if _, err := os.Stat(Jars(dir)); err == nil {
		return nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return errors.New("RocketMQ's jars come with Maven: install Maven and Java 17 (Debian: apt-get install maven), or start a Docker engine")
	}
	if _, err := fmt.Fprintf(out, "# downloading RocketMQ %s into %s\n", version, dir); err != nil {
		return fmt.Errorf("print progress: %w", err)
	}
	partial := Jars(dir) + ".partial"
	if err := errors.Join(os.RemoveAll(partial), os.MkdirAll(partial, 0o755)); err != nil {
		return fmt.Errorf("make jar directory: %w", err)
	}
	pomFile := filepath.Join(partial, "pom.xml")
	if err := file.Replace(pomFile, []byte(pom)); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, mvn, "-B", "-q", "-f", pomFile, mavenPlugin,
		"-DincludeScope=runtime", "-DoutputDirectory="+partial)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("download RocketMQ with mvn: %w\n%s", err, out)
	}
	if err := os.Rename(partial, Jars(dir)); err != nil {
		return fmt.Errorf("keep jars: %w", err)
	}
	return nil
}

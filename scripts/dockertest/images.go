package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

const (
	baseImage = "boxoffice-standin-base"
	keyLabel  = "boxoffice.standin"
)

//go:embed standins
var standins embed.FS

// standin is an image made here under the name of one that would come from a registry.
type standin struct {
	name string // of its directory in standins
	tag  string // that compose.yaml or a Dockerfile names
	// parts puts into the build's directory what is not in standins.
	parts func(ctx context.Context, dir string) error
}

func (o options) standins() []standin {
	none := func(context.Context, string) error { return nil }
	return []standin{
		{"static", "gcr.io/distroless/static:nonroot", none},
		{"golang", "golang:1.26", func(ctx context.Context, dir string) error {
			root, err := goEnv(ctx, "GOROOT")
			if err != nil {
				return err
			}
			return archive(ctx, root, filepath.Join(dir, "go.tar"), "./test", "./api", "./doc")
		}},
		{"mysql", "mysql:8.4", none},
		{"rocketmq", "apache/rocketmq:5.3.3", o.rocketmqParts},
		{"prometheus", "prom/prometheus:v3.5.0", func(ctx context.Context, dir string) error {
			return copyFile(ctx, filepath.Join(o.dir, "debs", "usr/bin/prometheus"), dir)
		}},
		{"grafana", "grafana/grafana:12.2.0", o.busybox},
		{"dashboard", "apacherocketmq/rocketmq-dashboard:2.1.0", o.busybox},
	}
}

func (o options) busybox(ctx context.Context, dir string) error {
	return copyFile(ctx, filepath.Join(o.dir, "debs", "bin/busybox"), dir)
}

func (o options) rocketmqParts(ctx context.Context, dir string) error {
	java, err := exec.LookPath("java")
	if err != nil {
		return fmt.Errorf("find java: %w", err)
	}
	if java, err = filepath.EvalSymlinks(java); err != nil {
		return fmt.Errorf("find java's home: %w", err)
	}
	home := filepath.Dir(filepath.Dir(java))
	return errors.Join(
		archive(ctx, home, filepath.Join(dir, "java.tar"), "./jmods", "./lib/src.zip", "./docs", "./include", "./man", "./demo"),
		archive(ctx, o.jars, filepath.Join(dir, "jars.tar")))
}

// archive packs a directory, with what its links lead to.
func archive(ctx context.Context, dir, file string, without ...string) error {
	args := []string{"-C", dir, "--dereference", "-cf", file}
	for _, path := range without {
		args = append(args, "--exclude="+path)
	}
	return runPart(ctx, "tar", append(args, ".")...)
}

func copyFile(ctx context.Context, file, dir string) error {
	return runPart(ctx, "cp", "-L", file, dir)
}

func runPart(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, program, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, tail(string(out)))
	}
	return nil
}

// makeImages makes each stand-in that is not there, or was made of something else.
func (o options) makeImages(ctx context.Context, e *engine) error {
	root := filepath.Join(filepath.Dir(o.mysqld), "root")
	baseKey, err := keyOf(os.DirFS(root), "usr/sbin/mysqld", "usr/bin/mysql")
	if err != nil {
		return fmt.Errorf("read MySQL's root directory: %w", err)
	}
	if e.keyOf(ctx, baseImage) != baseKey {
		say("packing Debian with MySQL")
		if err := e.importRoot(ctx, root, baseKey); err != nil {
			return err
		}
	}
	for _, s := range o.standins() {
		key, err := o.keyOfStandin(s, baseKey)
		if err != nil {
			return err
		}
		if e.keyOf(ctx, s.tag) == key {
			continue
		}
		say("making a stand-in for " + s.tag)
		if err := e.build(ctx, s, key); err != nil {
			return err
		}
	}
	return nil
}

func (e *engine) keyOf(ctx context.Context, tag string) string {
	key, err := e.docker(ctx, "image", "inspect", "--format", "{{index .Config.Labels \""+keyLabel+"\"}}", tag)
	if err != nil {
		return "" // it is not there
	}
	return key
}

func (e *engine) importRoot(ctx context.Context, root, key string) error {
	_, err := e.command(ctx, []string{"ROOT=" + root}, "bash", "-o", "pipefail", "-c",
		`tar -C "$ROOT" --numeric-owner --exclude=./proc/* --exclude=./sys/* --exclude=./dev/* -c . | docker import --change "LABEL $0=$1" - "$2"`,
		keyLabel, key, baseImage)
	return err
}

// keyOfStandin changes with whatever an image is made of.
func (o options) keyOfStandin(s standin, baseKey string) (string, error) {
	own, err := fs.Sub(standins, "standins/"+s.name)
	if err != nil {
		return "", fmt.Errorf("read stand-in: %w", err)
	}
	names, err := fs.Glob(own, "*")
	if err != nil {
		return "", fmt.Errorf("list stand-in: %w", err)
	}
	key, err := keyOf(own, names...)
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	_, err = fmt.Fprintln(sum, key, baseKey, runtime.Version(), o.jars)
	return short(sum), err
}

// keyOf is a sum of files: of small ones what is in them, of large ones how long they are and when they were changed.
func keyOf(dir fs.FS, names ...string) (string, error) {
	const wholeMax = 1 << 20
	sum := sha256.New()
	for _, name := range names {
		info, err := fs.Stat(dir, name)
		if err != nil {
			return "", err
		}
		if _, err := fmt.Fprintln(sum, name, info.Size()); err != nil {
			return "", err
		}
		if info.Size() > wholeMax {
			_, err = fmt.Fprintln(sum, info.ModTime().UnixNano())
		} else {
			err = addFile(sum, dir, name)
		}
		if err != nil {
			return "", err
		}
	}
	return short(sum), nil
}

func addFile(sum hash.Hash, dir fs.FS, name string) error {
	file, err := dir.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(sum, file)
	return errors.Join(err, file.Close())
}

func short(sum hash.Hash) string { return fmt.Sprintf("%x", sum.Sum(nil)[:12]) }

func (e *engine) build(ctx context.Context, s standin, key string) (err error) {
	dir, err := os.MkdirTemp(e.dir, "build-")
	if err != nil {
		return fmt.Errorf("make directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	own, err := fs.Sub(standins, "standins/"+s.name)
	if err != nil {
		return fmt.Errorf("read stand-in: %w", err)
	}
	if err := errors.Join(os.CopyFS(filepath.Join(dir, "context"), own), s.parts(ctx, filepath.Join(dir, "context"))); err != nil {
		return fmt.Errorf("gather what %s is made of: %w", s.tag, err)
	}
	_, err = e.command(ctx, []string{"DOCKER_BUILDKIT=0"}, "docker", "build", "--network", "none", "--label", keyLabel+"="+key,
		"--build-arg", "MODULES=http://"+modulesAddr, "--tag", s.tag, filepath.Join(dir, "context"))
	return err
}

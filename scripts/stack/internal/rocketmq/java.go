package rocketmq

import (
	"errors"
	"os/exec"
	"path/filepath"

	"boxoffice/scripts/stack/internal/file"
)

// javaCommand runs one of RocketMQ's servers. RocketMQ writes its logs below
// user.home, and refuses to start without ROCKETMQ_HOME.
func javaCommand(jars, dir, mainClass, conf string, memory ...string) (argv, env []string, err error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, nil,
			errors.New("RocketMQ needs Java: install Java 17 (Debian: apt-get install openjdk-17-jre-headless), or start a Docker engine")
	}
	confFile := filepath.Join(dir, "rocketmq.conf")
	if err := file.Replace(confFile, []byte(conf)); err != nil {
		return nil, nil, err
	}
	argv = append([]string{java}, memory...)
	argv = append(argv,
		"-Duser.home="+dir,
		"--add-exports=java.base/jdk.internal.ref=ALL-UNNAMED",
		"--add-exports=java.base/sun.nio.ch=ALL-UNNAMED",
		"--add-opens=java.base/java.nio=ALL-UNNAMED",
		"-cp", filepath.Join(jars, "*"),
		mainClass, "-c", confFile)
	return argv, []string{"ROCKETMQ_HOME=" + dir}, nil
}

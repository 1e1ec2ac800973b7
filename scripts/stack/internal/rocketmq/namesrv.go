package rocketmq

import (
	"context"

	"boxoffice/scripts/stack/internal/part"
	"boxoffice/scripts/stack/internal/settings"
)

func namesrv(stackDir part.Dir, name string, port int) part.Part {
	return part.Part{
		Name: name,
		Port: port,
		Prepare: func(_ context.Context, dir string) (argv, env []string, err error) {
			return javaCommand(Jars(stackDir), dir, "org.apache.rocketmq.namesrv.NamesrvStartup", namesrvConf(port, dir),
				"-Xms128m", "-Xmx256m", "-XX:MaxDirectMemorySize=128m", "-XX:+UseSerialGC")
		},
		Ready: func(ctx context.Context) error {
			_, err := clusterInfo(ctx, settings.Loopback(port))
			return err
		},
	}
}

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

const tokenLife = 12 * time.Hour

// tokens returns one token of the administrator and one for each buyer.
func tokens(ctx context.Context, s settings, office *shop, run string) (admin string, buyers []string, err error) {
	make1 := func(user, role string) (string, error) { return office.demoToken(ctx, user, role) }
	if s.jwtSecret != nil {
		make1 = func(user, role string) (string, error) { return signToken(s.jwtSecret, user, role) }
	}
	if admin, err = make1("load-admin-"+run, "admin"); err != nil {
		return "", nil, err
	}
	buyers = make([]string, s.plan.Workers)
	failures := make([]error, setupConns)
	var makers sync.WaitGroup
	for maker := range setupConns {
		makers.Go(func() {
			for i := maker; i < len(buyers) && failures[maker] == nil; i += setupConns {
				buyers[i], failures[maker] = make1(buyerName(run, i), "buyer")
			}
		})
	}
	makers.Wait()
	return admin, buyers, errors.Join(failures...)
}

func buyerName(run string, i int) string { return fmt.Sprintf("load-%s-%d", run, i) }

func signToken(secret []byte, user, role string) (string, error) {
	token, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": user, "role": role, "exp": time.Now().Add(tokenLife).Unix(),
	}).SignedString(secret)
	if err != nil {
		return "", fmt.Errorf("sign token: %w", err)
	}
	return token, nil
}

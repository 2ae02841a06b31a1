package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// awscall SERVICE TARGET BODY is a program that scripts find in their PATH: it makes one call with what its environment has of AWS,
// prints the answer, and fails where AWS does. Tests need no other client.
func awscall() {
	if err := callAWS(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func callAWS(args []string) error {
	if len(args) != 3 {
		return fmt.Errorf("usage: awscall SERVICE TARGET BODY")
	}
	service, target, body := args[0], args[1], []byte(args[2])
	r, err := http.NewRequest(http.MethodPost, os.Getenv("AWS_ENDPOINT_URL")+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
	} else {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	sigv4.Sign(r, body, sigv4.Credentials{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY"), SessionToken: os.Getenv("AWS_SESSION_TOKEN"),
	}, os.Getenv("AWS_REGION"), service, time.Now())
	answer, err := (&http.Client{Timeout: 30 * time.Second}).Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	fmt.Printf("%s\n", text)
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %s", service, target, answer.Status)
	}
	return nil
}

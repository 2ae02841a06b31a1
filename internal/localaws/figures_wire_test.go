package localaws_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-cd/slipway/internal/localaws/sigv4"
)

// wire is one connection that asks one thing after another: a client that costs little, so that what is measured is the
// local AWS. Every request is signed.
type wire struct {
	conn net.Conn
	r    *bufio.Reader
	req  *http.Request
	cred sigv4.Credentials
	out  bytes.Buffer
	host string
	// requestID is that of the last answer.
	requestID string
}

// answered is an answer that is an error.
type answered struct{ text string }

func (a *answered) Error() string { return a.text }

func dial(endpoint string, cred sigv4.Credentials) (*wire, error) {
	host := strings.TrimPrefix(endpoint, "http://")
	conn, err := net.Dial("tcp", host)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, endpoint+"/", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	return &wire{conn: conn, r: bufio.NewReaderSize(conn, 2048), req: req, cred: cred, host: host}, nil
}

// jsonTargets are the X-Amz-Target prefixes of the services that are asked.
var jsonTargets = map[string]string{"ssm": "AmazonSSM", "ec2messages": "EC2WindowsMessageDeliveryService",
	"logs": "Logs_20140328"}

// call asks one operation of a JSON service. An answer that is an error is an error.
func (w *wire) call(service, operation string, body []byte) ([]byte, error) {
	w.json()
	w.req.Header.Set("X-Amz-Target", jsonTargets[service]+"."+operation)
	return w.send(service, operation, body)
}

func (w *wire) json() { w.req.Header.Set("Content-Type", "application/x-amz-json-1.1") }

// form asks a Query service.
func (w *wire) form(service, body string) ([]byte, error) {
	w.req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w.req.Header.Del("X-Amz-Target")
	return w.send(service, body, []byte(body))
}

func (w *wire) send(service, operation string, body []byte) ([]byte, error) {
	sigv4.Sign(w.req, body, w.cred, region, service, time.Now())
	w.out.Reset()
	w.out.WriteString("POST / HTTP/1.1\r\nHost: " + w.host + "\r\nUser-Agent: figures\r\nContent-Length: " + strconv.Itoa(len(body)) + "\r\n")
	for name, values := range w.req.Header {
		w.out.WriteString(name + ": " + values[0] + "\r\n")
	}
	w.out.WriteString("\r\n")
	w.out.Write(body)
	if _, err := w.conn.Write(w.out.Bytes()); err != nil {
		return nil, err
	}
	answer, err := http.ReadResponse(w.r, nil)
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = &answered{fmt.Sprintf("%s: %s: %s", operation, answer.Status, text)}
	}
	w.requestID = answer.Header.Get("X-Amzn-Requestid")
	return text, err
}

// ask is call with values.
func (w *wire) ask(service, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	answer, err := w.call(service, operation, body)
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(answer, out)
}

# Installs $Version beside the version that is running, switches to it, and restarts the application.
# It needs only Go: the application is the few lines of main.go below, built on the node.
root="$HOME/web"
new="$root/versions/$Version"
mkdir -p "$new" "$root/run"

echo "installing $Version in $new"
cat >"$new/main.go" <<'GO'
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

var version = "unknown" // set when it is built

func main() {
	addressFile := flag.String("address-file", "", "serve, and write the address here")
	ask := flag.String("ask", "", "ask the application that serves at this URL")
	flag.Parse()
	var err error
	if *ask != "" {
		err = answerOf(*ask)
	} else {
		err = serve(*addressFile)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "web:", err)
		os.Exit(1)
	}
}

func serve(addressFile string) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := os.WriteFile(addressFile, []byte("http://"+listener.Addr().String()), 0o644); err != nil {
		return err
	}
	return http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if version == "broken" {
			http.Error(w, "web broken: no connection to the database", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintf(w, "hello from web %s\n", version)
	}))
}

func answerOf(url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	response, err := client.Get(url)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	if err != nil {
		return err
	}
	fmt.Printf("%s answered %d: %s", url, response.StatusCode, body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the application is not healthy")
	}
	return nil
}
GO
(cd "$new" && go build -buildvcs=false -ldflags "-X main.version=$Version" -o web main.go)

if [ -f "$root/run/pid" ]; then
  echo "stopping the version that is running"
  kill "$(cat "$root/run/pid")" 2>/dev/null || echo "it was not running"
fi
rm -f "$root/run/address"
ln -sfn "$new" "$root/current"

echo "starting $Version"
nohup "$root/current/web" -address-file "$root/run/address" >"$root/run/web.log" 2>&1 </dev/null &
echo $! >"$root/run/pid"

# The gates of .ci/run, as functions, so that .ci/selftest can show that each of them goes red.

# gate_gofmt DIR: every Go file below DIR is formatted.
gate_gofmt() {
  local unformatted
  unformatted=$(cd "$1" && gofmt -l .) || return 1
  [ -z "$unformatted" ] || { printf 'not formatted:\n%s\n' "$unformatted"; return 1; }
}

# gate_vet DIR
gate_vet() { (cd "$1" && go vet ./...); }

# gate_staticcheck DIR
gate_staticcheck() { (cd "$1" && staticcheck ./...); }

# gate_tests DIR ARGS…: the tests below DIR pass, and there are some.
gate_tests() {
  local dir=$1 log status=0
  shift
  log=$(mktemp)
  (cd "$dir" && go test "$@" ./... 2>&1) | tee "$log" || status=1
  grep -q '^ok' "$log" || { echo "no package ran a test"; status=1; }
  rm -f "$log"
  return "$status"
}

# gate_fuzz DIR COUNT: every fuzz target below DIR runs COUNT times (3000x), and there are some. A count and not a time: at
# the end of a time go test can fail a slow worker with "context deadline exceeded". go test passes where it finds no such
# target, for example one with a build tag: that is an error here.
gate_fuzz() {
  local found=0 file package target log status=0
  log=$(mktemp)
  while IFS=: read -r file target; do
    [ -n "$file" ] || continue
    found=$((found + 1))
    package=./$(dirname "${file#./}")
    echo "fuzz $package $target"
    (cd "$1" && go test "$package" -run '^$' -fuzz "^$target\$" -fuzztime "$2" -fuzzminimizetime 1x </dev/null 2>&1) | tee "$log" || status=1
    grep -q '^fuzz: elapsed: .* execs: ' "$log" || { echo "$package $target was not fuzzed"; status=1; }
    [ "$status" = 0 ] || break
  done < <(cd "$1" && grep -rEo --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed 's/:func /:/' | sort)
  rm -f "$log"
  [ "$status" = 0 ] || return 1
  [ "$found" -gt 0 ] || { echo "no fuzz targets were found"; return 1; }
  echo "$found fuzz targets ran"
}

# readme_command README N: the N-th command of the README's first sh block.
readme_command() {
  awk '/^```sh$/ { inside = 1; next } /^```$/ && inside { exit } inside && NF' "$1" | sed 's/^\$ //; s/ *#.*//' | sed -n "$2p"
}

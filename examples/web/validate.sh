# Asks the running program: the release counts only if it answers, and answers well.
root="$HOME/web"
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
  [ -s "$root/run/address" ] && break
  sleep 0.25
done
if [ ! -s "$root/run/address" ]; then
  echo "the application did not start:" >&2
  cat "$root/run/web.log" >&2
  exit 1
fi
"$root/current/web" -ask "$(cat "$root/run/address")"

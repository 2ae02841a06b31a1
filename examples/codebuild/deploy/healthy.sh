# Stands for a question to the application.
if [ "$Version" = broken ]; then
  echo "shop $Version does not answer" >&2
  exit 1
fi
cat "$HOME/shop/current/answer"

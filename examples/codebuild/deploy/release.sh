# Stands for what installs $Version on a node.
root="$HOME/shop"
mkdir -p "$root/$Version"
echo "installing $Version"
echo "hello from shop $Version" >"$root/$Version/answer"
ln -sfn "$root/$Version" "$root/current"

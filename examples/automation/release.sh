#!/bin/sh
# Installs $Version.
set -eu
mkdir -p /opt/shop
echo "$Version" >/opt/shop/version
echo "shop $Version is installed"

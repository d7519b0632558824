#!/bin/sh
# Makes the example archive, unless it is there, and serves it.
# Usage: example.sh PROGRAM DIR ADDRESS
set -eu
program=$1 dir=$2 address=$3
if [ ! -f "$dir/onrecord.yaml" ]; then
  echo "making an example archive in ./$dir …"
  rm -rf "$dir"
  "$program" example --url "http://$address" "$dir"
fi
echo "open http://$address in a browser; Ctrl-C ends"
exec "$program" -c "$dir/onrecord.yaml" serve --listen "$address"

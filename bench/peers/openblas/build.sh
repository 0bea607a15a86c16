#!/bin/sh
# build.sh OUTPUT compiles gemm.c against OpenBLAS. Where gcc or the library is missing, it installs them with apt-get, as root.
set -eu
here=$(dirname "$0")
compile() { gcc -O2 -o "$1" "$here/gemm.c" -lopenblas; }
if ! compile "$1" 2>/dev/null; then
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -y -qq gcc libc6-dev libopenblas-dev || { apt-get update -qq && apt-get install -y -qq gcc libc6-dev libopenblas-dev; }
	compile "$1"
fi

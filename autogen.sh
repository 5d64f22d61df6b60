#!/bin/sh
# Makes configure and the Makefile.in from a checkout.  A release tarball has them already.
set -e
cd "$(dirname "$0")"
mkdir -p build-aux m4
exec autoreconf -fi -Wno-obsolete

#!/bin/sh
# s5cmd, GNU tar and for a tar.gz pigz (gzip where there is no pigz): all objects to a folder, and a pipe back.
# GZIP_PROGRAM names the compressor; TMPDIR is where the folder lies.
set -eu
bucket=$1 prefix=$2 key=$3
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
s5cmd --log error cp "s3://$bucket/$prefix*" "$folder/"
case $key in
*.gz) tar -C "$folder" -cf - . | "$GZIP_PROGRAM" -1 | s5cmd --log error pipe "s3://$bucket/$key" ;;
*) tar -C "$folder" -cf - . | s5cmd --log error pipe "s3://$bucket/$key" ;;
esac

#!/bin/sh
# Tells whether a database has the version that a program needs: for start scripts.
#
# Usage: check_schema_version.sh DATABASE VERSION [FLAG...]
#   VERSION is a number, the id of a phase, or head. The file is only read.
#   PHASESHIFT names the program if it is not on the PATH.
#
# Exit codes:
#   0    the database has it
#   3    the database does not have it
#   2    wrong arguments
#   4    refused: the file is missing, or its version tables cannot be used
#   5    busy
#   10   the file is damaged
# Only 3 means that the answer is no; any other code but 0 means that there is no answer.
set -eu

if [ "$#" -lt 2 ]; then
    echo "usage: $0 DATABASE VERSION [FLAG...]" >&2
    exit 2
fi

database=$1
version=$2
shift 2

exec "${PHASESHIFT:-phaseshift}" current --require "$version" --database "$database" --quiet "$@"

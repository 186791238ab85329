#!/bin/sh
# Brings a database to a phase without asking: backed up, proven, committed, or left as it was.
#
# Usage: migrate_phase.sh DATABASE [PHASE] [FLAG...]
#   PHASE is head if left out. Flags are those of `phaseshift upgrade`.
#   PHASESHIFT names the program if it is not on the PATH.
#
# Ends with the exit code of phaseshift:
#   0    done, or nothing to do
#   1    failed for another reason; the message says what is in the file
#   2    wrong arguments
#   4    refused: missing file, unrecorded or wrong version, bad data, no space
#   5    busy: another program holds the file; try again later
#   6    failed and rolled back; the file is as before
#   7    the backup could not be made; the file is as before
#   10   the file is damaged
#   130  interrupted and rolled back
# Any other code but 0 means that it failed.
set -eu

if [ "$#" -lt 1 ]; then
    echo "usage: $0 DATABASE [PHASE] [FLAG...]" >&2
    exit 2
fi

database=$1
shift
target=head
if [ "$#" -gt 0 ]; then
    target=$1
    shift
fi

exec "${PHASESHIFT:-phaseshift}" upgrade "$target" --database "$database" --no-input "$@"

#!/usr/bin/env bash
# What the GitHub Action and the pre-commit hook run: `check`, then `lint` with annotations. Fails if either says no.
#
#   run.sh PROGRAM FOLDER [RANGE]
set -uo pipefail
program=$1
cd "$2" || exit 4
result=0
"$program" check || result=$?
"$program" lint --format github || { code=$?; [ "$result" -ne 0 ] || result=$code; }
if [ -n "${3:-}" ]; then
  "$program" plan "$3" --format markdown >>"${GITHUB_STEP_SUMMARY:-/dev/stdout}" || result=$?
fi
exit "$result"

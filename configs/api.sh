#!/bin/sh
# The API in a few lines: sign in, say that you are ready, click to dial, see what came of it.
# Needed: curl and jq. All there is: http://127.0.0.1:8080/docs
#
#     configs/api.sh alice alice-secret 102
set -eu
API=${USHER_URL:-http://127.0.0.1:8080}/v1
OPERATOR=$1 PASSWORD=$2 NUMBER=$3

ask() { # METHOD PATH [BODY] [MORE OF CURL]
    method=$1 path=$2 body=${3:-}
    shift; shift; [ $# -eq 0 ] || shift
    curl -sS --fail-with-body -X "$method" "$API$path" -H "Authorization: Bearer $TOKEN" \
        ${body:+-H "Content-Type: application/json" -d "$body"} "$@"
}

TOKEN=$(curl -sS --fail-with-body "$API/session" -H 'Content-Type: application/json' \
    -d "{\"operator\":\"$OPERATOR\",\"password\":\"$PASSWORD\"}" | jq -r .token)
ask PATCH "/operators/$OPERATOR" '{"state":"ready"}' | jq .effective
# Sent twice by accident this calls once: the key is the same.
KEY=$(cat /proc/sys/kernel/random/uuid)
CALL=$(ask POST /calls "{\"operator\":\"$OPERATOR\",\"to\":\"$NUMBER\"}" -H "Idempotency-Key: $KEY" | jq -r .call)
ask GET "/calls/$CALL" | jq '{state, from, to, participants: [.participants[] | {role, state}]}'
ask DELETE /session

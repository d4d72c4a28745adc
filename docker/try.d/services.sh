# The services of compose.yaml, each in a network namespace on a bridge.

# A network namespace with an address on the bridge; it lives as long as its holder.
network() {
    local name=$1 address=$2 ready=$work/$1.ready holder
    rm -f "$ready"
    unshare --net --uts /bin/sh -ec 'hostname "$1"; ip link set lo up; touch "$2"; exec sleep infinity' \
        sh "$name" "$ready" &
    holder=$!
    within_seconds 10 test -e "$ready" || fail "no namespace for $name"
    holders[$name]=$holder
    ip link add "v-$name" master bridge up type veth peer name eth0 netns "$holder"
    nsenter --net="/proc/$holder/ns/net" sh -ec "ip addr add $address/24 dev eth0; ip link set eth0 up"
    printf '%s %s\n' "$address" "$name" >>"$work/hosts"
}

# Sets what in_root wants for commands in a service: `root`, `user`, `folder`, `within`, `binds`, `variables`.
enter() {
    local service=$1 volume source
    read_values compose "$service" image
    root=$(image_root "${values[0]}")
    within=(nsenter "--net=/proc/${holders[$service]}/ns/net" "--uts=/proc/${holders[$service]}/ns/uts")
    binds=("$work/hosts:etc/hosts" "$work/resolv.conf:etc/resolv.conf")
    user=$(cat "$root.USER") folder=$(cat "$root.WORKDIR")
    mapfile -t variables <"$root.ENV"
    read_values compose "$service" environment
    variables+=("${values[@]}")
    read_values compose "$service" volumes
    for volume in "${values[@]}"; do
        source=${volume%%:*} volume=${volume#*:} volume=${volume%:ro}
        case $source in
            ./*)
                source=$here/${source#./}
                mkdir -p "$(dirname "$root$volume")"
                touch "$root$volume" ;;
            # As with Docker: a new volume begins with what the image has there, and its owner.
            *)
                source=$work/volume-$source
                [ -d "$source" ] || cp -a "$root$volume" "$source" ;;
        esac
        binds+=("$source:${volume#/}")
    done
    touch "$root/etc/hosts" "$root/etc/resolv.conf"
}

# Starts a service in the background, `process`; what it says is in $work/SERVICE.log.
start() {
    local service=$1 words=() root user folder
    enter "$service"
    read_values compose "$service" entrypoint
    if [ ${#values[@]} -eq 0 ] && [ -f "$root.ENTRYPOINT" ]; then
        read_values json "$(cat "$root.ENTRYPOINT")"
    fi
    words=("${values[@]}")
    read_values compose "$service" command
    if [ ${#values[@]} -eq 0 ] && [ -f "$root.CMD" ]; then
        read_values json "$(cat "$root.CMD")"
    fi
    words+=("${values[@]}")
    read_values compose "$service" open-files
    say "$service: ${words[*]}"
    (
        # No more than this machine allows.
        [ ${#values[@]} -eq 0 ] || ulimit -n "${values[0]}" 2>/dev/null || ulimit -n "$(ulimit -Hn)"
        in_root "$root" "$user" "$folder" -- "${words[@]}"
    ) >"$work/$service.log" 2>&1 &
    process=$!
}

# A command in a service that runs.
beside() {
    local service=$1 root user folder
    shift
    enter "$service"
    in_root "$root" "$user" "$folder" -- "$@"
}

# Whether a service is well, as its image asks it.
healthy() {
    local root user folder
    enter "$1"
    read_values json "$(cat "$root.HEALTHCHECK")"
    in_root "$root" "$user" "$folder" -- "${values[@]}" >"$work/health.log" 2>&1
}

talking() { beside usher usher ctl calls 2>&1 | grep -q talking; }

# The process that the entry point of a service has become: the first of its own namespace.
first_of() {
    local it=$1 ours child
    ours=$(readlink /proc/self/ns/pid)
    while [ "$(readlink "/proc/$it/ns/pid")" = "$ours" ]; do
        child=$(child_of "$it")
        [ -n "$child" ] || fail "no process of $1"
        it=$child
    done
    printf '%s\n' "$it"
}

logs() {
    local log
    for log in "$work"/{usher,operator,caller,prometheus,health}.log; do
        [ ! -s "$log" ] || { printf -- '--- %s\n' "$log"; tail -n 30 "$log"; } >&2
    done
}

# Everything of compose.yaml but Grafana. The bridge is in this process's own network namespace.
services() {
    work=$1
    declare -gA holders=()
    local calls=6 usher caller service owner
    trap '[ $? = 0 ] || logs' EXIT
    printf '127.0.0.1 localhost\n' >"$work/hosts"
    rm -rf --one-file-system "$work"/volume-*
    ip link add bridge up type bridge
    for service in usher operator caller; do
        read_values compose "$service" address
        network "$service" "${values[0]}"
    done
    # What has no address in compose.yaml gets one of its ip_range.
    network prometheus 172.28.57.128

    start usher
    usher=$process
    within_seconds 30 healthy usher || fail "usher is not healthy"
    owner=$(stat -c %u "/proc/$(first_of "$usher")")
    [ "$owner" != 0 ] || fail "usher runs as root"
    say "usher is healthy, as user $owner"
    start prometheus
    start operator
    export CALLS=$calls
    start caller
    caller=$process
    within_seconds 180 gone "$caller" || fail "the calls take too long"
    wait "$caller" || fail "the caller ended with $?: a call went wrong"
    say "$calls calls were answered"
    within=(nsenter "--net=/proc/${holders[prometheus]}/ns/net")
    "${within[@]}" python3 "$here/try.d/read.py" measured http://127.0.0.1:9090 60 "$calls" | tr '\0' '\n' >&2
    drains $((calls + 1))
}

# Told to stop while somebody talks: the call goes on to its end, and then usher ends.
drains() {
    local calls=$1 signal began code=0
    signal=$(cat "$(image_root usher).STOPSIGNAL")
    export CALLS=1
    start caller
    caller=$process
    within_seconds 30 talking || fail "the last call is not answered"
    began=$SECONDS
    kill -s "$signal" "$(first_of "$usher")"
    read_values compose usher grace
    within_seconds "${values[0]}" gone "$usher" || fail "usher still runs ${values[0]} s after $signal"
    wait "$usher" || code=$?
    [ "$code" = 0 ] || fail "usher ended with $code"
    wait "$caller" || fail "the caller ended with $?: $signal has cut its call"
    say "usher ended by $signal with 0, after $((SECONDS - began)) s, when the last call had"
    read_values calls "$work/volume-usher/usher.db"
    [ "${values[*]}" = "$calls $calls" ] || fail "records, answered ones: ${values[*]}; wanted $calls of each"
    say "$calls records in the volume tell of answered calls"
}

# usher.service under systemd, in a root of its own.

systemd() {
    work=$1
    local cgroup=$2 image=$work/image-usher root=$work/root-systemd first faults
    say "usher.service under systemd"
    rm -rf --one-file-system "$root"
    cp -a "$work/systemd" "$root"
    cp "$image/usr/local/bin/usher" "$root/usr/local/bin/"
    install -D -m 644 "$image/etc/usher/usher.toml" "$root/etc/usher/usher.toml"
    sed -i 's|^data_dir = .*|data_dir = "/var/lib/usher"|' "$root/etc/usher/usher.toml"
    printf '%s\n' USHER_TOKEN=secret ALICE_PASSWORD=a BOB_PASSWORD=b USHER_TRUNK=127.0.0.1 \
        USHER_PORTS=20000-20199 >"$root/etc/usher/usher.env"
    chmod 600 "$root/etc/usher/usher.env"
    # Ten minutes for the calls that are there are two seconds here.
    grep -q 'timeout 600' "$here/usher.service" || fail "usher.service: no 'timeout 600'"
    sed 's/timeout 600/timeout 2/' "$here/usher.service" >"$root/etc/systemd/system/usher.service"
    cp -a "$work/context/sip-tests/load" "$root/load"

    boot "$root" "$cgroup"
    trap '[ $? = 0 ] || { tail -n 20 "$work/systemd.log"; there journalctl --no-pager -n 40; } >&2' EXIT
    within_seconds 30 started || fail "systemd does not start"
    # A key that it does not know is only a word of it, no failure.
    faults=$(there systemd-analyze verify /etc/systemd/system/usher.service 2>&1) || faults+=' (it fails)'
    [ -z "$faults" ] || fail "$faults"
    # Of 100; 96 is a service that says nothing.
    there systemd-analyze security --threshold=20 --no-pager usher.service >"$work/security.log" \
        || fail "usher.service is exposed: $(tail -n 1 "$work/security.log")"
    say "systemd finds no fault, $(grep -o 'exposure level.*[0-9]' "$work/security.log")"
    there systemctl start usher || fail "usher.service does not start"
    within_seconds 20 there env USHER_TOKEN=secret usher ctl queues >"$work/health.log" 2>&1 \
        || fail "no answer from usher.service"
    first=$(property MainPID)
    there systemctl reload usher || fail "usher.service does not reload"
    within_seconds 10 logged 'run::reload: reloaded' || fail "reload did nothing"
    [ "$(property MainPID)" = "$first" ] || fail "reload has started it anew"
    stops_with_a_caller
}

# A process of ours waits in the queue; it is hung up when the time is over.
stops_with_a_caller() {
    local caller began
    there sh -c 'cd /load && exec sipp 127.0.0.1 -sf uac-stays.xml -s 600 -i 127.0.0.1 -p 6070 -m 1 -nostdin \
        -timeout 30 -timeout_error' >"$work/caller.log" 2>&1 &
    caller=$!
    within_seconds 20 queued || fail "the caller does not get into the queue"
    began=$SECONDS
    there timeout 60 systemctl stop usher || fail "usher.service does not stop"
    [ $((SECONDS - began)) -ge 1 ] || fail "usher.service did not wait for the call"
    wait "$caller" || fail "the caller was not hung up: $(tail -n 5 "$work/caller.log")"
    [ "$(property Result)" = success ] || fail "usher.service ended with $(property Result)"
    logged 'steer: draining' && logged 'steer: stopping' && logged 'steer: ended' \
        || fail "usher.service has not drained, stopped and ended"
    say "it starts as user $(there stat -c %u /var/lib/private/usher), reloads, drains, and hangs up who is left"
}

queued() { there env USHER_TOKEN=secret usher ctl calls 2>/dev/null | grep -q queued; }
logged() { there journalctl --no-pager -u usher | grep -q "$1"; }
property() { there systemctl show -P "$1" usher; }
started() { there systemctl show-environment >/dev/null 2>&1; }

# A command beside that systemd.
there() { nsenter --target "$machine" --all --root --wd "$@"; }

# Boots a root: namespaces of all kinds, and a control group that systemd may divide.
boot() {
    local root=$1 cgroup=$2 holder
    mkdir "$cgroup"
    (
        echo "$BASHPID" >"$cgroup/cgroup.procs"
        exec unshare --mount --pid --fork --kill-child --net --uts --ipc --cgroup \
            /bin/sh -ec "$(declare -f become_machine); become_machine $root"
    ) </dev/null >"$work/systemd.log" 2>&1 &
    holder=$!
    within_seconds 10 has_child "$holder" || fail "systemd: $(cat "$work/systemd.log")"
    machine=$(child_of "$holder")
}

has_child() { [ -n "$(child_of "$1")" ]; }

# In a shell that has all the namespaces: makes the root one and gives place to systemd.
become_machine() {
    mount --bind "$1" "$1"
    cd "$1"
    mount -t proc proc proc
    mount -t sysfs -o ro sysfs sys
    mount -t cgroup2 cgroup2 sys/fs/cgroup
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs tmp
    mount -t tmpfs -o mode=755 tmpfs dev
    mkdir dev/shm dev/pts
    mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
    ln -s pts/ptmx dev/ptmx
    ln -s /proc/self/fd dev/fd
    for device in null zero full random urandom tty; do
        touch "dev/$device"
        mount --bind "/dev/$device" "dev/$device"
    done
    ip link set lo up
    mkdir -p .old
    pivot_root . .old
    # A real root, not a changed one: systemd makes namespaces of its own for its services.
    exec env -i container=try PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        chroot . /bin/sh -c 'umount -l /.old; exec /lib/systemd/systemd --unit=multi-user.target'
}

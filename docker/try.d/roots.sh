# Clean Debian roots, and commands in them.

# Runs a command in a root: in_root ROOT USER FOLDER -- WORD…
# `binds` holds SOURCE:TARGET of what else is to be seen there, `variables` its environment.
in_root() {
    local root=$1 user=$2 folder=$3 bind
    shift 4
    local script='set -e; mount -t proc proc "$1/proc"; cd "$1"'
    for bind in "${binds[@]}"; do
        script+="; mount --bind ${bind%%:*} $root/${bind#*:}"
    done
    local home ids
    ids=$(ids "$root" "$user") home=$(home "$root" "$user")
    # The command takes the place of this shell: signals are its own.
    script+='; shift; exec "$@"'
    "${within[@]}" unshare --mount --pid --fork --kill-child /bin/sh -c "$script" sh "$root" \
        env -i "HOME=$home" "${variables[@]}" \
        chroot --userspec="$ids" --groups= "$root" /usr/bin/env --chdir="$folder" "$@"
}

# A user's entry in a root, by name or number.
entry() { awk -F: -v user="$2" '$1 == user || $3 == user' "$1/etc/passwd"; }
ids() { entry "$1" "$2" | cut -d: -f3,4 | grep . || fail "$1: no user $2"; }
home() { entry "$1" "$2" | cut -d: -f6; }

# What the host gives every container: names, and proxies where there are any.
from_host() {
    binds=("$work/resolv.conf:etc/resolv.conf")
    variables=("PATH=$path")
    local name
    for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY CARGO_BUILD_JOBS; do
        [ -z "${!name-}" ] || variables+=("$name=${!name}")
    done
}

debian() {
    [ ! -d "$work/debian" ] || return 0
    say "a clean Debian root"
    rm -rf --one-file-system "$work/debian.new"
    debootstrap --variant=minbase bookworm "$work/debian.new" "$MIRROR" >"$work/debootstrap.log" 2>&1 \
        || fail "debootstrap: $(tail -n 3 "$work/debootstrap.log")"
    touch "$work/debian.new/etc/resolv.conf"
    mv "$work/debian.new" "$work/debian"
}

# A copy of Debian with more packages: with_packages NAME PACKAGE…
with_packages() {
    local name=$1
    shift
    [ ! -d "$work/$name" ] || return 0
    say "Debian with $*"
    rm -rf --one-file-system "$work/$name.new"
    cp -a "$work/debian" "$work/$name.new"
    from_host
    in_root "$work/$name.new" root / -- /bin/sh -ec \
        'apt-get -qq update; DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y "$@"' \
        sh "$@" >"$work/packages.log" 2>&1 || fail "$(tail -n 5 "$work/packages.log")"
    mv "$work/$name.new" "$work/$name"
}

# What stands for rust:RELEASE-slim-bookworm: its packages, the host's certificates and toolchain.
rust() {
    local release=$1 sysroot
    sysroot=$(cd "$repository" && rustc --print sysroot) || fail "no Rust here"
    case $("$sysroot/bin/rustc" --version) in
        "rustc $release".*) ;;
        *) fail "the Dockerfile wants Rust $release, here is $("$sysroot/bin/rustc" --version)" ;;
    esac
    with_packages rust ca-certificates gcc libc6-dev wget
    cp -L /etc/ssl/certs/ca-certificates.crt "$work/rust/etc/ssl/certs/"
    mkdir -p "$work/rust/usr/local/rustup" "$work/rust/usr/local/cargo"
    toolchain=$sysroot
}


# The steps of Dockerfiles.

# The instructions of a Dockerfile, a line each.
instructions() {
    sed -e '/^[[:space:]]*#/d' -e '/^[[:space:]]*$/d' "$1" \
        | sed -e ':more' -e '/\\$/{N;s/[[:space:]]*\\\n[[:space:]]*/ /;b more' -e '}'
}

# What .dockerignore leaves of the repository, under $work/context.
context() {
    local line
    rm -rf --one-file-system "$work/context"
    mkdir "$work/context"
    while read -r line; do
        case $line in
            '' | '#'* | '*') ;;
            *[*?]*) fail ".dockerignore: $line" ;;
            '!'*) (cd "$repository" && cp -a --parents "${line#!}" "$work/context") ;;
            *) fail ".dockerignore: $line" ;;
        esac
    done <"$repository/.dockerignore"
    grep -qx '\*' "$repository/.dockerignore" || fail ".dockerignore: no line *"
}

# An image is a root, and beside it a file for each thing that its Dockerfile says of processes in it.
image_root() {
    local name=${1%%:*}
    printf '%s\n' "$work/image-${name//\//-}"
}

# build IMAGE DOCKERFILE
build() {
    local image file=$2 word rest part
    local root='' folder user stage settings skip toolchain
    image=$(image_root "$1")
    say "image $1 from ${file#"$repository/"}"
    while read -r -u 3 word rest; do
        [ "$word" = FROM ] || [ -n "$root" ] || fail "$file: $word before FROM"
        case $word in
            FROM) from "$rest" ;;
            WORKDIR) folder=$rest; mkdir -p "$root$folder" ;;
            ENV)
                case $rest in *[\"\'\\\$]*) fail "$file: ENV $rest" ;; esac
                # shellcheck disable=SC2206 # words of it
                settings+=($rest) ;;
            COPY)
                # shellcheck disable=SC2086 # words of it
                copy $rest ;;
            RUN) [ "$skip" = yes ] || run "$rest" ;;
            USER) user=$rest; ids "$root" "$user" >/dev/null ;;
            ENTRYPOINT | CMD) printf '%s\n' "$rest" >"$root.$word" ;;
            HEALTHCHECK) printf '%s\n' "${rest##*CMD }" >"$root.HEALTHCHECK" ;;
            STOPSIGNAL) printf '%s\n' "$rest" >"$root.STOPSIGNAL" ;;
            EXPOSE | VOLUME) ;;
            *) fail "$file: an instruction that docker/try does not know: $word $rest" ;;
        esac
        printf '%s\n' "$user" >"$root.USER"
        printf '%s\n' "$folder" >"$root.WORKDIR"
        printf '%s\n' "${settings[@]}" >"$root.ENV"
    done 3< <(instructions "$file")
    rm -rf --one-file-system "$image" "$image".*
    for part in "$root".*; do
        mv "$part" "$image.${part##*.}"
    done
    mv "$root" "$image"
}

# FROM BASE [AS NAME]: begins a stage in a fresh copy.
from() {
    local base as name
    read -r base as name <<<"$1"
    stage=${name:-last}
    [ -z "${as:-}" ] || [ "$as" = AS ] || fail "$file: FROM $1"
    root=$work/stage-$stage folder=/ user=root settings=("PATH=$path") toolchain='' skip=no
    rm -rf --one-file-system "$root" "$root".*
    case $base in
        debian:bookworm-slim) cp -a "$work/debian" "$root" ;;
        rust:*-slim-bookworm)
            settings=("PATH=/usr/local/cargo/bin:$path" CARGO_HOME=/usr/local/cargo RUSTUP_HOME=/usr/local/rustup)
            if [ -n "$binary" ]; then
                skip=yes
                mkdir -p "$root/usr/local/bin"
                cp "$binary" "$root/usr/local/bin/usher"
            else
                base=${base#rust:}
                rust "${base%-slim-bookworm}"
                cp -a "$work/rust" "$root"
                settings[0]=PATH=/usr/local/cargo/bin:/usr/local/rustup/bin:$path
            fi ;;
        *) fail "$file: nothing here stands for $base" ;;
    esac
}

# COPY [--from=STAGE] SOURCE… TARGET
copy() {
    local top=$work/context
    while [ "${1#--}" != "$1" ]; do
        case $1 in
            --from=*) top=$work/stage-${1#--from=} ;;
            *) fail "$file: COPY $1" ;;
        esac
        [ -d "$top" ] || fail "$file: COPY $1: no such stage"
        shift
    done
    local target=${!#} source
    case $target in /*) ;; *) target=$folder/$target ;; esac
    for source in "${@:1:$#-1}"; do
        [ -e "$top/$source" ] || fail "$file: COPY: no $source in ${top#"$work"/} (.dockerignore?)"
        # The contents of a folder; a file into a folder or under another name.
        if [ -d "$top/$source" ]; then
            mkdir -p "$root$target"
            cp -a --no-preserve=ownership "$top/$source/." "$root$target"
        else
            case $target in */ | */.) mkdir -p "$root$target" ;; *) mkdir -p "$(dirname "$root$target")" ;; esac
            cp -a --no-preserve=ownership "$top/$source" "$root$target"
        fi
    done
}

# RUN [--mount=type=cache,target=FOLDER]… COMMAND
run() {
    local rest=$1 option cache
    say "RUN $rest (it speaks in $work/run.log)"
    from_host
    while [ "${rest#--}" != "$rest" ]; do
        option=${rest%% *} rest=${rest#* }
        case $option in
            --mount=type=cache,target=/*) ;;
            *) fail "$file: RUN $option" ;;
        esac
        option=${option#*target=}
        cache=$work/cache${option//\//-}
        mkdir -p "$cache" "$root$option"
        binds+=("$cache:${option#/}")
    done
    if [ -n "$toolchain" ]; then
        binds+=("$toolchain:usr/local/rustup")
    fi
    variables+=("${settings[@]}")
    in_root "$root" "$user" "$folder" -- /bin/sh -c "$rest" >"$work/run.log" 2>&1 \
        || fail "$file: RUN $rest: $(tail -n 20 "$work/run.log")"
}


# Debian's Prometheus, as if it were the image that compose.yaml names.
prometheus_image() {
    local root
    read_values compose prometheus image
    root=$(image_root "${values[0]}")
    rm -rf --one-file-system "$root" "$root".*
    cp -a "$work/prometheus" "$root"
    mkdir "$root/prometheus"
    printf '["prometheus"]\n' >"$root.ENTRYPOINT"
    printf 'root\n' >"$root.USER"
    printf '/\n' >"$root.WORKDIR"
    printf 'PATH=%s\n' "$path" >"$root.ENV"
}

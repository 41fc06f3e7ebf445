#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Runs a command in a fresh Debian that has Node, npm and git, and nothing else: what a set-up step done by hand has
# put on this machine is not there. See --help.
set -euo pipefail

usage() {
  cat <<'END'
usage: scripts/fresh-machine.sh [--check | COMMAND]

Makes a fresh Debian of this machine's release in a temporary folder, with this machine's Node and npm and
a clone of HEAD, and runs COMMAND there with bash, in the clone. Without COMMAND: npm ci && npm test.
Registries, proxies and certificates are those that apt and npm are set up with here.

  --check    says whether that can be done here, and does nothing
  --help     prints this text

Needs Debian and root. It installs debootstrap where that is missing. The folder goes into $TMPDIR, or into
/var/tmp; it takes 2.5 GB, and is removed at the end, together with every process and mount in it.
The exit status and the last line are those of COMMAND; 125 where the machine cannot be made (126 for --check).
END
}

readonly cannot_make=125
readonly cannot_here=126
root=""
machine=""
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
parent=${TMPDIR:-/var/tmp}

fail() {
  echo "fresh-machine: $1" >&2
  exit "$cannot_make"
}

# A value of /etc/os-release, which is written as a shell's assignments are.
os_release() {
  sed -n "s/^$1=\"\{0,1\}\([^\"]*\)\"\{0,1\}\$/\1/p" /etc/os-release 2>/dev/null || true
}

# Why there can be no fresh machine here; nothing where there can.
obstacle() {
  local id=""
  id=$(os_release ID)
  if [ "$id" != debian ]; then
    echo "this is not Debian"
  elif [ "$(id -u)" -ne 0 ]; then
    echo "not root"
  elif ! unshare --mount --pid --fork --mount-proc true 2>/dev/null; then
    echo "this machine allows no namespaces of mounts and processes"
  elif ! command -v debootstrap >/dev/null && ! command -v apt-get >/dev/null; then
    echo "there is neither debootstrap nor apt-get to install it"
  elif ! command -v node >/dev/null || ! command -v npm >/dev/null || ! command -v git >/dev/null; then
    echo "Node, npm and git are needed"
  elif ! git -c "safe.directory=*" -C "$checkout" rev-parse --quiet --verify HEAD >/dev/null; then
    echo "$checkout is not a git checkout with a commit"
  fi
}

# The first process of the machine takes all others with it when it ends, and the mounts go with the last of them.
stop_machine() {
  local first
  [ -n "$machine" ] || return 0
  read -r first <"/proc/$machine/task/$machine/children" || true
  if [ -n "$first" ]; then kill -KILL "$first" || true; fi
  wait "$machine" 2>/dev/null || true
  machine=""
}

clean_up() {
  stop_machine
  if [ -n "$root" ]; then rm -rf --one-file-system "$root" "$root.log" "$root.lock"; fi
}

# A run that was killed left its folder; no process holds its lock.
remove_left_overs() {
  local lock
  for lock in "$parent"/scard-fresh-machine.*.lock; do
    [ -e "$lock" ] || continue
    if flock --nonblock "$lock" true; then rm -rf --one-file-system "${lock%.lock}" "${lock%.lock}.log" "$lock"; fi
  done
}

# Runs a program as the first process of new namespaces. It ends with this script, and so does every process that it started.
run_apart() {
  local status=0
  setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child=KILL --mount-proc "$@" <&0 9>&- &
  machine=$!
  wait "$machine" || status=$?
  machine=""
  return "$status"
}

install_debootstrap() {
  command -v debootstrap >/dev/null && return
  echo "fresh-machine: installing debootstrap" >&2
  local install=(apt-get install -y -q --no-install-recommends -o DPkg::Lock::Timeout=120 debootstrap)
  export DEBIAN_FRONTEND=noninteractive
  "${install[@]}" >"$root.log" 2>&1 || { apt-get update -q >>"$root.log" 2>&1 && "${install[@]}" >>"$root.log" 2>&1; } || {
    tail -n 5 "$root.log" >&2
    fail "debootstrap could not be installed"
  }
}

# Where apt has its packages from: the first source, in either of the two forms that sources are written in.
mirror() {
  local files=() file
  for file in /etc/apt/sources.list.d/*.sources /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    if [ -r "$file" ]; then files+=("$file"); fi
  done
  [ "${#files[@]}" -gt 0 ] || return 0
  awk '
    $1 == "URIs:" { print $2; exit }
    $1 == "deb" { for (i = 2; i <= NF; i++) if ($i ~ /:\/\//) { print $i; exit } }
  ' "${files[@]}"
}

make_debian() {
  local suite source proxy=""
  suite=$(os_release VERSION_CODENAME)
  source=$(mirror)
  [ -n "$source" ] || fail "apt has no source in /etc/apt"
  eval "$(apt-config shell proxy Acquire::http::Proxy)"
  if [ -n "$proxy" ]; then export http_proxy=$proxy; fi
  # ca-certificates is needed for any registry, git for a clone.
  run_apart debootstrap --variant=minbase --include=ca-certificates,git "$suite" "$root" "$source" >"$root.log" 2>&1 || {
    tail -n 5 "$root.log" >&2
    fail "debootstrap could not make a Debian $suite"
  }
}

# Copies a file of this machine to the same path there, or to another one.
copy() {
  local to=$root${2:-$1}
  if [ ! -f "$1" ]; then return; fi
  mkdir -p "$(dirname "$to")"
  cp -L --preserve=mode --remove-destination "$1" "$to"
}

# Registries, proxies and certificates, as apt and npm have them here.
copy_settings() {
  local certificates
  cp -a /etc/apt/. "$root/etc/apt/"
  for file in /etc/resolv.conf /etc/hosts /etc/ssl/certs/ca-certificates.crt "${NODE_EXTRA_CA_CERTS:-}"; do copy "$file"; done
  copy "$(npm config get userconfig)" /root/.npmrc
  copy "$(npm config get globalconfig)" /usr/local/etc/npmrc
  certificates=$(npm config get cafile)
  if [ -n "$certificates" ] && [ "$certificates" != null ]; then copy "$certificates"; fi
}

# As an archive of nodejs.org, unpacked into /usr/local, has them.
copy_node() {
  local npm name
  copy "$(readlink -f "$(command -v node)")" /usr/local/bin/node
  npm=$(dirname "$(dirname "$(readlink -f "$(command -v npm)")")")
  mkdir -p "$root/usr/local/lib/node_modules"
  cp -a "$npm" "$root/usr/local/lib/node_modules/npm"
  for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$root/usr/local/bin/$name"; done
  chroot "$root" node --version >"$root.log" 2>&1 || {
    tail -n 3 "$root.log" >&2
    fail "this machine's Node needs more than a fresh Debian has"
  }
}

copy_checkout() {
  local git=(git -c "safe.directory=*")
  if [ -n "$("${git[@]}" -C "$checkout" status --porcelain)" ]; then
    echo "fresh-machine: changes that are not committed are left out" >&2
  fi
  "${git[@]}" clone --quiet --no-hardlinks "$checkout" "$root/srv/checkout" || fail "$checkout could not be cloned"
}

# What the command sees of this machine's environment.
kept_environment() {
  local name
  for name in CI NODE_EXTRA_CA_CERTS {HTTP,HTTPS,NO}_PROXY {http,https,no}_proxy "${!SCARD_@}" "${!npm_config_@}"; do
    if [ -n "${!name:-}" ]; then printf '%s\0' "$name=${!name}"; fi
  done
}

# The first process of the machine. It stays, so that it takes over what others leave, until the command has ended.
# shellcheck disable=SC2016
first_process='
root=$1; command=$2; shift 2
mount --bind "$root" "$root"   # a mount of its own, so that tests can have mount namespaces inside
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys" || mount --rbind /sys "$root/sys"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for node in null zero full random urandom tty; do : >"$root/dev/$node"; mount --bind "/dev/$node" "$root/dev/$node"; done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
for number in 0 1 2; do ln -s "/proc/self/fd/$number" "$root/dev/$(set -- stdin stdout stderr; shift "$number"; echo "$1")"; done
env -i HOME=/root LANG=C.UTF-8 TERM="${TERM:-dumb}" PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@" \
  chroot "$root" bash -c "cd /srv/checkout && eval \"\$1\"" bash "$command" <&0 &
wait $!
exit $?
'

run_command() {
  local environment=()
  mapfile -d '' environment < <(kept_environment)
  run_apart bash -euc "$first_process" fresh-machine "$root" "$1" "${environment[@]}"
}

main() {
  local command reason
  case "${1:-}" in
    --help | -h)
      usage
      return
      ;;
    --check) ;;
    -*)
      echo "fresh-machine: unknown option $1" >&2
      usage >&2
      exit 2
      ;;
  esac
  if [ "$#" -gt 1 ]; then
    echo "fresh-machine: COMMAND is one argument: quote it" >&2
    exit 2
  fi
  reason=$(obstacle)
  if [ "${1:-}" = --check ]; then
    if [ -z "$reason" ]; then return; fi
    echo "fresh-machine: not here: $reason" >&2
    exit "$cannot_here"
  fi
  if [ -n "$reason" ]; then fail "not here: $reason"; fi
  command=${1:-npm ci --no-audit --no-fund && npm test}

  trap clean_up EXIT
  trap 'exit 129' HUP
  trap 'exit 130' INT
  trap 'exit 143' TERM
  remove_left_overs
  root=$(mktemp -d "$parent/scard-fresh-machine.XXXXXX")
  chmod 755 "$root"
  exec 9>"$root.lock"
  flock 9
  install_debootstrap
  make_debian
  copy_settings
  copy_node
  copy_checkout
  run_command "$command"
}

main "$@"; exit

#!/bin/sh
# What stands in for systemctl, since no init runs in a namespace: it starts what a unit says, as the user and with the
# capabilities and read-only folders that the unit says. Of its other protections (system calls, devices) it knows nothing.
set -e
for unit; do :; done
file=/etc/systemd/system/$unit.service
[ -e "$file" ] || file=/lib/systemd/system/$unit.service
pid=/run/$unit.pid
log=/var/log/$unit.log

says() { sed -n "s/^$1=//p" "$file" | tail -n 1; }

# Sets uid, gid and home: of the user of that name, or of one for the time it runs.
whose() {
    user=$(says User)
    line=$(grep "^${user:-root}:" /etc/passwd || :)
    [ -n "$line" ] || [ "$(says DynamicUser)" = yes ] || { echo "systemctl: there is no user $user" >&2; exit 1; }
    [ -n "$line" ] || line=$user:x:61184:61184::/
    uid=$(echo "$line" | cut -d: -f3)
    gid=$(echo "$line" | cut -d: -f4)
    home=$(echo "$line" | cut -d: -f6)
}

# Becomes the program.
launch() {
    whose
    state=$(says StateDirectory)
    mode=$(says StateDirectoryMode)
    if [ -n "$state" ]; then
        install -d -m "${mode:-755}" -o "$uid" -g "$gid" "/var/lib/$state"
        export STATE_DIRECTORY="/var/lib/$state"
    fi
    mask=$(says UMask)
    umask "${mask:-022}"
    export HOME="$home"
    cd /
    [ "$(says ProtectSystem)" != strict ] || exec unshare --mount --propagation private "$0" confined "$unit"
    become
}

# ProtectSystem=strict with ProtectHome and PrivateTmp: nothing can be written but the state.
confine() {
    mount --bind "/var/lib/$state" "/var/lib/$state"
    for dir in / /etc /usr/local /var /run; do mount -o remount,bind,ro "$dir"; done
    for dir in /root /home; do mount -t tmpfs -o ro,mode=000 nothing "$dir"; done
    mount -t tmpfs private /tmp
}

become() {
    if [ "$uid" = 0 ]; then eval "exec $(says ExecStart)"; fi
    caps=-all$(says AmbientCapabilities | tr 'A-Z ' 'a-z\n' | sed -n 's/^cap_/,+/p' | tr -d '\n')
    eval "exec setpriv --reuid $uid --regid $gid --clear-groups --no-new-privs --inh-caps $caps --ambient-caps $caps \
        --bounding-set $caps $(says ExecStart)"
}

stop() {
    [ -s "$pid" ] || return 0
    kill "$(cat "$pid")"
    while kill -0 "$(cat "$pid")" 2>/dev/null; do sleep 0.1; done
}

# A reader takes seconds to go on; by then it serves.
serves() {
    looks=0
    until "$@"; do
        looks=$((looks + 1))
        [ $looks -lt 300 ] || { echo "systemctl: $unit does not serve" >&2; cat "$log" >&2; exit 1; }
        sleep 0.1
    done
}

verb=$1
if [ "$verb" = reload-or-restart ]; then
    if [ -s "$pid" ]; then verb=reload; else verb=restart; fi
fi

case $verb in
enable | restart)
    stop
    launch >"$log" 2>&1 </dev/null &
    # Who forks writes the number of the process that stays itself.
    if grep -q ^Type=forking "$file"; then wait $! || { cat "$log" >&2; exit 1; }; else echo $! >"$pid"; fi
    case $unit in
    wherry) serves grep -q ' serving ' "$log" ;;
    caddy) serves grep -q 'serving initial configuration' "$log" ;;
    headscale) serves test -S /var/lib/headscale/headscale.sock ;;
    esac
    ;;
confined)
    whose
    state=$(says StateDirectory)
    confine
    become
    ;;
reload) kill -HUP "$(cat "$pid")" ;;
*) echo "systemctl: the lab's stand-in does not know $verb" >&2; exit 1 ;;
esac

#!/usr/bin/env bash
# Run by scripts/deb-test.sh as root in a fresh chroot: install /tmp/vconsole.deb, try all that it
# brings, purge it, and see that nothing is left.
set -euo pipefail

says() { printf '  %s\n' "$*"; }
wait_for() { for _ in {1..100}; do "$@" 2>/dev/null >&2 && return; sleep 0.1; done; says "waited for: $*"; return 1; }
files() { find /etc /usr /var /run /dev/shm -xdev -not -path '/var/cache/*' -not -path '/var/log/*' \
  -not -path '/run/systemd/*' -not -path '/var/lib/dpkg/*' -not -path '/var/lib/apt/*' | LC_ALL=C sort; }

# What it needs comes first, so that the difference is its own.
apt-get install -y -qq --no-install-recommends man-db bash-completion zsh fish systemd tmux procps \
  $(dpkg-deb -f /tmp/vconsole.deb Depends | tr ',' '\n' | awk '{print $1}' | sort -u) >/tmp/apt.log 2>&1 || exit 75
files >/tmp/before
apt-get install -y -qq --no-install-recommends /tmp/vconsole.deb >>/tmp/apt.log 2>&1
says "installed $(dpkg-query -W -f='${Version}, ${Installed-Size} KiB' vconsole)"

vconsole --version
[[ $(vconsole --demo show domains | wc -l) -gt 20 ]]
vconsole hostinfo check /etc/hostinfo/hostinfo.conf
vconsole metrics config check /etc/vhostmd/vhostmd.conf
[[ $(stat -c '%a %U' /var/lib/hostinfo) == "755 root" ]]
systemd-analyze verify --man=no /usr/lib/systemd/system/vconsole-{hostinfod,vhostmd}.service
says "units are sound"

tmux -L tried new-session -d -x 100 -y 30 'vconsole --demo'
wait_for sh -c 'tmux -L tried capture-pane -p | grep -q web-01'
tmux -L tried send-keys q
wait_for sh -c '! tmux -L tried has-session'
says "the console opens on the demo host, and ends"

for page in vconsole.1 hostinfo.conf.5 vconsole-hostinfod.8 vconsole-vhostmd.8; do
  [[ -e /usr/share/man/man${page##*.}/$page.gz ]]
done
zcat /usr/share/man/man1/vconsole.1.gz | man --warnings -l - >/dev/null
COMP_LINE="vconsole hostinf" COMP_POINT=16 COMP_TYPE=9 bash -c '
  source /usr/share/bash-completion/completions/vconsole
  _python_argcomplete vconsole; [[ "${COMPREPLY[*]}" == *hostinfod* ]]'
names() { [[ $(fish -c 'complete -C "vconsole --demo pin web-"') == *web-01* ]]; }
wait_for names  # those of a host that answers within two seconds, which a busy machine may not
[[ $(zsh -c 'autoload -Uz compinit; compinit -D; print $_comps[vconsole]') == _vconsole ]]
says "manual is there, and completion for bash, zsh and fish"

vconsole hostinfod -d -c test:///default >/tmp/hostinfod.log 2>&1 & hostinfod=$!
vconsole vhostmd -d -c test:///default >/tmp/vhostmd.log 2>&1 & vhostmd=$!
wait_for test -S /run/vconsole/hostinfod.sock
wait_for vconsole metrics check
vconsole -c test:///default hostinfo show | grep -q 'hostinfod runs'
kill "$hostinfod" "$vhostmd"
wait "$hostinfod" "$vhostmd"
says "both daemons run, and end"

systemctl enable vconsole-hostinfod vconsole-vhostmd 2>/dev/null
[[ -L /etc/systemd/system/hostinfo.service && -L /etc/systemd/system/vhostmd.service ]]

rm -rf /root/.local /root/.config /root/.cache
apt-get purge -y -qq vconsole >>/tmp/apt.log 2>&1
files >/tmp/after
diff /tmp/before /tmp/after
says "purged; nothing is left"

# Sourced by what tries vconsole on a whole machine.

says() { printf '  %s\n' "$*"; }
wait_for() { for _ in {1..300}; do "$@" 2>/dev/null >&2 && return; sleep 0.2; done; says "waited for: $*"; return 1; }

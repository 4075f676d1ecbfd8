"""The shell scripts of the slow side: POSIX sh with the tools of GNU or BusyBox. Data comes as arguments or on standard
input, never in the text of a script."""

PLACE = r"""
root=$1; id=$2; wanted=$3
cd -P -- "$root" 2>/dev/null || { [ -e "$root" ] && echo kind || echo missing; exit 0; }
here=$(pwd -P; echo x); here=${here%?x}
device=$(stat -c %d .) || exit 3
inside=$here/.envsync-$id
case $here in /) above= ;; *) above=${here%/*} ;; esac
for place in "$wanted" "$above/.envsync-$id" "$inside"; do
    [ -n "$place" ] || continue
    (umask 077; mkdir -p "$place/staged" "$place/partial" "$place/kept" "$place/work") 2>/dev/null || continue
    if [ "$(stat -c %d "$place")" = "$device" ] && [ -O "$place" ]; then break; fi
    rmdir "$place"/* "$place" 2>/dev/null
    place=
done
[ -n "$place" ] || exit 4
cd "$place/work" || exit 4
rm -rf ./new-*
flag() { if "$@" 2>/dev/null; then printf 1; else printf 0; fi; }
: > CaSe; case_=$(flag [ -e cAsE ]); rm -f CaSe
name=$(printf 'e\314\201x'); other=$(printf '\303\251x')
: > "$name"; unicode=$(flag [ -e "$other" ]); rm -f "$name"
links=$(ln -s x link 2>/dev/null; flag [ -L link ]); rm -f link
: > bit; chmod 600 bit; plain=$(flag [ -x bit ]); chmod 700 bit; bit=$(flag [ -x bit ]); rm -f bit
[ "$(id -u)" = 0 ] && plain=0
write=$(flag [ -w "$here" ])
printf 'directory\0%s\0%s\0%s %s %s %s %s %s %s %s %s' "$here" "$place" "$device" "$(stat -c %i "$here")" "$write" \
    "$case_" "$unicode" "$links" "$bit" "$plain" "$(date +%s)"
"""
"""Arguments: root, id, wanted private place. `missing`, `kind`, or `directory` and what the root is like."""

LIST = r"""
cd -P -- "$1" 2>/dev/null || exit 3
mark=$2; shift 2
date +%s
found() { for each; do [ -e "$each" ] || [ -L "$each" ] && find "$each" -print0; done; }
if [ $# = 0 ]; then find . -print0; else found "$@"; fi | xargs -0 stat -c "$mark %f %s %Y %Z %i %n" -- 2>/dev/null
printf '%s\n' "$mark end"
if [ $# = 0 ]; then find . -type l -print0; else found "$@"; fi | xargs -0 sh -c '
    for each; do [ -L "$each" ] || continue; printf "%s\0" "$each"; readlink -n -- "$each"; printf "\0"; done' sh
"""
"""Arguments: root, a mark that nobody can guess, paths (`./…`; none: everything). The clock, a line for each entry, then
names and targets of links."""

HASH = r"""
cd -P -- "$1" 2>/dev/null || exit 3
exec xargs -0 sha256sum -- 2>/dev/null
"""
"""Argument: root; paths on standard input. A line `HEX  PATH` for each."""

HASH_ODD = r"""
cd -P -- "$1" 2>/dev/null || exit 3
shift
for each; do
    if [ -f "$each" ] && [ ! -L "$each" ] && sum=$(sha256sum < "$each"); then echo "${sum%% *}"; else echo -; fi
done
"""
"""Arguments: root, paths. A line for each: names with line feeds or backslashes cannot be in a list of lines."""

PACK = r"""
cd -P -- "$1" 2>/dev/null || exit 3
shift
exec tar -cf - -- "$@" 2>/dev/null
"""

PIECE = r"""
cd -P -- "$1" 2>/dev/null || exit 3
[ -f "$2" ] && [ ! -L "$2" ] || exit 4
tail -c +$(($3 + 1)) -- "$2" | head -c "$4"
"""

STAGE = r"""
cd -- "$1/staged" || exit 3
shift
umask 077
tar -xf - || exit 4
for each; do
    sum=$(sha256sum < "$each")
    case $sum in "$each"*) ;; *) rm -f -- "$each"; echo "$each" ;; esac
done
"""
"""Arguments: private place, names (hex). Names whose content does not match, which are dropped."""

HAVE = r"""
cd -- "$1/staged" || exit 3
shift
for each; do [ -f "$each" ] && echo "$each"; done
:
"""

FILL = r"""
cd -- "$1/partial" || exit 3
umask 077
[ "$3" = 0 ] && : > "$2"
[ "$(wc -c < "$2")" -eq "$3" ] || exit 4
cat >> "$2"
"""

FINISH = r"""
cd -- "$1/partial" || exit 3
[ -e "$2" ] || : > "$2"
sum=$(sha256sum < "$2")
case $sum in "$2"*) mv -f -- "$2" ../staged/ ;; *) rm -f -- "$2"; exit 5 ;; esac
"""

APPLY = r"""
root=$1; private=$2; batch=$3; exact=$4; stamp=$5; shift 5
umask 077
number=0
fail() { printf '%s\n' "$number - $*"; }
# Into the directory of a path: where we are then cannot be swapped for a link any more.
enter() {
    case $path in
        */*) want=$root/${path%/*}; name=${path##*/} ;;
        *) want=$root; name=$path ;;
    esac
    case $root in /) want=/${want#//} ;; esac
    cd -P -- "$want" 2>/dev/null || return 1
    got=$(pwd -P; echo x)
    [ "$got" = "$want
x" ] || return 1
    name=./$name
}
is() {
    case $1 in
        none) [ ! -e "$name" ] && [ ! -L "$name" ] ;;
        directory) [ -d "$name" ] && [ ! -L "$name" ] ;;
        unit) [ -d "$name" ] && [ ! -L "$name" ] && [ ! -e "$name/index.lock" ] && [ ! -e "$name/HEAD.lock" ] ;;
        link) [ -L "$name" ] && [ "$(readlink -n -- "$name"; echo x)" = "$2x" ] ;;
        file)
            [ -f "$name" ] && [ ! -L "$name" ] || return 1
            sum=$(sha256sum < "$name") || return 1
            case $sum in "$2"*) ;; *) return 1 ;; esac
            if [ -x "$name" ]; then [ "$3" = x ]; else [ "$3" = - ] || [ "$exact" = 1 ]; fi ;;
        *) return 1 ;;
    esac
}
keep() { # $1: move or link
    kept=$stamp-$number
    printf '%s\0%s\0%s\0%s\0' "$kept" "$batch" "$path" "$what" >> "$private/kept.log"
    if [ "$1" = move ]; then mv -f -- "$name" "$private/kept/$kept"; else
        ln -- "$name" "$private/kept/$kept" 2>/dev/null || cp -p -- "$name" "$private/kept/$kept"; fi
}
while [ $# -gt 0 ]; do
    path=$1; old=$2; value=$3; bit=$4; new=$5; content=$6; mode=$7; time=$8; what=$9; shift 9
    number=$((number + 1)); kept=
    enter || { fail changed meanwhile; continue; }
    is "$old" "$value" "$bit" || { fail changed meanwhile; continue; }
    work=$private/work/new-$stamp-$number
    case $new in
        none)
            case $old in
                directory) rmdir -- "$name" 2>/dev/null || { fail it holds content that is not synchronised; continue; } ;;
                *) keep move || { fail cannot be moved away; continue; } ;;
            esac ;;
        directory)
            if [ "$old" != directory ]; then
                if [ "$old" != none ]; then keep move || { fail cannot be moved away; continue; }; fi
                mkdir -- "$name" 2>/dev/null || { fail cannot be made; continue; }
            fi
            chmod "$mode" "$name" 2>/dev/null
            if [ "$exact" = 1 ]; then touch -d "@$time" -- "$name" 2>/dev/null; fi ;;
        bit) chmod "$mode" "$name" || { fail its mode cannot be set; continue; } ;;
        file|link|unit)
            case $new in
                link) ln -s -- "$content" "$work" || { fail cannot be made; continue; } ;;
                unit) work=$private/work/$content; [ -d "$work" ] || { fail its content is not here; continue; } ;;
                file)
                    [ -f "$private/staged/$content" ] || { fail its content is not here; continue; }
                    cp -- "$private/staged/$content" "$work" || { rm -f -- "$work"; fail no space; continue; }
                    if [ "$old" = file ] && [ "$exact" != 1 ]; then
                        has=0$(stat -c %a "$name")
                        if [ $(($mode & 0111)) -ne 0 ]; then mode=$(($has | (($has & 0444) >> 2)))
                        else mode=$(($has & ~0111)); fi
                        mode=0$(printf '%o' "$mode")
                    fi
                    chmod "$mode" "$work"; touch -d "@$time" -- "$work" 2>/dev/null ;;
            esac
            case $old in
                none) ;;
                directory) rmdir -- "$name" 2>/dev/null || { rm -f -- "$work"; fail it holds content that is not synchronised; continue; } ;;
                file) keep link || { rm -f -- "$work"; fail cannot be kept; continue; } ;;
                *) keep move || { rm -f -- "$work"; fail cannot be kept; continue; } ;;
            esac
            if [ "$old" = none ] && [ "$new" = file ]; then
                # A hard link, unlike a rename, never replaces what somebody made meanwhile.
                if ln -- "$work" "$name" 2>/dev/null; then rm -f -- "$work"
                elif [ -e "$name" ] || [ -L "$name" ]; then rm -f -- "$work"; fail changed meanwhile; continue
                else mv -f -- "$work" "$name" || { rm -f -- "$work"; fail cannot be put there; continue; }; fi
            else
                if [ -d "$name" ]; then rm -rf -- "$work"; fail changed meanwhile; continue; fi
                mv -f -- "$work" "$name" || { rm -rf -- "$work"; fail cannot be put there; continue; }
            fi ;;
    esac
    printf '%s\n' "$number + $kept"
done
"""
"""Arguments: root, private place, batch, exact (0 or 1), stamp; then nine for each change: path, old kind, old digest or
target, old bit (`x`, `-`), new kind (`bit`: only the mode), digest, target or prepared directory, mode, time, what to
note of the old. A line for each: number, `+` and the kept name, or `-` and why not."""

UNIT = r"""
root=$1; private=$2; path=$3; work=$4; shift 4
umask 077
old=$root/$path
cd -- "$private/work" || exit 3
mkdir -p -- "$work" && chmod 755 "$work" && cd -- "$work" || exit 3
while [ $# -gt 0 ]; do
    name=./$1; kind=$2; value=$3; mode=$4; time=$5; shift 5
    case $kind in
        directory) mkdir -p -- "$name" && chmod "$mode" "$name" || exit 4 ;;
        link) ln -s -- "$value" "$name" || exit 4 ;;
        file)
            case $name in */*) mkdir -p -- "${name%/*}" ;; esac
            if [ -f "$private/staged/$value" ]; then cp -- "$private/staged/$value" "$name" || exit 4
            else
                [ -f "$old/$name" ] && [ ! -L "$old/$name" ] && cp -- "$old/$name" "$name" || exit 5
                sum=$(sha256sum < "$name"); case $sum in "$value"*) ;; *) exit 5 ;; esac
            fi
            chmod "$mode" "$name"; touch -d "@$time" -- "$name" 2>/dev/null ;;
    esac
done
"""

KEPT = r"""
cd -- "$1/kept" || exit 3
ls
printf '\0'
cat ../kept.log 2>/dev/null
:
"""

DROP = r"""
cd -- "$1/$2" || exit 3
shift 2
for each; do rm -rf -- "./$each"; done
"""

SWEEP = r"""
cd -- "$1" || exit 3
rm -rf staged work && (umask 077; mkdir -p staged work)
"""

BORROW = r"""
cd -P -- "$1" || exit 3
private=$2; shift 2
umask 077
while [ $# -gt 0 ]; do
    [ -f "$2" ] && [ ! -L "$2" ] && cp -- "$2" "$private/work/new-borrowed" 2>/dev/null || { shift 2; continue; }
    sum=$(sha256sum < "$private/work/new-borrowed")
    case $sum in "$1"*) mv -f -- "$private/work/new-borrowed" "$private/staged/$1" && echo "$1" ;; esac
    shift 2
done
:
"""
"""Arguments: root, private place; then name (hex) and a path that should have that content. What is staged now."""

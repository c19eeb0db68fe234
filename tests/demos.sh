#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
#
# The demos as their user meets them, in TAP. Usage:
#
#   tests/demos.sh THREDO-CHECKSUM [FIRST [FIRST.PY [THREDO-PHILOSOPHERS [THREDO-ECHO-SERVER
#                  [THREDO-HAPPY-EYEBALLS [THREDO-DIE-REQUESTS [THREDO-PIPELINE
#                  [THREDO-CHAT-SERVER]]]]]]]]
#
# GI_TYPELIB_PATH and LD_LIBRARY_PATH lead FIRST.PY to the library. A limit in here (of seconds) is
# what only a hang reaches.

set -u
LC_ALL=C.UTF-8
export LC_ALL

checksum=${1:?the path of thredo-checksum}
first=${2-}
first_py=${3-}
philosophers=${4-}
echo_server=${5-}
happy_eyeballs=${6-}
die_requests=${7-}
pipeline=${8-}
chat_server=${9-}
limit=${THREDO_TEST_LIMIT:-120}

scratch=$(mktemp -d "${TMPDIR:-/tmp}/thredo-demos.XXXXXX")
trap 'chmod -R u+rwx "$scratch"; rm -rf "$scratch"' EXIT

n_tests=0

# ok DESCRIPTION: whether the command before it succeeded
ok ()
{
  local status=$?

  n_tests=$((n_tests + 1))
  if [ "$status" -eq 0 ]
  then
    echo "ok $n_tests - $1"
  else
    echo "not ok $n_tests - $1"
    for log in "$scratch"/out "$scratch"/err
    do
      [ -s "$log" ] && tail -n 20 "$log" | sed "s/^/# ${log##*/}: /"
    done
  fi
}

skip ()
{
  n_tests=$((n_tests + 1))
  echo "ok $n_tests - $1 # SKIP $2"
}

# run COMMAND…: its output goes to $scratch/out and $scratch/err, its status to $status
run ()
{
  timeout --signal=KILL "$limit" "$@" >"$scratch/out" 2>"$scratch/err"
  status=$?
}

# start COMMAND…: as run, but it goes on, as $job. A shell lets its background jobs ignore SIGINT,
# which env undoes; timeout hands the signal on.
start ()
{
  : >"$scratch/out"
  env --default-signal=INT timeout --foreground --signal=KILL "$limit" \
    "$@" >"$scratch/out" 2>"$scratch/err" &
  job=$!
}

# finish [SIGNAL]: what was started
finish ()
{
  [ $# -eq 0 ] || kill -s "$1" "$job"
  wait "$job"
  status=$?
}

# field NAME: what the summary says of it
field ()
{
  sed -n "s/^$1  *//p" "$scratch/out"
}

# total_of FOLDER: what coreutils say the total is
total_of ()
{
  (cd "$1" && find . -type f -print0 | sort -z | xargs -0r sha256sum -z | sha256sum | cut -d' ' -f1)
}

make_folder ()
{
  local folder=$1

  mkdir -p "$folder/a folder/deep/er" "$folder/empty folder"
  : >"$folder/empty"
  echo one >"$folder/plain"
  echo two >"$folder/with spaces in it"
  echo three >"$folder/$(printf 'with\nnewline')"
  echo four >"$folder/$(printf 'not\377utf8')"
  echo five >"$folder/a folder/deep/er/-n"
  echo six >"$folder/\\backslash"
  seq 3000000 >"$folder/large"
  for i in $(seq 300)
  do
    echo "$i" >"$folder/a folder/$i"
  done
  ln -s .. "$folder/a folder/loop"
  ln -s nowhere "$folder/dangling"
  ln -s plain "$folder/link"
  mkfifo "$folder/pipe"
}

# wait_for PATTERN: until the output has it
wait_for ()
{
  local end=$((SECONDS + limit))

  until grep -q "$1" "$scratch/out"
  do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.05
  done
}

# interrupt SIGNAL FOLDER: in the middle of the job
interrupt ()
{
  start "$checksum" --text "$2"
  wait_for ' of '
  finish "$1"
}

# png_is_picture FILE: larger than 600x300, and not of one colour
png_is_picture ()
{
  python3 - "$1" <<'END'
import struct, sys, zlib

data = open(sys.argv[1], "rb").read()
assert data[:8] == b"\x89PNG\r\n\x1a\n", "no PNG"
position, pixels = 8, b""
while position < len(data):
    length, kind = struct.unpack(">I4s", data[position:position + 8])
    body = data[position + 8:position + 8 + length]
    if kind == b"IHDR":
        width, height, depth, colour_type = struct.unpack(">IIBB", body[:10])
    elif kind == b"IDAT":
        pixels += body
    position += 12 + length
n_bytes = {2: 3, 6: 4}[colour_type] * depth // 8
stride = width * n_bytes
pixels = zlib.decompress(pixels)
assert len(pixels) == height * (stride + 1), "cut off"

def paeth(a, b, c):
    return min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]

line, colours = bytearray(stride), set()
for y in range(height):
    start = y * (stride + 1)
    method, above = pixels[start], line
    line = bytearray(pixels[start + 1:start + 1 + stride])
    for i in range(stride if method else 0):
        a = line[i - n_bytes] if i >= n_bytes else 0
        b, c = above[i], above[i - n_bytes] if i >= n_bytes else 0
        line[i] = (line[i] + (0, a, b, (a + b) // 2, paeth(a, b, c))[method]) & 255
    colours.update(bytes(line[i:i + n_bytes]) for i in range(0, stride, n_bytes))
print(f"{width}x{height}, {len(colours)} colours")
assert width > 600 and height > 300, "too small"
assert len(colours) > 16, "empty"
END
}

# GTK keeps its fonts to the end, which is no leak of ours.
no_leaks="ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

# in_display COMMAND…
in_display ()
{
  run xvfb-run -a -s '-screen 0 1280x900x24' env GTK_A11Y=none GDK_BACKEND=x11 "$no_leaks" "$@"
}

# without_display COMMAND…
without_display ()
{
  run env -u DISPLAY -u WAYLAND_DISPLAY GDK_BACKEND=x11 "$no_leaks" "$@"
}

### the job

folder="$scratch/folder"
make_folder "$folder"
expected=$(total_of "$folder")

run "$checksum" --text "$folder"
[ "$status" -eq 0 ]
ok 'text: exits with 0'
[ "$(field total)" = "$expected" ]
ok 'text: the total is what sha256sum says'
[ "$(field files)" = '308 of 308' ]
ok 'text: every file was found and done'
[ "$(field bytes | cut -d' ' -f1 | tr -d ,)" = \
  "$(find "$folder" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')" ]
ok 'text: every byte was counted'
[ "$(field skipped | cut -d' ' -f1)" = 4 ] && [ "$(field errors)" = 0 ]
ok 'text: links and pipes are skipped, and are no errors'
[ ! -s "$scratch/err" ]
ok 'text: nothing to complain about'

for n in 1 32
do
  run "$checksum" --text --workers $n "$folder"
  [ "$status" -eq 0 ] && [ "$(field total)" = "$expected" ]
  ok "text: $n workers come to the same total"
done

run "$checksum" --text "$folder/"
[ "$status" -eq 0 ] && [ "$(field total)" = "$expected" ]
ok 'text: a slash at the end changes nothing'

run "$checksum" --text "$folder/empty folder"
[ "$status" -eq 0 ] && [ "$(field files)" = '0 of 0' ] &&
  [ "$(field total)" = "$(sha256sum </dev/null | cut -d' ' -f1)" ]
ok 'text: an empty folder'

### bad input

run "$checksum" --text "$scratch/nowhere"
[ "$status" -eq 1 ] && grep -q 'No such file' "$scratch/err"
ok 'a folder that is not there'

run "$checksum" --text "$folder/plain"
[ "$status" -eq 1 ] && grep -q 'Not a directory' "$scratch/err"
ok 'a folder that is a file'

for arguments in '--workers -1' '--workers 1000000' '--no-such-option' 'one two'
do
  # shellcheck disable=SC2086
  run "$checksum" --text $arguments
  [ "$status" -eq 2 ] && [ -s "$scratch/err" ]
  ok "bad arguments: $arguments"
done

# root reads everything, but for a root without these capabilities.
unreadable="$scratch/unreadable"
mkdir -p "$unreadable/locked"
seq 1000 >"$unreadable/before"
seq 2000 >"$unreadable/open"
seq 3000 >"$unreadable/secret"
expected_open=$(rm -f "$unreadable/secret"; total_of "$unreadable")
seq 3000 >"$unreadable/secret"
chmod 000 "$unreadable/secret" "$unreadable/locked"
drop=(setpriv '--bounding-set=-dac_override,-dac_read_search')
if ! cat "$unreadable/secret" >/dev/null 2>&1
then
  drop=()
elif "${drop[@]}" cat "$unreadable/secret" >/dev/null 2>&1 || ! "${drop[@]}" true 2>/dev/null
then
  drop=(false)
fi
if [ "${drop[*]}" = false ]
then
  skip 'an unreadable file does not stop the rest' 'root reads everything'
else
  run "${drop[@]}" "$checksum" --text "$unreadable"
  [ "$status" -eq 1 ] && [ "$(field errors)" = 2 ] &&
    grep -q 'secret: Permission denied' "$scratch/err" &&
    grep -q 'locked: Permission denied' "$scratch/err" &&
    [ "$(field total)" = "$expected_open" ]
  ok 'an unreadable file does not stop the rest'
fi

### interrupted

# Holes are quick to read and long to hash: half a minute or more of work that takes no room.
long="$scratch/long"
mkdir "$long"
for i in 1 2 3 4 5 6 7 8
do
  truncate -s 4G "$long/$i"
done

for signal in INT TERM
do
  interrupt $signal "$long"
  [ "$status" -eq 130 ]
  ok "SIG$signal in the middle: exits with 130"
  grep -q '^Interrupted' "$scratch/out" && [ -n "$(field total)" ] &&
    [ "$(field files | cut -d' ' -f3)" = 8 ]
  ok "SIG$signal in the middle: the summary is there"
  [ "$(grep -c 'Not done: worker .* was cancelled' "$scratch/err")" = "$(field workers)" ]
  ok "SIG$signal in the middle: each worker tells of the file it had"
done

### the live table

gigabyte="$scratch/gigabyte"
mkdir "$gigabyte"
truncate -s 1G "$gigabyte/$(printf 'a\033[31mb')"

if script -qec true /dev/null >/dev/null 2>&1
then
  run script -qec "'$checksum' --text '$gigabyte'" /dev/null
  [ "$status" -eq 0 ] && grep -q 'worker [1-4] .*waiting .*get on Queue' "$scratch/out" &&
    grep -q 'main\|display' "$scratch/out" && grep -q '^total' "$scratch/out"
  ok 'terminal: a table of the threads'
  ! grep -q "$(printf 'a\033')" "$scratch/out"
  ok 'terminal: no escape sequence out of a file name'
else
  skip 'terminal: a table of the threads' 'no script(1), or no pseudo-terminals'
  skip 'terminal: no escape sequence out of a file name' 'no script(1), or no pseudo-terminals'
fi

### the window

without_display "$checksum" "$folder"
[ "$status" -eq 0 ] && [ "$(field total)" = "$expected" ] &&
  grep -q 'running in the terminal' "$scratch/err"
ok 'no display: the job runs in the terminal, with a note'

without_display "$checksum" --screenshot "$scratch/none.png" "$folder"
[ "$status" -eq 1 ] && [ ! -e "$scratch/none.png" ] && [ -s "$scratch/err" ]
ok 'no display: no picture'

if ! command -v xvfb-run >/dev/null || grep -q 'built without GTK' "$scratch/err"
then
  for what in 'a picture of a long job' 'a picture of a short job' 'closes by itself' \
              'a picture that cannot be written'
  do
    skip "window: $what" 'no Xvfb, or built without GTK 4'
  done
else
  in_display "$checksum" --screenshot "$scratch/long.png" "$long"
  [ "$status" -eq 0 ] && png_is_picture "$scratch/long.png" >>"$scratch/out" 2>>"$scratch/err"
  ok 'window: a picture of a long job'

  in_display "$checksum" --screenshot "$scratch/short.png" "$folder"
  [ "$status" -eq 0 ] && png_is_picture "$scratch/short.png" >>"$scratch/out" 2>>"$scratch/err"
  ok 'window: a picture of a short job'

  in_display "$checksum" --autoclose "$folder"
  [ "$status" -eq 0 ]
  ok 'window: closes by itself'

  in_display "$checksum" --screenshot "$scratch/nowhere/file.png" "$folder"
  [ "$status" -eq 1 ] && grep -q 'file.png' "$scratch/err"
  ok 'window: a picture that cannot be written'
fi

### the first program

# The ten jobs were done, by whomever, and then it said so.
is_first_output ()
{
  [ "$status" -eq 0 ] && [ "$(sed -n 's/^[A-Z][a-z]*: job //p' "$scratch/out" | sort -n | xargs)" \
                           = '1 2 3 4 5 6 7 8 9 10' ] && [ "$(tail -n 1 "$scratch/out")" = "done" ]
}

if [ -n "$first" ]
then
  run "$first"
  is_first_output
  ok 'first: in C'
else
  skip 'first: in C' 'not built'
fi

if [ -n "$first_py" ] && /usr/bin/env python3 -c '
import gi
gi.require_version("Thredo", "1.0")
from gi.repository import Thredo
Thredo.ThreadGroup' 2>/dev/null
then
  run python3 "$first_py"
  is_first_output
  ok 'first: in Python'
else
  skip 'first: in Python' 'no PyGObject, typelib, or overrides'
fi

### the philosophers

# says PATTERN…: whether the output has a line that is all of each
says ()
{
  local pattern

  for pattern
  do
    grep -qx "$pattern" "$scratch/out" || return 1
  done
}

everybody='Aristotle Hypatia Confucius Avicenna Kant'

# names_all WHAT: whether it says WHAT of a deadlock of all, in the order of the table
names_all ()
{
  local holders owners

  holders=$(sed -n "s/^    '\(.*\)' holds Lock 'fork [1-5]', waits for Lock .*/\1/p" "$scratch/out" |
    xargs)
  owners=$(sed -n "s/^    .* waits for Lock 'fork [1-5]' held by '\(.*\)'$/\1/p" "$scratch/out" | xargs)
  says "$1Deadlock of 5 threads:" && [ "$(wc -w <<<"$holders")" -eq 5 ] &&
    [ "$owners" = "${holders#* } ${holders%% *}" ] &&
    [[ "$everybody $everybody" == *"$holders"* ]]
}

if [ -z "$philosophers" ]
then
  for what in deadline fail cancel 'all three' 'bad arguments'
  do
    skip "philosophers: $what" 'not built'
  done
else
  run "$philosophers" deadline
  names_all 'Thredo: ' && [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    says 'A second has passed, and nobody has eaten' &&
    [ "$(grep -c ', of the circle of 5, is asked to leave$' "$scratch/out")" -eq 1 ] &&
    [ "$(grep -c ' has finished$' "$scratch/out")" -eq 4 ] &&
    [ "$(grep '^Meals:' "$scratch/out" | grep -o '[0-9]' | sort | xargs)" = '0 3 3 3 3' ]
  ok 'philosophers: deadline'

  run "$philosophers" fail
  names_all '.* is refused fork [1-5]: ' && [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    says "Meals: ${everybody// / 3, } 3"
  ok 'philosophers: fail'

  run "$philosophers" cancel
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    says 'Thredo: Deadlock of 5 threads:' "    '.*' is cancelled" \
         '.* leaves: .* was cancelled' '.* is seated again' \
         "Meals: ${everybody// / 3, } 3"
  ok 'philosophers: cancel'

  run "$philosophers"
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] && [ "$(grep -c '^== ' "$scratch/out")" -eq 3 ] &&
    [ "$(grep -c '^Meals:' "$scratch/out")" -eq 3 ]
  ok 'philosophers: all three'

  for arguments in feast 'fail cancel'
  do
    # shellcheck disable=SC2086
    run "$philosophers" $arguments
    [ "$status" -eq 2 ] && grep -q '^Usage: ' "$scratch/err" && [ ! -s "$scratch/out" ]
    ok "philosophers: bad arguments: $arguments"
  done
fi

### the echo server

nothing_is_left='Left: 0 threads, 0 file descriptors'

# Two file descriptors for each client, and 1,000 clients where there may be as many.
n_clients=1000
n_files=$(ulimit -H -n)
if [ "$n_files" != unlimited ] && [ "$n_files" -lt 2200 ]
then
  n_clients=$(((n_files - 200) / 4))
  n_clients=$((n_clients * 2))
fi

# port_of_server: once it listens
port_of_server ()
{
  wait_for '^Listening on port ' && sed -n 's/^Listening on port \([0-9]*\) .*/\1/p' "$scratch/out"
}

# hear LINE…: whether these are what comes next from file descriptor 5
hear ()
{
  local expected line

  for expected
  do
    IFS= read -r -t "$limit" line <&5 && [ "$line" = "$expected" ] || return 1
  done
}

if [ -z "$echo_server" ]
then
  for what in 'as many clients as may be' 'Ctrl+C' 'lines and a block' 'too few file descriptors' \
              'bad arguments'
  do
    skip "echo server: $what" 'not built'
  done
else
  half=$((n_clients / 2))
  run "$echo_server" --self-test --clients "$n_clients"
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] && says "$nothing_is_left" \
    "$n_clients clients at once: $half have vanished midway, and every byte came back to $half" \
    "$n_clients connections in all, of which .* were there to the end; .* lines"
  ok "echo server: $n_clients clients"

  start "$echo_server" --clients 100
  wait_for 'every byte came back to 50$'
  finish INT
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] && says "$nothing_is_left" &&
    [ "$(sed -n 's/^100 connections in all, of which \([0-9]*\) .*/\1/p' "$scratch/out")" -ge 50 ]
  ok 'echo server: Ctrl+C'

  seq -s ' ' 20000 | head -c 99999 >"$scratch/block"
  echo >>"$scratch/block"
  start "$echo_server" --port 0
  port=$(port_of_server) && exec 5<>"/dev/tcp/127.0.0.1/$port" && printf 'one\n\nthree\n' >&5 &&
    hear one '' three && cat "$scratch/block" >&5 && head -c 100000 <&5 | cmp - "$scratch/block"
  matches=$?
  finish INT
  rest=$(cat <&5)
  exec 5>&-
  [ "$matches" -eq 0 ] && [ -z "$rest" ] && [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    says '1 connections in all, of which 1 were there to the end; 4 lines' "$nothing_is_left"
  ok 'echo server: lines and a block'

  # shellcheck disable=SC2016
  run bash -c 'ulimit -n 100; exec "$@"' bash "$echo_server" --self-test
  [ "$status" -eq 1 ] && grep -q '1000 clients need 2100 file descriptors' "$scratch/err" &&
    says "$nothing_is_left"
  ok 'echo server: too few file descriptors'

  for arguments in '--clients -1' '--clients 10001' '--port 65536' '--port x' feast
  do
    # shellcheck disable=SC2086
    run "$echo_server" $arguments
    [ "$status" -eq 2 ] && [ -s "$scratch/err" ] && [ ! -s "$scratch/out" ]
    ok "echo server: bad arguments: $arguments"
  done
fi

### happy eyeballs

# attempt NAME PATTERN: whether it says so of this address
attempt ()
{
  says " *[0-9]* ms  127.0.0.1:[0-9]*  *$1  *$2"
}

if [ -z "$happy_eyeballs" ]
then
  skip 'happy eyeballs' 'not built'
else
  run "$happy_eyeballs"
  winner=$(sed -n 's/^Connected to \(127.0.0.1:[0-9]*\) after .*/\1/p' "$scratch/out")
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    attempt silent 'is tried' && attempt silent 'is closed: .* was cancelled' &&
    attempt dead 'is tried' && attempt dead 'is closed: Connection refused' &&
    attempt good 'is tried' && says " *[0-9]* ms  ${winner:-nobody}  *[a-z]*  *answers" &&
    ! attempt '\(silent\|dead\)' answers
  ok 'happy eyeballs'
fi

### die requests

if [ -z "$die_requests" ]
then
  skip 'die requests' 'not built'
else
  run "$die_requests"
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    says '.* main  *goes on with the first answer: That took 300 ms\.' \
         '.* main  *1 answered, 3 closed, no thread left' &&
    [ "$(grep -c ' server  *begins with GET ' "$scratch/out")" -eq 4 ] &&
    [ "$(grep -c ' request [134]  ends: .* was cancelled$' "$scratch/out")" -eq 3 ] &&
    [ "$(grep -c ' server  *sees the client of GET /[123]0000 .* go$' "$scratch/out")" -eq 3 ]
  ok 'die requests'
fi

### the pipeline

# How many lines it says that there were. It has to be so; and the children have to be gone.
n_found ()
{
  local found expected=

  found=$(sed -n 's/.* ms  \(1*\) is all ones$/\1/p' "$scratch/out" | xargs)
  for one in $found
  do
    expected=${expected}1
    [ "$one" = "$expected" ] || return 1
  done
  says '.* ms  seq .*ended .*, and is gone' '.* ms  grep .*ended .*, and is gone' \
       '.* ms  sed .*ended .*, and is gone' &&
    says "${#expected} lines until then" && echo "${#expected}"
}

if [ -z "$pipeline" ]
then
  for what in deadline Ctrl+C 'bad arguments'
  do
    skip "pipeline: $what" 'not built'
  done
else
  run "$pipeline"
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] && n_found >/dev/null &&
    says ' *[0-9]* ms  .* timed out'
  ok 'pipeline: deadline'

  start "$pipeline" 1000
  wait_for ' 111 is all ones'
  finish INT
  [ "$status" -eq 130 ] && grep -q ' was cancelled$' "$scratch/err" && [ "$(n_found)" -ge 3 ]
  ok 'pipeline: Ctrl+C'

  for arguments in -1 soon '1 2'
  do
    # shellcheck disable=SC2086
    run "$pipeline" $arguments
    [ "$status" -eq 2 ] && grep -q '^Usage: ' "$scratch/err" && [ ! -s "$scratch/out" ]
    ok "pipeline: bad arguments: $arguments"
  done
fi

### the chat server

if [ -z "$chat_server" ]
then
  for what in 'a slow client' 'Ctrl+C' 'bad arguments'
  do
    skip "chat server: $what" 'not built'
  done
else
  run "$chat_server" --self-test
  [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] && says "$nothing_is_left" \
    '10 clients have said 2000 lines, and 10 of them received all in the same order' \
    'One read nothing until then; now it got .* of them, and was told to have missed [1-9].*' \
    '11 connections in all, and 2012 lines; 0 members are left in the room'
  ok 'chat server: a slow client'

  # One that talks, one that comes and goes, and one that has no name yet.
  start "$chat_server" --port 0
  port=$(port_of_server) && exec 5<>"/dev/tcp/127.0.0.1/$port" && hear '* Your name, please' &&
    exec 6<&5 5<>"/dev/tcp/127.0.0.1/$port" && hear '* Your name, please' && printf 'Ada\r\n' >&5 &&
    hear '* Ada is here' && exec 7<>"/dev/tcp/127.0.0.1/$port" && printf 'Grace\nHello\n' >&7 &&
    hear '* Grace is here' 'Grace: Hello' && printf 'Hello, Grace\n' >&5 &&
    hear 'Ada: Hello, Grace' && exec 7>&- && hear '* Grace has left'
  matches=$?
  finish INT
  rest=$(cat <&5)
  exec 5>&- 6>&- 7>&-
  [ "$matches" -eq 0 ] && [ -z "$rest" ] && [ "$status" -eq 0 ] && [ ! -s "$scratch/err" ] &&
    says '3 connections in all, and 5 lines; 0 members are left in the room' "$nothing_is_left"
  ok 'chat server: Ctrl+C'

  for arguments in '--port -2' '--port 65536' feast
  do
    # shellcheck disable=SC2086
    run "$chat_server" $arguments
    [ "$status" -eq 2 ] && [ -s "$scratch/err" ] && [ ! -s "$scratch/out" ]
    ok "chat server: bad arguments: $arguments"
  done
fi

echo "1..$n_tests"

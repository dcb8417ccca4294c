#!/bin/sh
# Checks what a SentinelOps ledger gives out with coreutils, awk, xxd and openssl alone; it shares nothing with SentinelOps.
#
#   verify.sh VKEY DIRECTORY     the directory holds N.leaf and N.tlog-proof for each entry that is to be checked;
#                                an unpacked bundle of evidence is one
#
# For each entry: the checkpoint inside its proof is signed by VKEY, the leaf is in the tree of that checkpoint, and where
# its data and the row that it is about are there, they are those of the leaf. Prints one line for each. Texts in content/
# have the SHA-256 that they are called, and one of the rows or entries asks for each. Ends with 0, or says what is wrong and ends with 1.
set -eu
vkey=$1
directory=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
  echo "$*" >&2
  exit 1
}
hex() { xxd -p | tr -d '\n'; }
# One spelling of base64 only: what is decoded must encode to the same text.
decode() {
  printf '%s' "$1" | base64 -d >"$work/decoded" 2>/dev/null || fail "not base64: $1"
  [ "$(base64 -w0 <"$work/decoded")" = "$1" ] || fail "base64 in another spelling: $1"
  hex <"$work/decoded"
}
node() { printf '01%s%s' "$1" "$2" | xxd -r -p | sha256sum | cut -d' ' -f1; }

name=${vkey%%+*}
rest=${vkey#*+}
id=${rest%%+*}
key=$(decode "${rest#*+}")
[ "${#key}" -eq 66 ] && [ "${key%"${key#??}"}" = 01 ] || fail 'this is no key of a log'
[ "$({ printf '%s\n' "$name"; printf '%s' "$key" | xxd -r -p; } | sha256sum | cut -c1-8)" = "$id" ] ||
  fail 'the id in the key is not its own'
printf '302a300506032b6570032100%s' "${key#01}" | xxd -r -p >"$work/key.der"

check_signature() { # checkpoint
  head -n 3 "$1" >"$work/text"
  [ "$(sed -n 1p "$1")" = "$name" ] || fail 'the checkpoint is of another ledger'
  [ -z "$(sed -n 4p "$1")" ] || fail 'the checkpoint has more than three lines'
  line=$(grep -F -- "— $name " "$1" | head -n 1) || fail 'the checkpoint is not signed by its ledger'
  signature=$(decode "${line##* }")
  [ "${signature%"${signature#????????}"}" = "$id" ] || fail 'the checkpoint is signed by another key'
  printf '%s' "${signature#????????}" | xxd -r -p >"$work/signature"
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$work/key.der" -rawin -in "$work/text" \
    -sigfile "$work/signature" >/dev/null 2>&1 || fail 'the signature does not fit the checkpoint'
}

# RFC 9162, section 2.1.3.2
check_inclusion() { # index size leaf-hash root, the proof on standard input
  fn=$1 sn=$(($2 - 1)) found=$3
  [ "$fn" -le "$sn" ] || fail 'the entry is beyond the tree'
  while read -r encoded; do
    sibling=$(decode "$encoded")
    [ "${#sibling}" -eq 64 ] || fail 'a hash of the proof has not 32 bytes'
    [ "$sn" -gt 0 ] || fail 'the proof is too long'
    if [ $((fn % 2)) -eq 1 ] || [ "$fn" -eq "$sn" ]; then
      found=$(node "$sibling" "$found")
      while [ $((fn % 2)) -eq 0 ] && [ "$fn" -ne 0 ]; do fn=$((fn / 2)) sn=$((sn / 2)); done
    else
      found=$(node "$found" "$sibling")
    fi
    fn=$((fn / 2)) sn=$((sn / 2))
  done
  [ "$sn" -eq 0 ] || fail 'the proof is too short'
  [ "$found" = "$4" ] || fail 'the proof does not lead to the signed root'
}

checked=0
for proof in "$directory"/*.tlog-proof; do
  [ -f "$proof" ] || fail "there is no proof in $directory"
  [ "$(sed -n 1p "$proof")" = 'c2sp.org/tlog-proof@v1' ] || fail "$proof is no proof"
  index=$(sed -n '2s/^index \([0-9][0-9]*\)$/\1/p' "$proof")
  [ -n "$index" ] || fail "$proof has no index"
  awk 'ended { print } !ended && $0 == "" { ended = 1 }' "$proof" >"$work/checkpoint"
  awk 'NR > 2 && $0 == "" { exit } NR > 2 { print }' "$proof" >"$work/hashes"
  check_signature "$work/checkpoint"
  size=$(sed -n 2p "$work/text")
  root=$(decode "$(sed -n 3p "$work/text")")
  leaf="$directory/$index.leaf"
  grep -q "\"seq\":\"$index\"" "$leaf" || fail "$leaf says another place than its proof"
  hash=$({ printf '\0'; cat "$leaf"; } | sha256sum | cut -d' ' -f1)
  check_inclusion "$index" "$size" "$hash" "$root" <"$work/hashes"
  if [ -f "$directory/$index.data" ]; then
    grep -q "\"entry_data_sha256\":\"$(sha256sum <"$directory/$index.data" | cut -d' ' -f1)\"" "$leaf" ||
      fail "$index.data is not what the entry was made of"
  fi
  if [ -f "$directory/$index.record" ]; then
    grep -q "\"digest\":\"$(sha256sum <"$directory/$index.record" | cut -d' ' -f1)\"" "$directory/$index.data" ||
      fail "$index.record is not the row that the entry is about"
  fi
  echo "entry $index is in the tree of $size entries signed by $name"
  checked=$((checked + 1))
done
[ "$checked" -gt 0 ]
for content in "$directory"/content/*; do
  [ -f "$content" ] || continue
  [ "$(sha256sum <"$content" | cut -d' ' -f1)" = "$(basename "$content")" ] || fail "$content is not what it is called"
  grep -q -F "$(basename "$content")" "$directory"/*.data "$directory"/*.record || fail "nothing asks for $content"
done

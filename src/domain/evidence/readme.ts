/** The instructions that go with every bundle: how to check it without SentinelOps. The same text in all of them. */

export const README = `EVIDENCE OF ONE EVENT

report.html says what happened, for people; it needs no network and prints well. Everything else is what it is made of.

checkpoint           what the log has signed: its name, how many entries it has, the root of the tree over them
checkpoint.before    the one before the decision, where there is one; consistency leads from it to checkpoint
checkpoint.newest    the newest one, where it is another; consistency.newest leads from checkpoint to it
policy               the keys (C2SP tlog-policy). Compare them with keys that you got in another way than with this
N.leaf               entry N of the ledger, as it is hashed into the tree
N.data               what the entry says; its SHA-256 stands in the leaf
N.record             the row that the entry is about; its SHA-256 stands in N.data as "digest"
N.tlog-proof         the path from the leaf to the root (C2SP tlog-proof)
content/SHA256       texts that are referred to by their SHA-256: payload, policies, models, justifications, what was shown
aside.json           what the ledger does not cover: names of people, calls of targets

WITH SENTINELOPS, without a database, network or configuration

  sentinelops evidence verify --policy YOUR-POLICY FILE

WITH COREUTILS, XXD AND OPENSSL 3, in the directory of these files; N is the number of an entry

1. Texts are what they are called, and rows are those of their entries:

  (cd content && for f in *; do echo "$f  $f"; done | sha256sum -c)
  sha256sum N.record; grep -o '"digest":"[0-9a-f]*"' N.data
  sha256sum N.data;   grep -o '"entry_data_sha256":"[0-9a-f]*"' N.leaf

2. The leaf is in the tree (RFC 9162, section 2.1.3.2). The hash of the leaf:

  (printf '\\0'; cat N.leaf) | sha256sum

Then, for each line of base64 in N.tlog-proof, with fn = N and sn = SIZE - 1 to begin with: if fn is odd or equals sn,
the hash becomes SHA-256(01 || line || hash), and both numbers are halved until fn is odd or 0; otherwise it becomes
SHA-256(01 || hash || line). Then both numbers are halved, without remainder. For two hashes A and B in hex:

  printf '01%s%s' A B | xxd -r -p | sha256sum

At the end sn is 0, and the hash is the third line of checkpoint:

  sed -n 3p checkpoint | base64 -d | xxd -p -c 32

3. The log has signed the checkpoint. KEY is what stands behind the last + of the log line in policy, LINE the last word of
the line of checkpoint that begins with the name of the log:

  head -n 3 checkpoint > text
  (printf 302a300506032b6570032100 | xxd -r -p; printf %s KEY | base64 -d | tail -c 32) > key.der
  printf %s LINE | base64 -d | tail -c 64 > signature
  openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in text -sigfile signature

4. A witness has cosigned it. KEY and LINE are those of the witness:

  printf %s LINE | base64 -d | tail -c 72 | head -c 8 | xxd -p     the time, in seconds since 1970, in hex
  (printf 'cosignature/v1\\ntime %d\\n' 0xTIME; cat text) > cosigned
  openssl pkeyutl -verify -pubin -keyform DER -inkey key.der -rawin -in cosigned -sigfile signature

WHAT IT DOES NOT SHOW

That nothing else was recorded about the event: a log proves what is in it, not that something is not. Who sat in front of
the screen. The names and calls in aside.json, which are as SentinelOps tells them.
`;

// Checks what a SentinelOps ledger gives out with the Go team's implementation of notes and trees (Debian packages golang-go
// and golang-golang-x-mod-dev); it shares nothing with SentinelOps.
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go run verify.go LOG-VKEY WITNESS-VKEY DIRECTORY
//
// The directory holds: checkpoint, cosigned by the witness; N.leaf and N.tlog-proof for some entries; where they are there,
// checkpoint.before with the hashes from it in consistency, N.data and N.record with what the entry says and is about, and
// export, the whole ledger as "ledger export" writes it. An unpacked bundle of evidence is one.
package main

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// witness verifies cosignatures (C2SP tlog-cosignature), of which the Go package knows nothing but the interface.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func (w witness) Name() string    { return w.name }
func (w witness) KeyHash() uint32 { return w.hash }
func (w witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(sig))
	return ed25519.Verify(w.key, append([]byte(head), text...), sig[8:])
}

func newWitness(vkey string) witness {
	parts := strings.SplitN(vkey, "+", 3)
	key, err := base64.StdEncoding.DecodeString(parts[2])
	check(err)
	if len(key) != 33 || key[0] != 4 {
		fail("%s is no key of a witness", vkey)
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(sum[:4]) != parts[1] {
		fail("the id in %s is not its own", vkey)
	}
	return witness{parts[0], binary.BigEndian.Uint32(sum[:4]), key[1:]}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

func check(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func read(path string) []byte {
	data, err := os.ReadFile(path)
	check(err)
	return data
}

// open checks the signatures of a checkpoint, which must be by the log and, where it has to be cosigned, by the witness.
func open(data []byte, log, cosigner note.Verifier, signers int) tlog.Tree {
	opened, err := note.Open(data, note.VerifierList(log, cosigner))
	check(err)
	if len(opened.Sigs) < signers || opened.Sigs[0].Name != log.Name() {
		fail("the checkpoint has %d of %d signatures", len(opened.Sigs), signers)
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != log.Name() {
		fail("the checkpoint is not of %s", log.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	check(err)
	root, err := tlog.ParseHash(lines[2])
	check(err)
	return tlog.Tree{N: size, Hash: root}
}

func hashes(lines []string) []tlog.Hash {
	found := []tlog.Hash{}
	for _, line := range lines {
		hash, err := tlog.ParseHash(line)
		check(err)
		found = append(found, hash)
	}
	return found
}

func main() {
	if len(os.Args) != 4 {
		fail("usage: verify LOG-VKEY WITNESS-VKEY DIRECTORY")
	}
	log, err := note.NewVerifier(os.Args[1])
	check(err)
	cosigner := newWitness(os.Args[2])
	in := func(name string) string { return filepath.Join(os.Args[3], name) }

	newest := open(read(in("checkpoint")), log, cosigner, 2)
	if exists(in("checkpoint.before")) {
		before := open(read(in("checkpoint.before")), log, cosigner, 1)
		between := hashes(strings.Fields(string(read(in("consistency")))))
		check(tlog.CheckTree(between, newest.N, newest.Hash, before.N, before.Hash))
		fmt.Printf("the tree of %d entries continues that of %d\n", newest.N, before.N)
	}

	proofs, err := filepath.Glob(in("*.tlog-proof"))
	check(err)
	if len(proofs) == 0 {
		fail("there is no proof")
	}
	for _, path := range proofs {
		head, checkpoint, _ := bytes.Cut(read(path), []byte("\n\n"))
		tree := open(checkpoint, log, cosigner, 1)
		lines := strings.Split(string(head), "\n")
		if len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
			fail("%s is no proof", path)
		}
		index, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
		check(err)
		leaf := read(in(fmt.Sprintf("%d.leaf", index)))
		check(tlog.CheckRecord(hashes(lines[2:]), tree.N, tree.Hash, index, tlog.RecordHash(leaf)))
		checkContent(in(fmt.Sprintf("%d.data", index)), leaf, "entry_data_sha256")
		if record := in(fmt.Sprintf("%d.record", index)); exists(record) {
			checkContent(record, read(in(fmt.Sprintf("%d.data", index))), "digest")
		}
		fmt.Printf("entry %d is in the tree of %d\n", index, tree.N)
	}
	if exists(in("export")) {
		replay(in("export"), newest)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// checkContent compares the hash of a file with the one that a member of a canonical JSON object gives.
func checkContent(path string, object []byte, member string) {
	quoted := fmt.Sprintf("%q:%q", member, fmt.Sprintf("%x", sha256.Sum256(read(path))))
	if !bytes.Contains(object, []byte(quoted)) {
		fail("%s is not what its entry says", path)
	}
}

// replay grows the tree from the leaves of an export.
func replay(path string, signed tlog.Tree) {
	file, err := os.Open(path)
	check(err)
	stored := []tlog.Hash{}
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		found := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			found[i] = stored[index]
		}
		return found, nil
	})
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	lines.Scan()
	count := int64(0)
	for lines.Scan() && count < signed.N {
		leaf := strings.Split(lines.Text(), "\t")[1]
		more, err := tlog.StoredHashes(count, []byte(leaf), reader)
		check(err)
		stored = append(stored, more...)
		count++
	}
	if count != signed.N {
		fail("the export has %d entries, the checkpoint %d", count, signed.N)
	}
	root, err := tlog.TreeHash(count, reader)
	check(err)
	if root != signed.Hash {
		fail("the export is not what was signed")
	}
	fmt.Printf("the export of %d entries is what was signed\n", count)
}

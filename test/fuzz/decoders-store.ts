import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from '../../src/codec/crc32.js'
import { putU32 } from '../../src/codec/little-endian.js'
import { DataDirLock } from '../../src/store/data-dir-lock.js'
import { lastLifePath, lockPath, manifestPath } from '../../src/store/data-layout.js'
import { type JournalContent, readJournal } from '../../src/store/journal-content.js'
import {
  encodeEntry,
  encodeMark,
  JOURNAL_BLOCK_BYTES,
  type Put,
  readEntry,
  readEntryHead,
} from '../../src/store/journal-entry.js'
import { decodePosition, encodePosition, type JournalPosition } from '../../src/store/journal-position.js'
import { type LastLife, readLastLife } from '../../src/store/last-life.js'
import { checkLmdbFile } from '../../src/store/lmdb-file-check.js'
import { LmdbLogStore } from '../../src/store/lmdb-log-store.js'
import { instanceOfKey, KEY_BYTES, recordKey } from '../../src/store/log-keys.js'
import { checkManifest, type Manifest, readManifest, writeManifest } from '../../src/store/manifest.js'
import { decodeIdentity, encodeIdentity, STORE_FORMAT, type StoreIdentity } from '../../src/store/store-identity.js'
import { VOTER } from '../store/support/workload.js'
import { type Decoder, decoder, REFUSED } from './decoder.js'
import { checkpointDecoders, removeCheckpointFiles } from './decoders-checkpoint.js'

const FILES = ['StoreError']
const directory = mkdtempSync(join(tmpdir(), 'fuzz-store-'))

/** After the last run. */
export function removeFiles(): void {
  rmSync(directory, { recursive: true, force: true })
  removeCheckpointFiles()
}

const genesis = {
  clusterId: 'abcdef0123456789',
  groupCount: 4,
  routingGroups: 4,
  voters: [1, 2, 3].map((nodeId) => ({ nodeId, voterId: nodeId.toString().padStart(16, '0') })),
}
const manifests: readonly Manifest[] = [
  { nodeId: 1, voterId: VOTER, stores: 4 },
  { nodeId: 3, voterId: VOTER, stores: 1, genesis },
]

function manifestBytes(manifest: Manifest): Uint8Array {
  writeManifest(directory, manifest)
  return readFileSync(manifestPath(directory))
}

/** The two meta pages of a store that has seen some commits. */
function lmdbBytes(): Uint8Array {
  const path = join(directory, 'log')
  const store = new LmdbLogStore({ path, voterId: VOTER })
  store.create([0, 1])
  store.close()
  return Uint8Array.from(readFileSync(join(path, 'data.mdb')))
}

const identity = decoder<StoreIdentity | { format: number }>({
  name: 'identity of a store',
  covers: ['store/store-identity.decodeIdentity'],
  seeds: () =>
    [[], [0], Array.from({ length: 300 }, (_, i) => i)].map((groups) =>
      encodeIdentity({ format: STORE_FORMAT, voterId: VOTER, groups }),
    ),
  decode: (bytes) => {
    const found = decodeIdentity(bytes, bytes.length)
    return found === undefined || !('groups' in found) ? REFUSED : found
  },
  encode: (one) => encodeIdentity(one as StoreIdentity),
  seal: (bytes) => {
    if (bytes.length >= 4) putU32(bytes, 0, crc32(bytes.subarray(4)))
  },
})

const key = decoder<number>({
  name: 'key of a record',
  covers: ['store/log-keys.instanceOfKey'],
  seeds: () => [1, 2 ** 32, 2 ** 48 - 2].map((instance) => recordKey(new Uint8Array(KEY_BYTES), 4, instance)),
  decode: instanceOfKey,
})

const JOURNAL = 4711
const puts = [0, 1, 300].map((length) => ({
  key: new Uint8Array(8).fill(length),
  value: new Uint8Array(length).fill(7),
}))

function entryOf(count: number): Uint8Array {
  const bytes = new Uint8Array(JOURNAL_BLOCK_BYTES)
  encodeEntry(bytes, JOURNAL, 3, puts.slice(0, count))
  return bytes
}

const entry = decoder<readonly Put[]>({
  name: 'entry of a journal',
  covers: ['store/journal-entry.readEntryHead', 'store/journal-entry.readEntry'],
  seeds: () => [1, 2, 3].map(entryOf),
  decode: (bytes) => {
    const head = readEntryHead(bytes, 0, JOURNAL)
    return head === undefined ? REFUSED : (readEntry(bytes, 0, head)?.puts ?? REFUSED)
  },
})

/** A journal of three entries, of which the mark knows two. */
function journalBytes(): Uint8Array {
  const bytes = new Uint8Array(6 * JOURNAL_BLOCK_BYTES)
  encodeMark(bytes, JOURNAL, 2)
  for (const sequence of [1, 2, 3]) encodeEntry(bytes.subarray(sequence * JOURNAL_BLOCK_BYTES), JOURNAL, sequence, puts)
  return bytes
}

const journal = decoder<JournalContent>({
  name: 'journal',
  covers: ['store/journal-content.readJournal', 'store/journal-entry.readMark'],
  seeds: () => [journalBytes()],
  decode: (bytes) => {
    const content = readJournal(bytes, { journal: JOURNAL, absorbed: 0 })
    return typeof content === 'string' ? REFUSED : content
  },
})

const position = decoder<JournalPosition>({
  name: 'position of a journal',
  covers: ['store/journal-position.decodePosition'],
  seeds: () => [
    ...[0, 1, 2 ** 40].map((absorbed) => encodePosition({ journal: JOURNAL, absorbed })),
    ...['', 'a boot'].map((relaxedIn) => encodePosition({ journal: JOURNAL, absorbed: 1, relaxedIn })),
  ],
  decode: (bytes) => decodePosition(bytes, bytes.length) ?? REFUSED,
  encode: encodePosition,
  seal: (bytes) => {
    if (bytes.length >= 4) putU32(bytes, 0, crc32(bytes.subarray(4)))
  },
})

const manifest = decoder<Manifest>({
  name: 'manifest',
  covers: ['store/manifest.readManifest', 'store/manifest.checkManifest'],
  seeds: () => manifests.map(manifestBytes),
  decode: (bytes) => {
    writeFileSync(manifestPath(directory), bytes)
    const found = readManifest(directory)
    if (found === undefined) return REFUSED
    checkManifest(found, directory, { nodeId: found.nodeId })
    return found
  },
  encode: manifestBytes,
  seal: sealManifest,
  slow: true,
  errors: FILES,
})

/** Writes the checksum that the changed text would have, where it still is JSON. */
function sealManifest(bytes: Uint8Array): void {
  try {
    const { crc32: old, ...rest } = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
    const at = Buffer.from(bytes).indexOf(String(old))
    const sum = crc32(Buffer.from(JSON.stringify(rest))).toString(16)
    if (at >= 0) bytes.set(Buffer.from(sum.padStart(8, '0')).subarray(0, bytes.length - at), at)
  } catch {
    // It is no JSON any more: nothing to put right.
  }
}

/** Whatever the file says, the lock is taken, or refused as in use by a process that lives. */
const lock = decoder({
  name: 'lock of a data directory',
  covers: ['store/data-dir-lock.DataDirLock'],
  seeds: () => {
    DataDirLock.take(directory)
    const bytes = readFileSync(lockPath(directory), 'utf8')
    rmSync(lockPath(directory))
    // The process had the number at another time.
    return [Buffer.from(bytes.replace(/"startedAt":"\d*"/, '"startedAt":"1"'))]
  },
  decode: (bytes) => {
    writeFileSync(lockPath(directory), bytes)
    try {
      DataDirLock.take(directory).release()
    } finally {
      rmSync(lockPath(directory), { force: true })
    }
    return true
  },
  slow: true,
  errors: FILES,
})

const lmdbFile = decoder({
  name: 'pages of LMDB',
  covers: ['store/lmdb-file-check.checkLmdbFile'],
  seeds: () => [lmdbBytes()],
  decode: (bytes) => {
    const path = join(directory, 'checked')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'data.mdb'), bytes)
    try {
      checkLmdbFile(join(path, 'data.mdb'))
    } finally {
      rmSync(path, { recursive: true })
    }
    return true
  },
  slow: true,
  errors: FILES,
})

const lastLife = decoder<LastLife>({
  name: 'last life',
  covers: ['store/last-life.readLastLife'],
  seeds: () =>
    [
      { phase: 'opening', failures: 1 },
      { phase: 'running', failures: 3 },
    ].map((life) => Buffer.from(JSON.stringify(life))),
  decode: (bytes) => {
    writeFileSync(lastLifePath(directory), bytes)
    return readLastLife(directory) ?? REFUSED
  },
  slow: true,
})

export const storeDecoders: readonly Decoder[] = [
  identity,
  key,
  entry,
  journal,
  position,
  manifest,
  lastLife,
  lock,
  lmdbFile,
  ...checkpointDecoders,
]

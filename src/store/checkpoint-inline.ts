import { closeSync, openSync, readFileSync, writeSync } from 'node:fs'
import { CodecError, fail } from '../codec/codec-error.js'
import { crc32 } from '../codec/crc32.js'
import { checkWithin, MAX_U16, MAX_U32, readWhole, WHOLE_BYTES, writeWhole } from '../codec/integers.js'
import { getU32, putU32 } from '../codec/little-endian.js'
import { damagedCheckpoint, unreadableCheckpoint, unwritableCheckpoint } from './checkpoint-errors.js'
import type { StatePosition } from './state-store.js'

/** What the thread of a group gives for a checkpoint that another thread makes. */
export interface InlineState {
  readonly position: StatePosition
  /** Of the machines in memory, ascending by machine; none if they are to be replayed. */
  readonly snapshots: readonly InlineSnapshot[]
}

export interface InlineSnapshot {
  readonly machine: number
  readonly bytes: Uint8Array
}

/**
 * On its way from one thread to another, so it is not flushed. Little endian:
 *
 * ```
 *  0  u32    crc32 of everything behind it
 *  4  u32    magic
 *  8  whole  executedUpTo
 * 16  u32    chain
 * 20  u32    digest
 * 24  u32    bytes of the built-in state
 * 28  u32    count of snapshots
 * 32         the built-in state; then of each snapshot u32 machine, u32 bytes, and its bytes
 * ```
 */
const MAGIC = 0x494b4353
const HEADER_BYTES = 24 + WHOLE_BYTES
const SNAPSHOT_HEADER_BYTES = 8
/** What one read takes. */
const MAX_FILE_BYTES = 2 ** 31 - 1

/** Throws DISK_FULL, STORAGE_FAILED; CodecError for what is too large. */
export function writeInline(path: string, { position, snapshots }: InlineState): void {
  const { executedUpTo, chain, digest, builtIn } = position
  const header = new Uint8Array(HEADER_BYTES)
  putU32(header, 4, MAGIC)
  writeWhole(header, 8, executedUpTo)
  putU32(header, 16, chain)
  putU32(header, 20, digest)
  checkWithin(builtIn.length, MAX_U32, 'the bytes of the built-in state')
  putU32(header, 24, builtIn.length)
  putU32(header, 28, snapshots.length)
  const pieces = [header, builtIn]
  for (const { machine, bytes } of snapshots) {
    const head = new Uint8Array(SNAPSHOT_HEADER_BYTES)
    checkWithin(machine, MAX_U16, 'a machine id')
    putU32(head, 0, machine)
    putU32(head, 4, bytes.length)
    pieces.push(head, bytes)
  }
  if (pieces.reduce((sum, { length }) => sum + length, 0) > MAX_FILE_BYTES)
    fail('TOO_LARGE', `snapshots of more than ${MAX_FILE_BYTES} bytes cannot be handed over: they are to be replayed`)
  let crc = crc32(header.subarray(4))
  for (const piece of pieces.slice(1)) crc = crc32(piece, crc)
  putU32(header, 0, crc)
  writePieces(path, pieces)
}

/** Throws CHECKPOINT_DAMAGED, STORAGE_FAILED. What it gives lies in one buffer. */
export function readInline(path: string): InlineState {
  let bytes: Uint8Array
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw unreadableCheckpoint(path, error)
  }
  try {
    return decode(bytes)
  } catch (error) {
    if (!(error instanceof CodecError)) throw error
    throw damagedCheckpoint(path, error.message, error)
  }
}

function decode(bytes: Uint8Array): InlineState {
  if (bytes.length < HEADER_BYTES) fail('TRUNCATED', `it has ${bytes.length} bytes, its head alone ${HEADER_BYTES}`)
  if (crc32(bytes.subarray(4)) !== getU32(bytes, 0)) fail('BAD_CHECKSUM', 'its checksum does not fit')
  if (getU32(bytes, 4) !== MAGIC) fail('MALFORMED', 'it does not begin as such a file does')
  let at = HEADER_BYTES
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) fail('TRUNCATED', `it ends within ${length} bytes that begin at ${at}`)
    at += length
    return bytes.subarray(at - length, at)
  }
  const position = {
    executedUpTo: readWhole(bytes, 8),
    chain: getU32(bytes, 16),
    digest: getU32(bytes, 20),
    builtIn: take(getU32(bytes, 24)),
  }
  const snapshots: InlineSnapshot[] = []
  for (let left = getU32(bytes, 28); left > 0; left--) {
    const head = take(SNAPSHOT_HEADER_BYTES)
    const machine = getU32(head, 0)
    if (machine > MAX_U16 || machine <= (snapshots.at(-1)?.machine ?? -1))
      fail('MALFORMED', 'its machines do not ascend')
    snapshots.push({ machine, bytes: take(getU32(head, 4)) })
  }
  if (at !== bytes.length) fail('MALFORMED', `it goes on behind its end at ${at}`)
  return { position, snapshots }
}

function writePieces(path: string, pieces: readonly Uint8Array[]): void {
  try {
    const fd = openSync(path, 'w', 0o600)
    try {
      for (const piece of pieces)
        for (let done = 0; done < piece.length; ) done += writeSync(fd, piece, done, piece.length - done)
    } finally {
      closeSync(fd)
    }
  } catch (error) {
    throw unwritableCheckpoint(path, error)
  }
}

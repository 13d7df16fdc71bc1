import { fail } from '../codec/codec-error.js'
import { crc32 } from '../codec/crc32.js'
import { readHex64, writeHex64 } from '../codec/hex64.js'
import { getSafe, getU16, getU32, NOT_SAFE, putSafe, putU16, putU32 } from '../codec/little-endian.js'
import { copyOf } from '../codec/own-bytes.js'
import type { Voter } from '../core/membership.js'
import { CheckpointBlocks } from './checkpoint-blocks.js'
import {
  type CheckpointMachine,
  type CheckpointMachineKind,
  type CheckpointManifest,
  type CheckpointMeta,
  type CheckpointSection,
  isFileName,
  MAX_MANIFEST_BYTES,
  MAX_SNAPSHOT_BYTES,
  SECTION_OF,
} from './checkpoint-manifest.js'

/**
 * A manifest as bytes. Little endian; there is one encoding of each:
 *
 * ```
 *  0  u32  crc32 of everything behind it    crc, magic and format stay where they are in every format to come,
 *  4  u32  magic                            so that an older program can tell a newer checkpoint from a damaged one
 *  8  u16  format
 * 10  u8   codec of the blocks, 1: brotli
 * 11  u8   0
 * 12  u16  group
 * 14  u16  number of voters
 * 16  u64  instance
 * 24  u32  chain
 * 28  u32  digest
 * 32  8    cluster id
 * 40  u64  version of the membership
 * 48  u64  created at
 * 56  u32  number of machines
 * 60  u32  number of sections
 * 64  u32  number of blocks
 * 68  u32  bytes of all names of files
 * 72  u32  bytes of the built-in state
 * 76  voters ascending by node:      u16 node id, 8 bytes voter id
 *     machines ascending by id:      u16 id, u8 kind (0 memory, 1 stored, 2 external)
 *     sections:                      u16 machine, u8 0, u8 bytes of its name, u32 number of its blocks
 *     names of files, blocks (CheckpointBlocks), built-in state
 * ```
 */
const MAGIC = 0x4b435053
const FORMAT = 1
const CODEC = 1
const HEADER_BYTES = 76
const VOTER_BYTES = 10
const MACHINE_BYTES = 3
const SECTION_BYTES = 8
const KINDS: readonly CheckpointMachineKind[] = ['memory', 'stored', 'external']

/** Without the fields that follow from the rest. */
export type NewSection = Omit<CheckpointSection, 'firstBlock' | 'bytes'>

/** Throws CodecError NOT_ENCODABLE or TOO_LARGE for what a reader would refuse. */
export function encodeCheckpointManifest(
  meta: CheckpointMeta,
  sections: readonly NewSection[],
  rows: Uint8Array,
): Uint8Array {
  const { membership, machines, builtIn } = meta
  const names = Buffer.from(sections.map(({ name }) => name).join(''))
  const tables =
    membership.voters.length * VOTER_BYTES + machines.length * MACHINE_BYTES + sections.length * SECTION_BYTES
  const length = HEADER_BYTES + tables + names.length + rows.length + builtIn.length
  if (length > MAX_MANIFEST_BYTES) fail('TOO_LARGE', `a manifest of ${length} bytes, at most ${MAX_MANIFEST_BYTES}`)
  const bytes = new Uint8Array(length)
  putHeader(bytes, meta)
  putU32(bytes, 60, sections.length)
  putU32(bytes, 64, rows.length / CheckpointBlocks.bytesOf(1))
  putU32(bytes, 68, names.length)
  let at = HEADER_BYTES
  for (const { nodeId, voterId } of membership.voters) {
    putU16(bytes, at, nodeId)
    writeHex64(bytes, at + 2, voterId)
    at += VOTER_BYTES
  }
  for (const { id, kind } of machines) {
    putU16(bytes, at, id)
    bytes[at + 2] = KINDS.indexOf(kind)
    at += MACHINE_BYTES
  }
  for (const { machine, name, blocks } of sections) {
    putU16(bytes, at, machine)
    bytes[at + 3] = name.length
    putU32(bytes, at + 4, blocks)
    at += SECTION_BYTES
  }
  for (const part of [names, rows, builtIn]) {
    bytes.set(part, at)
    at += part.length
  }
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  checkEncoded(bytes)
  return bytes
}

function putHeader(bytes: Uint8Array, meta: CheckpointMeta): void {
  putU32(bytes, 4, MAGIC)
  putU16(bytes, 8, FORMAT)
  bytes[10] = CODEC
  putU16(bytes, 12, meta.group)
  putU16(bytes, 14, meta.membership.voters.length)
  putSafe(bytes, 16, meta.instance)
  putU32(bytes, 24, meta.chain)
  putU32(bytes, 28, meta.digest)
  writeHex64(bytes, 32, meta.clusterId)
  putSafe(bytes, 40, meta.membership.version)
  putSafe(bytes, 48, meta.createdAt)
  putU32(bytes, 56, meta.machines.length)
  putU32(bytes, 72, meta.builtIn.length)
}

/** What every reader would refuse is refused where it is made. */
function checkEncoded(bytes: Uint8Array): void {
  try {
    decodeCheckpointManifest(bytes)
  } catch (error) {
    fail('NOT_ENCODABLE', `a manifest that nobody could read: ${(error as Error).message}`, error)
  }
}

/** Shares no byte with the source. Throws CodecError: UNKNOWN_VERSION for a newer format or another codec, anything else for damage. */
export function decodeCheckpointManifest(bytes: Uint8Array): CheckpointManifest {
  if (bytes.length < 12 || bytes.length > MAX_MANIFEST_BYTES) fail('TRUNCATED', `it has ${bytes.length} bytes`)
  const id = getU32(bytes, 0)
  if (crc32(bytes.subarray(4)) !== id) fail('BAD_CHECKSUM', 'its checksum does not fit')
  if (getU32(bytes, 4) !== MAGIC) fail('MALFORMED', 'it is no manifest of a checkpoint')
  const format = getU16(bytes, 8)
  if (format !== FORMAT) fail('UNKNOWN_VERSION', `it has format ${format}, this program knows ${FORMAT}`)
  if (bytes.length < HEADER_BYTES) fail('TRUNCATED', `it has ${bytes.length} bytes`)
  if (bytes[10] !== CODEC)
    fail('UNKNOWN_VERSION', `its blocks are compressed by codec ${bytes[10]}, this program knows ${CODEC} (brotli)`)
  if (bytes[11] !== 0) fail('MALFORMED', 'a reserved byte is not 0')
  const places = tablesOf(bytes)
  const machines = readMachines(bytes, places.machines, places.sections)
  const blocks = readBlocks(copyOf(bytes, places.blocks, places.builtIn - places.blocks))
  const [instance, version, createdAt] = [getSafe(bytes, 16), getSafe(bytes, 40), getSafe(bytes, 48)]
  if (instance === NOT_SAFE || createdAt === NOT_SAFE) fail('MALFORMED', 'a field is out of its range')
  if (version === NOT_SAFE || version > instance)
    fail('MALFORMED', `its membership is of instance ${version}, it is of ${instance}`)
  return {
    id,
    group: getU16(bytes, 12),
    instance,
    chain: getU32(bytes, 24),
    digest: getU32(bytes, 28),
    clusterId: readHex64(bytes, 32),
    membership: { version, voters: readVoters(bytes, places.voters, places.machines) },
    createdAt,
    machines,
    sections: readSections(bytes, places, machines, blocks),
    blocks,
    builtIn: copyOf(bytes, places.builtIn, bytes.length - places.builtIn),
  }
}

interface Places {
  readonly voters: number
  readonly machines: number
  readonly sections: number
  readonly names: number
  readonly blocks: number
  readonly builtIn: number
}

/** Where each table begins. Nothing behind this can read past the end: the sizes give the length exactly. */
function tablesOf(bytes: Uint8Array): Places {
  const voters = HEADER_BYTES
  const machines = voters + getU16(bytes, 14) * VOTER_BYTES
  const sections = machines + getU32(bytes, 56) * MACHINE_BYTES
  const names = sections + getU32(bytes, 60) * SECTION_BYTES
  const blocks = names + getU32(bytes, 68)
  const builtIn = blocks + CheckpointBlocks.bytesOf(getU32(bytes, 64))
  const end = builtIn + getU32(bytes, 72)
  if (end !== bytes.length) fail('MALFORMED', `it has ${bytes.length} bytes, its tables come to ${end}`)
  return { voters, machines, sections, names, blocks, builtIn }
}

function readVoters(bytes: Uint8Array, from: number, to: number): Voter[] {
  const voters: Voter[] = []
  for (let at = from; at < to; at += VOTER_BYTES) {
    const nodeId = getU16(bytes, at)
    if (nodeId <= (voters.at(-1)?.nodeId ?? 0)) fail('MALFORMED', 'its voters are not in order')
    voters.push({ nodeId, voterId: readHex64(bytes, at + 2) })
  }
  if (voters.length === 0) fail('MALFORMED', 'it has no voters')
  return voters
}

function readMachines(bytes: Uint8Array, from: number, to: number): CheckpointMachine[] {
  const machines: CheckpointMachine[] = []
  for (let at = from; at < to; at += MACHINE_BYTES) {
    const id = getU16(bytes, at)
    const kind = KINDS[bytes[at + 2] ?? 0]
    if (kind === undefined) fail('MALFORMED', `machine ${id} is of kind ${bytes[at + 2]}`)
    if (id <= (machines.at(-1)?.id ?? -1)) fail('MALFORMED', 'its machines are not in order')
    machines.push({ id, kind })
  }
  return machines
}

function readBlocks(rows: Uint8Array): CheckpointBlocks {
  try {
    return new CheckpointBlocks(rows)
  } catch (error) {
    return fail('MALFORMED', (error as Error).message, error)
  }
}

function readSections(
  bytes: Uint8Array,
  places: Places,
  machines: readonly CheckpointMachine[],
  blocks: CheckpointBlocks,
): CheckpointSection[] {
  const kinds = new Map(machines.map(({ id, kind }) => [id, kind]))
  const seen = new Set<string>()
  const sections: CheckpointSection[] = []
  let nameAt = places.names
  let firstBlock = 0
  for (let at = places.sections; at < places.names; at += SECTION_BYTES) {
    const machine = getU16(bytes, at)
    const machineKind = kinds.get(machine)
    if (machineKind === undefined || bytes[at + 2] !== 0) fail('MALFORMED', `a section of machine ${machine}`)
    const kind = SECTION_OF[machineKind]
    const nameEnd = nameAt + (bytes[at + 3] ?? 0)
    if (nameEnd > places.blocks) fail('MALFORMED', 'its names are longer than all of them')
    const name = Buffer.from(bytes.subarray(nameAt, nameEnd)).toString('latin1')
    if (kind === 'file' ? !isFileName(name) : name !== '') fail('MALFORMED', `a file is named ${JSON.stringify(name)}`)
    if (seen.has(`${machine}/${name}`)) fail('MALFORMED', `two sections of machine ${machine} ${name}`)
    seen.add(`${machine}/${name}`)
    const count = getU32(bytes, at + 4)
    if (firstBlock + count > blocks.count) fail('MALFORMED', 'its sections have more blocks than there are')
    const content = contentBytes(blocks, firstBlock, count)
    if (kind === 'snapshot' && content > MAX_SNAPSHOT_BYTES) fail('TOO_LARGE', `a snapshot of ${content} bytes`)
    sections.push({ machine, kind, name, firstBlock, blocks: count, bytes: content })
    nameAt = nameEnd
    firstBlock += count
  }
  if (nameAt !== places.blocks || firstBlock !== blocks.count) fail('MALFORMED', 'names or blocks of no section')
  for (const { id, kind } of machines) {
    if (kind !== 'external' && !seen.has(`${id}/`)) fail('MALFORMED', `machine ${id} has no section`)
  }
  return sections
}

function contentBytes(blocks: CheckpointBlocks, first: number, count: number): number {
  let bytes = 0
  for (let i = first; i < first + count; i++) bytes += blocks.contentBytes(i)
  return bytes
}

import type { GroupIndex } from '../base/numbers.js'
import { crc32 } from '../codec/crc32.js'
import { getVoterId, putVoterId } from '../codec/head.js'
import { getSafe, getU16, getU32, putSafe, putU16, putU32 } from '../codec/little-endian.js'
import { copyOf } from '../codec/own-bytes.js'
import type { VoterId } from '../core/membership.js'
import type { StatePosition } from './state-store.js'

/**
 * Where the tree of a group begins, and what it stands for. Kept twice. Little endian:
 *
 * ```
 *  0  u32  crc32 of everything behind it
 *  4  u32  magic
 *  8  u8   format, 1
 *  9  u8   generation of the blocks
 * 10  u16  group
 * 12  u64  voter id
 * 20  u64  executedUpTo
 * 28  u32  chain
 * 32  u32  digest
 * 36  u64  root block; 0: there are no entries
 * 44  u32  crc32 of the root
 * 48  u64  number of the next block to be made
 * 56  u32  length of the built-in state
 * 60  u32  its crc32
 * 64  u64  the first of the blocks that hold it; 0: it follows here
 * 72       the built-in state, if it is small
 * ```
 */
export interface StateHead {
  readonly voterId: VoterId
  readonly generation: number
  readonly root: BlockRef | undefined
  readonly nextBlock: number
  /** Without the built-in state if that lies in blocks. */
  readonly position: StatePosition
  readonly builtInAt: BigRef | undefined
}

/** A block and the crc32 that its bytes must have. */
export interface BlockRef {
  readonly block: number
  readonly crc: number
}

/** Bytes that lie in blocks of their own, numbered one after another. */
export interface BigRef {
  readonly first: number
  readonly length: number
  readonly crc: number
}

const MAGIC = 0x53585053
const FORMAT = 1
const HEADER_BYTES = 72
const NOTHING = new Uint8Array(0)

export function encodeStateHead(group: GroupIndex, head: StateHead): Uint8Array {
  const { position, root, builtInAt } = head
  const inline = builtInAt === undefined ? position.builtIn : NOTHING
  const bytes = new Uint8Array(HEADER_BYTES + inline.length)
  putU32(bytes, 4, MAGIC)
  bytes[8] = FORMAT
  bytes[9] = head.generation
  putU16(bytes, 10, group)
  putVoterId(bytes, 12, head.voterId)
  putSafe(bytes, 20, position.executedUpTo)
  putU32(bytes, 28, position.chain)
  putU32(bytes, 32, position.digest)
  putSafe(bytes, 36, root?.block ?? 0)
  putU32(bytes, 44, root?.crc ?? 0)
  putSafe(bytes, 48, head.nextBlock)
  putU32(bytes, 56, builtInAt?.length ?? inline.length)
  putU32(bytes, 60, builtInAt?.crc ?? 0)
  putSafe(bytes, 64, builtInAt?.first ?? 0)
  bytes.set(inline, HEADER_BYTES)
  putU32(bytes, 0, crc32(bytes.subarray(4)))
  return bytes
}

/** Or what is wrong with it, in words. */
export function decodeStateHead(bytes: Uint8Array, length: number, group: GroupIndex): StateHead | string {
  if (length < HEADER_BYTES || getU32(bytes, 0) !== crc32(bytes.subarray(4, length))) return 'wrong checksum'
  if (getU32(bytes, 4) !== MAGIC) return 'not a head of a state'
  if (bytes[8] !== FORMAT) return `format ${bytes[8]}, this program knows ${FORMAT}`
  if (getU16(bytes, 10) !== group) return `of group ${getU16(bytes, 10)}`
  const [executedUpTo, root, nextBlock, first] = [20, 36, 48, 64].map((at) => getSafe(bytes, at)) as [
    number,
    number,
    number,
    number,
  ]
  const builtInLength = getU32(bytes, 56)
  const isWhole = Math.min(executedUpTo, root, nextBlock, first) >= 0
  if (!isWhole || length !== HEADER_BYTES + (first === 0 ? builtInLength : 0)) return 'no possible head'
  return {
    voterId: getVoterId(bytes, 12),
    generation: bytes[9] ?? 0,
    root: root === 0 ? undefined : { block: root, crc: getU32(bytes, 44) },
    nextBlock,
    position: {
      executedUpTo,
      chain: getU32(bytes, 28),
      digest: getU32(bytes, 32),
      builtIn: first === 0 ? copyOf(bytes, HEADER_BYTES, builtInLength) : NOTHING,
    },
    builtInAt: first === 0 ? undefined : { first, length: builtInLength, crc: getU32(bytes, 60) },
  }
}

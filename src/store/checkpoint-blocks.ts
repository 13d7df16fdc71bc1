import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib'
import { MAX_PART_BYTES } from '../codec/limits.js'
import { getU32, putU32 } from '../codec/little-endian.js'

/**
 * Content is cut into blocks, each compressed by itself and with a crc32 of what is stored. Brotli at its lowest
 * quality: it comes with Node, so a checkpoint can be read wherever this program runs, and of all codecs tried only
 * native packages were faster (docs/storage.md).
 */
export const BLOCK_BYTES = 256 * 1024

/** What a reader takes, so that the size may be changed. */
export const MAX_BLOCK_BYTES = MAX_PART_BYTES

/** The window is as large as a block: a larger one costs memory and finds nothing more. */
const WINDOW_BITS = 18
/** Below a gain of one in so many, what compression saves is not worth undoing it. */
const LEAST_GAIN = 16
/** zlib allocates so much at a time: memory follows what comes out, and not what a manifest says will. */
const CHUNK_BYTES = 64 * 1024

/** What is stored for it: of the same length only where it is the content itself, which did not compress. */
export function packBlock(content: Uint8Array): Uint8Array {
  const packed = brotliCompressSync(content, {
    chunkSize: CHUNK_BYTES,
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 0,
      [constants.BROTLI_PARAM_LGWIN]: WINDOW_BITS,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    },
  })
  return packed.length < content.length - Math.floor(content.length / LEAST_GAIN) ? packed : content
}

/** Of what `stored` was made; undefined if it was not made of that many bytes, and no more is ever allocated. */
export function unpackBlock(stored: Uint8Array, contentBytes: number): Uint8Array | undefined {
  if (stored.length === contentBytes) return stored
  try {
    const content = brotliDecompressSync(stored, { chunkSize: CHUNK_BYTES, maxOutputLength: contentBytes })
    return content.length === contentBytes ? content : undefined
  } catch (error) {
    // What brotli or zlib cannot make sense of has a code.
    if (typeof (error as { code?: unknown }).code !== 'string') throw error
    return undefined
  }
}

const ROW_BYTES = 12

/**
 * Sizes and checksums of the blocks, as they stand in the manifest. A row, little endian:
 *
 * ```
 * 0  u32  bytes stored       1..content
 * 4  u32  bytes of content   1..MAX_BLOCK_BYTES
 * 8  u32  crc32 of what is stored
 * ```
 */
export class CheckpointBlocks {
  readonly rows: Uint8Array
  readonly count: number
  /** Where each block begins in the data file; one more for the end. */
  readonly #offsets: Float64Array

  /** Throws a RangeError if a row is out of its bounds. */
  constructor(rows: Uint8Array) {
    this.rows = rows
    this.count = rows.length / ROW_BYTES
    this.#offsets = new Float64Array(this.count + 1)
    for (let i = 0; i < this.count; i++) {
      const [stored, content] = [this.storedBytes(i), this.contentBytes(i)]
      if (stored < 1 || stored > content || content > MAX_BLOCK_BYTES) {
        throw new RangeError(`block ${i} has ${content} bytes, stored as ${stored}`)
      }
      this.#offsets[i + 1] = this.offset(i) + stored
    }
  }

  static rowsOf(
    rows: readonly { readonly stored: number; readonly content: number; readonly crc: number }[],
  ): Uint8Array {
    const bytes = new Uint8Array(rows.length * ROW_BYTES)
    rows.forEach(({ stored, content, crc }, i) => {
      putU32(bytes, i * ROW_BYTES, stored)
      putU32(bytes, i * ROW_BYTES + 4, content)
      putU32(bytes, i * ROW_BYTES + 8, crc)
    })
    return bytes
  }

  static bytesOf(count: number): number {
    return count * ROW_BYTES
  }

  storedBytes(block: number): number {
    return getU32(this.rows, block * ROW_BYTES)
  }

  contentBytes(block: number): number {
    return getU32(this.rows, block * ROW_BYTES + 4)
  }

  crc(block: number): number {
    return getU32(this.rows, block * ROW_BYTES + 8)
  }

  /** In the data file; of `count` it is the size of the file. */
  offset(block: number): number {
    return this.#offsets[block] ?? 0
  }

  get dataBytes(): number {
    return this.offset(this.count)
  }
}

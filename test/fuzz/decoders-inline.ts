import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from '../../src/codec/crc32.js'
import { putU32 } from '../../src/codec/little-endian.js'
import { type InlineState, readInline, writeInline } from '../../src/store/checkpoint-inline.js'
import { type Decoder, decoder } from './decoder.js'

const directory = mkdtempSync(join(tmpdir(), 'fuzz-inline-'))
const path = join(directory, 'inline')

/** After the last run. */
export function removeInlineFiles(): void {
  rmSync(directory, { recursive: true, force: true })
}

const position = { executedUpTo: 12_345, chain: 0xfeedbeef, digest: 7, builtIn: Uint8Array.of(1, 2, 3) }
const states: readonly InlineState[] = [
  { position, snapshots: [] },
  { position: { ...position, builtIn: new Uint8Array(0) }, snapshots: [{ machine: 1, bytes: new Uint8Array(0) }] },
  { position, snapshots: [1, 7, 65_279].map((machine) => ({ machine, bytes: new Uint8Array(machine % 100).fill(7) })) },
]

function bytesOf(state: InlineState): Uint8Array {
  writeInline(path, state)
  return Uint8Array.from(readFileSync(path))
}

const inline = decoder<InlineState>({
  name: 'state handed to a checkpoint thread',
  covers: ['store/checkpoint-inline.readInline'],
  seeds: () => states.map(bytesOf),
  decode: (bytes) => {
    writeFileSync(path, bytes)
    return readInline(path)
  },
  encode: bytesOf,
  canonical: true,
  seal: (bytes) => {
    if (bytes.length >= 4) putU32(bytes, 0, crc32(bytes.subarray(4)))
  },
  slow: true,
  errors: ['StoreError'],
})

export const inlineDecoders: readonly Decoder[] = [inline]

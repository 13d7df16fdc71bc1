import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from '../../src/codec/crc32.js'
import { putU32 } from '../../src/codec/little-endian.js'
import { packBlock, unpackBlock } from '../../src/store/checkpoint-blocks.js'
import { entriesOf, putEntryHeader } from '../../src/store/checkpoint-entries.js'
import type { CheckpointManifest } from '../../src/store/checkpoint-manifest.js'
import { decodeCheckpointManifest, encodeCheckpointManifest } from '../../src/store/checkpoint-manifest-codec.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { contentOf, sampleContents, writeSample } from '../store/support/checkpoint-samples.js'
import { type Decoder, decoder, REFUSED, unlessFlawed } from './decoder.js'

const directory = mkdtempSync(join(tmpdir(), 'fuzz-checkpoint-'))

/** After the last run. */
export function removeCheckpointFiles(): void {
  rmSync(directory, { recursive: true, force: true })
}

/** Of a checkpoint of three kinds of machines, and of one of none. */
const folders = [sampleContents(1), []].map((contents, i) => writeSample(join(directory, `${i}`), 20, contents).path)
const fileOf = (folder: string, name: string): Uint8Array => Uint8Array.from(readFileSync(join(folder, name)))

const manifest = decoder<CheckpointManifest>({
  name: 'manifest of a checkpoint',
  covers: ['store/checkpoint-manifest-codec.decodeCheckpointManifest'],
  seeds: () => folders.map((folder) => fileOf(folder, 'manifest')),
  decode: decodeCheckpointManifest,
  encode: (one) => encodeCheckpointManifest(one, one.sections, one.blocks.rows),
  canonical: true,
  seal: sealManifest,
})

function sealManifest(bytes: Uint8Array): void {
  if (bytes.length >= 4) putU32(bytes, 0, crc32(bytes.subarray(4)))
}

type Entries = readonly (readonly [Uint8Array, Uint8Array])[]

function encodeEntries(entries: Entries): Uint8Array {
  const parts = entries.flatMap(([key, value]) => {
    const header = new Uint8Array(6)
    putEntryHeader(header, key.length, value.length)
    return [header, key, value]
  })
  return Uint8Array.from(Buffer.concat(parts))
}

/** In blocks of seven bytes, so that most entries lie across borders. */
function* inBlocks(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 7) yield bytes.slice(at, at + 7)
}

const entries = decoder<Entries>({
  name: 'entries of a checkpoint',
  covers: [],
  seeds: () =>
    [[], [0], [0, 1, 5, 90]].map((sizes) =>
      encodeEntries(sizes.map((size, i) => [Uint8Array.of(i, size), new Uint8Array(size)])),
    ),
  decode: (bytes) => [...entriesOf(inBlocks(bytes), bytes.length)].map(({ key, value }) => [key, value] as const),
  encode: encodeEntries,
  canonical: true,
})

/** The first four bytes say how large its content is to be. */
const block = decoder<Uint8Array>({
  name: 'block of a checkpoint',
  covers: [],
  seeds: () =>
    [40, 3000].map((size) => {
      const content = Buffer.alloc(size, 'content ')
      return Uint8Array.from([size & 255, size >> 8, ...packBlock(content)])
    }),
  decode: (bytes) => unlessFlawed(unpackBlock(bytes.subarray(2), (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8))),
})

const folder = decoder({
  name: 'checkpoint',
  covers: ['store/checkpoint-data.readCheckpointManifest', 'store/checkpoint-reader.CheckpointReader'],
  // Its data is that of the first.
  seeds: () => [fileOf(folders[0]!, 'manifest')],
  decode: (bytes) => {
    const path = join(directory, 'read')
    mkdirSync(path, { recursive: true })
    writeFileSync(join(path, 'manifest'), bytes)
    writeFileSync(join(path, 'data'), fileOf(folders[0]!, 'data'))
    const reader = CheckpointReader.open(path)
    try {
      reader.verify()
      return reader.manifest.machines.length === 0
        ? REFUSED
        : reader.manifest.machines.map((one) => contentOf(reader, one))
    } finally {
      reader.close()
    }
  },
  seal: sealManifest,
  slow: true,
  errors: ['StoreError'],
})

export const checkpointDecoders: readonly Decoder[] = [manifest, entries, block, folder]

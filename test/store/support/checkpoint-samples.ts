import type { Instance } from '../../../src/base/numbers.js'
import type { LocalCheckpoint } from '../../../src/store/checkpoint-local.js'
import type { CheckpointMachine, CheckpointManifest, CheckpointMeta } from '../../../src/store/checkpoint-manifest.js'
import { CheckpointReader } from '../../../src/store/checkpoint-reader.js'
import { CheckpointWriter } from '../../../src/store/checkpoint-writer.js'

/** What one machine has in a checkpoint. */
export type MachineContent =
  | { readonly kind: 'memory'; readonly id: number; readonly snapshot: Uint8Array }
  | { readonly kind: 'stored'; readonly id: number; readonly entries: readonly (readonly [Uint8Array, Uint8Array])[] }
  | { readonly kind: 'external'; readonly id: number; readonly files: readonly (readonly [string, Uint8Array])[] }

export const OWNER = { group: 3, clusterId: 'abcdef0123456789' }

export function metaOf(instance: Instance, contents: readonly MachineContent[], salt = 0): CheckpointMeta {
  return {
    ...OWNER,
    instance,
    chain: 0xdeadbeef,
    digest: 0x12345678 + salt,
    builtIn: Uint8Array.from({ length: 40 }, (_, i) => i * 5),
    membership: {
      version: Math.min(7, instance),
      voters: [1, 2, 3].map((nodeId) => ({ nodeId, voterId: `00000000000000a${nodeId}` })),
    },
    machines: contents.map(({ id, kind }) => ({ id, kind })),
    createdAt: 1_700_000_000_000,
  }
}

export function writeContents(writer: CheckpointWriter, contents: readonly MachineContent[]): void {
  for (const one of contents) {
    if (one.kind === 'memory') {
      writer.beginSection('snapshot', one.id)
      writer.bytes(one.snapshot)
    } else if (one.kind === 'stored') {
      writer.beginSection('entries', one.id)
      for (const [key, value] of one.entries) writer.entry(key, value)
    } else {
      for (const [name, bytes] of one.files) {
        writer.beginSection('file', one.id, name)
        writer.bytes(bytes)
      }
    }
  }
}

export function writeSample(
  directory: string,
  instance: Instance,
  contents: readonly MachineContent[],
  { blockBytes = 64, salt = 0 } = {},
): LocalCheckpoint {
  const writer = CheckpointWriter.begin(directory, metaOf(instance, contents, salt), blockBytes)
  writeContents(writer, contents)
  return writer.finish()
}

/** What a machine has in a checkpoint, as it was given to its writer. */
export function contentOf(reader: CheckpointReader, { id, kind }: CheckpointMachine): MachineContent {
  if (kind === 'memory') return { kind, id, snapshot: Uint8Array.from(reader.snapshot(id)) }
  if (kind === 'stored') {
    const pairs = [...reader.entries(id)]
    const entries = pairs.map(({ key, value }) => [Uint8Array.from(key), Uint8Array.from(value)] as const)
    return { kind, id, entries }
  }
  const files = reader.files(id).map(({ name, chunks }) => [name, joined(chunks())] as const)
  return { kind, id, files }
}

export function readSample(path: string): { meta: CheckpointMeta; contents: MachineContent[] } {
  const reader = CheckpointReader.open(path)
  try {
    return {
      meta: metaWithin(reader.manifest),
      contents: reader.manifest.machines.map((one) => contentOf(reader, one)),
    }
  } finally {
    reader.close()
  }
}

function metaWithin({ id: _id, sections: _sections, blocks: _blocks, ...meta }: CheckpointManifest): CheckpointMeta {
  return { ...meta, builtIn: Uint8Array.from(meta.builtIn) }
}

function joined(chunks: Iterable<Uint8Array>): Uint8Array {
  return Uint8Array.from([...chunks].flatMap((chunk) => [...chunk]))
}

const text = (value: string) => Uint8Array.from(Buffer.from(value))

/** One machine of each kind: what compresses and what does not, and nothing at all. Of each salt another one. */
export function sampleContents(salt: number): MachineContent[] {
  const noise = Uint8Array.from({ length: 150 }, (_, i) => (Math.imul(i + 1 + salt, 0x9e3779b1) >>> 24) ^ i)
  const entries = Array.from({ length: 12 }, (_, i) => {
    return [text(`key-${String(i).padStart(3, '0')}`), text(`value ${i + salt} `.repeat(i * 2))] as const
  })
  return [
    { kind: 'memory', id: 0, snapshot: noise },
    { kind: 'stored', id: 4, entries },
    { kind: 'stored', id: 5, entries: [] },
    {
      kind: 'external',
      id: 9,
      files: [
        ['000001.sst', text(`sorted ${salt} `.repeat(20))],
        ['MANIFEST-1', noise.subarray(3, 90)],
        ['EMPTY', text('')],
      ],
    },
  ]
}

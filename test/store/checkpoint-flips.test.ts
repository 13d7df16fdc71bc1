import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { IncomingCheckpoint } from '../../src/store/checkpoint-incoming.js'
import { type LocalCheckpoint, localCheckpoints } from '../../src/store/checkpoint-local.js'
import { CheckpointParts } from '../../src/store/checkpoint-parts.js'
import { CheckpointReader } from '../../src/store/checkpoint-reader.js'
import { isStoreError } from '../../src/store/store-error.js'
import { contentOf, OWNER, sampleContents, writeSample } from './support/checkpoint-samples.js'

let directory: string
let original: LocalCheckpoint
const files: Record<'manifest' | 'data', Uint8Array> = { manifest: Uint8Array.of(), data: Uint8Array.of() }
let parts: Uint8Array[]
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'checkpoint-flips-'))
  original = writeSample(join(directory, 'original'), 20, sampleContents(1))
  for (const name of ['manifest', 'data'] as const) files[name] = readFileSync(join(original.path, name))
  const sent = CheckpointParts.open(original.path)
  parts = Array.from({ length: sent.parts }, (_, part) => sent.read(part))
  sent.close()
})
afterAll(() => rmSync(directory, { recursive: true }))

/** A bit of each of so many bytes, spread over both files. */
function* flips(seed: number, perFile = 180): Generator<{ name: 'manifest' | 'data'; at: number; bytes: Uint8Array }> {
  const random = new Random(seed)
  for (const name of ['manifest', 'data'] as const) {
    const stride = files[name].length / perFile
    for (let i = 0; i < perFile; i++) {
      const bytes = Uint8Array.from(files[name])
      const at = Math.floor((i + random.below(1000) / 1000) * stride)
      bytes[at]! ^= 1 << random.below(8)
      yield { name, at, bytes }
    }
  }
}

/** The answer, or that there is none because it is damaged; anything else is thrown. */
function unlessDamaged<T>(read: () => T): T | 'damaged' {
  try {
    return read()
  } catch (error) {
    if (isStoreError(error) && error.code === 'CHECKPOINT_DAMAGED') return 'damaged'
    throw error
  }
}

/** Each machine by itself, so that what is not damaged is still read. Returns what was refused, and throws for anything wrong. */
function readEach(path: string): string[] {
  const reader = unlessDamaged(() => CheckpointReader.open(path))
  if (reader === 'damaged') return ['open']
  const refused: string[] = []
  for (const wanted of sampleContents(1)) {
    const content = unlessDamaged(() => contentOf(reader, wanted))
    if (content === 'damaged') refused.push(`machine ${wanted.id}`)
    else if (!isDeepStrictEqual(content, wanted)) throw new Error(`machine ${wanted.id} is read wrongly`)
  }
  if (unlessDamaged(() => reader.verify()) === 'damaged') refused.push('verify')
  reader.close()
  return refused
}

function damagedCopy(name: 'manifest' | 'data', bytes: Uint8Array, folder: string): string {
  const path = join(directory, folder)
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  for (const file of ['manifest', 'data']) copyFileSync(join(original.path, file), join(path, file))
  writeFileSync(join(path, name), bytes)
  return path
}

test('of a flipped byte anywhere, a reader gives what was written or says that it is damaged', () => {
  let flipped = 0
  for (const { name, at, bytes } of flips(1)) {
    const refused = readEach(damagedCopy(name, bytes, 'read'))
    // A block belongs to one machine, and verify looks at all of them.
    expect([name, at, refused]).toEqual([
      name,
      at,
      name === 'manifest' ? ['open'] : [expect.stringMatching(/^machine \d$/), 'verify'],
    ])
    flipped++
  }
  expect(flipped).toBe(360)
})

test('nor is a damaged part ever sent', () => {
  let refused = 0
  for (const { name, bytes } of flips(2)) {
    const sent = unlessDamaged(() => CheckpointParts.open(damagedCopy(name, bytes, 'sent')))
    if (sent === 'damaged') continue
    for (const [i, part] of parts.entries()) {
      const read = unlessDamaged(() => sent.read(i))
      if (read === 'damaged') refused++
      else if (Buffer.compare(read, part) !== 0) throw new Error(`part ${i} is sent wrongly`)
    }
    sent.close()
  }
  expect(refused).toBe(180)
})

test('a list of local ones names none whose manifest is damaged; blocks are left to whoever reads them', () => {
  for (const { name, bytes } of flips(3)) {
    damagedCopy(name, bytes, join('listed', '000000000020'))
    expect(localCheckpoints(join(directory, 'listed'))).toHaveLength(name === 'manifest' ? 0 : 1)
  }
})

test('what an earlier life has received is completed to what was sent, or thrown away', () => {
  let thrownAway = 0
  let goneBack = 0
  for (const { name, bytes } of flips(4)) {
    const here = join(directory, 'receiving')
    rmSync(here, { recursive: true, force: true })
    damagedCopy(name, bytes, join('receiving', 'incoming'))
    const found = IncomingCheckpoint.find(here, OWNER)
    if (found === undefined) {
      thrownAway++
      continue
    }
    while (!found.recheck(500));
    if (!found.isComplete) goneBack++
    while (!found.isComplete) expect(found.append(found.next, parts[found.next] ?? Uint8Array.of())).toBe('taken')
    const { path } = found.finish()
    for (const file of ['manifest', 'data'] as const)
      if (!readFileSync(join(path, file)).equals(files[file])) throw new Error(`${file} was completed wrongly`)
  }
  expect([thrownAway, goneBack]).toEqual([180, 180])
})

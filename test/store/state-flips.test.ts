import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Random } from '../../src/base/random.js'
import { headKey, KEY_BYTES } from '../../src/store/log-keys.js'
import { pagesByUse } from './support/lmdb-pages.js'
import { makeStateStore, STATE_GROUPS } from './support/state-workload.js'

const SEED = 20
const BITS: Readonly<Record<string, number>> = { meta: 60, index: 150, values: 120, 'free list': 40, unused: 30 }
const script = fileURLToPath(new URL('./support/check-flipped-state.js', import.meta.url))

let directory: string
let dataFile: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'state-flips-'))
  const path = join(directory, 'state')
  dataFile = join(path, 'data.mdb')
  writeFileSync(join(directory, 'states.json'), JSON.stringify(makeStateStore(path, SEED)))
})
afterAll(() => rmSync(directory, { recursive: true }))

/** What came of each bit: a crash of the process is an answer too, it is not a wrong one. */
function flip(bits: readonly number[]): { bit: number; verdict: string }[] {
  const results: { bit: number; verdict: string }[] = []
  while (results.length < bits.length) {
    const left = bits.slice(results.length)
    const argv = [script, dataFile, join(directory, 'states.json'), join(directory, 'scratch'), left.join(',')]
    const { stdout, stderr, signal } = spawnSync(process.execPath, argv, { encoding: 'utf8', timeout: 300_000 })
    const lines = stdout.trimEnd().split('\n')
    const done = results.length
    for (let i = 0; i + 1 < lines.length; i += 2)
      results.push({ bit: Number(lines[i]?.slice('try '.length)), verdict: lines[i + 1] ?? '' })
    if (results.length === bits.length) break
    if (signal === null || lines.length % 2 === 0)
      throw new Error(`the child ended at ${results.length - done}: ${stderr}`)
    results.push({ bit: left[results.length - done] ?? -1, verdict: `crashed ${signal}` })
  }
  return results
}

/** Of every use of a page; in pages of the index half of the bits in the header and the pointers behind it. */
function chooseBits(): Map<string, number[]> {
  const random = new Random(SEED)
  const chosen = new Map<string, number[]>([['head', headBits(random)]])
  for (const [use, pages] of pagesByUse(dataFile)) {
    const bits = Array.from({ length: BITS[use] ?? 0 }, () => {
      const page = pages[random.below(pages.length)] ?? 0
      const first = use === 'values' || random.chance(0.5) ? 4096 : use === 'meta' ? 160 : 100
      return page * 32768 + random.below(first * 8)
    })
    chosen.set(use, bits)
  }
  return chosen
}

/** In what follows a key of a head. */
function headBits(random: Random): number[] {
  const file = readFileSync(dataFile)
  const bits: number[] = []
  for (const group of STATE_GROUPS) {
    for (const copy of [0, 1] as const) {
      const key = headKey(new Uint8Array(KEY_BYTES), group, copy)
      for (let at = file.indexOf(key); at >= 0; at = file.indexOf(key, at + 1)) bits.push(at * 8 + random.below(90 * 8))
    }
  }
  return bits
}

test('a flipped bit anywhere gives the right answer or none', () => {
  const chosen = chooseBits()
  const bits = [...chosen.values()].flat()
  expect(bits.length).toBeGreaterThanOrEqual(300)
  const results = flip(bits)
  expect(results.map(({ bit }) => bit)).toEqual(bits)
  expect(results.filter(({ verdict }) => verdict.startsWith('bad'))).toEqual([])
  const verdicts = new Map(results.map(({ bit, verdict }) => [bit, verdict]))
  for (const [use, ofUse] of chosen) {
    const counts = new Map<string, number>()
    for (const bit of ofUse) counts.set(verdicts.get(bit) ?? '', (counts.get(verdicts.get(bit) ?? '') ?? 0) + 1)
    if (process.env.SHOW_FLIPS !== undefined) console.log(use, counts)
    // Otherwise nothing was harmed there, or the wrong thing was asked.
    if (use === 'values') expect(counts.get('refused STATE_DAMAGED')).toBeGreaterThan(ofUse.length / 2)
    else expect(counts.get('good')).toBeGreaterThan(0)
  }
}, 300_000)

// A process of its own, because a damaged environment may crash it: flips one bit after the other of a store's file, opens
// the store each time, and asks it everything. Says `try` with the bit before, and after it `good`, `older` (all as after an
// earlier commit), `refused` (with the codes of the errors), or `bad` with what was wrong.
// Arguments: data file, file with the states as JSON, scratch directory, bits of the file by number, joined by commas.
import { mkdirSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { LmdbStateStore } from '../../../src/store/lmdb-state-store.js'
import { isStoreError } from '../../../src/store/store-error.js'
import { bytes, contents, text, write } from './state-values.js'
import { STATE_GROUPS, type StatesByPosition } from './state-workload.js'
import { VOTER } from './workload.js'

const [dataFile = '', statesFile = '', scratch = '', bits = ''] = process.argv.slice(2)
const pristine = readFileSync(dataFile)
const states = JSON.parse(readFileSync(statesFile, 'utf8')) as StatesByPosition[]

/** Wrong answers and errors met in one image. */
class Findings {
  readonly wrong: string[] = []
  readonly codes = new Set<string>()
  isOlder = false

  /** What the call gives, or undefined if it ends with an error that it may end with. */
  attempt<T>(what: string, call: () => T): { value: T } | undefined {
    try {
      return { value: call() }
    } catch (error) {
      if (isStoreError(error)) this.codes.add(error.code)
      else this.wrong.push(`${what}: ${String(error)}`)
      return undefined
    }
  }

  expect(what: string, isRight: boolean): void {
    if (!isRight) this.wrong.push(what)
  }
}

function examine(store: LmdbStateStore, group: number, found: Findings): void {
  const loaded = found.attempt('load', () => store.load(group))
  if (loaded === undefined) return
  const known = states[group] ?? {}
  const position = loaded.value?.executedUpTo ?? 0
  const latest = Math.max(...Object.keys(known).map(Number))
  if (position !== latest) found.isOlder = true
  const content = position === 0 ? {} : known[position]
  if (content === undefined) {
    found.expect(`group ${group} stands at ${position}`, false)
    return
  }
  const before = found.codes.size
  compare(store, group, content, found)
  const couldRead = found.codes.size === before
  const scrubbed = found.attempt('scrub', () => {
    let cursor = store.scrub(group, undefined, 20_000)
    while (cursor !== undefined) cursor = store.scrub(group, cursor, 20_000)
  })
  found.expect(`group ${group}: the scrub overlooks what reading meets`, couldRead || scrubbed === undefined)
  const edits = { 'key-7': 'written over damage', 'key-8': undefined, new: 'written over damage' }
  const written = found.attempt('commit', () => store.commit([write(group, latest + 1, edits)]))
  if (written === undefined) return
  const { 'key-8': _removed, ...rest } = { ...content, ...edits }
  compare(store, group, rest as Record<string, string>, found)
}

function compare(store: LmdbStateStore, group: number, content: Record<string, string>, found: Findings): void {
  for (const key of [...Object.keys(content), 'absent', 'key-', 'key-7', 'key-8', 'zzz']) {
    const value = found.attempt(`get ${key}`, () => text(store.get(group, 1, bytes(key))))
    found.expect(`group ${group}: ${key} is another`, value === undefined || value.value === content[key])
  }
  const all = found.attempt('range', () => contents(store, group))
  const wanted = JSON.stringify(Object.entries(content).sort(([a], [b]) => (a < b ? -1 : 1)))
  found.expect(
    `group ${group}: a range differs`,
    all === undefined || JSON.stringify(Object.entries(all.value)) === wanted,
  )
  const back = found.attempt('range', () => [...store.range(group, 1, bytes('key-2'), bytes('key-3'), true)].length)
  const within = Object.keys(content).filter((key) => key >= 'key-2' && key < 'key-3').length
  found.expect(`group ${group}: a range differs backwards`, back === undefined || back.value === within)
}

function verdict(bit: number): string {
  const path = join(scratch, 'image')
  rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true })
  const file = Buffer.from(pristine)
  file[bit >> 3] = (file[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  writeFileSync(join(path, 'data.mdb'), file)
  const found = new Findings()
  const store = found.attempt(
    'open',
    () => new LmdbStateStore({ path, voterId: VOTER, unsafeOverrides: { noSync: true } }),
  )
  if (store !== undefined) {
    for (const group of STATE_GROUPS) examine(store.value, group, found)
    found.attempt('close', () => store.value.close())
  }
  if (found.wrong.length > 0) return `bad ${found.wrong.slice(0, 3).join('; ')}`
  if (found.codes.size > 0) return `refused ${[...found.codes].sort().join(' ')}`
  return found.isOlder ? 'older' : 'good'
}

for (const bit of bits.split(',').map(Number)) {
  writeSync(1, `try ${bit}\n`)
  writeSync(1, `${verdict(bit)}\n`)
}

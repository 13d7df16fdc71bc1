import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import type { PowerCutCheck } from './support/check-power-cuts.js'
import { type Edit, plantedTree } from './support/planted-tree.js'
import { DISK_CALLS, straceArguments, straceMissing } from './support/system-calls.js'

const missing = straceMissing()
if (missing !== undefined) console.log(`power cuts are not tested: ${missing}`)
const describeIfTraced = missing === undefined ? describe : describe.skip

const PROGRAMS = fileURLToPath(new URL('./support', import.meta.url))
const SEED = 20261121
const COMMITS = 120
/** After so many commits the process is killed; the next one opens what it left. */
const KILLED_AFTER = 67
/** Room for not one entry: every commit goes through LMDB. */
const NO_ROOM = 4096
const KIB = 1024
/** Of a store that is relaxed from its birth on, in another boot than this one, which opens the images. */
const RELAXED = { isRelaxed: true, bootId: 'another boot', journalBytes: 192 * KIB }

// Hundreds of environments are opened and flushed, on a disk that may be busy.
jest.setTimeout(300_000)

let directory: string
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'power-cut-'))
})
afterAll(() => rmSync(directory, { recursive: true }))

interface Outcome {
  readonly acks: number
  readonly images: number
  readonly bad: readonly string[]
  /** Written to the journal. */
  readonly entries: number
  /** How often one was written to its first place. */
  readonly begun: number
  /** Of the journal, not with its writes. */
  readonly flushes: number
  /** Images of a relaxed store that it did not believe. */
  readonly refused: number
}

let runs = 0

/** A bug of whoever writes the files, or of whoever reads them. */
interface Planted {
  readonly writer?: readonly Edit[]
  readonly reader?: readonly Edit[]
}

/** Records two lives of the workload, then looks at what power cuts could have left of them. `options` are the store's. */
function cutPower(
  options: object,
  check: Pick<PowerCutCheck, 'most' | 'endsAtBad' | 'isRelaxed'>,
  { writer = [], reader = [] }: Planted = {},
): Outcome {
  const run = join(directory, `run-${++runs}`)
  const path = join(run, 'log')
  mkdirSync(run)
  const programs = (tree: string, edits: readonly Edit[]) =>
    edits.length === 0 ? PROGRAMS : plantedTree(join(run, tree), edits)
  const workload = join(programs('writer', writer), 'commit-workload.js')
  let acks = 0
  const traces = [
    [0, KILLED_AFTER],
    [KILLED_AFTER, COMMITS + 1],
  ].map(([from, deadAfter]) => {
    const trace = join(run, `from-${from}.trace`)
    const program = [workload, path, SEED, COMMITS, JSON.stringify(options), from, deadAfter]
    const command = [process.execPath, ...program.map(String)]
    const { stdout } = spawnSync('strace', [...straceArguments(trace, DISK_CALLS), ...command], { encoding: 'utf8' })
    acks += stdout.split('\n').filter((line) => line.startsWith('ack ')).length
    return trace
  })
  const given: PowerCutCheck = {
    ...{ traces, directory: path, scratch: join(run, 'images'), seed: SEED, commits: COMMITS, variants: 2 },
    ...check,
  }
  const checked = [join(programs('reader', reader), 'check-power-cuts.js'), JSON.stringify(given)]
  const { stdout, stderr, status, signal } = spawnSync(process.execPath, checked, { encoding: 'utf8' })
  const lines = stdout.trimEnd().split('\n')
  const bad = lines.flatMap((line, i) => (line.startsWith('bad') ? [`${lines[i - 1]}: ${line}`] : []))
  // It ends with a verdict, or it crashed over the last image.
  if (status !== 0) bad.push(`${lines.at(-1)}: exit ${status ?? signal} ${stderr}`)
  rmSync(run, { recursive: true })
  const said = (word: string) => Number(lines.find((line) => line.startsWith(`${word} `))?.split(' ')[1])
  const images = lines.filter((line) => line.startsWith('image ')).length
  const refused = lines.filter((line) => line === 'good, refused').length
  return { acks, images, bad, entries: said('entries'), begun: said('begun'), flushes: said('flushes'), refused }
}

describeIfTraced('whatever a power cut leaves, everything acknowledged is there, and nothing half done', () => {
  // Images; how many commits at least must have gone through the journal, and how often it must have begun again.
  test.each([
    ['a journal that is absorbed every few commits', 64 * KIB, 400, 60, 10],
    ['a larger one, in which most commits find room', 192 * KIB, 250, 80, 4],
    ['a journal without room', NO_ROOM, 250, 0, 0],
    ['the usual one', undefined, 200, 100, 2],
  ] as const)('%s', (_name, journalBytes, most, entries, begun) => {
    const outcome = cutPower({ journalBytes }, { most, endsAtBad: false })
    expect(outcome.bad).toEqual([])
    expect(outcome.acks).toBe(COMMITS + 1)
    expect(outcome.images).toBeGreaterThan(most / 2)
    expect(outcome.entries).toBeGreaterThanOrEqual(entries)
    if (begun === 0) expect(outcome.entries).toBe(0)
    else expect(outcome.begun).toBeGreaterThanOrEqual(begun)
  })

  test('of a relaxed store too, unless it says that it may have forgotten something', () => {
    const outcome = cutPower(RELAXED, { most: 300, endsAtBad: false, isRelaxed: true })
    expect(outcome.bad).toEqual([])
    expect(outcome.acks).toBe(COMMITS + 1)
    expect(outcome.refused).toBeGreaterThan(outcome.images / 2)
    expect(outcome.entries).toBeGreaterThanOrEqual(100)
    // The workload has every tenth commit flushed, and many go to LMDB besides.
    expect(outcome.flushes).toBeGreaterThanOrEqual(10)
  })
})

/** Caught over an image, of a workload that had no reason to notice anything itself. */
function expectCaught({ acks, bad }: Outcome): void {
  expect(acks).toBeGreaterThan(KILLED_AFTER)
  expect(bad).toEqual([expect.stringMatching(/^image event/)])
}

const ENVIRONMENT = 'store/journaled-environment.js'
const JOURNAL = 'store/journal.js'
const WRITE = 'this.#env.write(newBytes + overlay.bytes,'

const PLANTED: [string, Planted][] = [
  [
    'a journal whose writes are not flushed',
    {
      writer: [
        { file: 'store/journal-file.js', find: 'constants.O_WRONLY | constants.O_DSYNC', put: 'constants.O_WRONLY' },
      ],
    },
  ],
  [
    'a journal that begins again, and the environment has nothing of it',
    {
      writer: [
        {
          file: JOURNAL,
          find: 'return (isRelaxed || bytes <= MAX_ENTRY_BYTES) &&',
          put: `if (this.#at + bytes > this.#file.length) this.#at = JOURNAL_BLOCK_BYTES;
            return bytes <= MAX_ENTRY_BYTES &&`,
        },
      ],
    },
  ],
  [
    'a journal that begins again before the environment has it',
    {
      writer: [
        { file: ENVIRONMENT, find: WRITE, put: `this.#journal.absorbed(); ${WRITE}` },
        // So that it shows: otherwise nothing is written there until it has.
        {
          file: JOURNAL,
          find: 'absorbed() {',
          put: 'absorbed() { this.#file.write(JOURNAL_BLOCK_BYTES, new Uint8Array(JOURNAL_BLOCK_BYTES));',
        },
      ],
    },
  ],
  [
    'an environment that says that it has what it has not',
    { writer: [{ file: ENVIRONMENT, find: 'of overlay.puts())', put: 'of [])' }] },
  ],
  [
    'an environment that says so in a commit before the one in which it has it',
    {
      writer: [
        {
          file: ENVIRONMENT,
          find: WRITE,
          put: `this.#env.write(0, 2, () => this.#putPosition({ journal, absorbed })); ${WRITE}`,
        },
      ],
    },
  ],
  [
    'an environment that never says what it has absorbed',
    {
      writer: [
        {
          file: ENVIRONMENT,
          find: 'if (absorbed !== this.#recorded || isRelaxed !== this.#isRelaxed)',
          put: 'if (false)',
        },
      ],
    },
  ],
  [
    'a mark written before its entry is on the disk',
    {
      writer: [
        {
          file: JOURNAL,
          find: 'else\n            this.#file.write(this.#at, entry);',
          put: `encodeMark(this.#mark, this.number, this.#last + 1);
            this.#file.note(0, this.#mark);
            this.#file.write(this.#at, entry);`,
        },
      ],
    },
  ],
  [
    'a journal that gets its name before its bytes are on the disk',
    { writer: [{ file: 'store/durable-files.js', find: 'done);\n        fsyncSync(fd);', put: 'done);' }] },
  ],
  [
    'an entry of which a part is missing taken for whole',
    {
      reader: [
        {
          file: 'store/journal-entry.js',
          find: '|| crc32(bytes.subarray(at + ENTRY_HEAD_BYTES, end)) !== head.crc',
          put: '',
        },
      ],
    },
  ],
]

const NOTE = 'isRelaxed ? this.#bootId : undefined'
const PLANTED_RELAXED: [string, Planted][] = [
  ['a relaxed store that does not say so', { writer: [{ file: ENVIRONMENT, find: NOTE, put: 'undefined' }] }],
  [
    'a relaxed store that says so with its second commit to the environment',
    { writer: [{ file: ENVIRONMENT, find: NOTE, put: 'isRelaxed && this.#isRelaxed ? this.#bootId : undefined' }] },
  ],
  [
    'a store that was relaxed in another boot, and is believed',
    { reader: [{ file: ENVIRONMENT, find: 'relaxedIn !== this.#bootId', put: 'false' }] },
  ],
]

describeIfTraced('the harness catches', () => {
  const check = { most: 500, endsAtBad: true }

  test.each([
    ['an unflushed environment', { noSync: true }, NO_ROOM],
    ['an environment that flushes its pages but not its meta page', { noMetaSync: true }, NO_ROOM],
    ['an unflushed environment behind a journal', { noSync: true }, 64 * KIB],
  ])('%s', (_name, unsafeOverrides, journalBytes) => {
    expectCaught(cutPower({ unsafeOverrides, journalBytes }, check))
  })

  test.each(PLANTED_RELAXED)('%s', (_name, planted) => {
    expectCaught(cutPower(RELAXED, { ...check, isRelaxed: true }, planted))
  })

  test.each(PLANTED)('%s', (_name, planted) => {
    expectCaught(cutPower({ journalBytes: 64 * KIB }, check, planted))
  })
})

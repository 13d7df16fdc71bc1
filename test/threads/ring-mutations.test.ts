import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type PairOptions, realRingUrl, runPair } from './ring-pair.js'

/**
 * The thread tests must catch the bugs they are there for: each case plants one in a copy of the compiled ring. The
 * same scenario, with the same limits, passes on the copy without it.
 */
type Edit = readonly [file: string, find: RegExp, replacement: string]

const stream: PairOptions = {
  scenario: 'stream',
  count: 2_000_000,
  ringBytes: 4096,
  startPosition: 2 ** 32 - 8e6,
  hangMs: 3000,
}
const pingPong: PairOptions = { scenario: 'ping-pong', count: 400_000, ringBytes: 256, hangMs: 3000 }
const host: PairOptions = { scenario: 'host', count: 1_000_000, ringBytes: 1024, hangMs: 2000 }
const gate: PairOptions = { scenario: 'gate', count: 20_000, ringBytes: 256, hangMs: 3000 }
const due: PairOptions = { scenario: 'due', count: 20_000, ringBytes: 256, hangMs: 3000 }

const wrongRecord = /wrong content|expected length|corrupt|more records/
const lostWakeUp = /lost wake-up/

const planted: readonly [name: string, scenario: PairOptions, failure: RegExp, edits: readonly Edit[]][] = [
  [
    'no second look before parking',
    pingPong,
    lostWakeUp,
    [['doorbell.js', /if \(!stillEmpty\(\)\) (?=\{\s*this\.withdraw\(\);\s*return 'ready')/, 'if (false) ']],
  ],
  [
    'the position stored before the payload is written',
    stream,
    wrongRecord,
    [
      [
        'ring-producer.js',
        /(?=return \(\(tail \+ padding\) & this\.mask\))/,
        'this.commit(); this.publish(); this.claimLength = NO_CLAIM;',
      ],
      ['ring-producer.js', /throw new Error\('no ring record of this length is claimed'\)/, 'return'],
    ],
  ],
  [
    'space given back before the record is read',
    stream,
    wrongRecord,
    [
      [
        'ring-consumer.js',
        /this\.position = \(position \+ span\) \| 0;/,
        'this.position = (position + span) | 0; Atomics.store(this.words, CONSUMER_WORD, this.position);',
      ],
    ],
  ],
  [
    'no padding record at the wrap',
    stream,
    wrongRecord,
    [['ring-producer.js', /this\.writeHeader\(position, \(this\.claimPadding[^;]*;/, ';']],
  ],
  [
    'no padding at the wrap at all',
    stream,
    wrongRecord,
    [['ring-producer.js', /const padding = span > toEnd \? toEnd : 0/, 'const padding = 0']],
  ],
  [
    'freed space wakes nobody',
    stream,
    lostWakeUp,
    [['ring-consumer.js', /if \(this\.space\.isParked\(\)\)/, 'if (false)']],
  ],
  [
    'no second look before an asynchronous wait',
    host,
    lostWakeUp,
    [['doorbell.js', /if \(!stillEmpty\(\)\) (?=\{\s*this\.withdraw\(\);\s*return undefined)/, 'if (false) ']],
  ],
  ['freed space does not ring the host', host, lostWakeUp, [['ring-consumer.js', /this\.spaceBell\?\.ring\(\)/, '']]],
  [
    'positions compared as if they never wrapped',
    stream,
    /wrong content|expected length|corrupt|lost wake-up/,
    [
      [
        'ring-producer.js',
        /if \(this\.capacity - \(\(tail - this\.consumed\) \| 0\) < padding \+ span\) \{/,
        'if (this.capacity - ((tail >>> 0) - (this.consumed >>> 0)) < padding + span) {',
      ],
    ],
  ],
  [
    'a commit begun without compare-and-swap',
    gate,
    /after the condemnation|supervisor broke the gate/,
    [
      [
        'gate-word.js',
        /if \(Atomics\.compareExchange\(this\.words, STATE, this\.word, next\) !== this\.word\)\s*return false;/,
        'if (Atomics.load(this.words, STATE) !== this.word) return false; Atomics.store(this.words, STATE, next);',
      ],
    ],
  ],
  // It sleeps in the gap: on a busy machine the two threads run by turns, and nothing might fall into a short one.
  [
    'due bits read and then cleared',
    due,
    /lost/,
    [
      [
        'due-bits.js',
        /let bits = Atomics\.exchange\(this\.words, i, 0\);/,
        'let bits = Atomics.load(this.words, i); Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1); Atomics.store(this.words, i, 0);',
      ],
    ],
  ],
]

let folder: string

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ring-mutation-'))
  cpSync(fileURLToPath(realRingUrl), folder, { recursive: true })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
})

afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function run(scenario: PairOptions, edits: readonly Edit[]): Promise<void> {
  for (const [file, find, replacement] of edits) {
    const path = join(folder, file)
    const text = readFileSync(path, 'utf8')
    // A pattern that no longer matches would make the case pass without a bug.
    expect([file, find.source, text.split(find).length - 1]).toEqual([file, find.source, 1])
    writeFileSync(path, text.replace(find, replacement))
  }
  await runPair({ ...scenario, ringUrl: `${pathToFileURL(folder).href}/` })
}

describe('without a planted bug', () => {
  test.each([stream, pingPong, host, gate, due])(
    '$scenario passes',
    (scenario) => run({ ...scenario, hangMs: 30_000 }, []),
    120_000,
  )
})

describe('planted', () => {
  test.each(planted)(
    '%s',
    async (_, scenario, failure, edits) => {
      // Threads race here: a run in which they do not meet shows nothing.
      const someRuns = async () => {
        for (let i = 0; i < 5; i++) await run(scenario, edits)
      }
      await expect(someRuns()).rejects.toThrow(failure)
    },
    120_000,
  )
})

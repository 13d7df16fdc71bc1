import { appendFileSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { benchProgram } from '../../native-bench/bench-program.js'
import { configurations, labelOf, shareOfFloor, variedNames } from '../../native-bench/series/configurations.js'
import { addDimension, combinations } from '../../native-bench/series/matrix.js'
import { PERFORMANCE_ROWS } from '../../native-bench/series/performance-rows.js'
import { plannedRuns, verdicts } from '../../native-bench/series/performance-table.js'
import { appendRecord, type RunRecord, readRecords } from '../../native-bench/series/run-record.js'
import { run } from './runs.js'

describe('a matrix', () => {
  test('is every combination, the last option changing fastest', () => {
    const dimensions = addDimension('window=1,16', addDimension('groups=1,2'))
    expect(combinations(dimensions).map((args) => args.join(' '))).toEqual([
      '--groups 1 --window 1',
      '--groups 1 --window 16',
      '--groups 2 --window 1',
      '--groups 2 --window 16',
    ])
  })

  test.each(['groups', 'groups=', '=1', 'groups=1,,2', 'GROUPS=1'])('refuses %s', (text) => {
    expect(() => addDimension(text)).toThrow('It takes an option of a run')
  })

  test('refuses an option twice', () => {
    expect(() => addDimension('groups=3', addDimension('groups=1,2'))).toThrow('there already')
  })

  test('changes what is given for all runs, and each run may have a floor', () => {
    const args = ['--groups', '9', '--bytes', '64', '--matrix', 'groups=1,2', '--floor']
    const [planned] = benchProgram(args).planned
    expect(planned!.map(({ subject, options: { groups, bytes } }) => [subject, groups, bytes])).toEqual([
      ['runtime', 1, 64],
      ['floor', 1, 64],
      ['runtime', 2, 64],
      ['floor', 2, 64],
    ])
  })
})

describe('configurations', () => {
  const runs = [
    run({ groups: 1 }, { commandsPerSecond: 100 }),
    run({ groups: 1 }, { commandsPerSecond: 200 }, { subject: 'floor' }),
    run({ groups: 2 }, { commandsPerSecond: 300 }),
    run({ groups: 1 }, { commandsPerSecond: 120 }, { round: 2 }),
    run({ groups: 1 }, { commandsPerSecond: 220 }, { subject: 'floor', round: 2 }),
  ]

  test('are told apart by what varies', () => {
    expect(variedNames(runs)).toEqual(['groups'])
    const all = configurations(runs)
    expect(all.map(({ subject, options, runs }) => [subject, labelOf(options, ['groups']), runs.length])).toEqual([
      ['runtime', 'groups 1', 2],
      ['floor', 'groups 1', 2],
      ['runtime', 'groups 2', 1],
    ])
  })

  test('have a share of the floor where there is one', () => {
    const all = configurations(runs)
    expect(all.map((one) => shareOfFloor(one, all))).toEqual([110 / 210, undefined, undefined])
  })
})

describe('records', () => {
  const dir = mkdtempSync(join(tmpdir(), 'shardpaxos-records-'))
  const path = join(dir, 'runs.jsonl')
  afterAll(() => rmSync(dir, { recursive: true }))

  test('are read as they were written, and a line that is none is named', () => {
    const records = [run({ groups: 1 }), run({ groups: 2 })]
    for (const record of records) appendRecord(path, record)
    expect(readRecords(path)).toEqual(JSON.parse(JSON.stringify(records)))
    appendFileSync(path, '{"half a l')
    expect(() => readRecords(path)).toThrow('line 3: got {"half a l')
  })
})

describe('the performance table', () => {
  /** Every part of every row with these figures. */
  function all(change: (part: string) => Parameters<typeof run>[1]): RunRecord[] {
    return PERFORMANCE_ROWS.flatMap((row) =>
      plannedRuns(row, run({}).options).map(({ options, ...rest }) => run(options, change(rest.row!.part), rest)),
    )
  }
  const fast = { p50: 0.1, p90: 0.1, p99: 1, p999: 1, max: 2 }
  const slow = { p50: 50, p90: 50, p99: 500, p999: 500, max: 500 }

  test('has every row met by figures that are good enough', () => {
    const good = all((part) => ({
      commandsPerSecond: part === 'W=1' ? 1e6 : 9e6,
      latencyMs: part.startsWith('W=1,') ? slow : fast,
    }))
    expect(verdicts(good).filter(({ met }) => !met)).toEqual([])
    expect(verdicts(good)).toHaveLength(PERFORMANCE_ROWS.length)
  })

  test('has no row met by figures that are not', () => {
    const bad = all((part) => ({
      commandsPerSecond: part === 'floor' || part === 'one' ? 9e6 : 1_000,
      latencyMs: part === 'floor' ? fast : slow,
    }))
    expect(verdicts(bad).filter(({ met }) => met)).toEqual([])
  })

  test('says nothing of a row that lacks a part', () => {
    const cut = all(() => ({})).filter(({ row }) => row?.part !== 'floor')
    const lacking = PERFORMANCE_ROWS.filter(({ parts }) => 'floor' in parts).map(({ name }) => name)
    expect(verdicts(cut).map(({ name }) => name)).toEqual(
      PERFORMANCE_ROWS.map(({ name }) => name).filter((name) => !lacking.includes(name)),
    )
  })

  test('takes a row by a part of its name', () => {
    const { planned } = benchProgram(['--table', 'flushes', '--seconds', '1'])
    expect(planned.map((runs) => runs.map(({ row, options: { seconds } }) => [row?.part, seconds]))).toEqual([
      [
        ['full', 1],
        ['lone', 1],
      ],
    ])
  })
})
